"""Curves from the log: inventory, profit, quotes. Each bucket of time shows the newest value in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from chassis.bus.logfile import LoggedRecord
from chassis.history import Stretch, read_history
from chassis.process import HistorySource
from gateway_api.app.numbers import milliseconds, money_text
from gateway_api.history.contracts import Contracts
from schemas.envelope import decode
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.quoting import QuoteTarget
from schemas.units import from_units

SeriesKind = Literal["inventory", "pnl", "quotes"]
_TOPICS: dict[str, frozenset[str]] = {
    "inventory": frozenset({"inventory.position"}),
    "pnl": frozenset({"inventory.position"}),
    "quotes": frozenset({"market.book", "quote.target"}),
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "inventory": ("time_ms", "position", "notional", "bias", "fills"),
    "pnl": ("time_ms", "total", "capture", "inventory", "fees", "realised", "unrealised", "drawdown"),
    "quotes": ("time_ms", "bid", "ask", "market_bid", "market_ask", "mid"),
}
Cells = tuple[Any, ...]


def series(
    source: HistorySource,
    contracts: Contracts,
    kind: SeriesKind,
    key: str | None,
    from_ns: int,
    to_ns: int,
    points: int,
) -> list[Cells]:
    """Rows as COLUMNS says, at most `points`, oldest first. Without a key, profit is the whole account's."""
    stretch = Stretch(_TOPICS[kind], from_ns, to_ns, None if key is None else frozenset({key}))
    width_ns = max(1, (to_ns - from_ns) // points)
    records = (placed.record for placed in read_history(source, stretch))
    if kind == "quotes":
        fold: Callable[[LoggedRecord], Cells | None] = _Quotes(contracts).take
    elif key is None:
        fold = _Account().take
    else:
        fold = _Symbol(contracts, kind).take
    return list(_bucketed(records, fold, from_ns, width_ns))


def _bucketed(
    records: Iterator[LoggedRecord],
    fold: Callable[[LoggedRecord], Cells | None],
    from_ns: int,
    width_ns: int,
) -> Iterator[Cells]:
    bucket, newest = -1, None
    for record in records:
        now = (record.envelope.event_time_ns - from_ns) // width_ns
        if now != bucket and newest is not None:
            yield newest
            newest = None
        bucket = now
        newest = fold(record) or newest
    if newest is not None:
        yield newest


def _time_ms(record: LoggedRecord) -> float:
    return milliseconds(record.envelope.event_time_ns)


@dataclass(slots=True)
class _Symbol:
    contracts: Contracts
    kind: SeriesKind
    peak: Decimal = Decimal(0)

    def take(self, record: LoggedRecord) -> Cells | None:
        position = decode(Position, record.payload)
        if self.kind == "inventory":
            instrument = self.contracts.find(record.key, position.instrument_version)
            lots = (
                None if instrument is None else float(from_units(position.position_lots, instrument.lot_size))
            )
            notional = float(position.notional_reporting)
            return (_time_ms(record), lots, notional, position.bias, position.fills)
        self.peak = max(self.peak, position.pnl)
        return (
            _time_ms(record),
            money_text(position.pnl),
            money_text(position.pnl_capture),
            money_text(position.pnl_inventory),
            money_text(position.fees),
            money_text(position.realised),
            money_text(position.unrealised),
            money_text(position.pnl - self.peak),
        )


@dataclass(slots=True)
class _Account:
    """Sums over symbols in the reporting currency: the quote currency's rate is that of the total."""

    parts: dict[str, tuple[Decimal, ...]] = field(default_factory=dict)
    peak: Decimal = Decimal(0)

    def take(self, record: LoggedRecord) -> Cells:
        position = decode(Position, record.payload)
        rate = position.pnl_reporting / position.pnl if position.pnl else Decimal(1)
        money = (
            position.pnl_capture,
            position.pnl_inventory,
            position.fees,
            position.realised,
            position.unrealised,
        )
        self.parts[record.key] = (position.pnl_reporting, *(part * rate for part in money))
        sums = [sum(column, Decimal(0)) for column in zip(*self.parts.values(), strict=True)]
        self.peak = max(self.peak, sums[0])
        return (_time_ms(record), *map(money_text, sums), money_text(sums[0] - self.peak))


@dataclass(slots=True)
class _Quotes:
    contracts: Contracts
    own: tuple[float | None, float | None] = (None, None)
    market: tuple[float | None, float | None] = (None, None)

    def take(self, record: LoggedRecord) -> Cells | None:
        if record.topic == "market.book":
            book = decode(Book, record.payload)
            instrument = self.contracts.find(record.key, book.instrument_version)
            self.market = (_best(book.bid_prices, instrument), _best(book.ask_prices, instrument))
        else:
            target = decode(QuoteTarget, record.payload)
            instrument = self.contracts.find(record.key, target.instrument_version)
            self.own = (_best(target.bid.prices, instrument), _best(target.ask.prices, instrument))
        bid, ask = self.market
        mid = None if bid is None or ask is None else (bid + ask) / 2
        return (_time_ms(record), *self.own, *self.market, mid)


def _best(prices: tuple[int, ...], instrument: Instrument | None) -> float | None:
    return float(from_units(prices[0], instrument.tick_size)) if prices and instrument else None
