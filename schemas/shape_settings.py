"""What stands around the price: levels, sizes, bands, and how long things stay."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.message import Instruction
from schemas.numbers import Fraction, NonNegative, Positive, PositiveDecimal

LEVELS_MAX = 20
Factors = Annotated[tuple[Positive, ...], Field(max_length=LEVELS_MAX)]
Offsets = Annotated[tuple[NonNegative, ...], Field(max_length=LEVELS_MAX)]
Band = Annotated[float, Field(gt=0, lt=1)]


class Shape(Instruction):
    """The ladder, its sizes and bands, and what stays where it is. As it comes: one level, no bands."""

    levels: Annotated[int, Field(ge=1, le=LEVELS_MAX)] = 1
    """Orders a side."""
    level_step_bps: NonNegative = 5.0
    """Each level stands this much further out than the one before, a tick at the least."""
    level_size_factor: Positive = 1.0
    """Each level's size, as a multiple of that of the level before."""
    bid_level_offsets_bps: Offsets = ()
    """How far each level stands beyond the best one's price, in place of `levels` and `level_step_bps`; the
    first is 0."""
    ask_level_offsets_bps: Offsets = ()
    """The same for asks."""
    bid_level_size_factors: Factors = ()
    """Each level's size as a multiple of the usual one, in place of `level_size_factor`; the last counts for
    all further levels."""
    ask_level_size_factors: Factors = ()
    """The same for asks."""
    bid_spread_factor: Positive = 1.0
    """The bid's half-spread is multiplied by this; the minimum counts after it."""
    ask_spread_factor: Positive = 1.0
    """The same for the ask."""
    price_floor: PositiveDecimal | None = None
    """At a fair value below this nothing is sold."""
    price_ceiling: PositiveDecimal | None = None
    """At a fair value above this nothing is bought."""
    band_below: Band | None = None
    """Nothing is sold at a fair value more than this fraction below the band's reference."""
    band_above: Band | None = None
    """Nothing is bought at one more than this above it."""
    band_refresh_s: Positive = 86_400.0
    """The band's reference is the fair value this often."""
    position_min: Decimal | None = None
    """Base units: nothing is sold that would lead below it."""
    position_max: Decimal | None = None
    """Base units: nothing is bought that would lead above it."""
    inventory_sizing: Literal["linear", "exponential"] = "linear"
    """How the size of the side that adds to the inventory falls: straight to 0 at the maximum, or by
    exp(-inventory_sizing_eta x bias) until there is no room left."""
    inventory_sizing_eta: Positive = 1.0
    """How fast the exponential falls."""
    size_volatility_bps: Positive | None = None
    """Per square root of a second, at which sizes are as they are; they are multiplied by this over the
    volatility. None: sizes do not follow volatility."""
    size_volatility_factor_min: Fraction = 0.25
    """The least that volatility leaves of a size."""
    size_volatility_factor_max: Annotated[float, Field(ge=1)] = 1.5
    """The most that calm makes of one."""
    loss_budget: PositiveDecimal | None = None
    """Reporting currency: the maximum inventory is at most what loses this by a move of `loss_deviations`
    standard deviations over `loss_horizon_s`."""
    loss_deviations: Positive = 2.33
    """How unlikely a move the loss budget is for."""
    loss_horizon_s: Positive = 600.0
    """And within which time."""
    bid_requote_thresholds_bps: Offsets = ()
    """By level, in place of `market_making.requote_threshold_bps`; the last counts for all further ones."""
    ask_requote_thresholds_bps: Offsets = ()
    """The same for asks."""
    narrow_after_ms: NonNegative = 0.0
    """A side moves away from the market at once, and towards it after it was wanted there for so long."""
    price_age_max_s: Positive | None = None
    """A price within its threshold is kept no longer than this. None: for as long as it is within it."""
    filled_order_delay_ms: NonNegative = 0.0
    """A side is not quoted for so long after a fill of it."""
    hanging: bool = False
    """After fills of one side, as many of the other side's best levels stay where they are."""
    hanging_distance_max_bps: Positive = 100.0
    """One that is further than this from the fair value goes."""
    hanging_age_max_s: Positive = 1_800.0
    """And one that hangs for longer."""

    @model_validator(mode="after")
    def _is_possible(self) -> "Shape":
        for name in ("bid_level_offsets_bps", "ask_level_offsets_bps"):
            offsets = getattr(self, name)
            if offsets and (offsets[0] != 0 or list(offsets) != sorted(set(offsets))):
                raise ValueError(f"{name} must begin with 0, the best level, and ascend")
        for least, most in (("position_min", "position_max"), ("price_floor", "price_ceiling")):
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low >= high:
                raise ValueError(f"{least} {low} must be below {most} {high}")
        return self
