"""State across symbols: the account's risk state, its exposure, its message budgets."""

from dataclasses import dataclass, field

from quote_service.routing.gate import codes
from quote_service.routing.gate.funds import NOTHING, Money, committed
from quote_service.routing.rates.message_budget import MessageBudget
from quote_service.routing.rates.turns import MessageTurn
from quote_service.routing.rates.venue_budget import VenueBudget
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.config import Config, Routing
from schemas.message import TimeNs
from schemas.orders import VenueBalance, VenueBalances, VenueStatus
from schemas.risk import RiskState, TradingState
from schemas.venues import MessageKind, Scope, VenueCapabilities


@dataclass(slots=True)
class AccountState:
    """The router's account-wide state."""

    heartbeat_ttl_ns: int
    limits: Routing
    risk: TradingState | None = None
    """The account's newest state; None: not received yet, which counts as a halt."""
    flattens: bool = False
    """Of its halt, see RiskState."""
    heartbeat_ns: int = 0
    is_shut_down: bool = False
    exposure_micro: int = 0
    """Sum of all symbols' worst cases, millionths of the reporting currency."""
    venue_budgets: dict[str, MessageBudget] = field(default_factory=dict)

    venue: VenueCapabilities | None = None
    """The exchange whose rate limits apply; None: the simulated one, which reports no status and is ready."""
    venue_share: float = 1.0
    """The share of its rate limits that we use."""
    venue_grant: VenueBudget | None = None
    has_waiting: bool = False
    """A message was put off for lack of budget since the newest turn."""
    ready_venues: dict[str, bool] = field(default_factory=dict)
    held_until_ns: dict[str, TimeNs] = field(default_factory=dict)
    """By venue: until then it takes cancels only, no orders or amends."""
    balances: dict[str, dict[str, VenueBalance]] = field(default_factory=dict)
    """By venue and currency, from the venue's newest statement."""
    committed: Money = field(default_factory=dict)
    """By currency: the most that the orders of all symbols may spend."""

    def is_venue_ready(self, venue: str) -> bool:
        """Is the venue's adapter connected and reconciled?"""
        return self.venue is None or self.ready_venues.get(venue, False)

    def observe_venue(self, status: VenueStatus, now_ns: int) -> bool:
        """Apply an adapter's status; true where it changes what may be sent."""
        before = self.ready_venues.get(status.venue, False), self.is_held(status.venue, now_ns)
        self.ready_venues[status.venue] = status.state == "ready"
        self.held_until_ns[status.venue] = status.held_until_ns
        return before != (self.ready_venues[status.venue], self.is_held(status.venue, now_ns))

    def is_held(self, venue: str, now_ns: int) -> bool:
        """Does the venue take cancels only at the moment?"""
        return now_ns < self.held_until_ns.get(venue, 0)

    def observe_balances(self, stated: VenueBalances) -> None:
        """Apply the account's balances."""
        self.balances[stated.venue] = {balance.currency: balance for balance in stated.balances}

    def forget_venues(self) -> None:
        """On start: no venue is connected yet."""
        self.ready_venues.clear()
        self.held_until_ns.clear()

    def halt_reasons(self) -> tuple[str, ...]:
        """Reasons for a mass cancel of the whole account; empty: none is due."""
        if self.is_shut_down:
            return (codes.SHUTDOWN,)
        return (codes.RISK_HALT,) if self.risk == "HALT" else ()

    def observe_risk(self, state: RiskState, now_ns: int) -> bool:
        """Apply a heartbeat; true where it changes what may be traded.

        Log order counts, not the publishers' clocks: a halt with an early timestamp is still a halt.
        """
        was = (self.risk, self.flattens, self.is_silent(now_ns))
        self.risk, self.flattens = state.state, state.flattens
        self.heartbeat_ns = max(self.heartbeat_ns, state.event_time_ns)
        return was != (self.risk, self.flattens, self.is_silent(now_ns))

    def is_silent(self, now_ns: int) -> bool:
        """Is the account's heartbeat overdue?"""
        return self.risk is None or now_ns - self.heartbeat_ns > self.heartbeat_ttl_ns

    def trading_state(self, symbol: RoutedSymbol) -> TradingState:
        """The stricter of the account's and the symbol's risk state."""
        states = (self.risk, symbol.risk)
        if "HALT" in states or self.risk is None:
            return "HALT"
        return "REDUCE_ONLY" if "REDUCE_ONLY" in states else "RUN"

    def flattens_under_halt(self, symbol: RoutedSymbol) -> bool:
        """Do the balancer's orders that reduce go out, although it is halted? See RiskState.flattens."""
        states = ((self.risk, self.flattens), (symbol.risk, symbol.flattens))
        halts = [flattens for state, flattens in states if state == "HALT"]
        return self.risk is not None and bool(halts) and all(halts)

    def revalue(self, symbol: RoutedSymbol) -> None:
        """Update a symbol's worst-case value at its last sound mid."""
        exposure = 0
        if (
            symbol.contract.terms is not None
            and (mid := symbol.mid_in(symbol.contract.terms.version)) is not None
        ):
            exposure = symbol.contract.terms.exposure_micro(symbol.worst_lots(), mid)
        self.exposure_micro += exposure - symbol.usage.exposure_micro
        symbol.usage.exposure_micro = exposure
        if self.venue is not None:
            self._commit(symbol)

    def _commit(self, symbol: RoutedSymbol) -> None:
        """Sum up again what the orders of all symbols may spend, by currency."""
        after = committed(symbol)
        for currency in symbol.usage.committed | after:
            change = after.get(currency, NOTHING) - symbol.usage.committed.get(currency, NOTHING)
            self.committed[currency] = self.committed.get(currency, NOTHING) + change
        symbol.usage.committed = after

    def has_quote_budget(self, symbol: RoutedSymbol, now_ns: int, kind: MessageKind = "place") -> bool:
        """May one more place or amend go out for this symbol?"""
        of_venue, of_symbol = self.budgets(symbol)
        if not (of_venue.allows_quote(now_ns) and of_symbol.allows_quote(now_ns)):
            return False
        return all(grant.has_room(kind, now_ns) for grant in self.grants(symbol))

    def request_turn(self, turn: MessageTurn, now_ns: int, *, is_turn: bool) -> bool:
        """True where a message may go out now; otherwise it waits, and others outside of turns with it."""
        symbol, request, is_last = turn.symbol, turn.request, turn.is_last
        of_venue, of_symbol = self.budgets(symbol)
        if self.venue is None:
            may_improve = of_venue.allows_improvement(now_ns) and of_symbol.allows_improvement(now_ns)
            return request.is_less_generous or may_improve
        kind = request.message_kind
        of_account, own = self.grants(symbol)
        if not (_allows(of_symbol, now_ns, is_last) and own.request(kind, now_ns, keeps_reserve=is_last)):
            return False
        is_granted = (
            (is_turn or not self.has_waiting or of_account.is_free(kind))
            and _allows(of_venue, now_ns, is_last)
            and of_account.request(kind, now_ns, keeps_reserve=is_last)
        )
        self.has_waiting |= not is_granted
        return is_granted

    def spend_message(self, symbol: RoutedSymbol, now_ns: int, kind: MessageKind = "place") -> None:
        """Charge one message to the symbol and its venue."""
        for budget in self.budgets(symbol):
            budget.spend(now_ns)
        for grant in self.grants(symbol):
            grant.spend(kind, now_ns)

    def grants(self, symbol: RoutedSymbol) -> tuple[VenueBudget, VenueBudget]:
        """The venue's rate limits for the account and for the symbol; unlimited at a simulated venue."""
        if symbol.usage.venue_grant is None:
            symbol.usage.venue_grant = self._new_grant("symbol")
        return self.grant(), symbol.usage.venue_grant

    def grant(self) -> VenueBudget:
        """The venue's rate limits for the account."""
        if self.venue_grant is None:
            self.venue_grant = self._new_grant("account")
        return self.venue_grant

    def _new_grant(self, scope: Scope) -> VenueBudget:
        rates = () if self.venue is None else self.venue.order_rates
        return VenueBudget((rate for rate in rates if rate.scope == scope), self.venue_share)

    def budgets(self, symbol: RoutedSymbol) -> tuple[MessageBudget, MessageBudget]:
        """Our own message limits: for the symbol's venue, and for the symbol."""
        if symbol.usage.budget is None:
            symbol.usage.budget = MessageBudget(self.limits.messages_per_10s_symbol)
        return self.budget_of(symbol.venue), symbol.usage.budget

    def budget_of(self, venue: str) -> MessageBudget:
        """Our own message limit for a venue."""
        budget = self.venue_budgets.get(venue)
        if budget is None:
            budget = self.venue_budgets[venue] = MessageBudget(self.limits.messages_per_10s)
        return budget


def own_limits(config: Config) -> Routing:
    """The message limits of this router: of the account's its part, where other shards have the rest."""
    limit = int(config.process.account_share * config.routing.messages_per_10s)
    return config.routing.model_copy(update={"messages_per_10s": limit})


def _allows(budget: MessageBudget, now_ns: int, is_last: bool) -> bool:
    return budget.allows_improvement(now_ns) if is_last else budget.allows_quote(now_ns)
