"""The life of one order: its record, and the legal transitions as data.

A status answers: what may the venue hold for us? Every status that is not terminal reserves the order's
remaining size. A fill always counts, whatever the status: money is real.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.message import Side
from schemas.orders import TERMINAL_STATUSES, OrderEventKind, OrderStatus

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
"""Status, then what happened, to the status after it. What is not here is illegal and changes nothing.

A rejected cancel leads to `unknown`, not to `live`: the order may have ended and its fill may be under way.
An amend that was under way when the cancel went out is still answered, hence its answers in `pending_cancel`.
"""

AWAITING_ANSWER: frozenset[OrderStatus] = frozenset({"pending_new", "pending_amend", "pending_cancel"})


@dataclass(slots=True)
class Order:
    """What we know of one order. Prices in ticks, sizes in lots of its instrument version."""

    client_order_id: str
    side: Side
    level: int
    instrument_version: int
    price_ticks: int
    size_lots: int
    """Total size, the filled part included."""
    target_sequence: int
    asked_price_ticks: int
    """Price of the amend under way; the order's own price where none is."""
    asked_size_lots: int
    asked_at_ns: int
    """When the newest intent went out."""
    filled_lots: int = 0
    revision: int = 0
    """Amends asked for so far."""
    shrinks: int = 0
    """Amends that only lowered the size, of the order as the venue knows it."""
    is_replaced: bool = False
    """Is the amend under way a new order at the venue? Then the old one may still be filled beside it, both
    together may be filled with more than was asked for, and only the answer says when the order is full."""
    status: OrderStatus = "pending_new"

    @property
    def is_terminal(self) -> bool:
        """Does the venue hold nothing of this order any more?"""
        return self.status in TERMINAL_STATUSES

    @property
    def remaining_lots(self) -> int:
        """Open size at the venue, as far as it has answered."""
        return max(0, self.size_lots - self.filled_lots)

    @property
    def reserved_lots(self) -> int:
        """Most that may still be filled: the larger of the size it has and the size asked for.

        Where the amend is a new order the old one may have been filled in part before it ended, unknown to
        us: all of it but the last lot, for of an order that was filled whole no new one is made.
        """
        old_lots, new_lots = self.size_lots - self.filled_lots, self.asked_size_lots - self.filled_lots
        if self.is_replaced:
            return max(0, old_lots - 1) + max(0, new_lots)
        return max(0, old_lots, new_lots)

    @property
    def most_generous_ticks(self) -> int:
        """Of the price it has and the price asked for, the one nearer to the other side's."""
        if self.side == "buy":
            return max(self.price_ticks, self.asked_price_ticks)
        return min(self.price_ticks, self.asked_price_ticks)

    def move(self, kind: OrderEventKind) -> bool:
        """Take the transition of `kind`; false, and no change, where it is illegal."""
        after = TRANSITIONS[self.status].get(kind)
        if after is None:
            return False
        self.status = after
        return True

    def is_more_generous_than(self, price_ticks: int, size_lots: int) -> bool:
        """Does it offer a better price, or more size, than the given one?"""
        if self.remaining_lots > size_lots:
            return True
        return self.price_ticks > price_ticks if self.side == "buy" else self.price_ticks < price_ticks
