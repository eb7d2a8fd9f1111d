"""How far the inventory is from where it should be."""

from decimal import Decimal
from typing import NamedTuple

from schemas.config import InventoryLimits
from schemas.inventory import RebalanceAction
from schemas.market import Instrument


class Bounds(NamedTuple):
    """Inventory limits in lots at the mark of the moment; `max` is the tighter of units and money."""

    target_lots: Decimal
    max_lots: Decimal
    threshold_lots: Decimal


class Rebalance(NamedTuple):
    """What would bring the inventory back to its target."""

    action: RebalanceAction
    size_lots: int
    urgency: float


def bounds(limits: InventoryLimits, instrument: Instrument, mark_half_ticks: int) -> Bounds:
    """The limits in lots. Where money binds, the threshold keeps its share of the maximum."""
    lot = instrument.lot_size * instrument.multiplier
    price = Decimal(mark_half_ticks) / 2 * instrument.tick_size * instrument.reporting_rate
    max_units = limits.max_inventory
    if price > 0:
        max_units = min(max_units, limits.max_inventory_notional / price)
    share = limits.rebalance_threshold / limits.max_inventory
    return Bounds(limits.target_inventory / lot, max_units / lot, share * max_units / lot)


def bias(position_lots: int, limits: Bounds) -> float:
    """(position - target) / maximum, clipped to -1..1."""
    deviation = (position_lots - limits.target_lots) / limits.max_lots
    return float(min(Decimal(1), max(Decimal(-1), deviation)))


def rebalance(position_lots: int, limits: Bounds) -> Rebalance:
    """Buy or sell back to the target beyond the threshold; urgency is the share of the room used up.

    The room is what lies between the threshold and the maximum. Less than a lot cannot be rebalanced.
    """
    deviation = position_lots - limits.target_lots
    beyond = abs(deviation) - limits.threshold_lots
    size_lots = int(abs(deviation))
    if beyond <= 0 or not size_lots:
        return Rebalance("none", 0, 0.0)
    room = limits.max_lots - limits.threshold_lots
    urgency = min(1.0, float(beyond / room)) if room > 0 else 1.0
    return Rebalance("sell" if deviation > 0 else "buy", size_lots, urgency)
