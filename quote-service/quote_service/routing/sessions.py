"""The router's account-wide carried state: session starts, id prefixes, budgets, mass cancels, holdings."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from quote_service.routing.account import AccountState
from quote_service.routing.carried_state import (
    carried_budget,
    carried_orders,
    restore_budget,
    restore_symbol,
)
from quote_service.routing.mass_cancel.mass_cancel import MassCancels
from quote_service.routing.orders.client_ids import count_from, order_prefix_of
from quote_service.routing.protection.market_maker_protection import MarketMakerProtection
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.carried.router import CarriedOrder, RouterCarried
from schemas.config import Config
from schemas.topics import ROUTER


@dataclass(slots=True)
class RouterSessions:
    """This session and the earlier ones of the same account, across logs."""

    began_ns: int = 0
    """Start of the first session: earlier trades are not ours to count."""
    started_ns: int = 0
    """The process's most recent start."""
    order_prefixes: list[str] = field(default_factory=list)
    """Prefixes of our ids at the exchange, of this and earlier sessions; the newest last."""
    left: dict[str, tuple[CarriedOrder, ...]] = field(default_factory=dict)
    """By symbol: the orders that were open before the outputs that `recollect` is told."""

    @classmethod
    def of(cls, config: Config) -> "RouterSessions":
        """Before the first start."""
        prefix = order_prefix_of(config)
        return cls(order_prefixes=[prefix] if prefix else [])

    @property
    def order_prefix(self) -> str:
        """For new orders; empty at a simulated venue."""
        return self.order_prefixes[-1] if self.order_prefixes else ""

    def start(self, time_ns: int) -> int:
        """The process starts or restarts; returns where a new symbol's id count starts."""
        self.began_ns = self.began_ns or time_ns
        self.started_ns = time_ns
        return count_from(time_ns)

    def carried(
        self, account: AccountState, mass_cancels: MassCancels, protection: MarketMakerProtection, now_ns: int
    ) -> RouterCarried:
        """Account state that the next session must have."""
        budgets = account.venue_budgets.items()
        return RouterCarried(
            event_time_ns=now_ns,
            process=ROUTER,
            began_ns=self.began_ns,
            order_prefixes=tuple(self.order_prefixes),
            budgets=tuple((venue, carried_budget(budget)) for venue, budget in budgets),
            windows=() if account.venue_grant is None else account.venue_grant.carried(),
            withdrawals=mass_cancels.carried(),
            holdings=protection.carried(),
        )

    def restore(
        self,
        carried: RouterCarried,
        account: AccountState,
        mass_cancels: MassCancels,
        protection: MarketMakerProtection,
    ) -> None:
        """Restore the last session's account state."""
        now_ns = self.started_ns or carried.event_time_ns
        if carried.began_ns:
            self.began_ns = min(carried.began_ns, self.began_ns or carried.began_ns)
        before = [prefix for prefix in carried.order_prefixes if prefix not in self.order_prefixes]
        self.order_prefixes = before + self.order_prefixes
        for venue, budget in carried.budgets:
            restore_budget(account.budget_of(venue), budget, now_ns)
        if carried.windows:
            account.grant().restore(carried.windows, now_ns)
        mass_cancels.restore(carried.withdrawals, now_ns)
        protection.restore(carried.holdings)

    def record_open_orders(self, symbols: Iterable[RoutedSymbol]) -> None:
        """What is open now was sent, whatever inputs that are incomplete would lead to."""
        self.left = {symbol.key: carried_orders(symbol) for symbol in symbols}

    def restore_symbol(
        self, carried: RouterCarried, symbol: RoutedSymbol, account: AccountState, config: Config
    ) -> None:
        """Restore a symbol and its message usage."""
        now_ns = self.started_ns or carried.event_time_ns
        self.left[symbol.key] = carried.orders
        restore_symbol(symbol, carried, config, now_ns)
        for _, budget in carried.budgets:
            restore_budget(account.budgets(symbol)[1], budget, now_ns)
        if carried.windows:
            account.grants(symbol)[1].restore(carried.windows, now_ns)
        account.revalue(symbol)
