"""The gate's memory of one symbol, for comparison with later requests."""

from collections import deque
from dataclasses import dataclass, field

from quote_service.routing.gate.overrides import Overrides
from schemas.message import Side


@dataclass(frozen=True, slots=True)
class PriceStep:
    """Our best price of a side, and the mid, at one time."""

    time_ns: int
    price_ticks: int
    mid_half_ticks: int


@dataclass(frozen=True, slots=True)
class PriceSent:
    """One order or amend that was sent."""

    time_ns: int
    side: Side
    price_ticks: int


@dataclass(slots=True)
class GateMemory:
    """Of one symbol."""

    is_permitted: bool = True
    """False: not among `routing.permitted`."""
    price_steps: dict[Side, deque[PriceStep]] = field(
        default_factory=lambda: {"buy": deque(), "sell": deque()}
    )
    prices_sent: deque[PriceSent] = field(default_factory=deque)
    """Of the last second."""
    overrides: Overrides = field(default_factory=Overrides)
