"""What holds across symbols: the account's risk state, its exposure, its message budgets."""

from dataclasses import dataclass, field

from quote_service.routing.core import codes
from quote_service.routing.core.message_budget import MessageBudget
from quote_service.routing.core.symbol_state import SymbolState
from schemas.config import Routing
from schemas.orders import VenueBalance, VenueBalances, VenueStatus
from schemas.risk import RiskState, TradingState


@dataclass(slots=True)
class Account:
    """The router's account-wide state."""

    heartbeat_ttl_ns: int
    limits: Routing
    risk: TradingState | None = None
    """The account's newest state; None: never heard, which is a halt."""
    heartbeat_ns: int = 0
    is_shut_down: bool = False
    exposure_micro: int = 0
    """Sum of the worst cases of all symbols, millionths of the reporting currency."""
    venue_budgets: dict[str, MessageBudget] = field(default_factory=dict)

    is_venue_simulated: bool = True
    """Then it says nothing about itself, and is ready always."""
    ready_venues: dict[str, bool] = field(default_factory=dict)
    balances: dict[str, dict[str, VenueBalance]] = field(default_factory=dict)
    """By venue and currency, as the venue stated them last."""

    def is_venue_ready(self, venue: str) -> bool:
        """Has the venue's adapter compared its orders with ours, and is it connected?"""
        return self.is_venue_simulated or self.ready_venues.get(venue, False)

    def see_venue(self, status: VenueStatus) -> bool:
        """Take over an adapter's word; true where it changes what may be sent."""
        is_ready = status.state == "ready"
        was_ready = self.ready_venues.get(status.venue, False)
        self.ready_venues[status.venue] = is_ready
        return is_ready != was_ready

    def see_balances(self, stated: VenueBalances) -> tuple[()]:
        """Take over what the account has; nothing follows from it at once."""
        self.balances[stated.venue] = {balance.currency: balance for balance in stated.balances}
        return ()

    def forget_venues(self) -> None:
        """The process begins: no venue is connected yet."""
        self.ready_venues.clear()

    def halt_reasons(self) -> tuple[str, ...]:
        """Why all orders of the account are to be withdrawn and proven gone; empty: they are not."""
        if self.is_shut_down:
            return (codes.SHUTDOWN,)
        return (codes.RISK_HALT,) if self.risk == "HALT" else ()

    def hear(self, state: RiskState, now_ns: int) -> bool:
        """Take over a heartbeat; true where it changes what may be traded.

        The log's order counts, not the clocks of those who wrote it: a halt that was stamped early is a halt.
        """
        was = (self.risk, self.is_silent(now_ns))
        self.risk = state.state
        self.heartbeat_ns = max(self.heartbeat_ns, state.event_time_ns)
        return was != (self.risk, self.is_silent(now_ns))

    def is_silent(self, now_ns: int) -> bool:
        """Has the account's heartbeat failed?"""
        return self.risk is None or now_ns - self.heartbeat_ns > self.heartbeat_ttl_ns

    def trading_state(self, symbol: SymbolState) -> TradingState:
        """The stricter of the account's and the symbol's state."""
        states = (self.risk, symbol.risk)
        if "HALT" in states or self.risk is None:
            return "HALT"
        return "REDUCE_ONLY" if "REDUCE_ONLY" in states else "RUN"

    def value(self, symbol: SymbolState) -> None:
        """Value a symbol's worst case at its last sound mid."""
        exposure = 0
        if symbol.terms is not None and symbol.mid_half_ticks is not None:
            exposure = symbol.terms.exposure_micro(symbol.worst_lots(), symbol.mid_half_ticks)
        self.exposure_micro += exposure - symbol.exposure_micro
        symbol.exposure_micro = exposure

    def has_quote_budget(self, symbol: SymbolState, now_ns: int) -> bool:
        """May one more place or amend go out for this symbol?"""
        of_venue, of_symbol = self._budgets(symbol)
        return of_venue.allows_quote(now_ns) and of_symbol.allows_quote(now_ns)

    def may_improve(self, symbol: SymbolState, now_ns: int) -> bool:
        """May one more message go out for this symbol that only improves a quote?"""
        of_venue, of_symbol = self._budgets(symbol)
        return of_venue.allows_improvement(now_ns) and of_symbol.allows_improvement(now_ns)

    def spend_message(self, symbol: SymbolState, now_ns: int) -> None:
        """A message goes out for this symbol."""
        for budget in self._budgets(symbol):
            budget.spend(now_ns)

    def _budgets(self, symbol: SymbolState) -> tuple[MessageBudget, MessageBudget]:
        of_venue = self.venue_budgets.get(symbol.venue)
        if of_venue is None:
            of_venue = self.venue_budgets[symbol.venue] = MessageBudget(self.limits.messages_per_10s)
        if symbol.budget is None:
            symbol.budget = MessageBudget(self.limits.messages_per_10s_symbol)
        return of_venue, symbol.budget
