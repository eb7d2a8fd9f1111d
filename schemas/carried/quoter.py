"""quote-service's carried state: operators' stops, and what stays on a side after fills.

Rebuilt from new data: books, signals and positions; how long a price has rested, and a symbol's ratio to its
reference market.
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.carried import Carried
from schemas.message import PriceTicks, SizeLots, TimeNs


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class CarriedHanging(_Part):
    """An order kept in place after the other side was filled."""

    price_ticks: PriceTicks
    size_lots: SizeLots
    since_ns: TimeNs


class CarriedSide(_Part):
    """One side after its own fills, and after the other side's."""

    filled_ns: TimeNs | None = None
    """Of the newest fill: the side is not quoted for `shape.filled_order_delay_ms` after it."""
    hanging: tuple[CarriedHanging, ...] = ()
    burst_until_ns: TimeNs = 0
    """Until then the side reacts to takers that printed towards it."""
    burst_depths: float = 0.0
    """Their volume, in mean depths of the side."""


class QuoterCarried(Carried):
    """For one symbol, or (`*`) for all without a message of their own."""

    type_name: ClassVar[str] = "carried.quoter.v1"

    stopped: bool = False
    """By an operator, until started again: also a symbol without any data yet."""
    sequence: int = 0
    """Of the newest target; readers treat a repeated number as the same target."""
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    """The units of the rest; dropped under another contract."""
    bid: CarriedSide = CarriedSide()
    ask: CarriedSide = CarriedSide()
    band_reference_ticks: float | None = None
    """The fair value from which the moving band is measured."""
    band_since_ns: TimeNs = 0
