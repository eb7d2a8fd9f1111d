"""An order or amend the router intends to send: the object the gate checks."""

from dataclasses import dataclass

from quote_service.routing.orders.order_states import Order
from schemas.message import Side
from schemas.venues import MessageKind


@dataclass(frozen=True, slots=True)
class Request:
    """An order or an amend to be sent."""

    side: Side
    level: int
    price_ticks: int
    size_lots: int
    """Desired open size, without what is already filled."""
    instrument_version: int
    target_sequence: int
    valid_until_ns: int
    replaces: Order | None = None
    """The order to amend; None: a new one."""
    takes: bool = False
    """An IOC order of the balancer, which is not post-only."""

    @property
    def total_lots(self) -> int:
        """Total order size, including the filled part."""
        return self.size_lots + (self.replaces.filled_lots if self.replaces is not None else 0)

    @property
    def message_kind(self) -> MessageKind:
        """The message kind for the venue, which limits each kind separately."""
        order = self.replaces
        if order is None:
            return "place"
        shrinks = self.price_ticks == order.price_ticks and self.total_lots <= order.size_lots
        return "shrink" if shrinks else "amend"

    @property
    def is_less_generous(self) -> bool:
        """Does it amend an order that is larger or better priced than desired?"""
        order = self.replaces
        return order is not None and order.is_more_generous_than(self.price_ticks, self.size_lots)


@dataclass(frozen=True, slots=True)
class Passed:
    """A request the gate has passed: dispatch sends nothing else."""

    request: Request


@dataclass(frozen=True, slots=True)
class Denied:
    """A request the gate has denied."""

    codes: tuple[str, ...]
    """All codes against it."""
