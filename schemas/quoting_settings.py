"""How quotes are priced: width, lean, model; for all symbols, and overrides per symbol."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from schemas.inventory_settings import OF_SYMBOLS
from schemas.message import Instruction
from schemas.numbers import (
    BelowOne,
    Bps,
    Count,
    Fraction,
    Milliseconds,
    NonNegative,
    Positive,
    PositiveDecimal,
    Seconds,
    SignedTicks,
    Widening,
)

EVEN_SHARE = 0.5
"""The bid's share of the touch in a balanced book."""
ModelName = Literal["vol_multiple", "glft", "glft_exact", "cartea_jaimungal", "avellaneda_stoikov"]


class MarketMaking(Instruction):
    """The quote's width and lean."""

    base_spread: BelowOne = 0.002
    """Full spread between own bid and ask before volatility, as a fraction of the price (0.002 = 20 bps)."""
    volatility_multiplier: NonNegative = 2.0
    """Widens the full spread by this many standard deviations of the price over `volatility_horizon_s`.
    Volatility is per square root of a second here, so the spread does not depend on a feed's update
    rate."""
    volatility_horizon_s: Seconds = 1.0
    """Horizon of the price's standard deviation."""
    inventory_sensitivity: BelowOne = 0.0005
    """Shift of both quotes at full inventory, as a fraction of the price (0.0005 = 5 bps), against the
    inventory. Applied once: the bias is a plain -1..1."""
    update_frequency: Seconds = 1.0
    """Seconds: each symbol is priced on every book update and at least this often."""
    requote_threshold_bps: Bps = 2.0
    """A new price nearer than this to the current target does not replace it (queue priority)."""
    requote_size_change: Fraction = 0.2
    """Nor does a new size within this fraction of the current one."""
    target_ttl_ms: Milliseconds = 5_000
    """A target older than this must not be acted on; it is republished after half that time."""


class Pricing(Instruction):
    """Fair value, pressure, emergency, size."""

    fair_value: Literal["mid", "weighted_mid", "micro_price"] = "mid"
    """The centre of quotes: the mid, the mid weighted by the touch, or the fitted micro-price."""
    reference_market: Annotated[str, Field(pattern=r"^[^:]+:.+$")] | None = None
    """venue:symbol of a leading market: the fair value is its mid times the recent ratio of the two mids,
    inside the own spread. While it has no live book the fair value is the symbol's own."""
    reference_half_life_s: Seconds = 60.0
    """Averaging time of the ratio."""
    pressure_threshold: BelowOne = 0.1
    """Absolute book imbalance (-1..1) below which there is no pressure shift."""
    adjustment_speed: BelowOne = 0.0
    """Shift of both quotes where the heavier side pushes, at full imbalance, as a fraction of the price."""
    emergency_multiplier: Widening = 3.0
    """Largest factor on the half-spread under one-sided flow. Both sides widen; neither crosses."""
    emergency_flow_threshold: Annotated[BelowOne, Field(gt=0)] = 0.7
    """Absolute flow imbalance at which the emergency response begins; it is full at 1."""
    emergency_volume_ratio: NonNegative = 1.0
    """Taker volume, in multiples of the mean depth of a side, below which flow counts as noise."""
    emergency_shift_share: Fraction = 0.5
    """Largest share of the added half-spread by which both quotes move with the flow."""
    min_spread_bps: Bps = 2.0
    """Least full spread, after all steps."""
    skew_half_spreads_max: Positive = 0.9
    """Lean and pressure together move the quotes by at most this many half-spreads."""
    depth_fraction: Fraction = 0.1
    """Order size as a fraction of the mean size of a level on that side of the book."""
    order_notional_max: PositiveDecimal = Decimal(5_000)
    """Largest order in the reporting currency."""
    order_notional_min: PositiveDecimal = Decimal(50)
    """Smallest order in the reporting currency: thinner depth does not shrink an order below it."""
    order_inventory_share_max: Fraction = 0.25
    """Largest order as a share of the maximum inventory: no single fill goes from flat to full."""
    high_regime_size_factor: Fraction = 0.5
    """Sizes are multiplied by this in the high volatility regime."""
    warmup_volatility_bps: Bps = 5.0
    """Per square root of a second: the minimum volatility assumed until the estimate is ready."""
    min_edge_bps: Bps | None = 0.0
    """Minimum edge of a fill, beyond the maker fee and the expected adverse move after it: no quote is
    nearer to the leaned centre. null: only `min_spread_bps` applies."""


class ModelSettings(Instruction):
    """The model that sets width and lean of quotes, and its inputs.

    Every model but `vol_multiple` needs order arrival, A exp(-k distance) per second and side, configured
    here or estimated from the market's trades. Where it is unknown, or gives no sound quote,
    `vol_multiple` stands in, and the quote says so.
    """

    name: ModelName = "vol_multiple"
    """Which model, see docs/QUOTING.md."""
    inventory_deviation: Annotated[Fraction, Field(gt=0)] = 0.3
    """Desired standard deviation of the inventory, as a share of the maximum inventory: risk aversion
    follows from it, whatever the market's units (not in avellaneda_stoikov)."""
    gamma: Positive | None = None
    """1/quote currency: absolute risk aversion, in place of `inventory_deviation`; avellaneda_stoikov
    needs it. In cartea_jaimungal it sets the running penalty gamma sigma^2/2."""
    arrival_rate_per_s: Seconds | None = None
    """A: orders per second and side that reach the fair value. None: estimated while the engine runs."""
    arrival_decay_per_bps: Positive | None = None
    """k, for a distance in bps of the price. None: estimated while the engine runs."""
    impact_bps: Bps = 0.0
    """How far the mid moves against us at a fill."""
    counts_fee: bool = True
    """Add the maker fee to the distance; a rebate reduces it."""
    horizon_s: Seconds | None = None
    """Constant seconds to the end. None: no end, except with `session_close_utc`."""
    session_close_utc: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    """HH:MM of the daily session close, at which inventory should be zero."""
    terminal_penalty_bps: Bps = 0.0
    """Cost of one order's worth of inventory at the end, beside the mid (glft_exact, cartea_jaimungal)."""

    @model_validator(mode="after")
    def _needs(self) -> "ModelSettings":
        """Settings that a model requires."""
        if (self.arrival_rate_per_s is None) != (self.arrival_decay_per_bps is None):
            raise ValueError("arrival_rate_per_s and arrival_decay_per_bps must be set together, or neither")
        if self.horizon_s is not None and self.session_close_utc is not None:
            raise ValueError("horizon_s and session_close_utc exclude each other: leave one out")
        if self.name == "avellaneda_stoikov":
            if self.horizon_s is None and self.session_close_utc is None:
                raise ValueError("avellaneda_stoikov needs an end: set session_close_utc, or horizon_s")
            if self.gamma is None:
                raise ValueError("avellaneda_stoikov needs gamma, in 1/quote currency")
        return self


def imbalance_bucket(edges: Sequence[float], bid_share: float) -> int:
    """The bucket of a bid share; on an edge, the bucket farther from a half."""
    return bisect_left(edges, bid_share) if bid_share <= EVEN_SHARE else bisect_right(edges, bid_share)


class MicroPrice(Instruction):
    """Expected move of the mid by imbalance and spread, as fitted by `maker calibrate --microprice`."""

    imbalance_edges: tuple[Fraction, ...] = ()
    """Between buckets of the bid's share of the touch, ascending."""
    spread_edges_ticks: tuple[Count, ...] = ()
    """The widest spread of each class but the last, ascending."""
    adjustments_ticks: tuple[tuple[SignedTicks, ...], ...] = ()
    """Added to the mid: a row per class of spreads, a value per bucket."""

    @model_validator(mode="after")
    def _fits(self) -> "MicroPrice":
        for name in ("imbalance_edges", "spread_edges_ticks"):
            if list(getattr(self, name)) != sorted(getattr(self, name)):
                raise ValueError(f"{name} must ascend")
        if self.adjustments_ticks and len(self.adjustments_ticks) != len(self.spread_edges_ticks) + 1:
            raise ValueError(
                "adjustments_ticks must have a row for each class of spreads, one more than edges"
            )
        buckets = len(self.imbalance_edges) + 1
        if any(len(row) != buckets for row in self.adjustments_ticks):
            raise ValueError(
                f"each row of adjustments_ticks must have {buckets} values, one more than the edges"
            )
        return self


def check_fair_value(pricing: Pricing, table: MicroPrice, place: str) -> None:
    """Raises ValueError for a micro-price without its table."""
    if pricing.fair_value == "micro_price" and not table.adjustments_ticks:
        raise ValueError(
            f"pricing.fair_value micro_price needs {place}.adjustments_ticks: make it with "
            "maker calibrate --microprice"
        )


ONLY_OF_SYMBOLS: Mapping[str, Collection[str]] = {
    "inventory": OF_SYMBOLS,
    "risk_limits": frozenset({"max_position", "max_position_notional", "max_loss"}),
}
"""Of these sections a symbol may have only these keys of its own; of the others all."""


class SymbolSettings(Instruction):
    """Overrides for one symbol: keys of the sections of these names."""

    market_making: dict[str, Any] = Field(default_factory=dict)
    pricing: dict[str, Any] = Field(default_factory=dict)
    model: dict[str, Any] = Field(default_factory=dict)
    micro_price: dict[str, Any] = Field(default_factory=dict)
    alpha: dict[str, Any] = Field(default_factory=dict)
    shape: dict[str, Any] = Field(default_factory=dict)
    reaction: dict[str, Any] = Field(default_factory=dict)
    inventory: dict[str, Any] = Field(default_factory=dict)
    risk_limits: dict[str, Any] = Field(default_factory=dict)

    def __bool__(self) -> bool:
        """Has it any override?"""
        return any(getattr(self, section) for section in type(self).model_fields)

    def write_alike(self, config: Any) -> None:
        """Write each value as JSON does, from the symbol's configuration: 5, 5.0 and "5" are then the same
        configuration.
        """
        for section in type(self).model_fields:
            own = getattr(self, section)
            own.update(getattr(config, section).model_dump(mode="json", include=set(own)) if own else {})

    def over(self, sections: Mapping[str, Instruction]) -> dict[str, Instruction]:
        """The sections with this symbol's values. Raises ValueError for invalid ones."""
        return {
            name: _with(section, name, getattr(self, name))
            for name, section in sections.items()
            if getattr(self, name)
        }


def _with(section: Instruction, name: str, values: Mapping[str, Any]) -> Instruction:
    known = type(section).model_fields
    for key in values:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise ValueError(f"{name}: unknown key {key!r}; did you mean {near!r}?")
        if key not in ONLY_OF_SYMBOLS.get(name, known):
            raise ValueError(f"{name}.{key} is one for all symbols: say it under {name}")
    try:
        return type(section).model_validate({**section.model_dump(), **values})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (name, *first["loc"])))
        raise ValueError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
