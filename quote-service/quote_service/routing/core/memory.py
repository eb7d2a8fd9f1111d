"""What a symbol remembers of what it sent and what became of it."""

from dataclasses import dataclass, field

from schemas.message import Side

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


@dataclass(frozen=True, slots=True)
class PriceStep:
    """Where our best price of a side stood, and the market, at one time."""

    time_ns: int
    price_ticks: int
    mid_half_ticks: int


@dataclass(frozen=True, slots=True)
class PriceSent:
    """One order or amend that went out."""

    time_ns: int
    side: Side
    price_ticks: int
