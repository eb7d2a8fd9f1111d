"""An engine's log as attribution lines: the account's activity, and the market around it.

Messages were validated when they were written, so the lines built from them are not validated again as
those of a file are. Sizes are in base units, so that spot and linear contracts of any multiplier share
one unit.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from inventory_service.core.fee_rates import FeeRates
from inventory_service.core.units import factors
from inventory_service.core.versions import Versions

from research.attribution.lines import (
    AdjustmentLine,
    FeeLine,
    FillLine,
    InstrumentLine,
    Line,
    MidLine,
    OrderLine,
    QuoteLine,
    SymbolLine,
    TradeLine,
)
from research.pnl.brought import brought_lines
from research.pnl.log_symbol import LogSymbol, base_size, mid_price
from research.pnl.own_orders import OrderStep, best_of
from runtime.errors import ConfigError
from runtime.log.logfile import LoggedRecord, read_log
from runtime.replay.start_points import carried_before
from runtime.text import nearest
from schemas.carried.inventory import InventoryCarried
from schemas.config import Reporting
from schemas.envelope import decode
from schemas.market import Book, Instrument, Rate, Refusal, Trade
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import Fill, OrderEvent
from schemas.process import AdjustmentApplied, ConfigApplied
from schemas.refusals import RefusalTally
from schemas.signals import Signal
from schemas.topics import INVENTORY
from schemas.units import side_sign

_OF_ALL: dict[str, type[Event]] = {
    each.type_name: each
    for each in (ConfigApplied, Instrument, Rate, Signal, AdjustmentApplied, InventoryCarried)
}
"""Messages read for any requested symbol: rates of fees come from any market, and a process's messages
about a symbol have the process's key.
"""
_OF_ONE: dict[str, type[Event]] = {each.type_name: each for each in (Book, Trade, Fill, OrderEvent)}


def log_lines(
    folder: Path, symbol: str | None, rates: Mapping[str, Decimal], dropped: RefusalTally
) -> Iterator[tuple[str, Line]]:
    """(place, line) of everything in an engine's log, or of one symbol (or `venue:symbol`).

    `rates`, in the reporting currency, book fees still open at the end. Symbols are named `venue:symbol`.
    `dropped` counts market events that were refused, and fills whose contract never came. Raises ConfigError,
    at the end, where the log has no such symbol.
    """
    translation = _Translation()
    known: dict[str, None] = {}
    is_found = symbol is None
    for record, event in _events(folder, symbol, dropped):
        name = record.key.partition(":")[2]
        if name and not isinstance(event, Rate):
            known.setdefault(name)
            is_found |= _is_of(symbol, record.key)
        for line in translation.lines(event):
            if _is_of(symbol, line.symbol):
                yield f"{folder} {record.topic} {record.offset}", line
    for line in translation.closing_lines(rates):
        if _is_of(symbol, line.symbol):
            yield f"{folder}, its end", line
    for fill in translation.waiting_fills():
        if _is_of(symbol, fill.key):
            dropped.count("fill_without_contract", f"{fill.key} trade {fill.venue_trade_id}")
    if not is_found:
        raise ConfigError(f"{folder} holds no symbol {symbol}{nearest(symbol or '', known)}")


def _events(folder: Path, symbol: str | None, dropped: RefusalTally) -> Iterator[tuple[LoggedRecord, Event]]:
    """The messages that lines are built from; refused market events are counted."""
    for record in chain(carried_before(folder), read_log(folder)):
        is_wanted = _is_of(symbol, record.key)
        if record.envelope.type_name == Refusal.type_name:
            if is_wanted or record.key.partition(":")[2] == ALL_SYMBOLS:
                dropped.apply(decode(Refusal, record.payload))
            continue
        event = _decoded(record, is_wanted=is_wanted)
        if event is not None:
            yield record, event


def _is_of(symbol: str | None, key: str) -> bool:
    """Is it of the requested symbol, by either of its names? None: all are."""
    return symbol is None or symbol in (key, key.partition(":")[2])


def _decoded(record: LoggedRecord, *, is_wanted: bool) -> Event | None:
    """The message, where lines are built from its type."""
    model = _OF_ALL.get(record.envelope.type_name)
    if model is None and is_wanted:
        model = _OF_ONE.get(record.envelope.type_name)
    return None if model is None else decode(model, record.payload)


_Made = Iterator[InstrumentLine | SymbolLine]


def _instrument_line(contract: Instrument) -> InstrumentLine:
    return InstrumentLine.model_construct(
        symbol=contract.key,
        contract=contract.contract_kind,
        base_currency=contract.base_currency,
        quote_currency=contract.quote_currency,
    )


class _Translation:
    """Converts messages in log order to lines, whose time never goes back.

    The live ledger's order is reproduced: a fill ahead of its contract waits for it, one in a contract that
    the ledger was not converted to waits until an operator has stated the holdings, and open fees are booked
    by the event that brings their rate. Changes other than trades are booked as the ledger reports them.
    """

    def __init__(self) -> None:
        self._symbols: dict[str, LogSymbol] = {}
        self._waiting: dict[str, list[Fill]] = {}
        self._owing: dict[str, LogSymbol] = {}
        """Symbols with open fees."""
        self._rates = FeeRates(Reporting())
        self._now_ns = 0
        self._handlers: dict[type[Event], Callable[[Any], _Made]] = {
            ConfigApplied: self._config,
            Instrument: self._instrument,
            Rate: self._rate,
            Book: self._book,
            Trade: self._trade,
            Signal: self._signal,
            Fill: self._fill,
            OrderEvent: self._order,
            AdjustmentApplied: self._adjustment,
            InventoryCarried: self._carried,
        }

    def lines(self, event: Event) -> Iterator[Any]:
        """The lines for a message."""
        self._now_ns = max(self._now_ns, event.event_time_ns)
        return self._handlers[type(event)](event)

    def closing_lines(self, rates: Mapping[str, Decimal]) -> Iterator[FeeLine]:
        """Book fees still open at the given rates."""
        reporting = self._rates.reporting
        self._rates.reporting = reporting.model_copy(update={"rates": {**rates, **reporting.rates}})
        return self._pay_open_fees()

    def waiting_fills(self) -> Iterator[Fill]:
        """Fills in no figure: their contract, or its terms, were not in the log."""
        for fills in self._waiting.values():
            yield from fills
        for symbol in self._symbols.values():
            yield from symbol.waiting

    def _config(self, applied: ConfigApplied) -> _Made:
        if applied.process == INVENTORY:
            self._rates.reporting = applied.config.reporting
        yield from ()

    def _instrument(self, instrument: Instrument) -> _Made:
        self._rates.observe_instrument(instrument)
        symbol = self._symbols.get(instrument.key)
        if symbol is None:
            symbol = self._symbols[instrument.key] = LogSymbol(instrument, instrument)
            yield _instrument_line(instrument)
        symbol.trade_as(instrument)
        symbol.lots.setdefault(instrument.version, base_size(1, instrument))
        for fill in self._waiting.pop(instrument.key, ()):
            yield from self._fill(fill)
        yield from self._book_waiting(symbol)
        yield from self._pay_open_fees()

    def _book_waiting(self, symbol: LogSymbol) -> _Made:
        waiting, symbol.waiting = symbol.waiting, []
        for fill in waiting:
            yield from self._filled(symbol, fill, is_new=True)

    def _adjustment(self, applied: AdjustmentApplied) -> _Made:
        """A ledger change other than a trade; the ledger is in the newest contract's units from now on.

        In another currency from here on it is in no figure: a symbol's report is in one currency.
        """
        symbol = self._symbols.get(f"{applied.venue}:{applied.symbol}")
        if symbol is None or applied.refused_because is not None or symbol.money is not symbol.in_force:
            return
        symbol.has_begun, symbol.contract = True, symbol.in_force
        symbol.held += applied.base_change
        yield AdjustmentLine.model_construct(
            time_ns=self._now_ns,
            symbol=symbol.contract.key,
            size=applied.base_change,
            price=applied.price,
            mid=applied.mid,
        )
        yield from self._book_waiting(symbol)
        symbol.waiting = []

    def _carried(self, carried: InventoryCarried) -> _Made:
        """A log may begin with carried ledgers; for known symbols they contain nothing new."""
        if carried.symbol == ALL_SYMBOLS:
            self._rates.unfollowed = {rate.key: rate for rate in carried.rates}
        elif carried.symbol_key not in self._symbols:
            if carried.rate_mid_half_ticks:  # it may precede its contract
                self._rates.observe_mid(carried.symbol_key, carried.rate_mid_half_ticks)
            fills = [each for each in carried.waiting if isinstance(each, Fill)]
            if carried.contract is None:
                self._waiting[carried.symbol_key] = fills
            else:
                yield from self._begin_with(carried, carried.contract, fills)

    def _begin_with(self, carried: InventoryCarried, contract: Instrument, fills: list[Fill]) -> _Made:
        in_force = carried.in_force or contract
        self._rates.observe_instrument(in_force)
        symbol = self._symbols[contract.key] = LogSymbol(
            contract,
            in_force,
            Versions({each.version: each for each in carried.versions}),
            has_begun=carried.fills > 0 or carried.adjustments > 0,
            held=(carried.position_lots - carried.owed_lots) * contract.lot_size * contract.multiplier,
            waiting=fills,
            open_fees={each.currency: each.amount for each in carried.open_fees},
            lots={each.version: base_size(1, each) for each in carried.versions},
        )
        for trade_id in carried.trade_ids:
            symbol.trade_ids.add(trade_id)
        if symbol.open_fees:
            self._owing[contract.key] = symbol
        yield _instrument_line(contract)
        yield from brought_lines(carried, contract, self._now_ns)

    def _signal(self, signal: Signal) -> _Made:
        half_ticks = signal.mid_half_ticks
        if half_ticks is None:
            return
        symbol = self._symbols.get(signal.key)
        if symbol is not None and half_ticks != symbol.mid_half_ticks:
            symbol.mid_half_ticks, mid = half_ticks, symbol.mid(half_ticks)
            if mid is not None:
                yield MidLine.model_construct(time_ns=self._now_ns, symbol=signal.key, mid=mid)
        self._rates.observe_mid(signal.key, half_ticks)
        yield from self._pay_open_fees()

    def _rate(self, rate: Rate) -> _Made:
        self._rates.observe_rate(rate)
        yield from self._pay_open_fees()

    def _pay_open_fees(self) -> Iterator[FeeLine]:
        for key, symbol in tuple(self._owing.items()):
            for currency, amount in tuple(symbol.open_fees.items()):
                value = self._rates.value(amount, currency, symbol.money)
                if value is not None:
                    del symbol.open_fees[currency]
                    yield FeeLine.model_construct(
                        time_ns=self._now_ns, symbol=key, currency=currency, amount=value
                    )
            if not symbol.open_fees:
                del self._owing[key]

    def _trade(self, trade: Trade) -> _Made:
        symbol = self._symbols.get(trade.key)
        if symbol is not None and trade.size_lots and trade.price_ticks > 0:
            yield TradeLine.model_construct(
                time_ns=self._now_ns,
                symbol=trade.key,
                price=symbol.price(trade.price_ticks),
                size=symbol.size(trade.size_lots),
                side=trade.side,
            )

    def _fill(self, fill: Fill) -> _Made:
        if not fill.size_lots:
            return
        symbol = self._symbols.get(fill.key)
        if symbol is None:
            self._waiting.setdefault(fill.key, []).append(fill)
            return
        is_new = symbol.trade_ids.add(fill.venue_trade_id)
        yield from self._filled(symbol, fill, is_new=is_new)

    def _filled(self, symbol: LogSymbol, fill: Fill, *, is_new: bool) -> _Made:
        own_contract = symbol.versions.own_contract(fill.instrument_version, symbol.contract)
        if factors(own_contract, symbol.contract) is None:
            symbol.waiting += [fill] * is_new
            return
        symbol.has_begun, symbol.mid_half_ticks = True, None
        size = base_size(fill.size_lots, own_contract)
        yield FillLine.model_construct(
            time_ns=self._now_ns,
            symbol=fill.key,
            side=fill.side,
            price=fill.price_ticks * own_contract.tick_size,
            size=size,
            **(self._fee(fill, symbol) if is_new else {"fee": Decimal(0)}),
            mid=mid_price(fill.mark_half_ticks, own_contract),
            executed_ns=fill.executed_ns or None,
            execution_mid=mid_price(fill.mid_half_ticks, own_contract),
            trade_id=fill.venue_trade_id,
            purpose=fill.purpose,
        )
        if is_new:
            symbol.held += side_sign(fill.side) * size
        yield from self._order_lines(fill.key, symbol, symbol.orders.trade(fill))
        if is_new and symbol.try_again():
            yield from self._book_waiting(symbol)

    def _fee(self, fill: Fill, symbol: LogSymbol) -> dict[str, Any]:
        """In the quote currency, as the live ledger books it, or deducted from the position if it was so."""
        if fill.base_fee and symbol.contract.contract_kind == "spot":
            symbol.held -= fill.base_fee
            return {"fee": fill.base_fee, "fee_currency": symbol.contract.base_currency}
        value = self._rates.value(fill.fee, fill.fee_currency, symbol.money)
        if value is not None or not fill.fee:
            return {"fee": value or Decimal(0)}
        open_before = symbol.open_fees.get(fill.fee_currency, Decimal(0))
        symbol.open_fees[fill.fee_currency] = open_before + fill.fee
        self._owing[fill.key] = symbol
        return {"fee": fill.fee, "fee_currency": fill.fee_currency, "fee_open": True}

    def _book(self, book: Book) -> _Made:
        symbol = self._symbols.get(book.key)
        if symbol is None:
            return
        is_live = book.status == "live"
        symbol.best = (
            book.bid_prices[0] if is_live and book.bid_prices else None,
            book.ask_prices[0] if is_live and book.ask_prices else None,
        )
        yield from self._book_mid(book.key, symbol)
        yield from self._quote(book.key, symbol)

    def _book_mid(self, key: str, symbol: LogSymbol) -> _Made:
        """Every mid counts for markouts; the live ledger is marked by signals, which are fewer."""
        bid, ask = symbol.best
        if bid is None or ask is None or bid + ask == symbol.book_half_ticks:
            return
        symbol.book_half_ticks, mid = bid + ask, symbol.mid(bid + ask)
        if mid is not None:
            yield MidLine.model_construct(time_ns=self._now_ns, symbol=key, mid=mid, marks=False)

    def _order(self, event: OrderEvent) -> _Made:
        symbol = self._symbols.get(event.key)
        if symbol is not None:
            yield from self._order_lines(event.key, symbol, symbol.orders.apply(event))
            yield from self._quote(event.key, symbol)

    def _order_lines(self, key: str, symbol: LogSymbol, steps: Iterator[OrderStep]) -> _Made:
        for order_id, status, version, size_lots, filled_lots in steps:
            lot = symbol.lots.get(version, symbol.size(1))
            yield OrderLine.model_construct(
                time_ns=self._now_ns,
                symbol=key,
                order_id=order_id,
                status=status,
                size=None if size_lots is None else size_lots * lot,
                filled=None if filled_lots is None else filled_lots * lot,
            )

    def _quote(self, key: str, symbol: LogSymbol) -> _Made:
        """Our best prices and the displayed ones, including ours, where any of them changed."""
        bid, bid_lots = best_of(symbol.orders, "buy")
        ask, ask_lots = best_of(symbol.orders, "sell")
        best_bid = max((each for each in (symbol.best[0], bid) if each), default=None)
        best_ask = min((each for each in (symbol.best[1], ask) if each), default=None)
        quoted = (bid, bid_lots, ask, ask_lots, best_bid, best_ask)
        if quoted == symbol.quoted:
            return
        symbol.quoted = quoted
        yield QuoteLine.model_construct(
            time_ns=self._now_ns,
            symbol=key,
            bid=symbol.price_if(bid),
            bid_size=symbol.size(bid_lots) if bid else None,
            ask=symbol.price_if(ask),
            ask_size=symbol.size(ask_lots) if ask else None,
            best_bid=symbol.price_if(best_bid),
            best_ask=symbol.price_if(best_ask),
        )
