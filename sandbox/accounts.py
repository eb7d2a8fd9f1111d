"""Each account's free and locked amounts, orders and trades, all kept for good as the reference for tests."""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal, NamedTuple

from sandbox.errors import NO_BALANCE, refused
from sandbox.fees import Commission
from sandbox.order_counts import OrderCounts
from schemas.market import Instrument
from schemas.message import Side
from schemas.units import NS_PER_MS

OrderStatus = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED_IN_MATCH", "EXPIRED"]
LIVE: frozenset[OrderStatus] = frozenset({"NEW", "PARTIALLY_FILLED"})
_BALANCES_KEPT = 2_000
Balances = Mapping[str, tuple[Decimal, Decimal]]
"""Currency to free and locked amounts."""


class OrderState(NamedTuple):
    """The part of an order that changes, valid from a given time."""

    since_ns: int
    """By the steady clock."""
    client_id: str
    status: OrderStatus
    size_lots: int
    filled_lots: int
    quote_filled: Decimal
    updated_ms: int


@dataclass(slots=True)
class SandboxOrder:
    """One order, with its full history."""

    order_id: int
    """Numbered per symbol."""
    client_id: str
    account: str
    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    price_ticks: int
    size_lots: int
    stp_mode: str
    created_ns: int
    status: OrderStatus = "NEW"
    filled_lots: int = 0
    prevented_lots: int = 0
    """Size removed by self-trade prevention."""
    quote_filled: Decimal = Decimal(0)
    updated_ms: int = 0
    execution_id: int = 0
    """Id of its newest execution report; numbered per symbol."""
    history: list[tuple[int, str]] = field(default_factory=list)
    """(milliseconds, status or event)."""
    states: list[OrderState] = field(default_factory=list)
    """Past states, for lagging look-ups."""

    @property
    def created_ms(self) -> int:
        """Creation time, as in the venue's answers."""
        return self.created_ns // NS_PER_MS

    @property
    def is_live(self) -> bool:
        """Is it in the book?"""
        return self.status in LIVE

    @property
    def remaining_lots(self) -> int:
        """Open size."""
        return self.size_lots - self.filled_lots

    def record(self, now_ms: int, steady_ns: int, event: str) -> None:
        """Add to its history."""
        self.updated_ms = now_ms
        self.history.append((now_ms, event))
        self.states.append(
            OrderState(
                steady_ns,
                self.client_id,
                self.status,
                self.size_lots,
                self.filled_lots,
                self.quote_filled,
                now_ms,
            )
        )

    def as_of(self, steady_ns: int) -> "SandboxOrder | None":
        """Its state at that time; None where it did not exist yet."""
        for state in reversed(self.states):
            if state.since_ns <= steady_ns:
                fields = state._asdict()
                del fields["since_ns"]
                return replace(self, **fields)
        return None


@dataclass(frozen=True, slots=True)
class SandboxTrade:
    """One execution of an account's order."""

    trade_id: int
    """Numbered per symbol; both sides of a trade have the same id."""
    order_id: int
    client_id: str
    symbol: str
    side: Side
    price_ticks: int
    size_lots: int
    is_maker: bool
    fee: Decimal
    fee_currency: str
    time_ms: int
    steady_ns: int


@dataclass(slots=True)
class Account:
    """One account."""

    name: str
    commission: Commission | None = None
    """None: commissions are taken from what is received."""
    free: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    locked: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: dict[tuple[str, int], SandboxOrder] = field(default_factory=dict)
    """By symbol and order id."""
    by_client_id: dict[tuple[str, str], SandboxOrder] = field(default_factory=dict)
    """The newest order per symbol and client id."""
    trades: list[SandboxTrade] = field(default_factory=list)
    order_counts: OrderCounts = field(default_factory=OrderCounts)
    can_trade: bool = True
    _balances: deque[tuple[int, Balances]] = field(default_factory=lambda: deque(maxlen=_BALANCES_KEPT))

    def lock(self, currency: str, amount: Decimal) -> None:
        """Lock an amount for an order; raises VenueError where funds are insufficient."""
        if self.free[currency] < amount:
            raise refused(NO_BALANCE)
        self.free[currency] -= amount
        self.locked[currency] += amount

    def unlock(self, currency: str, amount: Decimal) -> None:
        """Release a locked amount."""
        self.locked[currency] -= amount
        self.free[currency] += amount

    def live(self, symbol: str | None = None) -> list[SandboxOrder]:
        """Open orders."""
        return [o for o in self.orders.values() if o.is_live and symbol in {None, o.symbol}]

    def balances(self) -> Balances:
        """Of every currency the account has or had."""
        names = sorted({*self.free, *self.locked})
        return {name: (self.free[name], self.locked[name]) for name in names}

    def record_balances(self, steady_ns: int) -> None:
        """Record changed balances, for lagging look-ups."""
        self._balances.append((steady_ns, self.balances()))

    def balances_as_of(self, steady_ns: int) -> Balances:
        """Balances at that time, or the oldest that are kept."""
        for since_ns, balances in reversed(self._balances):
            if since_ns <= steady_ns:
                return balances
        return self._balances[0][1] if self._balances else self.balances()


def held_for(instrument: Instrument, side: Side, price_ticks: int, lots: int) -> tuple[str, Decimal]:
    """Currency and amount that an open order locks."""
    size = instrument.lot_size * lots
    if side == "sell":
        return instrument.base_currency, size
    return instrument.quote_currency, size * instrument.tick_size * price_ticks
