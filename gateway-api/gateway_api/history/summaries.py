"""A line about a message, for a list: what it says, in the numbers of people."""

from collections.abc import Callable
from typing import Any

from gateway_api.app.numbers import money_text, price_text, size_text
from schemas.inventory import Position
from schemas.market import Book, Instrument, Trade
from schemas.message import Event
from schemas.orders import Fill, OrderEvent
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT

_NAMED = ("action", "kind", "state", "status", "side", "name", "setting_key", "value")


def summary(message: Event, instrument: Instrument | None) -> str:
    """What a message says; prices and sizes only where its contract is known."""
    if isinstance(message, Signal):
        return _signal(message)
    said = _BY_TYPE.get(type(message))
    if said is not None and instrument is not None:
        return said(message, instrument)
    return _fields(message)


def _fields(message: Event) -> str:
    named = (getattr(message, name, None) for name in _NAMED)
    parts = [str(value) for value in named if value not in (None, "")]
    reasons = ", ".join(map(str, getattr(message, "reasons", ()) or ()))
    words = getattr(message, "message", "") or getattr(message, "reason", "") or reasons
    return " ".join([*parts, str(words)]).strip() or message.type_name


def _book(book: Book, instrument: Instrument) -> str:
    if not book.bid_prices or not book.ask_prices:
        return f"{book.status}, one side empty"
    best = (price_text(prices[0], instrument) for prices in (book.bid_prices, book.ask_prices))
    return f"{' / '.join(best)}{'' if book.status == 'live' else f', {book.status}'}"


def _trade(trade: Trade | Fill, instrument: Instrument) -> str:
    side = trade.side or "unknown side"
    return f"{side} {size_text(trade.size_lots, instrument)} @ {price_text(trade.price_ticks, instrument)}"


def _order(event: OrderEvent, instrument: Instrument) -> str:
    what = f"{event.kind.replace('_', ' ')}: {event.side} {size_text(event.size_lots, instrument)}"
    because = f", {', '.join(event.reasons)}" if event.reasons else ""
    return f"{what} @ {price_text(event.price_ticks, instrument)}{because}"


def _target(target: QuoteTarget, instrument: Instrument) -> str:
    return f"{_side(target.bid, instrument)} / {_side(target.ask, instrument)}"


def _side(side: QuoteSide, instrument: Instrument) -> str:
    return price_text(side.prices[0], instrument) if side.prices else side.not_quoting_because or "none"


def _position(position: Position, instrument: Instrument) -> str:
    size = size_text(abs(position.position_lots), instrument)
    sign = "-" if position.position_lots < 0 else ""
    return f"{sign}{size} {instrument.base_currency}, profit {money_text(position.pnl)}"


def _signal(signal: Signal) -> str:
    volatility = signal.volatility_per_sqrt_s
    width = "unknown" if volatility is None else f"{volatility * BPS_PER_UNIT:.2f} bps"
    return f"volatility {width}, imbalance {signal.imbalance:+.2f}, flow {signal.flow_imbalance:+.2f}"


_BY_TYPE: dict[type[Event], Callable[[Any, Instrument], str]] = {
    Book: _book,
    Trade: _trade,
    Fill: _trade,
    OrderEvent: _order,
    QuoteTarget: _target,
    Position: _position,
}
