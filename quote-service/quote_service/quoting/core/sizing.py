"""How much to quote: from the depth beside which it stands, cut by inventory and regime."""

from math import floor
from typing import NamedTuple

from quote_service.quoting.core.reasons import BELOW_MIN_NOTIONAL, MAX_INVENTORY
from schemas.config import Config
from schemas.market import Instrument
from schemas.message import Side
from schemas.quoting_settings import Pricing
from schemas.signals import Regime
from schemas.units import ceil_units

_SNAP_LOTS = 1e-9
"""A size this little below a whole lot is that lot: the difference is rounding of floats."""


class SizeLimits(NamedTuple):
    """Every bound on a size, in lots or in ticks times lots, for one instrument."""

    min_tick_lots: int
    """The venue's minimum notional, exact: price in ticks times size in lots must reach it."""
    order_min_tick_lots: float
    order_max_tick_lots: float
    max_inventory_tick_lots: float
    max_inventory_lots: float

    @classmethod
    def of(cls, instrument: Instrument, config: Config) -> "SizeLimits | None":
        """The configured money and base units in the instrument's units; None for impossible terms."""
        terms = (instrument.tick_size, instrument.lot_size, instrument.multiplier, instrument.reporting_rate)
        if not all(term.is_finite() and term > 0 for term in terms):
            return None
        money = instrument.money_per_tick_lot
        reporting = money * instrument.reporting_rate
        return cls(
            ceil_units(instrument.min_notional, money),
            float(config.pricing.order_notional_min / reporting),
            float(config.pricing.order_notional_max / reporting),
            float(config.inventory.max_inventory_notional / reporting),
            float(config.inventory.max_inventory / (instrument.lot_size * instrument.multiplier)),
        )


def inventory_multiplier(side: Side, bias: float) -> float:
    """1 when flat, falling to 0 on the side that would add to a full inventory; never above 1."""
    growing = bias if side == "buy" else -bias
    return min(1.0, max(0.0, 1.0 - growing))


def full_size_lots(price_ticks: float, level_lots: float, limits: SizeLimits, pricing: Pricing) -> float:
    """Size of a flat book-keeper's order, not yet whole lots. `level_lots`: mean size of a level."""
    full_lots = max_inventory_lots(price_ticks, limits)
    most = min(limits.order_max_tick_lots / price_ticks, pricing.order_inventory_share_max * full_lots)
    least = limits.order_min_tick_lots / price_ticks
    return min(max(pricing.depth_fraction * level_lots, least), most)


def max_inventory_lots(price_ticks: float, limits: SizeLimits) -> float:
    """The tighter of the maximum in units and the maximum in money."""
    return min(limits.max_inventory_lots, limits.max_inventory_tick_lots / price_ticks)


def quote_size_lots(
    side: Side,
    price_ticks: int,
    level_lots: float,
    bias: float,
    regime: Regime,
    limits: SizeLimits,
    pricing: Pricing,
) -> tuple[int, str | None]:
    """Size in lots, and the reason where it is 0. `level_lots` is the mean size of a level of our side."""
    multiplier = inventory_multiplier(side, bias)
    if multiplier == 0.0:
        return 0, MAX_INVENTORY
    wanted = full_size_lots(price_ticks, level_lots, limits, pricing) * multiplier
    if regime == "high":
        wanted *= pricing.high_regime_size_factor
    lots = floor(wanted + _SNAP_LOTS)
    if lots == 0 or lots * price_ticks < limits.min_tick_lots:
        return 0, BELOW_MIN_NOTIONAL
    return lots, None
