"""The shape of quotes: levels, sizes, bands, and durations."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.message import Instruction
from schemas.numbers import (
    BelowOne,
    Bps,
    DelayMs,
    Fraction,
    Positive,
    PositiveBps,
    PositiveDecimal,
    Seconds,
    SignedDecimal,
    Widening,
)

LEVELS_MAX = 20
Factors = Annotated[tuple[Positive, ...], Field(max_length=LEVELS_MAX)]
Offsets = Annotated[tuple[Bps, ...], Field(max_length=LEVELS_MAX)]
Band = Annotated[BelowOne, Field(gt=0)]


class Shape(Instruction):
    """The ladder, its sizes and bands, and orders that are kept in place. Default: one level, no bands."""

    levels: Annotated[int, Field(ge=1, le=LEVELS_MAX)] = 1
    """Orders per side."""
    level_step_bps: Bps = 5.0
    """Distance of each level from the one before, at least a tick."""
    level_size_factor: Positive = 1.0
    """Each level's size, as a multiple of the previous level's."""
    bid_level_offsets_bps: Offsets = ()
    """Distance of each level from the best one's price, in place of `levels` and `level_step_bps`; the
    first is 0."""
    ask_level_offsets_bps: Offsets = ()
    """The same for asks."""
    bid_level_size_factors: Factors = ()
    """Each level's size as a multiple of the regular one, in place of `level_size_factor`; the last applies
    to all further levels."""
    ask_level_size_factors: Factors = ()
    """The same for asks."""
    bid_spread_factor: Positive = 1.0
    """Multiplier of the bid's half-spread; the minimum applies after it."""
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
    band_refresh_s: Seconds = 86_400.0
    """Interval at which the fair value becomes the band's new reference."""
    position_min: SignedDecimal | None = None
    """Base units: no sell may lead below it."""
    position_max: SignedDecimal | None = None
    """Base units: no buy may lead above it."""
    inventory_sizing: Literal["linear", "exponential"] = "linear"
    """How the size of the side that adds to the inventory falls: linearly to 0 at the maximum, or by
    exp(-inventory_sizing_eta x bias) until there is no room left."""
    inventory_sizing_eta: Positive = 1.0
    """Decay rate of the exponential."""
    size_volatility_bps: PositiveBps | None = None
    """Per square root of a second: the volatility at which sizes are unscaled; they are multiplied by this
    over the volatility. None: sizes do not follow volatility."""
    size_volatility_factor_min: Fraction = 0.25
    """Lower bound of the volatility factor."""
    size_volatility_factor_max: Widening = 1.5
    """Upper bound of the volatility factor."""
    loss_budget: PositiveDecimal | None = None
    """Reporting currency: caps the maximum inventory at what loses this in a move of `loss_deviations`
    standard deviations over `loss_horizon_s`."""
    loss_deviations: Positive = 2.33
    """Size of that move, in standard deviations."""
    loss_horizon_s: Seconds = 600.0
    """Horizon of that move."""
    bid_requote_thresholds_bps: Offsets = ()
    """By level, in place of `market_making.requote_threshold_bps`; the last applies to all further ones."""
    ask_requote_thresholds_bps: Offsets = ()
    """The same for asks."""
    narrow_after_ms: DelayMs = 0.0
    """A side moves away from the market at once, but towards it only after this long."""
    price_age_max_s: Seconds | None = None
    """A price within its threshold is kept no longer than this. None: indefinitely."""
    filled_order_delay_ms: DelayMs = 0.0
    """A side is not quoted for this long after a fill of it."""
    hanging: bool = False
    """After fills of one side, this many of the other side's best levels are kept in place."""
    hanging_distance_max_bps: PositiveBps = 100.0
    """A hanging order further than this from the fair value is cancelled."""
    hanging_age_max_s: Seconds = 1_800.0
    """A hanging order older than this is cancelled."""

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
