"""What was recently sent for a symbol, and the outcome."""

from dataclasses import dataclass, field

from quote_service.routing.desired.post_only_backoff import PostOnlyRefusals
from quote_service.routing.orders.order_table import Slot
from schemas.gating import RefusedQuote
from schemas.message import Side, TimeNs


@dataclass(slots=True)
class Sent:
    """What was last sent for a slot."""

    target_sequence: int
    price_ticks: int
    size_lots: int
    """The requested open size."""
    time_ns: int


@dataclass(slots=True)
class DeniedQuote:
    """The denied quote of a slot: it is reported once for each set of codes, whatever target repeats it."""

    price_ticks: int
    size_lots: int
    codes: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Refused:
    """The newest request of a slot that the venue rejected: it is not repeated under the same target."""

    target_sequence: int
    price_ticks: int
    total_lots: int


@dataclass(slots=True)
class Filled:
    """The newest fill of a slot: the same target does not refill it at once."""

    target_sequence: int
    time_ns: int


@dataclass(slots=True)
class RecentActions:
    """Of one symbol, by slot of the ladder."""

    sent: dict[Slot, Sent] = field(default_factory=dict)
    denied: dict[Slot, DeniedQuote] = field(default_factory=dict)
    refused_prices: dict[Side, RefusedQuote] = field(default_factory=dict)
    """The newest price of a side that the gate denied, until it would let it pass, or an order of the side is
    sent."""
    refused: dict[Slot, Refused] = field(default_factory=dict)
    filled: dict[Slot, Filled] = field(default_factory=dict)
    waiting: dict[Slot, TimeNs] = field(default_factory=dict)
    """At an exchange: since when each has been waiting for message budget."""
    held: dict[Slot, None] = field(default_factory=dict)
    """Slots for which the venue's current hold has been reported."""
    post_only_refusals: dict[Slot, PostOnlyRefusals] = field(default_factory=dict)
    """Slots with post-only rejections."""
    awaits_book: bool = False
    """A desired order was denied because of the best prices: re-evaluate when they change."""
