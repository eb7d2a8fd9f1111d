"""What holds across symbols: the account's risk state, its exposure, its message budgets."""

from dataclasses import dataclass, field

from quote_service.routing.core import codes
from quote_service.routing.core.funds import NOTHING, Money, committed
from quote_service.routing.core.message_budget import MessageBudget
from quote_service.routing.core.symbol_state import SymbolState
from quote_service.routing.core.venue_budget import VenueBudget
from schemas.config import Routing
from schemas.orders import VenueBalance, VenueBalances, VenueStatus
from schemas.risk import RiskState, TradingState
from schemas.venues import MessageKind, Scope, Venue

QUOTE_SHARE = 0.9
"""Of what the venue grants; the rest is for cancels, where they cost."""
AT_ONCE_SHARE = 0.4
"""Up to here nobody waits for a turn, but for what only improves a quote while others wait."""


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

    venue: Venue | None = None
    """The exchange whose rates hold; None: the simulated one, which says nothing of itself and is ready."""
    venue_share: float = 1.0
    """Part of its rates that we use."""
    venue_grant: VenueBudget | None = None
    has_waiting: bool = False
    """Since the newest turn something was put off for want of messages."""
    ready_venues: dict[str, bool] = field(default_factory=dict)
    balances: dict[str, dict[str, VenueBalance]] = field(default_factory=dict)
    """By venue and currency, as the venue stated them last."""
    committed: Money = field(default_factory=dict)
    """What the orders of all symbols may take, by currency."""

    def is_venue_ready(self, venue: str) -> bool:
        """Has the venue's adapter compared its orders with ours, and is it connected?"""
        return self.venue is None or self.ready_venues.get(venue, False)

    def see_venue(self, status: VenueStatus) -> bool:
        """Take over an adapter's word; true where it changes what may be sent."""
        is_ready = status.state == "ready"
        was_ready = self.ready_venues.get(status.venue, False)
        self.ready_venues[status.venue] = is_ready
        return is_ready != was_ready

    def see_balances(self, stated: VenueBalances) -> None:
        """Take over what the account has."""
        self.balances[stated.venue] = {balance.currency: balance for balance in stated.balances}

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
        if self.venue is not None:
            self._commit(symbol)

    def _commit(self, symbol: SymbolState) -> None:
        """Sum up anew what the orders of all symbols may take, by currency."""
        after = committed(symbol)
        for currency in symbol.committed | after:
            change = after.get(currency, NOTHING) - symbol.committed.get(currency, NOTHING)
            self.committed[currency] = self.committed.get(currency, NOTHING) + change
        symbol.committed = after

    def has_quote_budget(self, symbol: SymbolState, now_ns: int, kind: MessageKind = "place") -> bool:
        """May one more place or amend go out for this symbol?"""
        of_venue, of_symbol = self._budgets(symbol)
        if not (of_venue.allows_quote(now_ns) and of_symbol.allows_quote(now_ns)):
            return False
        return self._venue_grants(symbol, kind, QUOTE_SHARE, now_ns)

    def may_send_now(
        self, symbol: SymbolState, now_ns: int, kind: MessageKind, *, takes_back: bool, is_turn: bool
    ) -> bool:
        """Is it this message's time? Where the venue's grants are short it waits for the next turn, at which
        the most wrong quotes come first. What is to be taken back and has no turn then is to be cancelled.
        """
        of_venue, of_symbol = self._budgets(symbol)
        may_improve = of_venue.allows_improvement(now_ns) and of_symbol.allows_improvement(now_ns)
        if not takes_back and not may_improve:
            return False
        if is_turn:
            is_granted = self._is_next(symbol, kind, now_ns)
        else:
            share = AT_ONCE_SHARE if takes_back or not self.has_waiting else 0.0
            is_granted = self._venue_grants(symbol, kind, share, now_ns)
        self.has_waiting |= not is_granted
        return is_granted

    def _is_next(self, symbol: SymbolState, kind: MessageKind, now_ns: int) -> bool:
        """At a turn: while little was used at once, after that evenly, so that no burst waits for a burst."""
        if self._venue_grants(symbol, kind, AT_ONCE_SHARE, now_ns):
            return True
        is_paced = all(grant.is_paced(kind, now_ns) for grant in self._grants(symbol))
        return is_paced and self._venue_grants(symbol, kind, QUOTE_SHARE, now_ns)

    def spend_message(self, symbol: SymbolState, now_ns: int, kind: MessageKind = "place") -> None:
        """A message goes out for this symbol."""
        for budget in self._budgets(symbol):
            budget.spend(now_ns)
        for grant in self._grants(symbol):
            grant.spend(kind, now_ns)

    def _venue_grants(self, symbol: SymbolState, kind: MessageKind, share: float, now_ns: int) -> bool:
        return all(grant.has_room(kind, share, now_ns) for grant in self._grants(symbol))

    def _grants(self, symbol: SymbolState) -> tuple[VenueBudget, ...]:
        """What the venue grants the account, and what it grants the symbol; nothing at a simulated venue."""
        if self.venue is None:
            return ()
        if self.venue_grant is None:
            self.venue_grant = self._new_grant("account")
        if symbol.venue_grant is None:
            symbol.venue_grant = self._new_grant("symbol")
        return self.venue_grant, symbol.venue_grant

    def _new_grant(self, scope: Scope) -> VenueBudget:
        rates = () if self.venue is None else self.venue.order_rates
        return VenueBudget((rate for rate in rates if rate.scope == scope), self.venue_share)

    def _budgets(self, symbol: SymbolState) -> tuple[MessageBudget, MessageBudget]:
        of_venue = self.venue_budgets.get(symbol.venue)
        if of_venue is None:
            of_venue = self.venue_budgets[symbol.venue] = MessageBudget(self.limits.messages_per_10s)
        if symbol.budget is None:
            symbol.budget = MessageBudget(self.limits.messages_per_10s_symbol)
        return of_venue, symbol.budget
