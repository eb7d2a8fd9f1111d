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

    def _on_instrument(self, announced: FeedInstrument) -> tuple[Event, ...]:
        instrument = Instrument(**dict(announced))
        self._symbols[announced.key] = SymbolMonitor.of(instrument, self._config)
        return (instrument,)

    def _on_book(self, update: FeedBook) -> tuple[Event, ...]:
        symbol = self._symbols.get(update.key)
        if symbol is None:
            return (_refusal(update, "unknown_symbol", "no instrument was announced for it"),)
        time_ns = update.event_time_ns
        if time_ns < symbol.newest_ns:
            if symbol.newest_ns - time_ns > BACKWARDS_NS_MAX:
                return (_backwards(update, symbol.newest_ns), *self._lose(symbol, symbol.newest_ns))
            time_ns = symbol.newest_ns
        symbol.newest_ns = time_ns
        before = symbol.book.status
        reason = symbol.book.accept(update)
        if reason is not None:
            refusal = _refusal(update, reason, f"sequence {update.sequence} after {symbol.book.sequence}")
            return (refusal, *self._publish(symbol, time_ns)) if symbol.book.status != before else (refusal,)
        symbol.book.updated_ns = time_ns
        return self._publish(symbol, time_ns)

    def _publish(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        """The book, after the signal where one is due: readers price a book with fresh features."""
        book = symbol.book_message(now_ns, self._levels, self._depth_levels)
        signal = symbol.signal_if_due(now_ns, self._config)
        return (book,) if signal is None else (signal, book)

    def _lose(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        before = symbol.book.status
        symbol.book.lose()
        return self._publish(symbol, now_ns) if symbol.book.status != before else ()

    def _on_trade(self, trade: FeedTrade) -> tuple[Event, ...]:
        symbol = self._symbols.get(trade.key)
        if symbol is None:
            return (_refusal(trade, "unknown_symbol", "no instrument was announced for it"),)
        time_ns = trade.event_time_ns
        if time_ns < symbol.newest_ns:
            if symbol.newest_ns - time_ns > BACKWARDS_NS_MAX:
                return (_backwards(trade, symbol.newest_ns),)
            time_ns = symbol.newest_ns
        if not symbol.trade_ids.is_new(trade.trade_id):
            return (_refusal(trade, "duplicate_trade", f"trade id {trade.trade_id}"),)
        symbol.newest_ns = time_ns
        symbol.flow.add(time_ns, trade.side, trade.size_lots)
        message = Trade(
            event_time_ns=time_ns,
            venue=trade.venue,
            symbol=trade.symbol,
            instrument_version=symbol.instrument.version,
            exchange_time_ns=trade.exchange_time_ns,
            price_ticks=trade.price_ticks,
            size_lots=trade.size_lots,
            side=trade.side,
            trade_id=trade.trade_id,
        )
        signal = symbol.signal_if_due(time_ns, self._config) if symbol.book.updated_ns else None
        return (message,) if signal is None else (message, signal)

    def _on_refused(self, refused: FeedRefused) -> tuple[Event, ...]:
        refusal = _refusal(refused, refused.reason, refused.detail)
        symbol = self._symbols.get(refused.key)
        if symbol is None or refused.event_type != "book":
            return (refusal,)
        time_ns = max(refused.event_time_ns, symbol.newest_ns)
        return (refusal, *self._lose(symbol, time_ns))

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        messages: list[Event] = []
        for symbol in self._symbols.values():
            if symbol.book.updated_ns:
                messages.extend(self._tick_symbol(symbol, max(tick.event_time_ns, symbol.newest_ns)))
        return tuple(messages)

    def _tick_symbol(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        fresh = now_ns - symbol.book.updated_ns <= self._age_ns_max
        if not fresh and symbol.book.status not in ("stale", "gapped", "building"):
            symbol.book.status = "stale"
            return self._publish(symbol, now_ns)
        signal = symbol.signal_if_due(now_ns, self._config)
        return () if signal is None else (signal,)


def _refusal(event: SymbolEvent, reason: RefusalReason, detail: str) -> Refusal:
    return Refusal(
        event_time_ns=event.event_time_ns,
        venue=event.venue,
        symbol=event.symbol,
        reason=reason,
        detail=detail,
    )


def _backwards(event: SymbolEvent, newest_ns: int) -> Refusal:
    behind_ms = (newest_ns - event.event_time_ns) // NS_PER_MS
    return _refusal(event, "time_backwards", f"{behind_ms} ms behind the symbol's newest event")
