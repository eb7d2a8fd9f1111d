"""How the market's data becomes signals."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.message import Instruction
from schemas.numbers import Count, Fraction, Milliseconds, Positive


class Volatility(Instruction):
    """Time-decayed variance of mid returns."""

    half_life_s: Positive = 60.0
    """How fast returns are forgotten."""
    jump_sigma: Positive = 4.0
    """A return beyond this many standard deviations is a jump: flagged, and capped in the estimate."""
    sample_ms: Milliseconds = 1_000
    """Samples of the mid, for the estimates against noise and without jumps."""
    slow_samples: Annotated[int, Field(ge=2, le=1_000)] = 10
    """The slow of the two scales, in samples: noise that outlasts it is taken for movement."""
    estimator: Literal["decayed", "two_scale"] = "decayed"
    """What quoting is told: the time-decayed variance of all returns, or that of two scales, which noise (a
    mid that bounces) does not raise."""
    regime_low_bps: Positive = 1.0
    """Below this (bps per square root of a second) the regime is low."""
    regime_high_bps: Positive = 5.0
    """Above this the regime is high."""
    regime_hysteresis: Fraction = 0.1
    """A regime is left only beyond its threshold by this fraction."""


class MarketData(Instruction):
    """How books and trades are judged."""

    book_levels: Annotated[int, Field(ge=1, le=1000)] = 20
    """Levels of a side that are kept."""
    depth_levels: Count = 5
    """Levels of a side that depth and imbalance sum over."""
    imbalance_half_life_s: Positive = 1.0
    """Book imbalance is averaged over time with this half-life: the book flickers faster than it means it."""
    depth_half_life_s: Positive = 10.0
    """Depth, which order sizes follow, is averaged over time with this half-life."""
    flow_half_life_s: Positive = 10.0
    """Of taker volume, from which flow imbalance is told."""
    ofi_levels: Annotated[int, Field(ge=1, le=20)] = 5
    """Levels of the book of which order flow is told."""
    ofi_half_life_s: Positive = 10.0
    """Of the order flow by levels."""
    toxicity_bucket_s: Positive = 60.0
    """A volume bucket holds what the market trades in this time on average."""
    toxicity_buckets: Annotated[int, Field(ge=1, le=1_000)] = 20
    """The newest full ones make the toxicity."""
    arrival_half_life_s: Positive = 600.0
    """Of the market orders from which their arrival (A and k) is estimated."""
    book_age_ms_max: Milliseconds = 10_000
    """Receive age at which a book is stale: quotes are pulled. Not exchange time: clocks differ."""
    signal_interval_ms: Milliseconds = 100
    """A changed signal is published at most this often, but at once where quoting must react."""
    volatility: Volatility = Volatility()

    @model_validator(mode="after")
    def _levels(self) -> "MarketData":
        if self.depth_levels > self.book_levels:
            raise ValueError(f"depth_levels {self.depth_levels} is more than book_levels {self.book_levels}")
        return self
