"""What the router knows of one symbol: contract, book, target, position, risk, orders."""

from collections import deque
from dataclasses import dataclass, field

from quote_service.routing.core.client_ids import client_order_id, id_prefix
from quote_service.routing.core.codes import NO_TARGET
from quote_service.routing.core.message_budget import MessageBudget
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.terms import ContractTerms
from quote_service.routing.core.venue_budget import VenueBudget
from quote_service.routing.core.wanted import Wanted
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.message import Side
from schemas.orders import Fill
from schemas.quoting import QuoteTarget
from schemas.recent_keys import RecentKeys
from schemas.risk import TradingState
from schemas.units import side_sign

ENDED_ORDERS_KEPT = 256
"""Ended orders a symbol remembers, so that a late fill finds its order."""
TRADE_IDS_KEPT = 1_024
"""Venue trade ids a symbol remembers; a venue repeats its newest fills after a reconnect, not older ones."""

Slot = tuple[Side, int]
"""Side and level: the place of at most one order that may be live."""


@dataclass(slots=True)
class Sent:
    """What was last sent for a slot."""

    target_sequence: int
    price_ticks: int
    size_lots: int
    """Open size asked for."""
    time_ns: int


@dataclass(slots=True)
class Denied:
    """What was denied for a slot because of one target, so that it is said once."""

    target_sequence: int
    codes: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Refused:
    """The newest ask of a slot that the venue refused: it is not asked again for the same target."""

    target_sequence: int
    price_ticks: int
    total_lots: int


@dataclass(slots=True)
class Filled:
    """The newest fill of a slot: what was filled is not offered again at once for the same target."""

    target_sequence: int
    time_ns: int


@dataclass(slots=True)
class OwnPosition:
    """The position in lots: the newest of inventory-service, and own fills that it has not counted yet."""

    lots: int = 0
    version: int | None = None
    """Instrument version of the lots; None: no position was ever held."""
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
    exposure_micro: int = 0
    """Worst-case value when last valued, millionths of the reporting currency."""
    awaits_book: bool = False
    """Something wanted was denied because of the best prices: look again when they change."""
    has_unaccounted_fill: bool = False
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
        bids, asks = book.bid_prices, book.ask_prices
        if book.status == "live" and bids and asks and 0 < bids[0] < asks[0]:
            self.is_live = True
            self.best_bid_ticks = bids[0]
            self.best_ask_ticks = asks[0]
            self.mid_half_ticks = bids[0] + asks[0]
        else:
            self.is_live = False
