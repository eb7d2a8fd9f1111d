"""An engine's log as the lines that attribution takes: what the account did, and the market around it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from chassis.bus.logfile import read_log
from chassis.errors import ConfigError
from chassis.text import nearest
from inventory_service.attribution.lines import (
    FillLine,
    InstrumentLine,
    Line,
    MidLine,
    OrderLine,
    QuoteLine,
    TradeLine,
)
from schemas.envelope import decode
from schemas.market import Book, Instrument, Trade
from schemas.message import Event, Side
from schemas.orders import Fill, OrderEvent
from schemas.process import ConfigApplied
from schemas.signals import Signal

_MESSAGES: dict[str, type[Event]] = {
    "process.config": ConfigApplied,
    "market.instrument": Instrument,
    "market.book": Book,
    "market.trade": Trade,
    "market.signal": Signal,
    "order.fill": Fill,
    "order.event": OrderEvent,
}
"""By topic."""


def log_lines(folder: Path, symbol: str | None) -> Iterator[tuple[str, Line]]:
    """(place, line) of everything in an engine's log; of one symbol (or `venue:symbol`), where one is named.

    Symbols are named `venue:symbol`. Raises ConfigError, at the end, where the log has no such symbol.
    """
    translation = _Translation()
    known: dict[str, None] = {}
    is_found = symbol is None
    for record in read_log(folder):
        model = _MESSAGES.get(record.topic)
        if model is None:
            continue
        event = decode(model, record.payload)
        name = event.key.partition(":")[2]
        if name:
            known.setdefault(name)
        if name and symbol is not None and symbol not in (event.key, name):
            continue
        is_found |= bool(name)
        for line in translation.lines(event):
            yield f"{folder} {record.topic} {record.offset}", line
    if not is_found:
        raise ConfigError(f"{folder} holds no symbol {symbol}{nearest(symbol or '', known)}")


@dataclass(slots=True)
class _OpenOrder:
    """One of ours at the venue."""

    side: Side
    price_ticks: int
    remaining_lots: int


@dataclass(slots=True)
class _Symbol:
    """What is known of one symbol."""

    instrument: Instrument
    mid_half_ticks: int | None = None
    best: tuple[int | None, int | None] = (None, None)
    """Displayed bid and ask."""
    open: dict[str, _OpenOrder] = field(default_factory=dict)
    quoted: tuple[Any, ...] = ()
    """What stood by the newest quote line."""

    def price(self, ticks: int | None) -> Decimal | None:
        return None if ticks is None else ticks * self.instrument.tick_size

    def size(self, lots: int) -> Decimal:
        return lots * self.instrument.lot_size


class _Translation:
    """Messages in the order of the log to lines, whose time never goes back."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol] = {}
        self._rates: dict[str, Decimal] = {}
        self._now_ns = 0
        self._handlers: dict[type[Event], Callable[[Any], Iterator[Line]]] = {
            Instrument: self._instrument,
            Book: self._book,
            Trade: self._trade,
            Signal: self._signal,
            Fill: self._fill,
            OrderEvent: self._order,
        }

    def lines(self, event: Event) -> Iterator[Line]:
        self._now_ns = max(self._now_ns, event.event_time_ns)
        if isinstance(event, ConfigApplied):
            self._rates = dict(event.config.reporting.rates)
        elif isinstance(event, Instrument) or event.key in self._symbols:
            yield from self._handlers[type(event)](event)

    def _instrument(self, instrument: Instrument) -> Iterator[Line]:
        """The first contract of a symbol: the ledger counts in its units to the end, as the live one does."""
        if instrument.key in self._symbols:
            return
        self._symbols[instrument.key] = _Symbol(instrument)
        yield InstrumentLine(
            symbol=instrument.key,
            contract=instrument.contract_kind,
            base_currency=instrument.base_currency,
            quote_currency=instrument.quote_currency,
            multiplier=instrument.multiplier,
        )

    def _signal(self, signal: Signal) -> Iterator[Line]:
        symbol = self._symbols[signal.key]
        if signal.mid_half_ticks in (None, symbol.mid_half_ticks):
            return
        symbol.mid_half_ticks = signal.mid_half_ticks
        yield MidLine(time_ns=self._now_ns, symbol=signal.key, mid=self._mid(symbol, signal.mid_half_ticks))

    def _mid(self, symbol: _Symbol, half_ticks: int | None) -> Decimal:
        return Decimal(half_ticks or 0) / 2 * symbol.instrument.tick_size

    def _trade(self, trade: Trade) -> Iterator[Line]:
        symbol = self._symbols[trade.key]
        if trade.size_lots and trade.price_ticks > 0:
            yield TradeLine(
                time_ns=self._now_ns,
                symbol=trade.key,
                price=trade.price_ticks * symbol.instrument.tick_size,
                size=symbol.size(trade.size_lots),
                side=trade.side,
            )

    def _fill(self, fill: Fill) -> Iterator[Line]:
        symbol = self._symbols[fill.key]
        if not fill.size_lots:
            return
        symbol.mid_half_ticks = fill.mid_half_ticks
        yield FillLine(
            time_ns=self._now_ns,
            symbol=fill.key,
            side=fill.side,
            price=fill.price_ticks * symbol.instrument.tick_size,
            size=symbol.size(fill.size_lots),
            **self._fee(fill, symbol.instrument),
            mid=self._mid(symbol, fill.mid_half_ticks),
            trade_id=fill.venue_trade_id,
        )

    def _fee(self, fill: Fill, instrument: Instrument) -> dict[str, Any]:
        """In the quote currency, as the live ledger books it; out of what is held, where it was taken there.

        The live ledger takes whole lots, later; here it is exact at once.
        """
        if fill.base_fee and instrument.contract_kind == "spot":
            return {"fee": fill.base_fee, "fee_currency": instrument.base_currency}
        if fill.fee_currency == instrument.quote_currency:
            return {"fee": fill.fee}
        rate = self._rates.get(fill.fee_currency, instrument.reporting_rate)
        return {"fee": fill.fee * rate / instrument.reporting_rate}

    def _book(self, book: Book) -> Iterator[Line]:
        symbol = self._symbols[book.key]
        is_live = book.status == "live"
        symbol.best = (
            book.bid_prices[0] if is_live and book.bid_prices else None,
            book.ask_prices[0] if is_live and book.ask_prices else None,
        )
        yield from self._quote(book.key, symbol)

    def _order(self, event: OrderEvent) -> Iterator[Line]:
        symbol = self._symbols[event.key]
        order_id, is_open = event.client_order_id, event.client_order_id in symbol.open
        about: dict[str, Any] = {"time_ns": self._now_ns, "symbol": event.key, "order_id": order_id}
        if event.kind == "rejected":
            yield OrderLine(**about, status="rejected")
        if event.kind not in ("accepted", "amended", "partial_fill", "filled", "cancelled"):
            return
        if not is_open:
            yield OrderLine(**about, status="accepted", size=symbol.size(event.size_lots))
        elif event.kind == "amended":
            yield OrderLine(**about, status="amended", size=symbol.size(event.size_lots))
        remaining = event.size_lots - event.filled_lots
        symbol.open[order_id] = _OpenOrder(event.side, event.price_ticks, remaining)
        if event.kind in ("filled", "cancelled"):
            del symbol.open[order_id]
            yield OrderLine(**about, status=event.kind, filled=symbol.size(event.filled_lots))
        yield from self._quote(event.key, symbol)

    def _quote(self, key: str, symbol: _Symbol) -> Iterator[Line]:
        """Our best prices and the displayed ones, ours included, where any of them changed."""
        bid, bid_lots = _best(symbol.open, "buy")
        ask, ask_lots = _best(symbol.open, "sell")
        best_bid = max((each for each in (symbol.best[0], bid) if each), default=None)
        best_ask = min((each for each in (symbol.best[1], ask) if each), default=None)
        quoted = (bid, bid_lots, ask, ask_lots, best_bid, best_ask)
        if quoted == symbol.quoted:
            return
        symbol.quoted = quoted
        yield QuoteLine(
            time_ns=self._now_ns,
            symbol=key,
            bid=symbol.price(bid),
            bid_size=symbol.size(bid_lots) if bid else None,
            ask=symbol.price(ask),
            ask_size=symbol.size(ask_lots) if ask else None,
            best_bid=symbol.price(best_bid),
            best_ask=symbol.price(best_ask),
        )


def _best(orders: dict[str, _OpenOrder], side: Side) -> tuple[int | None, int]:
    """Price and open size of the best level of our own."""
    prices = [each.price_ticks for each in orders.values() if each.side == side and each.remaining_lots > 0]
    if not prices:
        return None, 0
    best = max(prices) if side == "buy" else min(prices)
    lots = sum(
        each.remaining_lots for each in orders.values() if each.side == side and each.price_ticks == best
    )
    return best, lots
