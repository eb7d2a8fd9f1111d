"""From fair value to the final tick: one pure function, the same live, in a replay and in `maker price`.

The configured model sets width and shift (see `models`); the book's pressure and one-sided flow move the
centre too. Prices are floats in ticks until the last step.
Only numbers are computed here; `steps` describes them, and only for a quote that is published.
"""

from typing import NamedTuple

from quote_service.quoting.fair_value.imbalance import emergency_intensity, pressure_share
from quote_service.quoting.models.answer import Contribution, ModelAnswer, ModelFacts, answer_of
from schemas.config import Config
from schemas.message import Side
from schemas.quoting_settings import Pricing
from schemas.units import BPS_PER_UNIT, round_outward, side_sign

TICKS_MAX = float(2**40)
"""Above this a float cannot resolve thousandths of a tick: nothing is quoted."""
_HALF_TICKS_MIN = 0.5
"""Half a tick each side of any centre: after outward rounding the bid is at least a tick below the ask."""


class PricingInputs(NamedTuple):
    """What a price depends on, besides the configuration."""

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
    facts: ModelFacts = ModelFacts()
    fair_parts: tuple[Contribution, ...] = ()
    """The part of fair value that reference market and alpha added to the book's own."""


class PricedQuote(NamedTuple):
    """Final prices and their components, all in ticks except `intensity`."""

    inputs: PricingInputs
    answer: ModelAnswer
    intensity: float
    """0..1: of the emergency response."""
    half: float
    """Half-spread with the emergency response."""
    pressure: float
    flight: float
    """Shift in the direction of one-sided flow."""
    shift: float
    """Lean, pressure and flow shift together, clamped: the centre's distance from fair value."""
    spread_factors: tuple[float, float]
    """Multipliers of the half-spread for bid and ask."""
    bid_calm: float
    """Each side's own, after the minimum without adverse moves."""
    ask_calm: float
    bid_half: float
    """And with them."""
    ask_half: float
    bid_wide: float
    """And with a burst of takers."""
    ask_wide: float
    passive_bid: float
    """Clamped below the best ask, before rounding to a tick."""
    passive_ask: float
    bid_ticks: int
    ask_ticks: int
    bid_nearer: int | None
    """The same rounded towards the market, for where the gate refuses the tick outward of it; None: that
    would break the minimum spread."""
    ask_nearer: int | None

    def roundings(self, side: Side) -> tuple[float, int, int | None]:
        """A side's price before rounding, rounded outward, and towards the market."""
        if side == "buy":
            return self.passive_bid, self.bid_ticks, self.bid_nearer
        return self.passive_ask, self.ask_ticks, self.ask_nearer


def min_half_spread_bps(
    adverse_bps: float, facts: ModelFacts, pricing: Pricing, fill_distance_bps: float | None = None
) -> float:
    """A side's least distance from the shifted centre: fee, adverse move and edge, or the plain minimum.

    Where 1/k is less than fee and adverse move together, a model of arrival has no edge at its own distance:
    it is quoted where A exp(-k d) (d - fee - adverse move) is largest, 1/k beyond both.
    """
    plain = pricing.min_spread_bps / 2
    if pricing.min_edge_bps is None:
        return plain
    cost_bps, edge_bps = facts.fee_bps + adverse_bps, pricing.min_edge_bps
    if fill_distance_bps is not None and fill_distance_bps < cost_bps:
        edge_bps = max(edge_bps, fill_distance_bps)
    return max(plain, cost_bps + edge_bps)


def _least(inputs: PricingInputs, adverse_bps: float, answer: ModelAnswer, pricing: Pricing) -> float:
    """The same in ticks, and at least half a tick."""
    least_bps = min_half_spread_bps(adverse_bps, inputs.facts, pricing, answer.fill_distance_bps)
    return max(_HALF_TICKS_MIN, inputs.fair_ticks * least_bps / BPS_PER_UNIT)


def _widened(halves: tuple[float, float], facts: ModelFacts, config: Config) -> tuple[float, float]:
    """Both sides' half-spreads, wider where takers print towards the side."""
    factor = config.reaction.burst_widening
    if factor is None or facts.taker_depths == (0.0, 0.0):
        return halves
    bid, ask = facts.taker_depths
    return halves[0] * (factor if bid else 1.0), halves[1] * (factor if ask else 1.0)


def price_quote(inputs: PricingInputs, config: Config) -> PricedQuote | None:
    """Both sides' prices: bid < ask by at least a tick, and neither crosses the book.

    None where no price can be given: fair value is not positive, or a price exceeds TICKS_MAX. A bid
    that is not positive is returned unchanged.
    """
    pricing, fair = config.pricing, inputs.fair_ticks
    answer = answer_of(fair, inputs.volatility_bps, inputs.bias, inputs.facts, config)
    calm = answer.half
    intensity = emergency_intensity(inputs.flow_imbalance, pricing)
    half = calm * (1 + (pricing.emergency_multiplier - 1) * intensity)
    pressure = pricing.adjustment_speed * pressure_share(inputs.imbalance, pricing) * fair
    flight = pricing.emergency_shift_share * (half - calm)
    if inputs.flow_imbalance < 0:
        flight = -flight
    bound = pricing.skew_half_spreads_max * half
    shift = min(max(answer.shift + pressure + flight, -bound), bound)
    factors = config.shape.bid_spread_factor, config.shape.ask_spread_factor
    calm_half = _least(inputs, 0.0, answer, pricing)
    bid_calm, ask_calm = max(half * factors[0], calm_half), max(half * factors[1], calm_half)
    bid_least = _least(inputs, inputs.facts.adverse_bid_bps, answer, pricing)
    ask_least = _least(inputs, inputs.facts.adverse_ask_bps, answer, pricing)
    bid_half, ask_half = max(bid_calm, bid_least), max(ask_calm, ask_least)
    bid_wide, ask_wide = _widened((bid_half, ask_half), inputs.facts, config)
    if not (fair > 0 and fair + abs(shift) + max(bid_wide, ask_wide) <= TICKS_MAX):
        return None
    passive_bid = min(fair + shift - bid_wide, inputs.best_ask_ticks - 1)
    passive_ask = max(fair + shift + ask_wide, inputs.best_bid_ticks + 1)
    return PricedQuote(
        inputs,
        answer,
        intensity,
        half,
        pressure,
        flight,
        shift,
        factors,
        bid_calm,
        ask_calm,
        bid_half,
        ask_half,
        bid_wide,
        ask_wide,
        passive_bid,
        passive_ask,
        round_outward(passive_bid, "buy"),
        round_outward(passive_ask, "sell"),
        _nearer("buy", passive_bid, fair + shift - bid_least),
        _nearer("sell", passive_ask, fair + shift + ask_least),
    )


def _nearer(side: Side, passive: float, least: float) -> int | None:
    """A price rounded towards the market, where the least half-spread allows that."""
    ticks = round_outward(passive, "sell" if side == "buy" else "buy")
    return ticks if side_sign(side) * (least - ticks) >= 0 else None
