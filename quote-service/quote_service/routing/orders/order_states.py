"""The life of one order: its record, and the legal transitions as data.

A status answers: what may the venue hold for us? Every non-terminal status reserves the order's remaining
size. A fill always counts, whatever the status: money is real.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.message import Side
from schemas.orders import TERMINAL_STATUSES, OrderEventKind, OrderStatus, TimeInForce

TRANSITIONS: Mapping[OrderStatus, Mapping[OrderEventKind, OrderStatus]] = {
    "pending_new": {
        "accepted": "live",
        "rejected": "rejected",
        "partial_fill": "live",
        "filled": "filled",
        "cancelled": "cancelled",
        "unknown": "unknown",
    },
    "live": {
        "amend_intent": "pending_amend",
        "cancel_intent": "pending_cancel",
        "partial_fill": "live",
        "filled": "filled",
        "cancelled": "cancelled",
    },
    "pending_amend": {
        "cancel_intent": "pending_cancel",
        "amended": "live",
        "amend_rejected": "live",
        "partial_fill": "pending_amend",
        "filled": "filled",
        "cancelled": "cancelled",
        "unknown": "unknown",
    },
    "pending_cancel": {
        "amended": "pending_cancel",
        "amend_rejected": "pending_cancel",
        "cancelled": "cancelled",
        "cancel_rejected": "unknown",
        "partial_fill": "pending_cancel",
        "filled": "filled",
        "unknown": "unknown",
    },
    "unknown": {
        "accepted": "live",
        "rejected": "rejected",
        "amended": "live",
        "amend_rejected": "live",
        "cancelled": "cancelled",
        "cancel_rejected": "unknown",
        "partial_fill": "unknown",
        "filled": "filled",
    },
    "filled": {"partial_fill": "filled", "filled": "filled"},
    "cancelled": {"partial_fill": "cancelled", "filled": "cancelled"},
    "rejected": {"partial_fill": "rejected", "filled": "rejected"},
    "denied": {},
}
"""Status and event to the next status. Pairs that are missing are illegal: `Order.move` raises, and a
venue's report of one is refused (`OrderTable.refuse`).

A rejected cancel leads to `unknown`, not to `live`: the order may have ended and its fill be in flight.
An amend in flight when the cancel went out is still answered, hence its answers in `pending_cancel`.
"""

AWAITING_ANSWER: frozenset[OrderStatus] = frozenset({"pending_new", "pending_amend", "pending_cancel"})


@dataclass(slots=True)
class Order:
    """Our record of one order. Prices in ticks, sizes in lots of its instrument version."""

    client_order_id: str
    side: Side
    level: int
    instrument_version: int
    price_ticks: int
    size_lots: int
    """Total size, including the filled part."""
    target_sequence: int
    asked_price_ticks: int
    """Price of the amend in flight; the order's own price without one."""
    asked_size_lots: int
    asked_at_ns: int
    """When the newest intent was sent."""
    filled_lots: int = 0
    revision: int = 0
    """Amends requested so far."""
    shrinks: int = 0
    """Amends that only reduced size, of the venue's current order."""
    is_replaced: bool = False
    """Does the amend in flight create a new order at the venue? Then the old one may still fill beside it,
    both together may fill more than requested, and only the venue's answer says when the order is full."""
    status: OrderStatus = "pending_new"
    time_in_force: TimeInForce = "gtc"
    order_prefix: str = ""
    """The prefix of its ids at an exchange: an earlier session may have used another."""

    @property
    def is_terminal(self) -> bool:
        """Does the venue hold nothing of this order any more?"""
        return self.status in TERMINAL_STATUSES

    @property
    def is_taker(self) -> bool:
        """Does it take liquidity, and end by itself?"""
        return self.time_in_force == "ioc"

    @property
    def remaining_lots(self) -> int:
        """Open size at the venue, as of its newest answer."""
        return max(0, self.size_lots - self.filled_lots)

    @property
    def reserved_lots(self) -> int:
        """The most that may still be filled: the larger of current and requested size.

        Where the amend is a new order, the old one may have been partly filled before it ended, unknown to
        us: all but its last lot, since a fully filled order is not replaced.
        """
        old_lots, new_lots = self.size_lots - self.filled_lots, self.asked_size_lots - self.filled_lots
        if self.is_replaced:
            return max(0, old_lots - 1) + max(0, new_lots)
        return max(0, old_lots, new_lots)

    @property
    def most_generous_ticks(self) -> int:
        """The current or the requested price, whichever is nearer to the other side."""
        if self.side == "buy":
            return max(self.price_ticks, self.asked_price_ticks)
        return min(self.price_ticks, self.asked_price_ticks)

    def may_move(self, kind: OrderEventKind) -> bool:
        """Is the transition of `kind` legal now? A venue may report an illegal one."""
        return kind in TRANSITIONS[self.status]

    def move(self, kind: OrderEventKind) -> None:
        """Apply the transition of `kind`; raises ValueError, with the order, where it is illegal."""
        after = TRANSITIONS[self.status].get(kind)
        if after is None:
            raise ValueError(f"order {self.client_order_id} is {self.status}: {kind} is no move from there")
        self.status = after

    def is_more_generous_than(self, price_ticks: int, size_lots: int) -> bool:
        """Does it offer a better price, or more size, than the given one?"""
        if self.remaining_lots > size_lots:
            return True
        return self.price_ticks > price_ticks if self.side == "buy" else self.price_ticks < price_ticks
