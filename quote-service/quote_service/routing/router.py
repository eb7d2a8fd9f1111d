"""The order router's core: quote targets, limited by risk state, to order intents; venue reports to fills.

The only writer of a symbol's orders, so it just computes desired minus open.
"""

from collections.abc import Iterable
from typing import assert_never, get_args

from quote_service.routing.account import AccountState, own_limits
from quote_service.routing.carried_state import carried_symbol
from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.gate.gate import Gate
from quote_service.routing.gate.room import rooms_due
from quote_service.routing.inputs import RouterInput
from quote_service.routing.mass_cancel import after_faults
from quote_service.routing.mass_cancel.mass_cancel import MassCancels, VenueTruth, venues_of
from quote_service.routing.mass_cancel.reopening import reopen_listed
from quote_service.routing.orders.order_messages import account_balances
from quote_service.routing.orders.order_states import Order
from quote_service.routing.orders.sent_before import recollect
from quote_service.routing.orders.venue_reports import apply_report
from quote_service.routing.planner import Planner
from quote_service.routing.protection.market_maker_protection import MarketMakerProtection
from quote_service.routing.removal import refuse_held
from quote_service.routing.sessions import RouterSessions
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.balancing import BalanceOrder
from schemas.carried.router import RouterCarried
from schemas.config import Config
from schemas.control import Command, Override, SettingChange
from schemas.core import DecidingCore
from schemas.holdings import HoldingSeen
from schemas.inventory import Position
from schemas.live_settings import LiveSettings
from schemas.market import Book, Instrument, SymbolRemoved
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import (
    INTENT_KINDS,
    AccountChange,
    KillReport,
    OrderEvent,
    TradingStop,
    VenueBalances,
    VenueOpenOrders,
    VenuePositions,
    VenueReport,
    VenueStatus,
)
from schemas.process import ConfigApplied, Shutdown, Tick
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState
from schemas.topics import ROUTER
from schemas.units import NS_PER_MS
from schemas.venues import capabilities_of

Outputs = tuple[Event, ...]
_NOTHING: Outputs = ()


class RouterCore(DecidingCore[RouterInput]):
    """Decides which orders go out. `on_event` never raises on a message's content.

    Carried into the next session: every order that may be at the venue and the most recently ended ones, the
    trades counted and own fills not yet in inventory-service, ids used, stops, freezes and mass cancels,
    overrides, message usage, and holdings beyond our fills. Orders are cancelled at the next event, as
    after any restart: neither book nor heartbeat is known yet. Until they have ended nothing replaces them.

    Not carried, but rebuilt: books, targets, and what was sent, denied, rejected or queued because of them (a
    new quoter restarts its target numbers); jumps, price moves and flicker of the last minute; post-only
    pauses; balances and venue status, which the venue restates. No proof of an empty venue is carried, and
    doubts about balances arise again from the holdings.
    """

    inputs = frozenset(get_args(RouterInput))

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._settings = LiveSettings(ROUTER, config)
        self._symbols: dict[str, RoutedSymbol] = {}
        self._account = AccountState(
            config.risk_limits.heartbeat_ttl_ms * NS_PER_MS,
            own_limits(config),
            venue=capabilities_of(config.venue.kind, config.exchange.id),
            venue_share=config.exchange.budget_share,
        )
        self._gate = Gate(config, self._account)
        self._protection = MarketMakerProtection(config)
        self._target_age_max_ns = config.routing.target_age_ms_max * NS_PER_MS
        self._lag_max_ns = config.market_data.lag_ms_max * NS_PER_MS
        self._planner = Planner(config, self._account, self._gate)
        self._truth = VenueTruth(is_simulated=self._account.venue is None)
        deadline_ns = config.routing.kill_deadline_ms * NS_PER_MS
        self._mass_cancels = MassCancels(self._truth, deadline_ns, config.process.part, config.process.shards)
        self._count_begin = 0
        """Where a new symbol's id count starts."""
        self.sessions = RouterSessions.of(config)
        self._shutdown_ns = 0

    def _decide(self, event: RouterInput) -> Outputs:
        """Order events and fills due to `event`; messages not about orders change nothing."""
        outputs = self._answer(event)
        for output in outputs:
            if type(output) is OrderEvent and output.kind in INTENT_KINDS:
                self._truth.record_sent(
                    output.venue, self._symbols[output.key].orders.id_prefix, self._now_ns
                )
        rooms = rooms_due(event, outputs, self._symbols, self._account, self._gate, self._now_ns)
        return (*outputs, *rooms)

    def _answer(self, event: RouterInput) -> Outputs:  # noqa: C901, PLR0912  a case for each input
        match event:
            case Book():
                return self._on_book(event)
            case QuoteTarget():
                return self._on_target(event)
            case VenueReport():
                return self._on_report(event)
            case Position():
                return self._on_position(event)
            case BalanceOrder():
                return tuple(self._planner.balance(self._symbol(event), event, self._now_ns))
            case Override():
                return self._on_override(event)
            case Command():
                return self._on_command(event)
            case SymbolRemoved():
                return self._on_removed(event)
            case SettingChange():
                return self._on_setting(event)
            case RiskState():
                return self._on_risk(event)
            case Instrument():
                return self._on_instrument(event)
            case Tick():
                return self._on_tick(event)
            case Shutdown():
                return self._on_shutdown(event)
            case ConfigApplied():
                return self._on_start(event)
            case RouterCarried():
                return self._on_carried(event)
            case VenueStatus():
                return self._on_venue_status(event)
            case VenueOpenOrders():
                return self._on_open_orders(event)
            case VenueBalances():
                return self._on_balances(event)
            case VenuePositions():
                return self._on_holdings(event)
            case _:
                assert_never(event)

    def on_fault(self, event: Event) -> Outputs:
        """See FailsClosed: the symbols concerned are stopped, and all their orders cancelled."""
        self._is_turn = False
        outputs: list[Event] = []
        for symbol in after_faults.concerned(event, self._symbols):
            outputs += after_faults.stop_and_cancel(symbol, self._now_ns)
            self._truth.record_sent(symbol.venue, symbol.orders.id_prefix, self._now_ns)
        return tuple(outputs)

    @property
    def is_drained(self) -> bool:
        """Have all orders ended, as shown by the venue? An order in unknown state has not."""
        if any(symbol.orders.open for symbol in self._symbols.values()):
            return False
        venues = venues_of(self._symbols.values(), self._account)
        return all(self._truth.is_proven_empty(venue, self._shutdown_ns) for venue in venues)

    def carried(self, now_ns: int) -> tuple[RouterCarried, ...]:
        """See the class: one message for the account, then one for each known symbol."""
        of_account = self.sessions.carried(self._account, self._mass_cancels, self._protection, now_ns)
        return (of_account, *(carried_symbol(symbol, now_ns) for symbol in self._symbols.values()))

    def begin_recollection(self) -> None:
        """See Recollects."""
        self.sessions.record_open_orders(self._symbols.values())

    def recollect(self, published: Iterable[Event]) -> None:
        """See Recollects: only published messages reached the venue."""
        recollect(published, self._symbols, self._symbol, self.sessions, self._account)

    def open_orders(self) -> list[tuple[str, Order]]:
        """Every order that the venue may hold, with its `venue:symbol`."""
        return [
            (symbol.key, order) for symbol in self._symbols.values() for order in symbol.orders.open.values()
        ]

    def holdings(self) -> list[HoldingSeen]:
        """Ledger and account of every symbol, as far as the venue has stated them."""
        return self._protection.holdings(self._symbols.values())

    def _on_instrument(self, instrument: Instrument) -> Outputs:
        symbol = self._symbol(instrument)
        symbol.observe_instrument(instrument, contract_terms(instrument, self._settings.config))
        return (*self._compare(), *self._planner.update_orders(symbol, self._now_ns))

    def _compare(self) -> list[AccountChange]:
        return self._protection.compare(self._symbols.values(), self._account, self._now_ns)

    def _on_setting(self, change: SettingChange) -> Outputs:
        """The new limit applies from now on; resting orders are checked at their next evaluation."""
        applied = self._settings.apply(change, self._try)
        if applied is None:
            return _NOTHING
        config = self._settings.config
        self._gate.configure(config)
        outputs: list[Event] = [applied]
        for symbol in self._symbols.values():
            for version in symbol.contract.terms_by_version:
                terms = contract_terms(symbol.contract.instruments[version], config)
                if terms is not None:
                    symbol.contract.terms_by_version[version] = terms
            if symbol.contract.terms is not None:
                symbol.contract.terms = symbol.contract.terms_by_version[symbol.contract.terms.version]
            outputs.extend(self._planner.update_orders(symbol, self._now_ns))
        return tuple(outputs)

    def _try(self, config: Config) -> None:
        """Derive everything that depends on the configuration; raises where that fails."""
        Gate(config, self._account)
        for symbol in self._symbols.values():
            for instrument in symbol.contract.instruments.values():
                contract_terms(instrument, config)

    def _on_book(self, book: Book) -> Outputs:
        symbol = self._symbol(book)
        was_live = symbol.market.is_live
        bid_ticks, ask_ticks = symbol.market.best_bid_ticks, symbol.market.best_ask_ticks
        symbol.observe_book(book)
        self._protection.observe_book(symbol, self._now_ns)
        if self._now_ns < symbol.protection.jumps.doubted_until_ns:
            return tuple(self._planner.update_orders(symbol, self._now_ns))
        if was_live == symbol.market.is_live:
            moved = symbol.market.best_bid_ticks != bid_ticks or symbol.market.best_ask_ticks != ask_ticks
            if not (moved and symbol.recent.awaits_book):
                return _NOTHING
        return tuple(self._planner.update_orders(symbol, self._now_ns))

    def _on_target(self, target: QuoteTarget) -> Outputs:
        symbol = self._symbol(target)
        newest = symbol.quotes.target
        if newest and target.sequence < newest.sequence and target.event_time_ns < newest.event_time_ns:
            return _NOTHING
        age_ns = self._now_ns - target.event_time_ns
        is_late, is_overdue = age_ns > self._target_age_max_ns, age_ns > self._lag_max_ns
        symbol.quotes.replace(target, is_late=is_late, is_overdue=is_overdue)
        self._protection.observe_target(symbol, target)
        return tuple(self._planner.update_orders(symbol, self._now_ns))

    def _on_report(self, report: VenueReport) -> Outputs:
        symbol = self._symbol(report)
        outputs = apply_report(symbol, report)
        outputs += self._protection.observe_report(symbol, report, outputs, self._now_ns)
        if outputs:
            self._account.revalue(symbol)
            self._truth.record_sent(symbol.venue, symbol.orders.id_prefix, self._now_ns)
        if outputs and not symbol.protection.is_explained:
            outputs += self._compare()
            outputs += self._planner.update_all(self._symbols.values(), self._now_ns)
        else:
            outputs += self._planner.update_orders(symbol, self._now_ns)
        return tuple(outputs)

    def _on_position(self, position: Position) -> Outputs:
        symbol = self._symbol(position)
        lots_before = symbol.position.lots
        symbol.position.reconcile(position, symbol.contract.lots_in)
        if symbol.position.lots == lots_before:
            return _NOTHING
        self._account.revalue(symbol)
        was_explained = symbol.protection.is_explained
        changes = self._compare()
        if symbol.protection.is_explained != was_explained:  # those that share its base currency too
            return (*changes, *self._planner.update_all(self._symbols.values(), self._now_ns))
        return (*changes, *self._planner.update_orders(symbol, self._now_ns))

    def _on_risk(self, state: RiskState) -> Outputs:
        if state.symbol == ALL_SYMBOLS:
            if self._account.risk == "HALT" and state.state != "HALT":
                after_faults.release(self._symbols.values())
            if self._account.observe_risk(state, self._now_ns):
                return (
                    *self._planner.update_all(self._symbols.values(), self._now_ns),
                    *self._judge_mass_cancels(),
                )
            return _NOTHING
        symbol = self._symbol(state)
        if (state.state, state.flattens) == (symbol.risk, symbol.flattens):
            return _NOTHING
        if symbol.risk == "HALT" != state.state:
            self._protection.release(symbol, self._symbols.values())
        symbol.risk, symbol.flattens = state.state, state.flattens
        return (
            *self._compare(),
            *self._planner.update_orders(symbol, self._now_ns),
            *self._judge_mass_cancels(),
        )

    def _on_command(self, command: Command) -> Outputs:
        """Only the removal of a symbol, and a start that takes it back, concern its orders directly."""
        symbol = self._symbols.get(command.key)
        if symbol is None or not symbol.follow(command):
            return _NOTHING
        return (*self._judge_mass_cancels(), *self._planner.update_orders(symbol, self._now_ns))

    def _on_removed(self, removed: SymbolRemoved) -> Outputs:
        self._symbol(removed).close()
        return tuple(self._judge_mass_cancels())

    def _on_override(self, override: Override) -> Outputs:
        symbol = self._symbol(override)
        symbol.gate.overrides.add(override)
        return tuple(self._planner.update_orders(symbol, self._now_ns))

    def _on_tick(self, tick: Tick) -> Outputs:
        self._tick_ns = tick.event_time_ns
        outputs: list[Event] = []
        for symbol in self._symbols.values():
            self._account.revalue(symbol)
            outputs += self._planner.give_up_waiting(symbol, self._now_ns)
        outputs += self._protection.judge_positions(self._symbols.values(), self._account, self._now_ns)
        outputs += (
            self._planner.update_all(self._symbols.values(), self._now_ns)
            if self._account.venue is None
            else self._planner.give_turns(self._symbols.values(), self._now_ns)
        )
        return (*outputs, *self._judge_mass_cancels())

    def _on_shutdown(self, shutdown: Shutdown) -> Outputs:
        self._account.is_shut_down = True
        self._shutdown_ns = self._now_ns
        return (*self._planner.update_all(self._symbols.values(), self._now_ns), *self._judge_mass_cancels())

    def _on_start(self, start: ConfigApplied) -> Outputs:
        """The process restarted: an earlier shutdown is over."""
        self._account.is_shut_down = False
        self._account.forget_venues()
        self._protection.begin()
        self._count_begin = self.sessions.start(start.event_time_ns)
        for symbol in self._symbols.values():
            symbol.orders.ids_given = max(symbol.orders.ids_given, self._count_begin)
        return _NOTHING

    def _on_carried(self, carried: RouterCarried) -> Outputs:
        """Restore an earlier session's state; actions follow with later events."""
        self._tick_ns = max(self._tick_ns, self.sessions.started_ns)
        if carried.symbol == ALL_SYMBOLS:
            self.sessions.restore(carried, self._account, self._mass_cancels, self._protection)
        else:
            symbol = self._symbol_at(carried.symbol_key, carried.venue, carried.symbol)
            self.sessions.restore_symbol(carried, symbol, self._account, self._settings.config)
        return _NOTHING

    def _on_venue_status(self, status: VenueStatus) -> Outputs:
        self._protection.observe_venue(status)
        if not self._account.observe_venue(status, self._now_ns):
            return _NOTHING
        return (*self._compare(), *self._planner.update_all(self._symbols.values(), self._now_ns))

    def _on_open_orders(self, shown: VenueOpenOrders) -> Outputs:
        outputs: list[Event] = []
        for symbol, reopened in reopen_listed(self._symbols.values(), self._truth, shown, self._now_ns):
            outputs += (*reopened, *self._planner.update_orders(symbol, self._now_ns))
        self._truth.observe_open(shown.venue, shown.own, shown.asked_ns)
        return (*outputs, *self._judge_mass_cancels())

    def _on_balances(self, stated: VenueBalances) -> Outputs:
        self._account.observe_balances(stated)
        balances = tuple(account_balances(self._symbols.values(), stated, self._settings.config))
        for balance in balances:
            self._symbols[balance.key].usage.published_balance = balance.total
        return (*balances, *self._on_holdings(stated))

    def _on_holdings(self, stated: VenueBalances | VenuePositions) -> Outputs:
        """The account's holdings: quoting starts once they match the ledgers."""
        self._protection.observe_holdings(stated, self._account)
        before = [symbol.protection.is_explained for symbol in self._symbols.values()]
        changes = self._compare()
        if before == [symbol.protection.is_explained for symbol in self._symbols.values()]:
            return tuple(changes)
        return (*changes, *self._planner.update_all(self._symbols.values(), self._now_ns))

    def _judge_mass_cancels(self) -> list[TradingStop | KillReport]:
        symbols, now_ns = self._symbols.values(), self._now_ns
        return [*refuse_held(symbols, now_ns), *self._mass_cancels.judge(symbols, self._account, now_ns)]

    def _symbol(self, event: SymbolEvent) -> RoutedSymbol:
        return self._symbols.get(event.key) or self._symbol_at(event.key, event.venue, event.symbol)

    def _symbol_at(self, key: str, venue: str, name: str) -> RoutedSymbol:
        symbol = self._symbols.get(key)
        if symbol is None:
            symbol = RoutedSymbol.new(key, venue, name)
            permitted = self._settings.config.routing.permitted
            symbol.gate.is_permitted = permitted is None or key in permitted
            symbol.excludes_own = self._account.venue is not None
            symbol.orders.ids_given = self._count_begin
            self._symbols[key] = symbol
        return symbol
