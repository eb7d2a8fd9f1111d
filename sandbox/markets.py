"""One symbol of the exchange: its numbers, its book, and the filters that orders must pass."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Literal

from quote_service.routing.venues.simulated.matching import SimulatedMarket

from sandbox import errors
from sandbox.accounts import Account, SandboxOrder
from schemas.market import Book, Instrument
from schemas.message import Side

PRICE_BAND = Decimal(5)
"""PERCENT_PRICE_BY_SIDE: multiple of the mid upward, and its inverse downward."""
OPEN_ORDERS_MAX = 200
SymbolStatus = Literal["TRADING", "BREAK"]


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A requested order."""

    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    price_ticks: int
    size_lots: int
    client_id: str
    stp_mode: str = "EXPIRE_MAKER"


@dataclass(frozen=True, slots=True)
class Prevented:
    """A match stopped by self-trade prevention, from the view of one of the two orders."""

    match_id: int
    price_ticks: int
    lots: int
    """Size that would have traded."""
    counter_symbol: str
    counter_order_id: int
    taker_order_id: int
    maker_order_id: int
    time_ms: int


@dataclass(slots=True)
class SandboxMarket:
    """One symbol. Orders, trades, executions and prevented matches are numbered within it."""

    instrument: Instrument
    matching: SimulatedMarket
    book: Book | None = None
    status: SymbolStatus = "TRADING"
    orders: dict[int, tuple[Account, SandboxOrder]] = field(default_factory=dict)
    prevented: list[Prevented] = field(default_factory=list)
    order_ids: Iterator[int] = field(default_factory=lambda: count(1))
    trade_ids: Iterator[int] = field(default_factory=lambda: count(1))
    """Of all trades, the accounts' and the feed's."""
    execution_ids: Iterator[int] = field(default_factory=lambda: count(1))
    match_ids: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def mid_ticks(self) -> Decimal | None:
        """Of the feed's book."""
        if self.book is None or not self.book.bid_prices or not self.book.ask_prices:
            return None
        return Decimal(self.book.bid_prices[0] + self.book.ask_prices[0]) / 2

    @property
    def mid(self) -> Decimal | None:
        """The same as a price."""
        ticks = self.mid_ticks
        return None if ticks is None else ticks * self.instrument.tick_size

    def worst_ticks(self, new: NewOrder) -> int:
        """The worst price an order can trade at; raises VenueError where there is none."""
        if new.order_type != "MARKET":
            return new.price_ticks
        if self.book is None:
            raise errors.refused("Market order rejected: no book.")
        return self.book.ask_prices[-1] if new.side == "buy" else self.book.bid_prices[-1]

    def check_filters(self, account: Account, new: NewOrder) -> None:
        """Checks before matching, and before a replacement's cancel; raises VenueError."""
        price_ticks = self.worst_ticks(new)
        if new.size_lots <= 0:
            raise errors.filter_failure("LOT_SIZE")
        if price_ticks <= 0:
            raise errors.filter_failure("PRICE_FILTER")
        money = price_ticks * new.size_lots * self.instrument.money_per_tick_lot
        if money < self.instrument.min_notional:
            raise errors.filter_failure("NOTIONAL")
        mid = None if new.order_type == "MARKET" else self.mid_ticks
        if mid is not None and not mid / PRICE_BAND <= price_ticks <= mid * PRICE_BAND:
            raise errors.filter_failure("PERCENT_PRICE_BY_SIDE")
        if len(account.live(new.symbol)) >= OPEN_ORDERS_MAX:
            raise errors.filter_failure("MAX_NUM_ORDERS")

    def would_take(self, new: NewOrder) -> bool:
        """Would it match the feed's book, or an account's order?"""
        if self.matching.would_take(new.side, new.price_ticks):
            return True
        return any(
            order.side != new.side
            and (
                order.price_ticks <= new.price_ticks
                if new.side == "buy"
                else order.price_ticks >= new.price_ticks
            )
            for order in self.matching.orders.values()
        )
