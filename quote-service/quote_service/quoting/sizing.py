"""Quote sizes: from the depth on the book, cut by inventory, volatility and regime."""

from math import exp, floor, inf, sqrt
from typing import NamedTuple

from quote_service.quoting.gate_limits import GateLimits
from schemas.config import Config
from schemas.market import Instrument
from schemas.quoting_settings import Pricing
from schemas.shape_settings import Shape
from schemas.units import BPS_PER_UNIT, ceil_units, floor_units

_SNAP_LOTS = 1e-9
"""A size this close below a whole lot counts as that lot: the rest is float rounding."""


class SizeLimits(NamedTuple):
    """Every limit on size, in lots or in ticks times lots, for one instrument."""

    min_tick_lots: int
    """The venue's minimum notional, exact: price in ticks times size in lots must reach it."""
    order_min_tick_lots: float
    order_max_tick_lots: float
    max_inventory_tick_lots: float
    max_inventory_lots: float
    loss_budget_tick_lots: float | None = None
    """The most the maximum inventory may lose, see `Shape.loss_budget`."""
    position_min_lots: float = -inf
    position_max_lots: float = inf
    base_per_lot: float = 1.0
    gate: GateLimits = GateLimits()

    @classmethod
    def of(cls, instrument: Instrument, config: Config) -> "SizeLimits | None":
        """The configured money and base units in the instrument's units; None for unusable terms."""
        terms = (instrument.tick_size, instrument.lot_size, instrument.multiplier, instrument.reporting_rate)
        if not all(term.is_finite() and term > 0 for term in terms):
            return None
        money = instrument.money_per_tick_lot
        reporting = money * instrument.reporting_rate
        lot, shape = instrument.lot_size * instrument.multiplier, config.shape
        budget = shape.loss_budget
        return cls(
            ceil_units(instrument.min_notional, money),
            float(config.pricing.order_notional_min / reporting),
            float(config.pricing.order_notional_max / reporting),
            float(config.inventory.max_inventory_notional / reporting),
            float(config.inventory.max_inventory / lot),
            None if budget is None else float(budget / reporting),
            -inf if shape.position_min is None else ceil_units(shape.position_min, lot),
            inf if shape.position_max is None else floor_units(shape.position_max, lot),
            float(lot),
            GateLimits.of(instrument, config),
        )

    def size_text(self, lots: float) -> str:
        """A size in base units, for people."""
        return f"{lots * self.base_per_lot:.10g}"


def inventory_multiplier(growing: float, shape: Shape) -> float:
    """1 at zero inventory, falling to 0 on the side that would add to a full one; never above 1.

    `growing` is the bias, -1..1, positive where the side would add to the inventory.
    """
    if shape.inventory_sizing == "exponential" and 0 < growing < 1:
        return exp(-shape.inventory_sizing_eta * growing)
    return min(1.0, max(0.0, 1.0 - growing))


def order_maxima(
    price_ticks: float, full_lots: float, limits: SizeLimits, pricing: Pricing
) -> tuple[tuple[float, str], ...]:
    """Each maximum of one order in lots, with the setting that it comes from."""
    gate = limits.gate
    return (
        (limits.order_max_tick_lots / price_ticks, "pricing.order_notional_max"),
        (pricing.order_inventory_share_max * full_lots, "pricing.order_inventory_share_max"),
        (gate.order_lots_max, gate.order_key),
        (gate.order_tick_lots_max / price_ticks, "routing.order_value_max"),
    )


def order_lots_max(price_ticks: float, full_lots: float, limits: SizeLimits, pricing: Pricing) -> float:
    """The largest order for a maximum inventory of `full_lots`."""
    return min(order_maxima(price_ticks, full_lots, limits, pricing))[0]


def full_size_lots(
    price_ticks: float, level_lots: float, full_lots: float, limits: SizeLimits, pricing: Pricing
) -> float:
    """Order size at zero inventory, before rounding to lots. `level_lots`: mean size of a level."""
    least = limits.order_min_tick_lots / price_ticks
    most = order_lots_max(price_ticks, full_lots, limits, pricing)
    return min(max(pricing.depth_fraction * level_lots, least), most)


def max_inventory_lots(price_ticks: float, limits: SizeLimits) -> float:
    """The tighter of the maximum in base units and the maximum in money."""
    return min(limits.max_inventory_lots, limits.max_inventory_tick_lots / price_ticks)


def budget_share(price_ticks: float, volatility_bps: float, limits: SizeLimits, shape: Shape) -> float:
    """In (0, 1]: the share of the maximum inventory that the loss budget leaves.

    The budget allows L / (z sigma sqrt(H)), sigma in price per square root of a second.
    """
    budget = limits.loss_budget_tick_lots
    if budget is None or not volatility_bps:
        return 1.0
    per_lot = shape.loss_deviations * volatility_bps / BPS_PER_UNIT * price_ticks * sqrt(shape.loss_horizon_s)
    return min(1.0, budget / per_lot / max_inventory_lots(price_ticks, limits))


def volatility_factor(volatility_bps: float, shape: Shape) -> float:
    """Size multiplier: the reference volatility, at which sizes are unscaled, over the current one."""
    reference = shape.size_volatility_bps
    if reference is None:
        return 1.0
    most = shape.size_volatility_factor_max
    if not volatility_bps:
        return most
    return min(max(reference / volatility_bps, shape.size_volatility_factor_min), most)


def whole_lots(size_lots: float, price_ticks: int, limits: SizeLimits) -> int:
    """Rounded down to whole lots; 0 below the venue's minimum."""
    lots = floor(size_lots + _SNAP_LOTS)
    return 0 if lots * price_ticks < limits.min_tick_lots else lots


def least_lots(price_ticks: int, limits: SizeLimits) -> int:
    """The smallest order that the venue accepts: one lot, or its minimum notional."""
    return max(1, -(-limits.min_tick_lots // price_ticks))


def order_lots(size_lots: float, most_lots: float, price_ticks: int, limits: SizeLimits) -> int:
    """A size in whole lots, rounded down; less than the venue's smallest order is rounded up to that.

    0 where `most_lots`, the largest order, is below the smallest one, or no size is desired.
    """
    lots = whole_lots(min(size_lots, most_lots), price_ticks, limits)
    if lots or size_lots <= 0:
        return lots
    least = least_lots(price_ticks, limits)
    return least if least <= most_lots + _SNAP_LOTS else 0
