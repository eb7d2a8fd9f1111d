"""The life of our orders, reconstructed from an engine's log: steps that attribution can count.

A venue's reports may be late, repeated or contradictory: an amend is filled without being answered, an ended
order is filled, an order that had ended is found open. So an order's size is the largest of what the venue
last confirmed, what was last requested, and what was filled; and its filled size is what its trades add up
to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from research.attribution.lines import OrderStatus
from research.attribution.order_tally import ENDED_KEPT
from schemas.message import Side
from schemas.orders import TERMINAL_STATUSES, Fill, OrderEvent, OrderEventKind

_SAYS_NOTHING_OF_LIFE: frozenset[OrderEventKind] = frozenset(
    {"place_intent", "amend_intent", "cancel_intent", "rejected", "unknown", "cancel_rejected"}
)
"""After any other event the order is known to be, or to have been, at the venue."""

_SETTLES_SIZE: frozenset[OrderEventKind] = frozenset(
    {"place_intent", "amend_intent", "accepted", "amended", "amend_rejected", "orphan"}
)
"""The earlier request is no longer open."""


class OrderStep(NamedTuple):
    """The content of an order line, in lots of the order's own contract version."""

    order_id: str
    status: OrderStatus
    version: int
    size_lots: int | None = None
    filled_lots: int | None = None


@dataclass(slots=True)
class OwnOrderLife:
    """One order of ours."""

    order_id: str
    side: Side
    version: int
    """Version of the contract of its sizes."""
    price_ticks: int = 0
    """As the venue last confirmed it."""
    confirmed_lots: int = 0
    asked_lots: int = 0
    filled_lots: int = 0
    trades: dict[str, int] = field(default_factory=dict)
    """Lots by venue trade id."""
    is_counted: bool = False
    """Was it reported as accepted?"""
    told_lots: int = 0
    """The last reported size."""

    @property
    def size_lots(self) -> int:
        """The largest of confirmed, requested and filled size."""
        return max(self.confirmed_lots, self.asked_lots, self.filled_lots)

    @property
    def is_full(self) -> bool:
        """Do its trades make up all of it?"""
        return 0 < self.filled_lots == self.size_lots

    @property
    def remaining_lots(self) -> int:
        """Open size at the venue, as of its newest answer."""
        return self.confirmed_lots - self.filled_lots

    def learn(self, event: OrderEvent) -> None:
        """Update sizes and price: an amend intent has the requested ones, other events the present ones."""
        self.filled_lots = max(self.filled_lots, event.filled_lots)
        if event.kind != "amend_intent":
            self.price_ticks, self.confirmed_lots = event.price_ticks, event.size_lots
        if event.kind in _SETTLES_SIZE:
            self.asked_lots = event.size_lots


@dataclass(slots=True)
class OwnOrders:
    """The orders of one symbol: open ones, and the most recently ended."""

    open: dict[str, OwnOrderLife] = field(default_factory=dict)
    ended: dict[str, OwnOrderLife] = field(default_factory=dict)

    @property
    def resting(self) -> Iterator[OwnOrderLife]:
        """Orders resting at the venue, as of its newest answer."""
        return (order for order in self.open.values() if order.is_counted and order.remaining_lots > 0)

    def apply(self, event: OrderEvent) -> Iterator[OrderStep]:
        """The steps of an order event."""
        if event.kind == "denied":
            return  # it never became an order
        order_id = event.client_order_id
        order = self.open.get(order_id) or self.ended.get(order_id)
        if order is None:
            order = OwnOrderLife(order_id, event.side, event.instrument_version)
        filled_before = order.filled_lots
        order.learn(event)
        if event.status not in TERMINAL_STATUSES:
            yield from self._live(order, event.kind)
        elif order_id not in self.ended or order.filled_lots > filled_before:
            yield from self._end(order, is_rejected=event.status == "rejected")

    def trade(self, fill: Fill) -> Iterator[OrderStep]:
        """An execution. Its order event came before, unless the order was unknown."""
        order_id = fill.client_order_id
        order = self.open.get(order_id) or self.ended.get(order_id)
        if order is None or fill.venue_trade_id in order.trades:
            return
        order.trades[fill.venue_trade_id] = fill.size_lots
        traded_lots = sum(order.trades.values())
        if traded_lots > order.filled_lots:
            order.filled_lots = traded_lots
            yield from self._end(order) if order_id in self.ended else self._counted(order)

    def _live(self, order: OwnOrderLife, kind: OrderEventKind) -> Iterator[OrderStep]:
        """It may be at the venue; an ended one is reopened."""
        if kind in _SAYS_NOTHING_OF_LIFE and not order.is_counted:
            self.open[order.order_id] = order
        else:
            yield from self._counted(order)

    def _counted(self, order: OwnOrderLife) -> Iterator[OrderStep]:
        """Report it as open, with its size."""
        status: OrderStatus = "amended"
        if order.order_id in self.ended:
            del self.ended[order.order_id]
            status = "reopened"
        if not order.is_counted:
            status = "accepted"
        self.open[order.order_id] = order
        if status != "amended" or order.size_lots != order.told_lots:
            order.is_counted, order.told_lots = True, order.size_lots
            yield OrderStep(order.order_id, status, order.version, size_lots=order.size_lots)

    def _end(self, order: OwnOrderLife, *, is_rejected: bool = False) -> Iterator[OrderStep]:
        """It has ended, with all its fills; an order ended before is reported again."""
        if is_rejected and not order.is_counted and not order.filled_lots:
            yield OrderStep(order.order_id, "rejected", order.version)
        else:
            yield from self._counted(order)
            status: OrderStatus = "filled" if order.is_full else "cancelled"
            yield OrderStep(order.order_id, status, order.version, filled_lots=order.filled_lots)
        self.open.pop(order.order_id, None)
        self.ended[order.order_id] = order
        if len(self.ended) > ENDED_KEPT:
            del self.ended[next(iter(self.ended))]


def best_of(orders: OwnOrders, side: Side) -> tuple[int | None, int]:
    """Price and open size of the best level of our own, in ticks and lots."""
    resting = [order for order in orders.resting if order.side == side and order.price_ticks > 0]
    if not resting:
        return None, 0
    pick = max if side == "buy" else min
    best = pick(order.price_ticks for order in resting)
    return best, sum(order.remaining_lots for order in resting if order.price_ticks == best)
