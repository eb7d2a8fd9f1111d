"""A spread of a few standard deviations, skewed in proportion to inventory: no arrival rates needed."""

from math import sqrt
from typing import NamedTuple

from schemas.quoting_settings import MarketMaking

NAME = "vol_multiple"


class VolMultiple(NamedTuple):
    """In the unit of the mid: two parts of the half-spread, and the shift of the centre."""

    base: float
    moving: float
    lean: float


def vol_multiple(mid: float, sigma: float, bias: float, making: MarketMaking) -> VolMultiple:
    """half = mid base_spread/2 + multiplier sigma sqrt(horizon)/2, lean = -sensitivity bias mid.

    `sigma` is the mid's standard deviation per square root of a second, `bias` -1..1 the inventory as a share
    of its maximum. Volatility enters over a time horizon, not a number of updates, so the spread does not
    depend on a feed's update rate (the plain multiple that market makers use without calibrated order
    arrival; compare Gueant, Lehalle and Fernandez-Tapia 2013, whose half-spread also grows with sigma).
    """
    deviations = making.volatility_multiplier * sqrt(making.volatility_horizon_s)
    return VolMultiple(
        mid * making.base_spread / 2, deviations * sigma / 2, -making.inventory_sensitivity * bias * mid
    )
