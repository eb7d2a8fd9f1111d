"""How market data becomes signals."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.message import Instruction
from schemas.numbers import Count, Fraction, Milliseconds, Positive, PositiveBps, Seconds


class Volatility(Instruction):
    """Time-decayed variance of mid returns."""

    half_life_s: Seconds = 60.0
    """Decay of past returns."""
    jump_sigma: Positive = 4.0
    """A return beyond this many standard deviations is a jump: flagged, and capped in the estimate."""
    sample_ms: Milliseconds = 1_000
    """Sampling interval of the mid, for the estimates robust to noise and to jumps."""
    slow_samples: Annotated[int, Field(ge=2, le=1_000)] = 10
    """The slow of the two scales, in samples: noise that persists longer counts as movement."""
    estimator: Literal["decayed", "two_scale"] = "decayed"
    """The volatility that quoting uses: the time-decayed variance of all returns, or that of two scales,
    which noise (a bouncing mid) does not raise."""
    regime_low_bps: PositiveBps = 1.0
    """Below this (bps per square root of a second) the regime is low."""
    regime_high_bps: PositiveBps = 5.0
    """Above this the regime is high."""
    regime_hysteresis: Fraction = 0.1
    """A regime is left only when its threshold is exceeded by this fraction."""


class MarketData(Instruction):
    """How books and trades are evaluated."""

    book_levels: Annotated[int, Field(ge=1, le=1000)] = 20
    """Levels kept per side."""
    depth_levels: Count = 5
    """Levels per side over which depth and imbalance are summed."""
    imbalance_half_life_s: Seconds = 1.0
    """Book imbalance is averaged over time with this half-life, as books flicker."""
    depth_half_life_s: Seconds = 10.0
    """Depth, which order sizes follow, is averaged over time with this half-life."""
    flow_half_life_s: Seconds = 10.0
    """Of taker volume, from which flow imbalance is computed."""
    burst_half_life_s: Seconds = 0.25
    """Of the short-lived taker volume to which `reaction.burst_depths` refers."""
    ofi_levels: Annotated[int, Field(ge=1, le=20)] = 5
    """Book levels for which order flow is computed."""
    ofi_half_life_s: Seconds = 10.0
    """Of the order flow by level."""
    toxicity_bucket_s: Seconds = 60.0
    """A volume bucket holds the average volume traded in this time."""
    toxicity_buckets: Annotated[int, Field(ge=1, le=1_000)] = 20
    """Number of newest full buckets in the toxicity."""
    arrival_half_life_s: Seconds = 600.0
    """Of the market orders from which their arrival (A and k) is estimated."""
    symbols_max: Count = 250
    """Most symbols followed, including those that operators started beyond the configuration: further starts
    are refused. Configured symbols are always followed."""
    book_age_ms_max: Milliseconds = 10_000
    """Receive age at which a book is stale: quotes are pulled. Not exchange time: clocks differ."""
    lag_ms_max: Milliseconds = 1_000
    """Longest wait of market data for the engine: beyond it, quotes decided before it came are pulled."""
    signal_interval_ms: Milliseconds = 100
    """Minimum interval of changed signals, except where quoting must react at once."""
    volatility: Volatility = Volatility()

    @model_validator(mode="after")
    def _levels(self) -> "MarketData":
        if self.depth_levels > self.book_levels:
            raise ValueError(f"depth_levels {self.depth_levels} is more than book_levels {self.book_levels}")
        return self
