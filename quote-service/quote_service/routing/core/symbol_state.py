"""What the router knows of one symbol: contract, book, target, position, risk, orders."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from quote_service.routing.core.client_ids import client_order_id, id_prefix
from quote_service.routing.core.codes import NO_TARGET
from quote_service.routing.core.jumps import JumpWatch
from quote_service.routing.core.memory import Denied, Filled, PriceSent, PriceStep, Refused, Sent, Slot
from quote_service.routing.core.message_budget import MessageBudget
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.overrides import Overrides
from quote_service.routing.core.protection import FillGuard
from quote_service.routing.core.standing_back import Crossing
from quote_service.routing.core.terms import ContractTerms
from quote_service.routing.core.venue_budget import VenueBudget
from quote_service.routing.core.wanted import Wanted
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.message import Side
from schemas.orders import Fill, StopCode
from schemas.quoting import QuoteTarget
from schemas.recent_keys import RecentKeys
from schemas.risk import TradingState
from schemas.units import side_sign

ENDED_ORDERS_KEPT = 256
"""Ended orders a symbol remembers, so that a late fill finds its order."""
TRADE_IDS_KEPT = 1_024
"""Venue trade ids a symbol remembers; a venue repeats its newest fills after a reconnect, not older ones."""


@dataclass(slots=True)
class OwnPosition:
    """The position in lots: the newest of inventory-service, and own fills that it has not counted yet."""

    lots: int = 0
    version: int | None = None
    """Instrument version of the lots; None: no position was ever held."""
    base_fees_taken: Decimal = Decimal(0)
    """Base units of fees that `lots` is lowered by already."""
    fills_counted: int = 0
    uncounted: deque[int] = field(default_factory=deque)
    """Signed sizes of own fills after those, oldest first."""

    def add(self, fill: Fill) -> None:
        """Count an own fill at once; inventory-service will report it later."""
        signed_lots = side_sign(fill.side) * fill.size_lots
        self.uncounted.append(signed_lots)
        self.lots += signed_lots
        if self.version is None:
            self.version = fill.instrument_version

    def reconcile(self, position: Position) -> None:
        """Take over what inventory-service says; a message older than one before changes nothing."""
        newly_counted = position.fills - self.fills_counted
        if newly_counted < 0:
            return
        self.fills_counted = position.fills
        for _ in range(min(newly_counted, len(self.uncounted))):
            self.uncounted.popleft()
        self.lots = position.position_lots + sum(self.uncounted)
        self.version = position.instrument_version
        self.base_fees_taken = position.base_fees_taken


@dataclass(slots=True)
class SymbolState:
    """One symbol's part of the router's state."""

    key: str
    venue: str
    symbol: str
    id_prefix: str
    terms: ContractTerms | None = None
    """Of the contract in force."""
    instruments: dict[int, Instrument] = field(default_factory=dict)
    """By version, as announced."""
    terms_by_version: dict[int, ContractTerms] = field(default_factory=dict)
    book: Book | None = None
    """The newest one, whatever its status."""
    is_live: bool = False
    """The newest book is live and has two sides that do not cross."""
    best_bid_ticks: int = 0
    best_ask_ticks: int = 0
    mid_half_ticks: int | None = None
    """Of the last sound book."""
    target: QuoteTarget | None = None
    is_target_late: bool = False
    """It came later than `routing.target_age_ms_max` after it was decided."""
    wanted: tuple[Wanted, Wanted] = (Wanted("buy", (), NO_TARGET), Wanted("sell", (), NO_TARGET))
    """What the target wants, bids first."""
    risk: TradingState | None = None
    position: OwnPosition = field(default_factory=OwnPosition)
    orders: dict[Slot, Order] = field(default_factory=dict)
    """What the venue may hold: no order here is terminal."""
    ended: dict[str, Order] = field(default_factory=dict)
    """The newest ended orders by client order id."""
    trade_ids: RecentKeys = field(default_factory=lambda: RecentKeys(TRADE_IDS_KEPT))
    sent: dict[Slot, Sent] = field(default_factory=dict)
    denied: dict[Slot, Denied] = field(default_factory=dict)
    refused: dict[Slot, Refused] = field(default_factory=dict)
    filled: dict[Slot, Filled] = field(default_factory=dict)
    orders_count: int = 0
    last_sent_ns: int = 0
    exposure_micro: int = 0
    """Worst-case value when last valued, millionths of the reporting currency."""
    awaits_book: bool = False
    """Something wanted was denied because of the best prices: look again when they change."""
    is_permitted: bool = True
    """False: `routing.permitted` does not name it."""
    excludes_own: bool = False
    """A real venue's book holds our own orders: they are taken off before it is a reference."""
    stopped_by: StopCode | None = None
    """Why it may not be traded until people have looked."""
    guard: FillGuard = field(default_factory=FillGuard)
    quote_lots: int = 0
    """Total of the larger side of the newest target that had one."""
    jumps: JumpWatch = field(default_factory=JumpWatch)
    price_steps: dict[Side, deque[PriceStep]] = field(
        default_factory=lambda: {"buy": deque(), "sell": deque()}
    )
    prices_sent: deque[PriceSent] = field(default_factory=deque)
    """Of the last second."""
    crossings: dict[Slot, Crossing] = field(default_factory=dict)
    """Where the venue refused what would have taken."""
    overrides: Overrides = field(default_factory=Overrides)
    committed: dict[str, Decimal] = field(default_factory=dict)
    """What its orders may take of the account, by currency, when last valued."""
    venue_grant: VenueBudget | None = None
    """What the venue grants this symbol; nothing was sent yet."""
    budget: MessageBudget | None = None
    """Messages of this symbol; none were sent yet."""

    @classmethod
    def new(cls, key: str, venue: str, symbol: str) -> "SymbolState":
        """A symbol of which nothing is known."""
        return cls(key=key, venue=venue, symbol=symbol, id_prefix=id_prefix(key))

    def next_client_order_id(self, side: Side, level: int) -> str:
        """The id that `new_client_order_id` will give."""
        return client_order_id(self.id_prefix, side, level, self.orders_count + 1)

    def new_client_order_id(self, side: Side, level: int) -> str:
        """An id never given before."""
        self.orders_count += 1
        return client_order_id(self.id_prefix, side, level, self.orders_count)

    def order(self, order_id: str) -> Order | None:
        """The order of that id, open or among the newest ended."""
        for order in self.orders.values():
            if order.client_order_id == order_id:
                return order
        return self.ended.get(order_id)

    def end(self, order: Order) -> None:
        """An order became terminal: its slot is free."""
        self.orders.pop((order.side, order.level), None)
        self.ended[order.client_order_id] = order
        if len(self.ended) > ENDED_ORDERS_KEPT:
            del self.ended[next(iter(self.ended))]

    def free_orphan_level(self, side: Side) -> int:
        """A level below 0 that no order has."""
        level = -1
        while (side, level) in self.orders:
            level -= 1
        return level

    def is_new_trade(self, trade_id: str) -> bool:
        """False for a trade id seen before; remembers it."""
        return self.trade_ids.is_new(trade_id)

    def reserved_lots(self, side: Side, *, without: Order | None = None) -> int:
        """Most that orders of a side may still fill: live, in flight, being cancelled and unknown ones."""
        lots = 0
        for order in self.orders.values():
            if order.side == side and order is not without:
                lots += order.reserved_lots
        return lots

    def worst_lots(self) -> int:
        """Largest absolute position that fills of open orders can lead to."""
        lots = self.position.lots
        return max(abs(lots), abs(lots + self.reserved_lots("buy")), abs(lots - self.reserved_lots("sell")))

    def reducing_room_lots(self, side: Side) -> int:
        """How much of a side only lowers the absolute position; 0 on the side that raises it."""
        return max(0, -side_sign(side) * self.position.lots)

    def see_book(self, book: Book) -> None:
        """Take over the newest book."""
        self.book = book
        bid = self._best("buy", book.bid_prices, book.bid_sizes)
        ask = self._best("sell", book.ask_prices, book.ask_sizes)
        self.is_live = book.status == "live" and 0 < bid < ask
        if self.is_live:
            self.best_bid_ticks, self.best_ask_ticks = bid, ask
            self.mid_half_ticks = bid + ask

    def _best(self, side: Side, prices: tuple[int, ...], sizes: tuple[int, ...]) -> int:
        """The best price at which others quote; 0 where nobody does."""
        if not (self.excludes_own and self.orders):
            return prices[0] if prices else 0
        own = self._own_lots(side)
        others = (price for price, size in zip(prices, sizes, strict=False) if size > own.get(price, 0))
        return next(others, 0)

    def _own_lots(self, side: Side) -> dict[int, int]:
        """What may be ours at each price, by price: of an amend under way, at the old and at the new one."""
        own: dict[int, int] = {}
        for order in self.orders.values():
            if order.side == side:
                for price in {order.price_ticks, order.asked_price_ticks}:
                    own[price] = own.get(price, 0) + order.reserved_lots
        return own

    def release(self) -> None:
        """People have looked and trade on."""
        self.stopped_by = None
        self.guard.forget()
