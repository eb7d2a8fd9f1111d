"""How wide a calm market is quoted."""

from math import sqrt
from typing import NamedTuple

from schemas.config import MarketMaking
from schemas.units import BPS_PER_UNIT

MODEL = "volatility_multiple"
"""half = base_spread/2 + volatility_multiplier * sigma * sqrt(horizon)/2, as fractions of the price."""


class HalfSpread(NamedTuple):
    """Distance from the centre to a quote, in ticks: before volatility, and with it."""

    base: float
    calm: float


def half_spread(fair_ticks: float, volatility_bps: float, making: MarketMaking) -> HalfSpread:
    """Model `volatility_multiple`; `volatility_bps` is per square root of a second.

    The spread has the volatility of a time in it, not of a number of updates, so it does not depend on how
    often a feed speaks (the plain multiple that market makers use where order arrival is not calibrated;
    compare Gueant, Lehalle and Fernandez-Tapia 2013, whose half-spread also grows with sigma).
    """
    base = fair_ticks * making.base_spread / 2
    deviations = making.volatility_multiplier * sqrt(making.volatility_horizon_s)
    return HalfSpread(base, base + fair_ticks * deviations * volatility_bps / BPS_PER_UNIT / 2)
