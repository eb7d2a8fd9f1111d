"""The core of monitor-service: turns feed data into market facts that can be relied on."""

from collections.abc import Callable
from typing import Any, assert_never, get_args

from monitor_service.core.contract_versions import KnownTerms, next_version
from monitor_service.core.started_symbols import RequestedSymbols
from monitor_service.core.symbol import SymbolMonitor
from schemas.carried.monitor import MonitorCarried
from schemas.config import Config
from schemas.control import Command
from schemas.core import DecidingCore
from schemas.market import (
    FeedBook,
    FeedInstrument,
    FeedLag,
    FeedRate,
    FeedRefused,
    FeedTrade,
    Instrument,
    MarketLag,
    Rate,
    Refusal,
    RefusalReason,
    SymbolRemoved,
    Trade,
)
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import REMOVED, KillReport
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.signals import Signal
from schemas.topics import MONITOR
from schemas.units import NS_PER_MS, NS_PER_S

BACKWARDS_NS_MAX = NS_PER_S
"""An event up to this much older than its symbol's newest is moved to the newest's time; beyond, refused."""

Handler = Callable[[Any], tuple[Event, ...]]


MonitorInput = (
    FeedBook
    | FeedTrade
    | FeedInstrument
    | FeedRate
    | FeedRefused
    | FeedLag
    | Command
    | KillReport
    | MonitorCarried
    | ConfigApplied
    | Tick
    | Shutdown
)
"""The messages it consumes."""


class MonitorCore(DecidingCore[MonitorInput]):
    """Maintains the book and the features of every symbol. See Core in runtime.process.definition."""

    inputs = frozenset(get_args(MonitorInput))

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.requested = RequestedSymbols()
        """Symbols started by operators beyond the configuration: read by the feed."""
        self._config = config
        self._symbols: dict[str, SymbolMonitor] = {}
        self._terms: dict[str, KnownTerms] = {}
        """By key, including contracts that are no longer followed."""
        self._levels = config.market_data.book_levels
        self._depth_levels = config.market_data.depth_levels
        self._age_ns_max = config.market_data.book_age_ms_max * NS_PER_MS
        self._lag_ms_max = config.market_data.lag_ms_max

    def _decide(self, event: MonitorInput) -> tuple[Event, ...]:  # noqa: C901, PLR0912  a case for each input
        """The market facts due to `event`."""
        match event:
            case FeedBook():
                return self._on_book(event)
            case FeedTrade():
                return self._on_trade(event)
            case FeedInstrument():
                return self._on_instrument(event)
            case FeedRate():
                return self._on_rate(event)
            case FeedRefused():
                return self._on_refused(event)
            case FeedLag():
                return self._on_lag(event)
            case Command():
                return self._on_command(event)
            case KillReport():
                return self._on_kill_report(event)
            case MonitorCarried():
                return self._on_carried(event)
            case ConfigApplied():
                return self._on_start(event)
            case Tick():
                return self._on_tick(event)
            case Shutdown():
                return self._on_shutdown()
            case _:
                assert_never(event)

    def signal_of(self, key: str) -> Signal | None:
        """The current features of `venue:symbol`; None where it is unknown."""
        symbol = self._symbols.get(key)
        return None if symbol is None else symbol.make_signal(symbol.now_ns)

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """See Carries: contract versions, and symbols that operators started."""
        requested = self.requested
        keys = dict.fromkeys((*self._terms, *requested.started, *requested.removing, *requested.removed))
        return tuple(self._carried(key, now_ns) for key in keys)

    def _carried(self, key: str, now_ns: int) -> MonitorCarried:
        venue, _, symbol = key.partition(":")
        requested = self.requested
        carried = MonitorCarried(
            event_time_ns=now_ns,
            process=MONITOR,
            venue=venue,
            symbol=symbol,
            started_by=requested.started.get(key),
            removed_by=requested.removed.get(key),
        )
        known = self._terms.get(key)
        if known is None:
            return carried
        names = ("tick_size", "lot_size", "multiplier", "quote_currency")
        units = dict(zip(names, known.units, strict=True))
        return carried.model_copy(update={"instrument_version": known.version, **units})

    def _on_carried(self, carried: MonitorCarried) -> tuple[Event, ...]:
        tick_size, lot_size = carried.tick_size, carried.lot_size
        if tick_size is not None and lot_size is not None:
            units = (tick_size, lot_size, carried.multiplier, carried.quote_currency)
            self._terms[carried.symbol_key] = KnownTerms(carried.instrument_version, units)
        if carried.started_by is not None:
            self.requested.start(carried.symbol_key, carried.started_by)
        if carried.removed_by is not None:
            self.requested.removed[carried.symbol_key] = carried.removed_by
        return ()

    def _on_command(self, command: Command) -> tuple[Event, ...]:
        """Operators may start symbols beyond the configuration; the feed answers or refuses."""
        key = command.key
        if command.symbol == ALL_SYMBOLS:
            return ()
        if command.action == "stop":
            self.requested.stop(key)
        elif command.action == "remove":
            self.requested.remove(key, command.command_id)
        elif command.action == "start":
            return self._on_start_of(command, key)
        return ()

    def _on_start_of(self, command: Command, key: str) -> tuple[Event, ...]:
        self.requested.removing.pop(key, None)
        if key not in self._symbols or key in self.requested.stopped:
            is_another = key not in self._symbols and key not in self.requested.started
            if is_another and self._is_full:
                return (self._one_too_many(command),)
            self.requested.start(key, command.command_id)
        return ()

    @property
    def _is_full(self) -> bool:
        followed = len(self._symbols) + sum(key not in self._symbols for key in self.requested.started)
        return followed >= self._config.market_data.symbols_max

    def _one_too_many(self, command: Command) -> Refusal:
        most = self._config.market_data.symbols_max
        detail = f"{most} symbols are followed, and market_data.symbols_max allows no more"
        return Refusal(
            event_time_ns=command.event_time_ns,
            venue=command.venue,
            symbol=command.symbol,
            reason="not_followed",
            detail=detail,
            command_id=command.command_id,
        )

    def _on_kill_report(self, report: KillReport) -> tuple[Event, ...]:
        """No order of ours is left in a symbol that an operator removes: it ends here."""
        if report.state != "confirmed" or REMOVED not in report.reasons:
            return ()
        command_id = self.requested.confirm_removal(report.key)
        if command_id is None:
            return ()
        self._symbols.pop(report.key, None)
        about = {"event_time_ns": self._now_ns, "venue": report.venue, "symbol": report.symbol}
        return (SymbolRemoved(**about, command_id=command_id),)

    def _on_instrument(self, announced: FeedInstrument) -> tuple[Event, ...]:
        if announced.key in self.requested.removed:
            return ()
        version = next_version(announced, self._terms.get(announced.key))
        if version != announced.version:
            announced = announced.model_copy(update={"version": version})
        self._terms[announced.key] = KnownTerms(version, announced.units)
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
        if instrument.version == known.instrument.version:
            known.instrument = instrument  # only fees or filters changed: the book stays valid
            return (instrument,)
        symbol = self._symbols[announced.key] = known.succeeded_by(instrument, self._config)
        return (instrument, *self._publish(symbol, now_ns)) if known.has_book else (instrument,)

    def _on_rate(self, rate: FeedRate) -> tuple[Event, ...]:
        """The rate of a currency whose market is not followed."""
        return (Rate(**dict(rate)),) if rate.rate > 0 else ()

    def _on_book(self, update: FeedBook) -> tuple[Event, ...]:
        symbol = self._symbols.get(update.key)
        if symbol is None:
            return self._unknown(update)
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

    def _unknown(self, event: SymbolEvent) -> tuple[Event, ...]:
        """What was on its way when a symbol was removed is no defect."""
        if event.key in self.requested.removed:
            return ()
        return (_refusal(event, event.event_time_ns, "unknown_symbol", "no instrument was announced for it"),)

    def _publish(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        """The book, preceded by a signal where one is due: readers price a book with current features."""
        bids, asks = symbol.book.best_bids(self._levels), symbol.book.best_asks(self._levels)
        symbol.observe_book(now_ns, bids, asks, self._depth_levels)
        book = symbol.book_message(now_ns, bids, asks)
        signal = symbol.publish_signal_if_due(now_ns, self._config)
        return (book,) if signal is None else (signal, book)

    def _lose(self, symbol: SymbolMonitor) -> tuple[Event, ...]:
        before = symbol.book.status
        symbol.book.lose()
        return self._publish(symbol, symbol.now_ns) if symbol.book.status != before else ()

    def _on_trade(self, trade: FeedTrade) -> tuple[Event, ...]:
        symbol = self._symbols.get(trade.key)
        if symbol is None:
            return self._unknown(trade)
        if symbol.newest_ns - trade.event_time_ns > BACKWARDS_NS_MAX:
            return (_backwards(trade, symbol),)
        now_ns = symbol.advance(trade.event_time_ns)
        if trade.price_ticks <= 0:
            return (_refusal(trade, now_ns, "bad_price", f"price of {trade.price_ticks} ticks"),)
        if trade.size_lots <= 0:
            return (_refusal(trade, now_ns, "bad_size", f"size of {trade.size_lots} lots"),)
        if not symbol.trade_ids.add(trade.trade_id):
            return (_refusal(trade, now_ns, "duplicate_trade", f"trade id {trade.trade_id}"),)
        symbol.flow.add(now_ns, trade.side, trade.size_lots)
        if symbol.burst is not None:
            symbol.burst.add(now_ns, trade.side, trade.size_lots)
        symbol.buckets.add(now_ns, trade.side, trade.size_lots)
        symbol.arrival.observe_trade(now_ns, trade, symbol.mid_half_ticks)
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
        symbol.hold_mid(now_ns)
        signal = symbol.publish_signal_if_due(now_ns, self._config) if symbol.has_book else None
        return (message,) if signal is None else (message, signal)

    def _on_refused(self, refused: FeedRefused) -> tuple[Event, ...]:
        symbol = self._symbols.get(refused.key)
        if refused.command_id is not None:
            self.requested.refuse(refused.key)
            refusal = _refusal(refused, refused.event_time_ns, refused.reason, refused.detail)
            return (refusal.model_copy(update={"command_id": refused.command_id}),)
        if symbol is None:
            return (_refusal(refused, refused.event_time_ns, refused.reason, refused.detail),)
        now_ns = max(symbol.now_ns, refused.event_time_ns)
        symbol.now_ns = now_ns
        refusal = _refusal(refused, now_ns, refused.reason, refused.detail)
        return (refusal, *self._lose(symbol)) if refused.event_type == "book" else (refusal,)

    def _on_lag(self, lag: FeedLag) -> tuple[Event, ...]:
        """A book that newer data has overtaken is not live; the report that it was caught up ends that."""
        symbol = self._symbols.get(lag.key)
        if symbol is None:
            return ()
        before, now_ns = symbol.status, max(symbol.now_ns, lag.event_time_ns)
        symbol.now_ns = now_ns
        symbol.is_lagging = lag.left_ms > self._lag_ms_max
        news = MarketLag(**{**dict(lag), "event_time_ns": now_ns})
        if not symbol.has_book or symbol.status == before:
            return (news,)
        return (*self._publish(symbol, now_ns), news)

    def _on_start(self, start: ConfigApplied) -> tuple[Event, ...]:
        """What waited for the process before is gone."""
        for symbol in self._symbols.values():
            symbol.is_lagging = False
        return ()

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        messages: list[Event] = []
        for symbol in self._symbols.values():
            if symbol.has_book:
                symbol.now_ns = max(symbol.now_ns, tick.event_time_ns)
                messages.extend(self._tick_symbol(symbol, symbol.now_ns))
        return tuple(messages)

    def _on_shutdown(self) -> tuple[Event, ...]:
        """The mids that the gate still held back: profit ends at the last book."""
        moved = (symbol for symbol in self._symbols.values() if symbol.has_unpublished_mid)
        return tuple(symbol.publish_signal(symbol.now_ns) for symbol in moved)

    def _tick_symbol(self, symbol: SymbolMonitor, now_ns: int) -> tuple[Event, ...]:
        is_old = now_ns - symbol.book.updated_ns > self._age_ns_max
        if is_old and symbol.book.status not in ("stale", "gapped"):
            symbol.book.status = "stale"
            return self._publish(symbol, now_ns)
        symbol.hold_mid(now_ns)
        signal = symbol.publish_signal_if_due(now_ns, self._config)
        return () if signal is None else (signal,)


def _refusal(event: SymbolEvent, now_ns: int, reason: RefusalReason, detail: str) -> Refusal:
    return Refusal(event_time_ns=now_ns, venue=event.venue, symbol=event.symbol, reason=reason, detail=detail)


def _backwards(event: SymbolEvent, symbol: SymbolMonitor) -> Refusal:
    behind_ms = (symbol.newest_ns - event.event_time_ns) // NS_PER_MS
    detail = f"{behind_ms} ms behind the symbol's newest event"
    return _refusal(event, symbol.now_ns, "time_backwards", detail)
