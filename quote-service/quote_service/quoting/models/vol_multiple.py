"""A spread of a few standard deviations, and a lean in proportion to the inventory: no arrival needed."""

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

    `sigma` is the mid's standard deviation per square root of a second, `bias` -1..1 the inventory as a part
    of its maximum. The spread has the volatility of a time in it, not of a number of updates, so it does not
    depend on how often a feed speaks (the plain multiple that market makers use where order arrival is not
    calibrated; compare Gueant, Lehalle and Fernandez-Tapia 2013, whose half-spread also grows with sigma).
    """
    deviations = making.volatility_multiplier * sqrt(making.volatility_horizon_s)
    return VolMultiple(
        mid * making.base_spread / 2, deviations * sigma / 2, -making.inventory_sensitivity * bias * mid
    )
