"""The core of monitor-service: what the feed said to what may be relied on."""

from collections.abc import Callable
from typing import Any

from monitor_service.core.symbol import SymbolMonitor
from schemas.config import Config
from schemas.market import (
    FeedBook,
    FeedInstrument,
    FeedRefused,
    FeedTrade,
    Instrument,
    Refusal,
    RefusalReason,
    Trade,
)
from schemas.message import Event, SymbolEvent
from schemas.process import Tick
from schemas.signals import Signal
from schemas.units import NS_PER_MS, NS_PER_S

BACKWARDS_NS_MAX = NS_PER_S
"""An event up to this far behind its symbol's newest is taken at the newest's time; beyond, refused."""

Handler = Callable[[Any], tuple[Event, ...]]


class MonitorCore:
    """Keeps the book and the features of every symbol. See Core in chassis.process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._symbols: dict[str, SymbolMonitor] = {}
        self._levels = config.market_data.book_levels
        self._depth_levels = config.market_data.depth_levels
        self._age_ns_max = config.market_data.book_age_ms_max * NS_PER_MS
        self._handlers: dict[type[Event], Handler] = {
            FeedBook: self._on_book,
            FeedTrade: self._on_trade,
            FeedInstrument: self._on_instrument,
            FeedRefused: self._on_refused,
            Tick: self._on_tick,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The market facts that follow from `event`."""
        handler = self._handlers.get(type(event))
        return handler(event) if handler is not None else ()

    def signal_of(self, key: str) -> Signal | None:
        """All features of `venue:symbol` as they are now; None where it is unknown."""
        symbol = self._symbols.get(key)
        return None if symbol is None else symbol.signal(symbol.now_ns)

    def _on_instrument(self, announced: FeedInstrument) -> tuple[Event, ...]:
        known = self._symbols.get(announced.key)
        if known is None:
            instrument = Instrument(**dict(announced))
            self._symbols[announced.key] = SymbolMonitor.of(instrument, self._config)
            return (instrument,)
        now_ns = max(known.now_ns, announced.event_time_ns)
        instrument = Instrument(**{**dict(announced), "event_time_ns": now_ns})
        if (
            instrument.model_copy(update={"event_time_ns": known.instrument.event_time_ns})
            == known.instrument
        ):
            return (instrument,)
        if instrument.version == known.instrument.version and instrument.has_units_of(known.instrument):
            known.instrument = instrument  # fees or filters: the book stays what it is
            return (instrument,)
        symbol = self._symbols[announced.key] = known.succeeded_by(instrument, self._config)
        return (instrument, *self._publish(symbol, now_ns)) if known.has_book else (instrument,)

    def _on_book(self, update: FeedBook) -> tuple[Event, ...]:
        symbol = self._symbols.get(update.key)
        if symbol is None:
            return (_unknown(update),)
        if symbol.newest_ns - update.event_time_ns > BACKWARDS_NS_MAX:
            lost = () if update.snapshot else self._lose(symbol)
            return (_backwards(update, symbol), *lost)
        now_ns = symbol.advance(update.event_time_ns)
        before, expected = symbol.book.status, symbol.book.sequence
        reason = symbol.book.accept(update)
        if reason is None:
            symbol.book.updated_ns = now_ns
            return self._publish(symbol, now_ns)
        refusal = _refusal(update, now_ns, reason, f"sequence {update.sequence} after {expected}")
        return (refusal, *self._publish(symbol, now_ns)) if symbol.book.status != before else (refusal,)

    def _publish(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        """The book, after the signal where one is due: readers price a book with fresh features."""
        book = symbol.book_message(now_ns, self._levels, self._depth_levels)
        signal = symbol.signal_if_due(now_ns, self._config)
        return (book,) if signal is None else (signal, book)

    def _lose(self, symbol: SymbolMonitor) -> tuple[Event, ...]:
        before = symbol.book.status
        symbol.book.lose()
        return self._publish(symbol, symbol.now_ns) if symbol.book.status != before else ()

    def _on_trade(self, trade: FeedTrade) -> tuple[Event, ...]:
        symbol = self._symbols.get(trade.key)
        if symbol is None:
            return (_unknown(trade),)
        if symbol.newest_ns - trade.event_time_ns > BACKWARDS_NS_MAX:
            return (_backwards(trade, symbol),)
        now_ns = symbol.advance(trade.event_time_ns)
        if trade.price_ticks <= 0:
            return (_refusal(trade, now_ns, "bad_price", f"price of {trade.price_ticks} ticks"),)
        if trade.size_lots <= 0:
            return (_refusal(trade, now_ns, "bad_size", f"size of {trade.size_lots} lots"),)
        if not symbol.trade_ids.is_new(trade.trade_id):
            return (_refusal(trade, now_ns, "duplicate_trade", f"trade id {trade.trade_id}"),)
        symbol.flow.add(now_ns, trade.side, trade.size_lots)
        symbol.buckets.add(now_ns, trade.side, trade.size_lots)
        symbol.arrival.trade(now_ns, trade, symbol.mid_half_ticks)
        message = Trade(
            event_time_ns=now_ns,
            venue=trade.venue,
            symbol=trade.symbol,
            instrument_version=symbol.instrument.version,
            exchange_time_ns=trade.exchange_time_ns,
            price_ticks=trade.price_ticks,
            size_lots=trade.size_lots,
            side=trade.side,
            trade_id=trade.trade_id,
        )
        signal = symbol.signal_if_due(now_ns, self._config) if symbol.has_book else None
        return (message,) if signal is None else (message, signal)

    def _on_refused(self, refused: FeedRefused) -> tuple[Event, ...]:
        symbol = self._symbols.get(refused.key)
        if symbol is None:
            return (_refusal(refused, refused.event_time_ns, refused.reason, refused.detail),)
        now_ns = max(symbol.now_ns, refused.event_time_ns)
        symbol.now_ns = now_ns
        refusal = _refusal(refused, now_ns, refused.reason, refused.detail)
        return (refusal, *self._lose(symbol)) if refused.event_type == "book" else (refusal,)

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        messages: list[Event] = []
        for symbol in self._symbols.values():
            if symbol.has_book:
                symbol.now_ns = max(symbol.now_ns, tick.event_time_ns)
                messages.extend(self._tick_symbol(symbol, symbol.now_ns))
        return tuple(messages)

    def _tick_symbol(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        is_old = now_ns - symbol.book.updated_ns > self._age_ns_max
        if is_old and symbol.book.status not in ("stale", "gapped"):
            symbol.book.status = "stale"
            return self._publish(symbol, now_ns)
        signal = symbol.signal_if_due(now_ns, self._config)
        return () if signal is None else (signal,)


def _refusal(event: SymbolEvent, now_ns: int, reason: RefusalReason, detail: str) -> Refusal:
    return Refusal(event_time_ns=now_ns, venue=event.venue, symbol=event.symbol, reason=reason, detail=detail)


def _unknown(event: SymbolEvent) -> Refusal:
    return _refusal(event, event.event_time_ns, "unknown_symbol", "no instrument was announced for it")


def _backwards(event: SymbolEvent, symbol: SymbolMonitor) -> Refusal:
    behind_ms = (symbol.newest_ns - event.event_time_ns) // NS_PER_MS
    detail = f"{behind_ms} ms behind the symbol's newest event"
    return _refusal(event, symbol.now_ns, "time_backwards", detail)
