"""What the router wants to send: the thing that the gate checks."""

from dataclasses import dataclass

from quote_service.routing.core.order_states import Order
from schemas.message import Side
from schemas.venues import MessageKind


@dataclass(frozen=True, slots=True)
class Request:
    """An order or an amend that is to go out."""

    side: Side
    level: int
    price_ticks: int
    size_lots: int
    """Open size wanted, what is filled already left out."""
    instrument_version: int
    target_sequence: int
    valid_until_ns: int
    replaces: Order | None = None
    """The order to amend; None: a new one."""

    @property
    def total_lots(self) -> int:
        """Total size of the order, the filled part included."""
        return self.size_lots + (self.replaces.filled_lots if self.replaces is not None else 0)

    @property
    def message_kind(self) -> MessageKind:
        """What it is to the venue, which grants so many of each kind."""
        order = self.replaces
        if order is None:
            return "place"
        shrinks = self.price_ticks == order.price_ticks and self.total_lots <= order.size_lots
        return "shrink" if shrinks else "amend"

    @property
    def takes_back(self) -> bool:
        """Does it amend an order that offers more, or at a better price, than is wanted?"""
        order = self.replaces
        return order is not None and order.is_more_generous_than(self.price_ticks, self.size_lots)
