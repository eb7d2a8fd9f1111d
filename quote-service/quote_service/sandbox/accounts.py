"""What each account has: free and locked amounts, orders, trades, all kept for ever as the judge of tests."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from quote_service.sandbox.errors import NO_BALANCE, refused
from schemas.market import Instrument
from schemas.message import Side
from schemas.units import NS_PER_MS

OrderStatus = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED_IN_MATCH", "EXPIRED"]
LIVE: frozenset[OrderStatus] = frozenset({"NEW", "PARTIALLY_FILLED"})


@dataclass(slots=True)
class Order:
    """One order, with all that happened to it."""

    order_id: int
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
    quote_filled: Decimal = Decimal(0)
    updated_ms: int = 0
    history: list[tuple[int, str]] = field(default_factory=list)
    """(milliseconds, status or event)."""

    @property
    def created_ms(self) -> int:
        """When it came, as the venue's answers have it."""
        return self.created_ns // NS_PER_MS

    @property
    def is_live(self) -> bool:
        """Is it in the book?"""
        return self.status in LIVE

    @property
    def remaining_lots(self) -> int:
        """What is still open."""
        return self.size_lots - self.filled_lots

    def note(self, now_ms: int, event: str) -> None:
        """Add to its history."""
        self.updated_ms = now_ms
        self.history.append((now_ms, event))


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution of an account's order."""

    trade_id: int
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


@dataclass(slots=True)
class Account:
    """One account."""

    name: str
    secret: str
    free: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    locked: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: dict[int, Order] = field(default_factory=dict)
    by_client_id: dict[str, Order] = field(default_factory=dict)
    """The newest order of each client id."""
    trades: list[Trade] = field(default_factory=list)

    def lock(self, currency: str, amount: Decimal) -> None:
        """Hold an amount for an order; raises VenueError where there is not enough."""
        if self.free[currency] < amount:
            raise refused(NO_BALANCE)
        self.free[currency] -= amount
        self.locked[currency] += amount

    def unlock(self, currency: str, amount: Decimal) -> None:
        """Give it back."""
        self.locked[currency] -= amount
        self.free[currency] += amount

    def live(self, symbol: str | None = None) -> list[Order]:
        """Open orders."""
        return [o for o in self.orders.values() if o.is_live and symbol in {None, o.symbol}]


def held_for(instrument: Instrument, side: Side, price_ticks: int, lots: int) -> tuple[str, Decimal]:
    """Currency and amount that an open order holds."""
    size = instrument.lot_size * lots
    if side == "sell":
        return instrument.base_currency, size
    return instrument.quote_currency, size * instrument.tick_size * price_ticks
