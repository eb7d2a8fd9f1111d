"""From fair value to the final tick, in steps that can be shown.

Model "volatility_multiple": half-spread = base_spread/2 + volatility_multiplier * sigma * sqrt(horizon)/2, as
fractions of the price, sigma the standard deviation of log returns per square root of a second. The centre
moves against the inventory (Avellaneda and Stoikov 2008 give the sign and the linear form; the size is
configured), with the book's pressure and with one-sided flow. Prices are floats in ticks until the last step.
"""

from math import sqrt
from typing import NamedTuple

from schemas.config import MarketMaking, Pricing
from schemas.units import BPS_PER_UNIT, bps, round_outward

MODEL = "volatility_multiple"


class PricingInputs(NamedTuple):
    """What a price depends on, beside the configuration."""

    best_bid_ticks: int
    best_ask_ticks: int
    fair_ticks: float
    volatility_bps: float
    """Per square root of a second."""
    bias: float
    """-1..1: inventory as a share of its maximum, positive when long."""
    imbalance: float
    """-1..1: positive when bids are heavier."""
    flow_imbalance: float
    """-1..1: positive when takers buy; 0 where the volume is noise."""


class RawStep(NamedTuple):
    """A step before its effect is computed; messages are built only for what is published."""

    name: str
    input: float
    config_key: str | None
    price_after: float


class PricedQuote(NamedTuple):
    """Final prices in ticks, and the steps of each side."""

    bid_ticks: int
    ask_ticks: int
    bid_steps: list[RawStep]
    ask_steps: list[RawStep]


def emergency_intensity(flow_imbalance: float, pricing: Pricing) -> float:
    """0 below the threshold, rising linearly to 1 where all flow is one-sided."""
    threshold = pricing.emergency_flow_threshold
    return max(0.0, abs(flow_imbalance) - threshold) / (1 - threshold)


def pressure_share(imbalance: float, pricing: Pricing) -> float:
    """-1..1: the imbalance beyond the threshold, continuous at it."""
    threshold = pricing.pressure_threshold
    beyond = max(0.0, abs(imbalance) - threshold) / (1 - threshold)
    return beyond if imbalance > 0 else -beyond


def price_quote(inputs: PricingInputs, making: MarketMaking, pricing: Pricing) -> PricedQuote:
    """Both sides' prices. bid < ask by at least a tick, and neither crosses the book."""
    fair = inputs.fair_ticks
    base = fair * making.base_spread / 2
    sigma = inputs.volatility_bps / BPS_PER_UNIT
    calm = base + fair * making.volatility_multiplier * sigma * sqrt(making.volatility_horizon_s) / 2
    intensity = emergency_intensity(inputs.flow_imbalance, pricing)
    half = calm * (1 + (pricing.emergency_multiplier - 1) * intensity)
    lean = -making.inventory_sensitivity * inputs.bias * fair
    pressure = pricing.adjustment_speed * pressure_share(inputs.imbalance, pricing) * fair
    direction = 1 if inputs.flow_imbalance > 0 else -1
    flight = direction * pricing.emergency_shift_share * (half - calm)
    wanted_shift = lean + pressure + flight
    bound = pricing.skew_half_spreads_max * half
    shift = min(max(wanted_shift, -bound), bound)
    least = max(0.5, fair * pricing.min_spread_bps / BPS_PER_UNIT / 2)
    final_half = max(half, least)
    raw = (base, calm, half, lean, pressure, flight, wanted_shift, shift, final_half)
    bid_steps = _steps(-1, inputs, intensity, raw)
    ask_steps = _steps(+1, inputs, intensity, raw)
    bid = _finish(bid_steps, -1, inputs)
    ask = _finish(ask_steps, +1, inputs)
    return PricedQuote(bid, ask, bid_steps, ask_steps)


def _steps(outward: int, inputs: PricingInputs, intensity: float, raw: tuple[float, ...]) -> list[RawStep]:
    """The steps of one side (-1 bid, +1 ask) up to its model price."""
    base, calm, half, lean, pressure, flight, wanted_shift, shift, final_half = raw
    fair = inputs.fair_ticks
    widened = fair + outward * half
    leaned = widened + lean
    pressed = leaned + pressure
    flown = pressed + flight
    return [
        RawStep("fair_value", fair, "pricing.fair_value", fair),
        RawStep("base_spread", bps(base, fair), "market_making.base_spread", fair + outward * base),
        RawStep(
            "volatility", inputs.volatility_bps, "market_making.volatility_multiplier", fair + outward * calm
        ),
        RawStep("emergency_widen", intensity, "pricing.emergency_multiplier", widened),
        RawStep("inventory_lean", inputs.bias, "market_making.inventory_sensitivity", leaned),
        RawStep("pressure", inputs.imbalance, "pricing.adjustment_speed", pressed),
        RawStep("emergency_shift", inputs.flow_imbalance, "pricing.emergency_shift_share", flown),
        RawStep("skew_clamp", bps(wanted_shift, fair), "pricing.skew_half_spreads_max", widened + shift),
        RawStep(
            "minimum_spread",
            bps(2 * half, fair),
            "pricing.min_spread_bps",
            fair + shift + outward * final_half,
        ),
    ]


def _finish(steps: list[RawStep], outward: int, inputs: PricingInputs) -> int:
    """Keep the price on its side of the book, then put it on a tick, away from the market."""
    price = steps[-1].price_after
    if outward < 0:
        passive = min(price, inputs.best_ask_ticks - 1)
        final = round_outward(passive, "buy")
        opposite = inputs.best_ask_ticks
    else:
        passive = max(price, inputs.best_bid_ticks + 1)
        final = round_outward(passive, "sell")
        opposite = inputs.best_bid_ticks
    steps.append(RawStep("post_only", opposite, None, passive))
    steps.append(RawStep("tick_rounding", passive, None, final))
    return final


def step_fields(steps: list[RawStep]) -> list[dict[str, str | float | None]]:
    """The steps as fields of QuoteStep, with their effects in basis points of the first step's price."""
    if not steps:
        return []
    first = before = steps[0].price_after
    fields: list[dict[str, str | float | None]] = []
    for step in steps:
        fields.append(
            {
                "name": step.name,
                "input": step.input,
                "effect_bps": bps(step.price_after - before, first),
                "config_key": step.config_key,
                "price_after": step.price_after,
            }
        )
        before = step.price_after
    return fields
