"""The core of quote-service: turns each symbol's newest facts into its quote target."""

from typing import assert_never, get_args

from quote_service.quoting import reasons
from quote_service.quoting.draft import (
    HeldInventory,
    QuoteDraft,
    at_touch,
    draft_quote,
    not_quoted,
    reduce_only,
    within_gate,
)
from quote_service.quoting.fair_value.imbalance import begins_emergency
from quote_service.quoting.inputs import QuoterInput
from quote_service.quoting.ladder.levels import DraftSide
from quote_service.quoting.models.catalogue import prepare
from quote_service.quoting.own_configs import leaders, own_configs
from quote_service.quoting.refusals import allowed, within_collar
from quote_service.quoting.removed import RemovedSymbols
from quote_service.quoting.requote import merge, stands
from quote_service.quoting.sizing import SizeLimits
from quote_service.quoting.symbol_state import QuotedSymbol
from quote_service.quoting.target_message import model_facts, model_of, side_message, side_of
from schemas.balancing import BalanceOrder
from schemas.carried.quoter import QuoterCarried
from schemas.config import Config
from schemas.control import SWITCHES, Command, SettingChange
from schemas.core import DecidingCore
from schemas.gating import GateRoom
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Book, Instrument, SymbolRemoved
from schemas.message import ALL_SYMBOLS, Event, Side, SymbolEvent
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.risk import RiskState
from schemas.signals import Signal
from schemas.topics import QUOTE
from schemas.units import NS_PER_MS, NS_PER_S

_SIDES: tuple[Side, Side] = ("buy", "sell")
AWAITED_MAX = 1_000
"""Symbols that operators may switch on or off before any market data arrived for them."""


class QuoterCore(DecidingCore[QuoterInput]):
    """Decides, per symbol, which quotes should rest in the market. See Core in runtime.process.definition."""

    inputs = frozenset(get_args(QuoterInput))

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._settings = LiveSettings(QUOTE, config)
        self._own_configs = own_configs(config)
        prepare(each.model.name for each in (config, *self._own_configs.values()))
        self._leaders = leaders(self._own_configs)
        self._symbols: dict[str, QuotedSymbol] = {}
        self._awaited: dict[str, QuoterCarried] = {}
        """By key: carried state and stop commands for symbols without any data yet."""
        self._removed = RemovedSymbols()
        self._account_risk: RiskState | None = None
        self._all_stopped = False
        self._ending = False
        self._book_age_ns_max = config.market_data.book_age_ms_max * NS_PER_MS

    def _decide(self, event: QuoterInput) -> tuple[Event, ...]:  # noqa: C901, PLR0912  a case for each input
        """The quote targets that `event` changes."""
        if self._removed.ends(event):
            return ()
        match event:
            case Book():
                return self._on_book(event)
            case Signal():
                return self._on_signal(event)
            case Position():
                return self._on_position(event)
            case RiskState():
                return self._on_risk(event)
            case Instrument():
                return self._on_instrument(event)
            case Command():
                return self._on_command(event)
            case SymbolRemoved():
                return self._on_removed(event)
            case SettingChange():
                return self._on_setting(event)
            case GateRoom():
                return self._on_room(event)
            case BalanceOrder():
                return self._on_balance(event)
            case Tick():
                return self._on_tick(event)
            case Shutdown():
                return self._on_shutdown(event)
            case ConfigApplied():
                return self._on_start(event)
            case QuoterCarried():
                return self._on_carried(event)
            case _:
                assert_never(event)

    def _state(self, event: SymbolEvent) -> QuotedSymbol:
        state = self._symbols.get(event.key)
        if state is None:
            state = QuotedSymbol(event.venue, event.symbol, stopped=self._all_stopped)
            carried = state.carried = self._awaited.pop(event.key, None)
            if carried is not None:
                state.stopped, state.sequence = carried.stopped, carried.sequence
            self._symbols[event.key] = state
        return state

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """See Carries."""
        whole = QuoterCarried(event_time_ns=now_ns, process=QUOTE, stopped=self._all_stopped)
        awaited = (each.model_copy(update={"event_time_ns": now_ns}) for each in self._awaited.values())
        return (whole, *(each.as_carried(now_ns) for each in self._symbols.values()), *awaited)

    def _on_carried(self, carried: QuoterCarried) -> tuple[Event, ...]:
        if carried.symbol == ALL_SYMBOLS:
            self._all_stopped = carried.stopped
        else:
            self._awaited[carried.symbol_key] = carried
        return ()

    def _on_book(self, book: Book) -> tuple[Event, ...]:
        state = self._state(book)
        state.book = book
        targets = self._requote(state, self._now_ns)
        return targets + self._lead(book) if book.key in self._leaders else targets

    def _lead(self, book: Book) -> tuple[Event, ...]:
        """Reprice the symbols that use this market as reference."""
        targets: list[Event] = []
        for state in self._symbols.values():
            if self._config(state).pricing.reference_market == book.key:
                state.reference.observe(book)
                targets += self._requote(state, self._now_ns)
        return tuple(targets)

    def _on_signal(self, signal: Signal) -> tuple[Event, ...]:
        """Waits for the book that follows, where one does; emergencies and bursts reprice at once."""
        state = self._state(signal)
        before, state.signal = state.signal, signal
        own = self._config(state)
        begins = state.bursts.observe(signal, self._now_ns, own.reaction) or before is None
        begins |= begins_emergency(signal, before, own.pricing)
        return self._requote(state, self._now_ns) if begins and state.has_book_of(signal) else ()

    def _on_position(self, position: Position) -> tuple[Event, ...]:
        state = self._state(position)
        before, state.position = state.position, position
        if before is not None and before.instrument_version == position.instrument_version:
            change_lots = position.position_lots - before.position_lots
            shape = self._config(state).shape
            state.memory.after_fills.observe(change_lots, state.target, self._now_ns, shape)
        return self._requote(state, self._now_ns)

    def _on_instrument(self, instrument: Instrument) -> tuple[Event, ...]:
        state = self._state(instrument)
        state.replace_instrument(instrument, SizeLimits.of(instrument, self._config(state)))
        return () if state.target is None else self._requote(state, self._now_ns)

    def _on_room(self, room: GateRoom) -> tuple[Event, ...]:
        """What the gate leaves, or what it refused."""
        state = self._state(room)
        state.room = room
        return () if state.target is None else self._requote(state, self._now_ns)

    def _on_balance(self, decision: BalanceOrder) -> tuple[Event, ...]:
        state = self._state(decision)
        state.balance = decision
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
        if command.action not in SWITCHES:
            return ()
        stopped = command.action != "start"
        if command.symbol == ALL_SYMBOLS:
            self._all_stopped = stopped
            for state in self._symbols.values():
                state.stopped = stopped
            for key, awaited in self._awaited.items():
                self._awaited[key] = awaited.model_copy(update={"stopped": stopped})
            return self._requote_all(self._now_ns)
        known = self._symbols.get(command.key)
        if known is None:
            return self._await(command, stopped=stopped)
        known.stopped = stopped
        return self._requote(known, self._now_ns)

    def _on_removed(self, removed: SymbolRemoved) -> tuple[Event, ...]:
        self._symbols.pop(removed.key, None)
        self._removed.add(removed)
        return ()

    def _await(self, command: Command, *, stopped: bool) -> tuple[Event, ...]:
        """A symbol may be switched before any data arrives; the command applies once a feed opens it."""
        about = {"venue": command.venue, "symbol": command.symbol}
        before = self._awaited.get(command.key)
        if before is None and (stopped == self._all_stopped or len(self._awaited) >= AWAITED_MAX):
            return ()  # already the default, or too many unknown symbols are waiting
        before = before or QuoterCarried(event_time_ns=self._now_ns, process=QUOTE, **about)
        self._awaited[command.key] = before.model_copy(update={"stopped": stopped})
        return ()

    def _on_setting(self, change: SettingChange) -> tuple[Event, ...]:
        """Reprice every symbol under the new value at once."""
        applied = self._settings.apply(change, self._try)
        if applied is None:
            return ()
        self._own_configs = own_configs(self._settings.config)
        prepare(each.model.name for each in self._own_configs.values())
        self._leaders = leaders(self._own_configs)
        for state in self._symbols.values():
            if state.instrument is not None:
                state.limits = SizeLimits.of(state.instrument, self._config(state))
        return (applied, *self._requote_all(self._now_ns))

    def _try(self, config: Config) -> None:
        """Compute every symbol's limits and quote under the given configuration; raises where that fails."""
        own = own_configs(config)
        for state in self._symbols.values():
            if state.instrument is not None:
                self._try_symbol(state, state.instrument, own.get(state.symbol, config))

    def _try_symbol(self, state: QuotedSymbol, instrument: Instrument, config: Config) -> None:
        limits, book, signal = SizeLimits.of(instrument, config), state.book, state.signal
        if limits is None or book is None or signal is None or reasons.book_reason(book) is not None:
            return
        held = HeldInventory(state.position_lots, 0.0 if state.position is None else state.position.bias)
        draft = draft_quote(book, signal, held, limits, model_facts(state, signal, self._now_ns), config)
        side_message(draft.bid, draft.priced, "buy"), side_message(draft.ask, draft.priced, "sell")

    def _on_tick(self, tick: Tick) -> tuple[Event, ...]:
        """Reprice symbols without a book update for an update interval."""
        now_ns = self._tick_ns = tick.event_time_ns
        return tuple(
            target
            for state in self._symbols.values()
            if now_ns - state.priced_ns >= int(self._config(state).market_making.update_frequency * NS_PER_S)
            for target in self._requote(state, now_ns)
        )

    def _on_shutdown(self, shutdown: Shutdown) -> tuple[Event, ...]:
        self._ending = True
        return self._requote_all(self._now_ns)

    def _on_start(self, start: ConfigApplied) -> tuple[Event, ...]:
        """After a restart: quotes ended by the last shutdown are desired again."""
        self._ending = False
        return ()

    def _requote_all(self, now_ns: int) -> tuple[Event, ...]:
        return tuple(each for state in self._symbols.values() for each in self._requote(state, now_ns))

    def _requote(self, state: QuotedSymbol, now_ns: int) -> tuple[Event, ...]:
        """A target where the quote changed enough; the current one again before it expires."""
        state.priced_ns = now_ns
        draft = self._draft(state, now_ns)
        current = state.target_in_force
        if current is None:
            bid, ask = allowed(draft.bid, draft.ask, state)
            return (self._publish_new(state, now_ns, draft, bid, ask),)
        memory = state.memory.sides
        bid, ask = merge(current, draft, state.book, memory, now_ns, self._config(state))
        bid, ask = allowed(bid, ask, state)
        if not (stands(current.bid, bid) and stands(current.ask, ask)):
            return (self._publish_new(state, now_ns, draft, bid, ask),)
        if now_ns - current.event_time_ns >= self._ttl_ns(state) // 2:
            model = (current.model, current.model_because)
            return (self._publish(state, now_ns, current.bid, current.ask, model),)
        return ()

    def _config(self, state: QuotedSymbol) -> Config:
        """The symbol's own configuration."""
        return self._own_configs.get(state.symbol, self._settings.config)

    def _ttl_ns(self, state: QuotedSymbol) -> int:
        """How long a target of a symbol is valid."""
        return self._config(state).market_making.target_ttl_ms * NS_PER_MS

    def _draft(self, state: QuotedSymbol, now_ns: int) -> QuoteDraft:
        if (reason := self._blocked(state)) is not None:
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
        held = HeldInventory(state.position_lots, 0.0 if state.position is None else state.position.bias)
        state.observe_queues(book, config.reaction)
        facts = model_facts(state, signal, now_ns)
        if config.pricing.reference_market is not None:
            half_life_s = config.pricing.reference_half_life_s
            by_reference = state.reference.update(book, now_ns, half_life_s, self._book_age_ns_max)
            facts = facts._replace(reference_ticks=by_reference)
        draft = draft_quote(book, signal, held, limits, facts, config)
        if state.instrument is not None:
            draft = state.memory.apply(draft, state.instrument, limits, now_ns, config.shape)
        draft = at_touch(draft, book, state.balance_in_force(now_ns))
        if self._is_reduce_only(state):
            draft = reduce_only(draft, state.position_lots, limits)
        mid = book.bid_prices[0] + book.ask_prices[0]
        draft = within_gate(draft, mid, state.position_lots, limits, state.room_in_force)
        return within_collar(draft, state)

    def _blocked(self, state: QuotedSymbol) -> str | None:
        """The reason the symbol may not be quoted regardless of its market, or None."""
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
        """The reason the book cannot be quoted from, or None."""
        if book.instrument_version != version:
            return reasons.NO_INSTRUMENT
        if now_ns - book.event_time_ns > self._book_age_ns_max:
            return reasons.BOOK_REASONS["stale"]
        return reasons.book_reason(book)

    def _is_reduce_only(self, state: QuotedSymbol) -> bool:
        return any(
            each is not None and each.state == "REDUCE_ONLY" for each in (state.risk, self._account_risk)
        )

    def _publish_new(
        self, state: QuotedSymbol, now_ns: int, draft: QuoteDraft, bid: DraftSide, ask: DraftSide
    ) -> QuoteTarget:
        """Publish the sides; an unchanged side keeps the explanation it was first published with."""
        sides = []
        for name, made, memory in zip(_SIDES, (bid, ask), state.memory.sides, strict=True):
            old = None if state.target is None else side_of(state.target, name)
            if old is not None and made.prices and old.prices[:1] == made.prices[:1]:
                sides.append(old.model_copy(update={"prices": made.prices, "sizes": made.sizes}))
                continue
            memory.priced_ns = now_ns
            sides.append(side_message(made, draft.priced, name))
        return self._publish(state, now_ns, sides[0], sides[1], model_of(draft))

    def _publish(
        self, state: QuotedSymbol, now_ns: int, bid: QuoteSide, ask: QuoteSide, model: tuple[str, str | None]
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
            valid_until_ns=now_ns + self._ttl_ns(state),
            mid_half_ticks=book.bid_prices[0] + book.ask_prices[0] if book and two_sided else None,
            model=model[0],
            model_because=model[1],
            bid=bid,
            ask=ask,
        )
        state.target = target
        return target
