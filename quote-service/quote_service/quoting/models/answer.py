"""How wide a symbol is quoted, and how far off fair value: the configured model's result, in ticks.

Where the configured model lacks an input, or an input makes no sense, `vol_multiple` stands in, and the quote
names both and the reason.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import floor, hypot, log2
from typing import NamedTuple

from quote_service.quoting.models.catalogue import quote_with
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote
from quote_service.quoting.models.risk_aversion import (
    gamma_for_deviation,
    phi_for_deviation,
    phi_from_gamma,
)
from quote_service.quoting.models.vol_multiple import NAME as VOL_MULTIPLE
from quote_service.quoting.models.vol_multiple import vol_multiple
from schemas.config import Config
from schemas.quoting_settings import MarketMaking, ModelSettings
from schemas.units import BPS_PER_UNIT, NS_PER_S

_SHIFTS = ("inventory",)
"""Steps of a model that shift both prices; all others widen the spread."""
_SOLVED = ("glft_exact", "cartea_jaimungal")
"""Models that solve a system of equations: they take milliseconds, where a quote has a tenth of one."""
_ORDERS_MAX = 30
"""Their order size is floored at this share of the maximum inventory: it bounds the system's size."""
_GRID = 64
"""Their inputs are rounded to powers of 2^(1/64), 1.1 %, so that solutions can be reused from the cache."""
_JUMPS_LEAST = 0.05
"""Of the volatility: less adds a thousandth to it, and is not worth a second evaluation of the model."""
_DRIFTS = ("drift", "drift_risk")
_SECONDS_PER_DAY = 86_400
_CONFIG_KEYS = {
    "arrival": "model.arrival_decay_per_bps",
    "fee": "model.counts_fee",
    "impact": "model.impact_bps",
    "inventory_risk": "model.inventory_deviation",
    "inventory": "model.inventory_deviation",
}


class ModelFacts(NamedTuple):
    """What a model needs beside market prices."""

    arrival_rate_per_s: float | None = None
    """A, orders per second and side; None while it is not calibrated."""
    arrival_decay_per_tick: float | None = None
    order_lots: float = 0.0
    """The assumed size of one fill: the order size at zero inventory."""
    full_lots: float = 0.0
    """The maximum inventory."""
    fee_bps: float = 0.0
    """A maker's fee, negative for a rebate."""
    adverse_bid_bps: float = 0.0
    """Expected move of the mid against us after a fill of our bid."""
    adverse_ask_bps: float = 0.0
    """The same of our ask."""
    jump_volatility_bps: float = 0.0
    """Per square root of a second: of the jumps that volatility leaves out."""
    money_per_tick_lot: float = 1.0
    """In quote currency."""
    taker_depths: tuple[float, float] = (0.0, 0.0)
    """Of bid and ask: takers' volume towards the side in a burst that has not ended; 0: there is none."""
    front_shares: tuple[float | None, float | None] = (None, None)
    """Of bid and ask: the share of the best price's queue ahead of our quote; None: it is not there."""
    reference_ticks: float | None = None
    """Fair value from the reference market; None without a usable one."""
    now_ns: int = 0


class Contribution(NamedTuple):
    """One part of the half-spread (ticks, outward on both sides) or of the shift (ticks, both alike)."""

    name: str
    input: float
    """The input that drove it, in the unit docs/QUOTING.md names."""
    config_key: str | None
    ticks: float


class ModelAnswer(NamedTuple):
    """Half-spread and shift of the centre, with the parts they are the sums of."""

    model: str
    """The model in force."""
    because: str | None
    """Why it is not the configured one."""
    widths: tuple[Contribution, ...]
    shifts: tuple[Contribution, ...]

    @property
    def half(self) -> float:
        """Ticks."""
        return sum(part.ticks for part in self.widths)

    @property
    def fill_distance_bps(self) -> float | None:
        """1/k, the most that one fill earns beyond its costs; None for a model that knows no arrival."""
        if self.model == VOL_MULTIPLE:
            return None
        return next((1 / part.input for part in self.widths if part.name == "arrival"), None)

    @property
    def shift(self) -> float:
        """Ticks, positive upward."""
        return sum(part.ticks for part in self.shifts)


def answer_of(
    fair_ticks: float, volatility_bps: float, bias: float, facts: ModelFacts, config: Config
) -> ModelAnswer:
    """The configured model's result, or that of `vol_multiple` and why.

    Volatility leaves jumps out, so that one does not widen everything for minutes; the spread is widened by
    what the same model would add for them: a part of its own, named `jumps`. The lean is that without them.
    """
    calm = _without_jumps(fair_ticks, volatility_bps, bias, facts, config)
    jumps_bps = facts.jump_volatility_bps
    if jumps_bps <= _JUMPS_LEAST * volatility_bps:
        return calm
    whole = _without_jumps(fair_ticks, hypot(volatility_bps, jumps_bps), bias, facts, config)
    if whole.model != calm.model:
        return calm
    part = Contribution("jumps", jumps_bps, "market_data.volatility.jump_sigma", whole.half - calm.half)
    return calm._replace(widths=(*calm.widths, part))


def _without_jumps(
    fair_ticks: float, volatility_bps: float, bias: float, facts: ModelFacts, config: Config
) -> ModelAnswer:
    if config.model.name == VOL_MULTIPLE:
        return _vol_multiple(fair_ticks, volatility_bps, bias, config.market_making, None)
    because = _lacks(facts, config.model)
    if because is None:
        try:
            inputs = _inputs(fair_ticks, volatility_bps, bias, facts, config.model)
            quote = quote_with(config.model.name, inputs)
            return _from_quote(quote, inputs, fair_ticks / BPS_PER_UNIT, bias, volatility_bps)
        except ValueError as error:
            because = str(error)
    return _vol_multiple(fair_ticks, volatility_bps, bias, config.market_making, because)


def _vol_multiple(
    fair_ticks: float, volatility_bps: float, bias: float, making: MarketMaking, because: str | None
) -> ModelAnswer:
    base, moving, lean = vol_multiple(fair_ticks, volatility_bps * fair_ticks / BPS_PER_UNIT, bias, making)
    base_bps = making.base_spread / 2 * BPS_PER_UNIT
    return ModelAnswer(
        VOL_MULTIPLE,
        because,
        (
            Contribution("base_spread", base_bps, "market_making.base_spread", base),
            Contribution("volatility", volatility_bps, "market_making.volatility_multiplier", moving),
        ),
        (Contribution("inventory_lean", bias, "market_making.inventory_sensitivity", lean),),
    )


def _lacks(facts: ModelFacts, settings: ModelSettings) -> str | None:
    if settings.arrival_rate_per_s is None and facts.arrival_rate_per_s is None:
        return "order arrival is not calibrated yet"
    if not (facts.order_lots > 0 and facts.full_lots > 0):
        return "no order may be sent: its size or the maximum inventory is 0"
    return None


def _inputs(
    fair_ticks: float, volatility_bps: float, bias: float, facts: ModelFacts, settings: ModelSettings
) -> ModelInputs:
    """Prices in bps of the fair value, sizes in orders. Raises ValueError for inputs a model cannot use.

    In these units the price level drops out, so a cached solution stays valid while the market moves.
    """
    tick_of_bps = fair_ticks / BPS_PER_UNIT
    is_solved = settings.name in _SOLVED
    rounded = _on_grid if is_solved else _as_it_is
    orders_max = max(facts.full_lots / facts.order_lots, 1.0)
    orders_max = float(min(floor(orders_max), _ORDERS_MAX)) if is_solved else orders_max
    order_lots = facts.full_lots / orders_max
    decay = settings.arrival_decay_per_bps or (facts.arrival_decay_per_tick or 0.0) * tick_of_bps
    left_s = _seconds_left(facts.now_ns, settings)
    plain = ModelInputs(
        mid=BPS_PER_UNIT,
        sigma=rounded(volatility_bps),
        A=rounded(settings.arrival_rate_per_s or facts.arrival_rate_per_s or 0.0),
        k=rounded(decay),
        q=bias * orders_max,
        tau_s=None if left_s is None else rounded(left_s),
        fee=facts.fee_bps if settings.counts_fee else 0.0,
        impact=settings.impact_bps,
        q_max=orders_max,
        terminal_penalty=settings.terminal_penalty_bps,
    )
    if settings.gamma is None:
        return _averse(plain, orders_max, settings)
    # configured per quote currency; the unit of money here is one bps of one order
    gamma = rounded(settings.gamma * facts.money_per_tick_lot * tick_of_bps * order_lots)
    return replace(plain, gamma=gamma, phi=phi_from_gamma(gamma, plain.sigma))


def _on_grid(value: float) -> float:
    return 2.0 ** (round(log2(value) * _GRID) / _GRID) if value > 0 else value


def _as_it_is(value: float) -> float:
    return value


def _averse(inputs: ModelInputs, orders_max: float, settings: ModelSettings) -> ModelInputs:
    """The inputs with the risk aversion that gives the desired inventory deviation."""
    deviation = settings.inventory_deviation * orders_max
    if settings.name == "cartea_jaimungal":
        return replace(inputs, phi=phi_for_deviation(inputs, deviation))
    return replace(inputs, gamma=gamma_for_deviation(inputs, deviation))


def _seconds_left(now_ns: int, settings: ModelSettings) -> float | None:
    if settings.session_close_utc is None:
        return settings.horizon_s
    hours, minutes = map(int, settings.session_close_utc.split(":"))
    second_of_day = now_ns / NS_PER_S % _SECONDS_PER_DAY
    return (hours * 3600 + minutes * 60 - second_of_day) % _SECONDS_PER_DAY


def _from_quote(
    quote: ModelQuote, inputs: ModelInputs, tick_of_bps: float, bias: float, volatility_bps: float
) -> ModelAnswer:
    """The model's own steps. A side barred by the model is also barred by sizing, so nothing is lost here."""
    drivers = {
        "arrival": inputs.k,
        "fee": inputs.fee,
        "impact": inputs.impact,
        "inventory_risk": volatility_bps,
        "inventory": bias,
    }
    parts = [
        Contribution(name, drivers.get(name, 0.0), _CONFIG_KEYS.get(name), bps * tick_of_bps)
        for name, bps in _contributions(quote)
    ]
    return ModelAnswer(
        quote.model,
        None,
        tuple(part for part in parts if part.name not in _SHIFTS),
        tuple(part for part in parts if part.name in _SHIFTS),
    )


def _contributions(quote: ModelQuote) -> Iterator[tuple[str, float]]:
    """Each step after the mid in bps: outward, or up for a shift. Drift is never passed to a model here."""
    for step in quote.steps[1:]:
        if step.name in _DRIFTS:
            continue
        if step.ask is not None:
            yield step.name, step.ask
        elif step.bid is not None:
            yield step.name, step.bid if step.name in _SHIFTS else -step.bid
