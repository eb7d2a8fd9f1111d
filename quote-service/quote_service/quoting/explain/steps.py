"""The steps of a price in readable form; built only for quotes that are published."""

from typing import NamedTuple

from quote_service.quoting.models.answer import Contribution, ModelFacts
from quote_service.quoting.spread import PricedQuote
from schemas.message import Side
from schemas.units import bps

PRICE_COLLAR = "price_collar"
"""The best price is a tick nearer to the market than the one that the collar refuses, which is the input."""


class RawStep(NamedTuple):
    """A step before its effect is computed."""

    name: str
    input: float
    config_key: str | None
    price_after: float
    """Ticks."""


def quote_steps(priced: PricedQuote, side: Side) -> list[RawStep]:
    """The steps of one side from the fair value to the final tick, without those that are switched off."""
    inputs, fair = priced.inputs, priced.inputs.fair_ticks
    plain = fair - sum(part.ticks for part in inputs.fair_parts)
    outward = -1 if side == "buy" else 1
    opposite = inputs.best_ask_ticks if side == "buy" else inputs.best_bid_ticks
    passive = priced.passive_bid if side == "buy" else priced.passive_ask
    final = priced.bid_ticks if side == "buy" else priced.ask_ticks
    widened = fair + outward * priced.half
    leaned = widened + priced.answer.shift
    pressed = leaned + priced.pressure
    calm_half, final_half = (
        (priced.bid_calm, priced.bid_half) if side == "buy" else (priced.ask_calm, priced.ask_half)
    )
    factor = priced.spread_factors[0 if side == "buy" else 1]
    own_half = priced.half * factor
    desired_shift = priced.answer.shift + priced.pressure + priced.flight
    return [
        RawStep("fair_value", plain, "pricing.fair_value", plain),
        *_parts(inputs.fair_parts, plain, 1),
        *_parts(priced.answer.widths, fair, outward),
        RawStep("emergency_widen", priced.intensity, "pricing.emergency_multiplier", widened),
        *_parts(priced.answer.shifts, widened, 1),
        RawStep("pressure", inputs.imbalance, "pricing.adjustment_speed", pressed),
        RawStep(
            "emergency_shift",
            inputs.flow_imbalance,
            "pricing.emergency_shift_share",
            pressed + priced.flight,
        ),
        RawStep(
            "skew_clamp", bps(desired_shift, fair), "pricing.skew_half_spreads_max", widened + priced.shift
        ),
        *_own_spread(side, factor, fair + priced.shift + outward * own_half),
        RawStep(
            "minimum_spread",
            bps(2 * own_half, fair),
            "pricing.min_spread_bps",
            fair + priced.shift + outward * calm_half,
        ),
        *_adverse(inputs.facts, side, calm_half, final_half, fair + priced.shift + outward * final_half),
        *_burst(priced, side, final_half, fair + priced.shift),
        RawStep("post_only", opposite, None, passive),
        RawStep("tick_rounding", passive, None, final),
    ]


def _adverse(
    facts: ModelFacts, side: Side, calm_half: float, half: float, price_after: float
) -> list[RawStep]:
    """The step for the move expected after a fill, where the spread without it would be too narrow."""
    if half <= calm_half:
        return []
    expected_bps = facts.adverse_bid_bps if side == "buy" else facts.adverse_ask_bps
    return [RawStep("adverse_move", expected_bps, "pricing.min_edge_bps", price_after)]


def _burst(priced: PricedQuote, side: Side, half: float, centre: float) -> list[RawStep]:
    """The step for takers that print towards the side, where that widens it."""
    place, wide, outward = (0, priced.bid_wide, -1) if side == "buy" else (1, priced.ask_wide, 1)
    if wide <= half:
        return []
    depths = priced.inputs.facts.taker_depths[place]
    return [RawStep("taker_burst", depths, "reaction.burst_widening", centre + outward * wide)]


def _own_spread(side: Side, factor: float, price_after: float) -> list[RawStep]:
    """The step for a spread that differs between bid and ask, or none."""
    if factor == 1:
        return []
    key = "shape.bid_spread_factor" if side == "buy" else "shape.ask_spread_factor"
    return [RawStep("side_spread", factor, key, price_after)]


def _parts(parts: tuple[Contribution, ...], before: float, sign: int) -> list[RawStep]:
    """The model's contributions in order."""
    steps = []
    price = before
    for part in parts:
        price += sign * part.ticks
        steps.append(RawStep(part.name, part.input, part.config_key, price))
    return steps


def step_fields(steps: list[RawStep]) -> list[dict[str, str | float | None]]:
    """The steps as fields of QuoteStep, with effects in basis points of the first step's price."""
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
