"""Series from the log: inventory, PnL, quotes. Each time bucket shows the value at its end.

PnL is marked at the last mid of the bucket, with the projector's own fold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from gateway_api.app.numbers import milliseconds
from gateway_api.history.contracts import Contracts
from gateway_api.projector.core.profit import ProfitFold
from runtime.log.logfile import LoggedRecord
from runtime.process.definition import HistorySource
from runtime.replay.history import HistoryQuery, read_history
from schemas.envelope import decode
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.quoting import QuoteTarget
from schemas.signals import Signal
from schemas.units import from_units, money_text

SeriesKind = Literal["inventory", "pnl", "quotes"]
_OF_PROFIT = frozenset({"inventory.position", "market.signal", "market.instrument"})
_TOPICS: dict[str, frozenset[str]] = {
    "inventory": _OF_PROFIT,
    "pnl": _OF_PROFIT,
    "quotes": frozenset({"market.book", "quote.target"}),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "inventory": ("time_ms", "position", "notional", "bias", "fills"),
    "pnl": ("time_ms", "total", "capture", "inventory", "fees", "realised", "unrealised", "drawdown"),
    "quotes": ("time_ms", "bid", "ask", "market_bid", "market_ask", "mid"),
}
"""Columns. Profit is total PnL and its parts, see docs/GLOSSARY.md; the drawdown is within the time range."""
Cells = tuple[Any, ...]
_NO_MID = b'"mid_half_ticks":null'


class _Fold(Protocol):
    """Aggregates records."""

    def apply(self, record: LoggedRecord) -> None:
        """Apply the next record."""

    def sample(self) -> Cells | None:
        """Current values, without the time; None: nothing is known yet."""


def series(
    source: HistorySource,
    contracts: Contracts,
    kind: SeriesKind,
    key: str | None,
    from_ns: int,
    to_ns: int,
    points: int,
) -> list[Cells]:
    """Rows as in COLUMNS, at most `points`, oldest first. Without a key, PnL is of the whole account."""
    query = HistoryQuery(_TOPICS[kind], from_ns, to_ns, None if key is None else frozenset({key}))
    width_ns = max(1, (to_ns - from_ns) // points)
    records = (placed.record for placed in read_history(source, query))
    return list(_bucketed(records, _fold(contracts, kind, key), from_ns, width_ns))


def _fold(contracts: Contracts, kind: SeriesKind, key: str | None) -> _Fold:
    if kind == "quotes":
        return _Quotes(contracts)
    if key is None:
        return _Account(contracts)
    return _Inventory(contracts) if kind == "inventory" else _Profit(contracts)


def _bucketed(records: Iterator[LoggedRecord], fold: _Fold, from_ns: int, width_ns: int) -> Iterator[Cells]:
    bucket, newest_ns = -1, 0
    for record in records:
        now_ns = record.envelope.event_time_ns
        if (now_ns - from_ns) // width_ns > bucket:  # late records count in the bucket in which they arrive
            yield from _row(fold, newest_ns)
            bucket = (now_ns - from_ns) // width_ns
        newest_ns = max(newest_ns, now_ns)
        fold.apply(record)
    yield from _row(fold, newest_ns)


def _row(fold: _Fold, time_ns: int) -> Iterator[Cells]:
    cells = fold.sample()
    if cells is not None:
        yield (milliseconds(time_ns), *cells)


@dataclass(slots=True)
class _Marked:
    """One symbol's position at the latest mid. A signal is decoded only when its mid is needed."""

    contracts: Contracts
    profit: ProfitFold = field(default_factory=ProfitFold)
    signal: LoggedRecord | None = None
    """Newer than the position."""

    def apply(self, record: LoggedRecord) -> None:
        if record.topic == "market.signal":
            if self.profit.position is not None and _NO_MID not in record.payload:
                self.signal = record
        elif record.topic == "market.instrument":
            self._settle()
            self.profit.apply_instrument(decode(Instrument, record.payload))
        else:
            self.signal = None
            self._apply_position(decode(Position, record.payload))

    def _apply_position(self, position: Position) -> None:
        if self.profit.instrument is None:  # announced before the time range
            contract = self.contracts.find(position.key, position.instrument_version)
            if contract is not None:
                self.profit.apply_instrument(contract)
        self.profit.apply_position(position)

    def _settle(self) -> None:
        record, self.signal = self.signal, None
        if record is not None:
            mid_half_ticks = decode(Signal, record.payload).mid_half_ticks
            if mid_half_ticks is not None:
                self.profit.apply_mid(mid_half_ticks, record.envelope.event_time_ns)

    def position(self) -> Position | None:
        """The position at the latest mid."""
        self._settle()
        return self.profit.marked()


@dataclass(slots=True)
class _Inventory:
    contracts: Contracts
    marked: _Marked = field(init=False)

    def __post_init__(self) -> None:
        self.marked = _Marked(self.contracts)

    def apply(self, record: LoggedRecord) -> None:
        self.marked.apply(record)

    def sample(self) -> Cells | None:
        position, contract = self.marked.position(), self.marked.profit.contract
        if position is None:
            return None
        lots = None if contract is None else float(from_units(position.position_lots, contract.lot_size))
        return lots, float(position.notional_reporting), position.bias, position.fills


def _parts(position: Position) -> tuple[Decimal, ...]:
    """The columns of PnL, without the drawdown."""
    return (
        position.pnl,
        position.pnl_capture,
        position.pnl_inventory,
        position.fees,
        position.realised,
        position.unrealised,
    )


@dataclass(slots=True)
class _Profit:
    """PnL of one symbol, in its quote currency."""

    contracts: Contracts
    peak: Decimal = Decimal(0)
    marked: _Marked = field(init=False)

    def __post_init__(self) -> None:
        self.marked = _Marked(self.contracts)

    def apply(self, record: LoggedRecord) -> None:
        self.marked.apply(record)
        if record.topic == "inventory.position" and self.marked.profit.position is not None:
            self.peak = max(self.peak, self.marked.profit.position.pnl)

    def sample(self) -> Cells | None:
        position = self.marked.position()
        if position is None:
            return None
        self.peak = max(self.peak, position.pnl)
        return (*map(money_text, _parts(position)), money_text(position.pnl - self.peak))


@dataclass(slots=True)
class _Account:
    """PnL over all symbols in the reporting currency, each at the rate of its contract."""

    contracts: Contracts
    symbols: dict[str, _Marked] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    """Those with something new since they were added up."""
    parts: dict[str, tuple[Decimal, ...]] = field(default_factory=dict)
    peak: Decimal = Decimal(0)

    def apply(self, record: LoggedRecord) -> None:
        marked = self.symbols.get(record.key)
        if marked is None:
            marked = self.symbols[record.key] = _Marked(self.contracts)
        marked.apply(record)
        if marked.profit.position is not None:
            self.changed[record.key] = None
        if record.topic == "inventory.position":
            self._add_up()

    def _add_up(self) -> list[Decimal]:
        for key in self.changed:
            marked = self.symbols[key]
            position = marked.position()
            if position is not None:
                rate = _rate(position, marked.profit.contract)
                self.parts[key] = (position.pnl_reporting, *(part * rate for part in _parts(position)[1:]))
        self.changed.clear()
        sums = [sum(column, Decimal(0)) for column in zip(*self.parts.values(), strict=True)]
        if sums:
            self.peak = max(self.peak, sums[0])
        return sums

    def sample(self) -> Cells | None:
        sums = self._add_up()
        return (*map(money_text, sums), money_text(sums[0] - self.peak)) if sums else None


def _rate(position: Position, contract: Instrument | None) -> Decimal:
    """The rate; taken from the totals where the log has lost the contract."""
    if contract is not None:
        return contract.reporting_rate
    return position.pnl_reporting / position.pnl if position.pnl else Decimal(1)


@dataclass(slots=True)
class _Quotes:
    contracts: Contracts
    own: tuple[float | None, float | None] = (None, None)
    market: tuple[float | None, float | None] = (None, None)
    is_known: bool = False

    def apply(self, record: LoggedRecord) -> None:
        self.is_known = True
        if record.topic == "market.book":
            book = decode(Book, record.payload)
            instrument = self.contracts.find(record.key, book.instrument_version)
            self.market = (_best(book.bid_prices, instrument), _best(book.ask_prices, instrument))
        else:
            target = decode(QuoteTarget, record.payload)
            instrument = self.contracts.find(record.key, target.instrument_version)
            self.own = (_best(target.bid.prices, instrument), _best(target.ask.prices, instrument))

    def sample(self) -> Cells | None:
        bid, ask = self.market
        mid = None if bid is None or ask is None else (bid + ask) / 2
        return (*self.own, *self.market, mid) if self.is_known else None


def _best(prices: tuple[int, ...], instrument: Instrument | None) -> float | None:
    return float(from_units(prices[0], instrument.tick_size)) if prices and instrument else None
