"""How wide a symbol is quoted, and how far from fair: the configured model's answer, in ticks.

Every model is told in ticks, lots and seconds, and money in ticks times lots. Where the configured one lacks
what it needs, or what it is told makes no sense, `vol_multiple` stands in: the quote says which and why.
"""

from collections.abc import Iterator
from dataclasses import replace
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
"""Steps of a model that move both prices alike; the others move them apart."""
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
    """What a model needs beside the market's prices."""

    arrival_rate_per_s: float | None = None
    """A, orders a second and side; None where it is not known."""
    arrival_decay_per_tick: float | None = None
    order_lots: float = 0.0
    """What one fill is taken to be: the size quoted by a flat book-keeper."""
    full_lots: float = 0.0
    """The maximum inventory."""
    fee_bps: float = 0.0
    """Of a maker's fill, negative for a rebate."""
    adverse_bps: float = 0.0
    """What the mid is expected to move against us after a fill."""
    money_per_tick_lot: float = 1.0
    """Quote currency."""
    now_ns: int = 0


class Contribution(NamedTuple):
    """One part of the distance (ticks, outward on both sides) or of the shift (ticks, both sides alike)."""

    name: str
    input: float
    """What drove it, in the unit that docs/QUOTING.md names."""
    config_key: str | None
    ticks: float


class ModelAnswer(NamedTuple):
    """Half-spread and shift of the centre with the parts that they are the sums of."""

    model: str
    """In force."""
    because: str | None
    """Why it is another one than was configured."""
    widths: tuple[Contribution, ...]
    shifts: tuple[Contribution, ...]

    @property
    def half(self) -> float:
        """Ticks."""
        return sum(part.ticks for part in self.widths)

    @property
    def shift(self) -> float:
        """Ticks, positive upward."""
        return sum(part.ticks for part in self.shifts)


def answer_of(
    fair_ticks: float, volatility_bps: float, bias: float, facts: ModelFacts, config: Config
) -> ModelAnswer:
    """The configured model's answer, or that of `vol_multiple` and why."""
    if config.model.name == VOL_MULTIPLE:
        return _vol_multiple(fair_ticks, volatility_bps, bias, config.market_making, None)
    because = _lacks(facts, config.model)
    if because is None:
        try:
            inputs = _inputs(fair_ticks, volatility_bps, bias, facts, config.model)
            return _told(quote_with(config.model.name, inputs), inputs, bias, volatility_bps)
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
        return "the arrival of orders is not calibrated yet"
    if not (facts.order_lots > 0 and facts.full_lots > 0):
        return "no order may be sent: its size or the maximum inventory is 0"
    return None


def _inputs(
    fair_ticks: float, volatility_bps: float, bias: float, facts: ModelFacts, settings: ModelSettings
) -> ModelInputs:
    """Ticks, lots, seconds. Raises ValueError for what makes no sense to a model."""
    tick_of_bps = fair_ticks / BPS_PER_UNIT
    rate, decay = settings.arrival_rate_per_s, settings.arrival_decay_per_bps
    plain = ModelInputs(
        mid=fair_ticks,
        sigma=volatility_bps * tick_of_bps,
        A=rate if rate is not None else facts.arrival_rate_per_s or 0.0,
        k=decay / tick_of_bps if decay is not None else facts.arrival_decay_per_tick or 0.0,
        order_size=facts.order_lots,
        q=bias * facts.full_lots,
        tau_s=_seconds_left(facts.now_ns, settings),
        fee=facts.fee_bps * tick_of_bps if settings.counts_fee else 0.0,
        impact=settings.impact_bps * tick_of_bps,
        q_max=max(facts.full_lots, facts.order_lots),
        terminal_penalty=settings.terminal_penalty_bps * tick_of_bps / facts.order_lots,
    )
    return _averse(plain, facts, settings)


def _averse(inputs: ModelInputs, facts: ModelFacts, settings: ModelSettings) -> ModelInputs:
    """With the aversion to risk, told or such that inventory is as spread out as is wanted."""
    if settings.gamma is not None:
        gamma = settings.gamma * facts.money_per_tick_lot
        return replace(inputs, gamma=gamma, phi=phi_from_gamma(gamma, inputs.sigma))
    deviation = settings.inventory_deviation * facts.full_lots
    if settings.name == "cartea_jaimungal":
        return replace(inputs, phi=phi_for_deviation(inputs, deviation))
    return replace(inputs, gamma=gamma_for_deviation(inputs, deviation))


def _seconds_left(now_ns: int, settings: ModelSettings) -> float | None:
    if settings.session_close_utc is None:
        return settings.horizon_s
    hours, minutes = map(int, settings.session_close_utc.split(":"))
    second_of_day = now_ns / NS_PER_S % _SECONDS_PER_DAY
    return (hours * 3600 + minutes * 60 - second_of_day) % _SECONDS_PER_DAY


def _told(quote: ModelQuote, inputs: ModelInputs, bias: float, volatility_bps: float) -> ModelAnswer:
    """The model's own steps. A side that a model bars is barred by the sizes too, so none is lost here."""
    tick_of_bps = inputs.mid / BPS_PER_UNIT
    drivers = {
        "arrival": inputs.k * tick_of_bps,
        "fee": inputs.fee / tick_of_bps,
        "impact": inputs.impact / tick_of_bps,
        "inventory_risk": volatility_bps,
        "inventory": bias,
    }
    parts = [
        Contribution(name, drivers.get(name, 0.0), _CONFIG_KEYS.get(name), ticks)
        for name, ticks in _contributions(quote)
    ]
    return ModelAnswer(
        quote.model,
        None,
        tuple(part for part in parts if part.name not in _SHIFTS),
        tuple(part for part in parts if part.name in _SHIFTS),
    )


def _contributions(quote: ModelQuote) -> Iterator[tuple[str, float]]:
    """Each step after the mid with its ticks: outward, or up for a shift. No model is told a drift."""
    for step in quote.steps[1:]:
        if step.name in _DRIFTS:
            continue
        if step.ask is not None:
            yield step.name, step.ask
        elif step.bid is not None:
            yield step.name, step.bid if step.name in _SHIFTS else -step.bid
