"""The core of quote-service: the newest facts of each symbol to the newest wanted quote."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from quote_service.quoting.core import reasons
from quote_service.quoting.core.drafting import (
    Holding,
    QuoteDraft,
    draft_quote,
    not_quoted,
    reduce_only,
)
from quote_service.quoting.core.ladder import DraftSide
from quote_service.quoting.core.models import ModelFacts
from quote_service.quoting.core.pressure import is_emergency
from quote_service.quoting.core.pricing import PricedQuote
from quote_service.quoting.core.reference import Reference
from quote_service.quoting.core.requoting import merged, stands
from quote_service.quoting.core.shaping import ShapeMemory
from quote_service.quoting.core.sizing import SizeLimits
from quote_service.quoting.core.steps import quote_steps, step_fields
from quote_service.quoting.models.vol_multiple import NAME as VOL_MULTIPLE
from schemas.config import Config
from schemas.control import Command, SettingChange
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Book, Instrument
from schemas.message import ALL_SYMBOLS, Event, Side
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.topics import QUOTE
from schemas.units import NS_PER_MS, NS_PER_S

Handler = Callable[[Any], tuple[Event, ...]]


@dataclass(slots=True)
class SymbolState:
    """The newest facts of one symbol, and the target that stands."""

    venue: str
    symbol: str
    instrument: Instrument | None = None
    limits: SizeLimits | None = None
    """None beside an instrument: its terms cannot be used."""
    book: Book | None = None
    signal: Signal | None = None
    position: Position | None = None
    risk: RiskState | None = None
    stopped: bool = False
    target: QuoteTarget | None = None
    sequence: int = 0
    priced_ns: int = 0
    memory: ShapeMemory = field(default_factory=ShapeMemory)
    reference: Reference = field(default_factory=Reference)

    @property
    def version(self) -> int:
        """Of the instrument in force."""
        return 1 if self.instrument is None else self.instrument.version

    @property
    def position_lots(self) -> int:
        """In the units of the instrument in force; 0 where the position is not told in them."""
        position = self.position
        return (
            0 if position is None or position.instrument_version != self.version else position.position_lots
        )

    def replace_instrument(self, instrument: Instrument, limits: SizeLimits | None) -> None:
        """Other terms make book and signal void: their ticks and lots are of the terms before."""
        before = self.instrument
        self.instrument, self.limits = instrument, limits
        if before is not None and before != instrument.model_copy(
            update={"event_time_ns": before.event_time_ns}
        ):
            self.book = self.signal = None
            self.memory, self.reference.log_ratio = ShapeMemory(), None


class QuoterCore:
    """Decides, per symbol, what should stand in the market. See Core in chassis.process."""

    def __init__(self, config: Config) -> None:
        self._settings = LiveSettings(QUOTE, config)
        self._own_configs = _own_configs(config)
        self._leaders = _leaders(self._own_configs)
        self._symbols: dict[str, SymbolState] = {}
        self._account_risk: RiskState | None = None
        self._all_stopped = False
        self._ending = False
        self._ttl_ns = config.market_making.target_ttl_ms * NS_PER_MS
        self._refresh_ns = self._ttl_ns // 2
        self._update_ns = int(config.market_making.update_frequency * NS_PER_S)
        self._book_age_ns_max = config.market_data.book_age_ms_max * NS_PER_MS
        self._tick_ns = 0
        self._now_ns = 0
        """Of the event in hand, or of the newest tick where that is later: what comes late is late."""
        self._handlers: dict[type[Event], Handler] = {
            Book: self._on_book,
            Signal: self._on_signal,
            Position: self._on_position,
            RiskState: self._on_risk,
            Instrument: self._on_instrument,
            Command: self._on_command,
            SettingChange: self._on_setting,
            Tick: self._on_tick,
            Shutdown: self._on_shutdown,
            ConfigApplied: self._on_start,
        }

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The targets that `event` changes."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return ()
        self._now_ns = max(self._tick_ns, event.event_time_ns)
        return handler(event)

    def _state(self, event: Book | Signal | Position | RiskState | Instrument) -> SymbolState:
        state = self._symbols.get(event.key)
        if state is None:
            state = SymbolState(event.venue, event.symbol, stopped=self._all_stopped)
            self._symbols[event.key] = state
        return state

    def _on_book(self, book: Book) -> tuple[Event, ...]:
        state = self._state(book)
        state.book = book
        targets = self._requote(state, self._now_ns)
        return targets + self._lead(book) if book.key in self._leaders else targets

    def _lead(self, book: Book) -> tuple[Event, ...]:
        """Price the symbols that follow this market."""
        targets: list[Event] = []
        for state in self._symbols.values():
            if self._config(state).pricing.reference_market == book.key:
                state.reference.see(book)
                targets += self._requote(state, self._now_ns)
        return tuple(targets)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        """Waits for the book that follows it, where one does; takers in a hurry are not waited for."""
        state = self._state(signal)
        before, state.signal = state.signal, signal
        if state.book is None or signal.book_time_ns > state.book.event_time_ns:
            return ()
        pricing = self._config(state).pricing
        begins = is_emergency(signal, pricing) and not (before and is_emergency(before, pricing))
        return self._requote(state, self._now_ns) if begins or before is None else ()

    def _on_position(self, position: Position) -> tuple[Event, ...]:
        state = self._state(position)
        before, state.position = state.position, position
        if before is not None and before.instrument_version == position.instrument_version:
            change_lots = position.position_lots - before.position_lots
            shape = self._config(state).shape
            state.memory.after_fills.see(change_lots, state.target, self._now_ns, shape)
        return self._requote(state, self._now_ns)

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        state = self._state(instrument)
        state.replace_instrument(instrument, SizeLimits.of(instrument, self._config(state)))
        return () if state.target is None else self._requote(state, self._now_ns)

    def _on_risk(self, risk: RiskState) -> tuple[Event, ...]:
        if risk.symbol != ALL_SYMBOLS:
            state = self._state(risk)
            state.risk = risk
            return self._requote(state, self._now_ns)
        before, self._account_risk = self._account_risk, risk
        if before is not None and (before.state, before.reasons) == (risk.state, risk.reasons):
            return ()  # a heartbeat
        return self._requote_all(self._now_ns)

    def _on_command(self, command: Command) -> tuple[Event, ...]:
        if command.action not in ("start", "stop"):
            return ()
        stopped = command.action == "stop"
        if command.symbol == ALL_SYMBOLS:
            self._all_stopped = stopped
            for state in self._symbols.values():
                state.stopped = stopped
            return self._requote_all(self._now_ns)
        known = self._symbols.get(command.key)
        if known is None:
            return ()  # the gateway refuses commands for symbols that are not there
        known.stopped = stopped
        return self._requote(known, self._now_ns)

    def _on_setting(self, change: SettingChange) -> tuple[Event, ...]:
        """Price everything by the new value at once."""
        applied = self._settings.take(change)
        if applied is None:
            return ()
        self._own_configs = _own_configs(self._settings.config)
        for state in self._symbols.values():
            if state.instrument is not None:
                state.limits = SizeLimits.of(state.instrument, self._config(state))
        return (applied, *self._requote_all(self._now_ns))

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        """Price what no book update has had priced for an update interval."""
        now_ns = self._tick_ns = tick.event_time_ns
        return tuple(
            target
            for state in self._symbols.values()
            if now_ns - state.priced_ns >= self._update_ns
            for target in self._requote(state, now_ns)
        )

    def _on_shutdown(self, shutdown: Shutdown) -> tuple[Event, ...]:
        self._ending = True
        return self._requote_all(self._now_ns)

    def _on_start(self, start: ConfigApplied) -> tuple[Event, ...]:
        """The process begins again: what its last shutdown ended is wanted anew."""
        self._ending = False
        return ()

    def _requote_all(self, now_ns: int) -> tuple[Event, ...]:
        return tuple(target for state in self._symbols.values() for target in self._requote(state, now_ns))

    def _requote(self, state: SymbolState, now_ns: int) -> tuple[Event, ...]:
        """A target where the quote changed enough; the standing one again where it grows old."""
        state.priced_ns = now_ns
        draft = self._draft(state, now_ns)
        standing = state.target
        if standing is None or standing.instrument_version != state.version:
            return (self._publish_new(state, now_ns, draft, draft.bid, draft.ask),)
        memory = state.memory.sides
        bid, ask = merged(standing, draft, state.book, memory, now_ns, self._config(state))
        if not (stands(standing.bid, bid) and stands(standing.ask, ask)):
            return (self._publish_new(state, now_ns, draft, bid, ask),)
        if now_ns - standing.event_time_ns >= self._refresh_ns:
            model = (standing.model, standing.model_because)
            return (self._publish(state, now_ns, standing.bid, standing.ask, model),)
        return ()

    def _config(self, state: SymbolState) -> Config:
        """As the symbol has it."""
        return self._own_configs.get(state.symbol, self._settings.config)

    def _draft(self, state: SymbolState, now_ns: int) -> QuoteDraft:
        reason = self._blocked(state)
        if reason is not None:
            return not_quoted(reason)
        book, signal, limits = state.book, state.signal, state.limits
        if limits is None:
            return not_quoted(reasons.NO_INSTRUMENT)
        if book is None:
            return not_quoted(reasons.NO_BOOK)
        reason = self._unsound(book, state.version, now_ns)
        if reason is not None:
            return not_quoted(reason)
        if signal is None:
            return not_quoted(reasons.NO_SIGNAL)
        config = self._config(state)
        held = Holding(state.position_lots, 0.0 if state.position is None else state.position.bias)
        facts = _facts(state, signal, now_ns)
        if config.pricing.reference_market is not None:
            half_life_s = config.pricing.reference_half_life_s
            by_reference = state.reference.fair_ticks(book, now_ns, half_life_s, self._book_age_ns_max)
            facts = facts._replace(reference_ticks=by_reference)
        draft = draft_quote(book, signal, held, limits, facts, config)
        if state.instrument is not None:
            draft = state.memory.applied(draft, state.instrument, limits, now_ns, config.shape)
        return reduce_only(draft, state.position_lots, limits) if self._is_reduce_only(state) else draft

    def _blocked(self, state: SymbolState) -> str | None:
        """Why the symbol may not be quoted whatever its market does, or None."""
        if self._ending:
            return reasons.SHUTDOWN
        if state.stopped:
            return reasons.STOPPED_BY_COMMAND
        if self._account_risk is None:
            return reasons.NO_RISK_STATE
        if self._account_risk.state == "HALT":
            return reasons.halt_reason(self._account_risk)
        if state.risk is not None and state.risk.state == "HALT":
            return reasons.halt_reason(state.risk)
        return None

    def _unsound(self, book: Book, version: int, now_ns: int) -> str | None:
        """Why the book cannot be quoted from, or None."""
        if book.instrument_version != version:
            return reasons.NO_INSTRUMENT
        if now_ns - book.event_time_ns > self._book_age_ns_max:
            return reasons.BOOK_REASONS["stale"]
        return reasons.book_reason(book)

    def _is_reduce_only(self, state: SymbolState) -> bool:
        return any(
            risk is not None and risk.state == "REDUCE_ONLY" for risk in (state.risk, self._account_risk)
        )

    def _publish_new(
        self, state: SymbolState, now_ns: int, draft: QuoteDraft, bid: DraftSide, ask: DraftSide
    ) -> QuoteTarget:
        """The sides as they are to stand; one that stands already keeps the explanation it came with."""
        sides = []
        names: tuple[Side, Side] = ("buy", "sell")
        for name, made, memory in zip(names, (bid, ask), state.memory.sides, strict=True):
            old = None if state.target is None else _side_of(state.target, name)
            if old is not None and made.prices and old.prices[:1] == made.prices[:1]:
                sides.append(old.model_copy(update={"prices": made.prices, "sizes": made.sizes}))
                continue
            memory.priced_ns = now_ns
            sides.append(_message(made, draft.priced, name))
        return self._publish(state, now_ns, sides[0], sides[1], _model_of(draft))

    def _publish(
        self,
        state: SymbolState,
        now_ns: int,
        bid: QuoteSide,
        ask: QuoteSide,
        model: tuple[str, str | None],
    ) -> QuoteTarget:
        state.sequence += 1
        book = state.book
        two_sided = book is not None and book.bid_prices and book.ask_prices
        target = QuoteTarget(
            event_time_ns=now_ns,
            venue=state.venue,
            symbol=state.symbol,
            instrument_version=state.version,
            sequence=state.sequence,
            valid_until_ns=now_ns + self._ttl_ns,
            mid_half_ticks=book.bid_prices[0] + book.ask_prices[0] if book and two_sided else None,
            model=model[0],
            model_because=model[1],
            bid=bid,
            ask=ask,
        )
        state.target = target
        return target


def _own_configs(config: Config) -> dict[str, Config]:
    """Of the symbols for which something is different."""
    return {symbol: config.of_symbol(symbol) for symbol in config.per_symbol}


def _leaders(configs: dict[str, Config]) -> dict[str, None]:
    """The markets that others follow."""
    found = (config.pricing.reference_market for config in configs.values())
    return dict.fromkeys(key for key in found if key is not None)


def _facts(state: SymbolState, signal: Signal, now_ns: int) -> ModelFacts:
    """What models are told of the symbol; sizes are not known yet."""
    instrument, position = state.instrument, state.position
    is_ready = signal.arrival_ready
    return ModelFacts(
        arrival_rate_per_s=signal.arrival_rate_per_s if is_ready else None,
        arrival_decay_per_tick=signal.arrival_decay_per_tick if is_ready else None,
        fee_bps=0.0 if instrument is None else float(instrument.maker_fee_bps),
        adverse_bps=max(0.0, position.adverse_bps or 0.0) if position is not None else 0.0,
        money_per_tick_lot=1.0 if instrument is None else float(instrument.money_per_tick_lot),
        now_ns=now_ns,
    )


def _model_of(draft: QuoteDraft) -> tuple[str, str | None]:
    """The model in force, and why it is not the configured one; before any price, the one without needs."""
    return (VOL_MULTIPLE, None) if draft.priced is None else draft.priced.answer[:2]


def _message(side: DraftSide, priced: PricedQuote | None, name: Side) -> QuoteSide:
    fields = {
        "prices": side.prices,
        "sizes": side.sizes,
        "steps": () if priced is None else step_fields(quote_steps(priced, name)),
        "not_quoting_because": side.reason,
    }
    return QuoteSide.model_validate(fields)  # one call for the side and its steps: half the time


def _side_of(target: QuoteTarget, name: Side) -> QuoteSide:
    return target.bid if name == "buy" else target.ask
