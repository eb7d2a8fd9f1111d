"""How much to quote: from the depth beside which it stands, cut by inventory and regime."""

from math import floor
from typing import NamedTuple

from quote_service.quoting.core.reasons import BELOW_MIN_NOTIONAL, MAX_INVENTORY
from schemas.config import InventoryLimits, Pricing
from schemas.market import Instrument
from schemas.message import Side
from schemas.signals import Regime


class SizeUnits(NamedTuple):
    """What one tick times one lot is worth, as floats for the hot path."""

    quote_per_tick_lot: float
    reporting_per_tick_lot: float
    min_notional: float
    max_inventory_lots: float
    """The limit in base units; the one in money depends on the price."""

    @classmethod
    def of(cls, instrument: Instrument, inventory: InventoryLimits) -> "SizeUnits":
        """The units of an instrument."""
        money = instrument.money_per_tick_lot
        return cls(
            float(money),
            float(money * instrument.reporting_rate),
            float(instrument.min_notional),
            float(inventory.max_inventory / (instrument.lot_size * instrument.multiplier)),
        )


def inventory_multiplier(side: Side, bias: float) -> float:
    """1 when flat, falling to 0 on the side that would add to a full inventory; never above 1."""
    growing = bias if side == "buy" else -bias
    return min(1.0, max(0.0, 1.0 - growing))


def quote_size_lots(
    side: Side,
    price_ticks: int,
    level_lots: float,
    bias: float,
    regime: Regime,
    units: SizeUnits,
    pricing: Pricing,
    inventory: InventoryLimits,
) -> tuple[int, str | None]:
    """Size in lots, and the reason where it is 0. `level_lots` is the mean size of a level of our side."""
    multiplier = inventory_multiplier(side, bias)
    if multiplier == 0.0:
        return 0, MAX_INVENTORY
    money_per_lot = price_ticks * units.reporting_per_tick_lot
    least = float(pricing.order_notional_min) / money_per_lot
    full = min(units.max_inventory_lots, float(inventory.max_inventory_notional) / money_per_lot)
    most = min(float(pricing.order_notional_max) / money_per_lot, pricing.order_inventory_share_max * full)
    wanted = min(max(pricing.depth_fraction * level_lots, least), most) * multiplier
    if regime == "high":
        wanted *= pricing.high_regime_size_factor
    lots = floor(wanted + 1e-9)
    if lots == 0 or lots * price_ticks * units.quote_per_tick_lot < units.min_notional:
        return 0, BELOW_MIN_NOTIONAL
    return lots, None
