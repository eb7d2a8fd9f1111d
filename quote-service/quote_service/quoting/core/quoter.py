"""The core of quote-service: the newest facts of each symbol to the newest wanted quote."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from quote_service.quoting.core import reasons
from quote_service.quoting.core.pricing import (
    MODEL,
    PricingInputs,
    RawStep,
    price_quote,
    step_fields,
)
from quote_service.quoting.core.requoting import Standing, must_requote
from quote_service.quoting.core.sizing import SizeUnits, quote_size_lots
from schemas.config import Config
from schemas.control import Command
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.message import ALL_SYMBOLS, Event, Side
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S

Handler = Callable[[Any], tuple[Event, ...]]


class DraftSide(NamedTuple):
    """One side as it would be quoted now; `price_ticks` is None where it is not."""

    price_ticks: int | None
    size_lots: int
    reason: str | None
    steps: list[RawStep]


@dataclass(slots=True)
class SymbolState:
    """The newest facts of one symbol, and the target that stands."""

    venue: str
    symbol: str
    instrument: Instrument | None = None
    units: SizeUnits | None = None
    book: Book | None = None
    signal: Signal | None = None
    position: Position | None = None
    risk: RiskState | None = None
    stopped: bool = False
    target: QuoteTarget | None = None
    sequence: int = 0
    priced_ns: int = 0


def volatility_bps(signal: Signal, config: Config) -> float:
    """Per square root of a second; during warm-up the larger of the estimate and the configured stand-in."""
    estimate = (signal.volatility_per_sqrt_s or 0.0) * BPS_PER_UNIT
    return estimate if signal.volatility_ready else max(estimate, config.pricing.warmup_volatility_bps)


def pricing_inputs(book: Book, signal: Signal, bias: float, config: Config) -> PricingInputs:
    """What the price of a live book depends on now."""
    bid, ask = book.bid_prices[0], book.ask_prices[0]
    fair = (bid + ask) / 2
    if config.pricing.fair_value == "weighted_mid":
        bid_size, ask_size = book.bid_sizes[0], book.ask_sizes[0]
        fair = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
    mean_depth = (signal.bid_depth_lots + signal.ask_depth_lots) / 2
    is_flow = signal.flow_volume_lots >= config.pricing.emergency_volume_ratio * mean_depth
    return PricingInputs(
        best_bid_ticks=bid,
        best_ask_ticks=ask,
        fair_ticks=fair,
        volatility_bps=volatility_bps(signal, config),
        bias=bias,
        imbalance=signal.imbalance,
        flow_imbalance=signal.flow_imbalance if is_flow else 0.0,
    )


def draft_sides(
    book: Book, signal: Signal, bias: float, units: SizeUnits, config: Config
) -> tuple[DraftSide, DraftSide]:
    """Both sides for a live book, before risk has its say."""
    priced = price_quote(pricing_inputs(book, signal, bias, config), config.market_making, config.pricing)
    levels = config.market_data.depth_levels
    bid_level = signal.bid_depth_lots / min(levels, len(book.bid_sizes))
    ask_level = signal.ask_depth_lots / min(levels, len(book.ask_sizes))
    bid = _sized("buy", priced.bid_ticks, priced.bid_steps, bid_level, bias, signal, units, config)
    ask = _sized("sell", priced.ask_ticks, priced.ask_steps, ask_level, bias, signal, units, config)
    return bid, ask


def _sized(
    side: Side,
    price_ticks: int,
    steps: list[RawStep],
    level_lots: float,
    bias: float,
    signal: Signal,
    units: SizeUnits,
    config: Config,
) -> DraftSide:
    if price_ticks <= 0:
        return DraftSide(None, 0, reasons.PRICE_NOT_POSITIVE, steps)
    size, reason = quote_size_lots(
        side, price_ticks, level_lots, bias, signal.regime, units, config.pricing, config.inventory
    )
    return DraftSide(None if reason else price_ticks, size, reason, steps)


def reduce_only(bid: DraftSide, ask: DraftSide, position_lots: int) -> tuple[DraftSide, DraftSide]:
    """Leave only what lowers the position, and no more of it than there is."""

    def cut(side: DraftSide, reducible_lots: int) -> DraftSide:
        size = min(side.size_lots, reducible_lots)
        if side.price_ticks is None or size > 0:
            return side._replace(size_lots=size)
        return DraftSide(None, 0, reasons.RISK_REDUCE_ONLY, side.steps)

    return cut(bid, max(0, -position_lots)), cut(ask, max(0, position_lots))


class QuoterCore:
    """Decides, per symbol, what should stand in the market. See Core in chassis.process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._symbols: dict[str, SymbolState] = {}
        self._account_risk: RiskState | None = None
        self._all_stopped = False
        self._ending = False
        self._ttl_ns = config.market_making.target_ttl_ms * NS_PER_MS
        self._update_ns = int(config.market_making.update_frequency * NS_PER_S)
        self._book_age_ns_max = config.market_data.book_age_ms_max * NS_PER_MS
        self._handlers: dict[type[Event], Handler] = {
            Book: self._on_book,
            Signal: self._on_signal,
            Position: self._on_position,
            RiskState: self._on_risk,
            Instrument: self._on_instrument,
            Command: self._on_command,
            Tick: self._on_tick,
            Shutdown: self._on_shutdown,
            ConfigApplied: self._on_start,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The targets that `event` changes."""
        handler = self._handlers.get(type(event))
        return handler(event) if handler is not None else ()

    def _state(self, event: Book | Signal | Position | RiskState | Instrument) -> SymbolState:
        state = self._symbols.get(event.key)
        if state is None:
            state = SymbolState(event.venue, event.symbol, stopped=self._all_stopped)
            self._symbols[event.key] = state
        return state

    def _on_book(self, book: Book) -> tuple[Event, ...]:
        state = self._state(book)
        state.book = book
        return self._requote(state, book.event_time_ns)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        self._state(signal).signal = signal  # the book of the same input follows, and is priced with it
        return ()

    def _on_position(self, position: Position) -> tuple[Event, ...]:
        state = self._state(position)
        state.position = position
        return self._requote(state, position.event_time_ns)

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        state = self._state(instrument)
        state.instrument = instrument
        state.units = SizeUnits.of(instrument, self._config.inventory)
        return ()

    def _on_risk(self, risk: RiskState) -> tuple[Event, ...]:
        if risk.symbol != ALL_SYMBOLS:
            state = self._state(risk)
            state.risk = risk
            return self._requote(state, risk.event_time_ns)
        before, self._account_risk = self._account_risk, risk
        if before is not None and (before.state, before.reasons) == (risk.state, risk.reasons):
            return ()  # a heartbeat
        return self._requote_all(risk.event_time_ns)

    def _on_command(self, command: Command) -> tuple[Event, ...]:
        if command.action not in ("start", "stop"):
            return ()
        stopped = command.action == "stop"
        if command.symbol == ALL_SYMBOLS:
            self._all_stopped = stopped
            for state in self._symbols.values():
                state.stopped = stopped
            return self._requote_all(command.event_time_ns)
        known = self._symbols.get(command.key)
        if known is None:
            return ()  # the gateway refuses commands for symbols that are not there
        known.stopped = stopped
        return self._requote(known, command.event_time_ns)

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        """Price what no book update has had priced for an update interval."""
        now_ns = tick.event_time_ns
        return tuple(
            target
            for state in self._symbols.values()
            if now_ns - state.priced_ns >= self._update_ns
            for target in self._requote(state, now_ns)
        )

    def _on_shutdown(self, shutdown: Shutdown) -> tuple[Event, ...]:
        self._ending = True
        return self._requote_all(shutdown.event_time_ns)

    def _on_start(self, start: ConfigApplied) -> tuple[Event, ...]:
        """The process begins again: what its last shutdown ended is wanted anew."""
        self._ending = False
        return ()

    def _requote_all(self, now_ns: int) -> tuple[Event, ...]:
        return tuple(target for state in self._symbols.values() for target in self._requote(state, now_ns))

    def _requote(self, state: SymbolState, now_ns: int) -> tuple[Event, ...]:
        book = state.book
        if book is None:
            return ()
        state.priced_ns = now_ns
        bid, ask = self._draft(state, book, now_ns)
        standing = state.target
        if standing is not None:
            for_bid = Standing(standing.bid, bid.price_ticks, bid.size_lots, bid.reason)
            for_ask = Standing(standing.ask, ask.price_ticks, ask.size_lots, ask.reason)
            if not must_requote(for_bid, for_ask, book, self._config.market_making):
                if now_ns - standing.event_time_ns < self._ttl_ns // 2:
                    return ()
                return (self._publish(state, now_ns, standing.bid, standing.ask),)
        return (self._publish(state, now_ns, _message(bid), _message(ask)),)

    def _draft(self, state: SymbolState, book: Book, now_ns: int) -> tuple[DraftSide, DraftSide]:
        reason = self._blocked(state, book, now_ns)
        signal, units = state.signal, state.units
        if reason is not None or signal is None or units is None:
            blocked = DraftSide(None, 0, reason or reasons.NO_SIGNAL, [])
            return blocked, blocked
        position = state.position
        bias = 0.0 if position is None else position.bias
        bid, ask = draft_sides(book, signal, bias, units, self._config)
        if self._is_reduce_only(state):
            return reduce_only(bid, ask, 0 if position is None else position.position_lots)
        return bid, ask

    def _blocked(self, state: SymbolState, book: Book, now_ns: int) -> str | None:
        """Why neither side may be quoted, or None."""
        if self._ending:
            return reasons.SHUTDOWN
        if state.stopped:
            return reasons.STOPPED_BY_COMMAND
        if state.instrument is None:
            return reasons.NO_INSTRUMENT
        if self._account_risk is None:
            return reasons.NO_RISK_STATE
        for risk in (state.risk, self._account_risk):
            if risk is not None and risk.state == "HALT":
                return f"{reasons.RISK_HALT}: {risk.reasons[0] if risk.reasons else 'no reason given'}"
        if now_ns - book.event_time_ns > self._book_age_ns_max:
            return reasons.BOOK_REASONS["stale"]
        return reasons.BOOK_REASONS[book.status]

    def _is_reduce_only(self, state: SymbolState) -> bool:
        return any(
            risk is not None and risk.state == "REDUCE_ONLY" for risk in (state.risk, self._account_risk)
        )

    def _publish(self, state: SymbolState, now_ns: int, bid: QuoteSide, ask: QuoteSide) -> QuoteTarget:
        state.sequence += 1
        book, instrument = state.book, state.instrument
        two_sided = book is not None and book.bid_prices and book.ask_prices
        target = QuoteTarget(
            event_time_ns=now_ns,
            venue=state.venue,
            symbol=state.symbol,
            instrument_version=1 if instrument is None else instrument.version,
            sequence=state.sequence,
            valid_until_ns=now_ns + self._ttl_ns,
            mid_half_ticks=book.bid_prices[0] + book.ask_prices[0] if book and two_sided else None,
            model=MODEL,
            bid=bid,
            ask=ask,
        )
        state.target = target
        return target


def _message(side: DraftSide) -> QuoteSide:
    quoted = side.price_ticks is not None
    fields = {
        "prices": (side.price_ticks,) if quoted else (),
        "sizes": (side.size_lots,) if quoted else (),
        "steps": step_fields(side.steps),
        "not_quoting_because": side.reason,
    }
    return QuoteSide.model_validate(fields)  # one call for the side and its steps: half the time
