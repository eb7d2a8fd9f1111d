"""One-line summaries of messages for lists, with formatted numbers."""

from collections.abc import Callable
from typing import Any

from gateway_api.app.numbers import price_text, size_text
from schemas.inventory import Position
from schemas.market import Book, Instrument, Trade
from schemas.message import Event
from schemas.orders import Fill, OrderEvent
from schemas.process import ConfigApplied
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, money_text

_NAMED = ("action", "kind", "state", "status", "side", "name", "setting_key", "value")


_SHOWN_DIGITS = 12
"""Of a hash."""


def summary(message: Event, instrument: Instrument | None, hidden: frozenset[str] = frozenset()) -> str:
    """A summary without hidden fields; prices and sizes only where the contract is known."""
    if isinstance(message, Signal):
        return _signal(message)
    if isinstance(message, Position) and instrument is not None:
        return _position(message, instrument, hidden)
    if isinstance(message, ConfigApplied):
        return _session(message)
    formatted = _BY_TYPE.get(type(message))
    if formatted is not None and instrument is not None:
        return formatted(message, instrument)
    return _fields(message, hidden)


def _fields(message: Event, hidden: frozenset[str]) -> str:
    named = (getattr(message, name, None) for name in _NAMED if name not in hidden)
    parts = [str(value) for value in named if value not in (None, "")]
    reasons = ", ".join(map(str, getattr(message, "reasons", ()) or ()))
    words = getattr(message, "message", "") or getattr(message, "reason", "") or reasons
    return " ".join([*parts, str(words)]).strip() or message.type_name


def _session(applied: ConfigApplied) -> str:
    """The start of a session and its configuration; after a restart the same session resumes."""
    is_new = applied.session_began_ns == applied.event_time_ns
    begins = "session begins" if is_new or not applied.session_began_ns else "session resumes after a restart"
    live = "".join(f", {each.setting_key} = {each.value} set live" for each in applied.live_settings)
    sources = f" ({applied.sources_hash[:_SHOWN_DIGITS]})" if applied.sources_hash else ""
    under = f"code {applied.code_version}{sources}, configuration {applied.config_hash[:_SHOWN_DIGITS]}"
    return f"{begins}: {under}{live}"


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


def _position(position: Position, instrument: Instrument, hidden: frozenset[str]) -> str:
    size = size_text(abs(position.position_lots), instrument)
    sign = "-" if position.position_lots < 0 else ""
    held = f"{sign}{size} {instrument.base_currency}"
    return held if "pnl" in hidden else f"{held}, profit {money_text(position.pnl)}"


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
}
