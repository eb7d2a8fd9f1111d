"""The inventory's distance from its target."""

from decimal import Decimal
from typing import NamedTuple

from schemas.inventory import RebalanceAction
from schemas.inventory_settings import InventoryLimits
from schemas.market import Instrument


class Bounds(NamedTuple):
    """Inventory limits in lots at the current mark; `max` is the tighter of units and money."""

    target_lots: Decimal
    max_lots: Decimal
    threshold_lots: Decimal


class Rebalance(NamedTuple):
    """The trade that would bring the inventory back to its target."""

    action: RebalanceAction
    size_lots: int
    urgency: float


class Held(NamedTuple):
    """The account's holdings of a pair."""

    position_lots: int | Decimal
    quote_total: Decimal | None
    """Of the quote currency; None: not stated."""


def bounds(
    limits: InventoryLimits, instrument: Instrument, mark_half_ticks: int | Decimal, held: Held
) -> Bounds:
    """The limits in lots. Where money binds, the threshold keeps its share of the maximum; a threshold beyond
    the maximum is the maximum.
    """
    lot = instrument.lot_size * instrument.multiplier
    price = Decimal(mark_half_ticks) / 2 * instrument.tick_size * instrument.reporting_rate
    max_units, target_units = limits.max_inventory, limits.target_inventory
    if price > 0 and limits.target_notional is not None:
        target_units = limits.target_notional / price
    if limits.target_share is not None:
        target_units = _share(limits.target_share, held, lot, price / instrument.reporting_rate)
    if price > 0:
        max_units = min(max_units, limits.max_inventory_notional / price)
    share = min(Decimal(1), limits.rebalance_threshold / limits.max_inventory)
    return Bounds(target_units / lot, max_units / lot, share * max_units / lot)


def _share(share: Decimal, held: Held, lot: Decimal, price: Decimal) -> Decimal:
    """The target in base units: a share of base at the price plus quote. Without a balance: what is held."""
    units = held.position_lots * lot
    if held.quote_total is None or price <= 0:
        return units
    return share * (units * price + held.quote_total) / price


def bias(position_lots: int, limits: Bounds) -> float:
    """(position - target) / maximum, clipped to -1..1."""
    deviation = (position_lots - limits.target_lots) / limits.max_lots
    return float(min(Decimal(1), max(Decimal(-1), deviation)))


def rebalance(position_lots: int, limits: Bounds) -> Rebalance:
    """Buy or sell back to the target beyond the threshold; urgency is the share of the room used.

    The room lies between threshold and maximum. Less than a lot cannot be rebalanced.
    """
    deviation = position_lots - limits.target_lots
    beyond = abs(deviation) - limits.threshold_lots
    size_lots = int(abs(deviation))
    if beyond <= 0 or not size_lots:
        return Rebalance("none", 0, 0.0)
    room = limits.max_lots - limits.threshold_lots
    urgency = min(1.0, float(beyond / room)) if room > 0 else 1.0
    return Rebalance("sell" if deviation > 0 else "buy", size_lots, urgency)
