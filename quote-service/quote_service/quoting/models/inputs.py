"""The inputs of a quoting model, in one set of units for all models."""

from dataclasses import dataclass
from typing import NamedTuple

COST_DECAYS_MAX = 100.0
"""Largest k times cost of a fill: beyond it one order in e^100 fills, so the units must be wrong."""
HORIZON_S_MAX = 1e9


LARGEST = 1e15
SMALLEST = 1 / LARGEST
"""No product of inputs in any model then overflows a float."""


class _Bound(NamedTuple):
    """The least value of a field and the remedy for a lower one; the largest is the same for all."""

    least: float
    remedy: str


_SIGNED = -LARGEST
_BOUNDS = {
    "mid": _Bound(SMALLEST, "pass the fair value in quote currency, and do not quote without one"),
    "sigma": _Bound(0.0, "pass mid times the volatility of returns, per square root of a second"),
    "A": _Bound(SMALLEST, "pass orders per second and side at distance 0, or use a model without A"),
    "k": _Bound(SMALLEST, "pass the decay of fills per unit of price, and recalibrate it"),
    "gamma": _Bound(0.0, "pass 0 for no risk aversion, or see risk_aversion"),
    "order_size": _Bound(SMALLEST, "pass the base units of one order"),
    "q": _Bound(_SIGNED, "pass the inventory in base units, less its target"),
    "tau_s": _Bound(_SIGNED, "pass the seconds left, or None for no end"),
    "fee": _Bound(_SIGNED, "pass the fee of one base unit in price, negative for a rebate"),
    "impact": _Bound(0.0, "pass how far the mid moves against us at a fill, 0 where it moves for us"),
    "drift": _Bound(_SIGNED, "pass the expected move of the mid in price per second, or 0"),
    "q_max": _Bound(SMALLEST, "pass the largest inventory in base units, or None for no bound"),
    "phi": _Bound(0.0, "pass 0 for no running penalty, or see risk_aversion"),
    "terminal_penalty": _Bound(0.0, "pass 0 where inventory is worth the mid at the end"),
    "fill_aversion": _Bound(0.0, "pass None for gamma, or 0 for no aversion to the risk of one fill"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """Market, inventory and risk preference, in quote currency ("price"), base units ("size") and seconds.

    Money is price times size. Raises ValueError for a number that is out of bounds or NaN, naming it, the
    bound and the remedy. Every model states which optional fields it needs.
    """

    mid: float
    """Price: the fair value from which distances are measured."""
    sigma: float
    """Price per square root of a second: standard deviation of the mid's moves."""
    A: float
    """1/s: orders per second and side that reach distance 0; A exp(-k distance) reach further."""
    k: float
    """1/price: decay of the fill rate with distance."""
    gamma: float = 0.0
    """1/money: absolute risk aversion (CARA)."""
    order_size: float = 1.0
    """Size of one fill, called Delta in the literature."""
    q: float = 0.0
    """Size: inventory less its target, positive when long."""
    tau_s: float | None = None
    """Seconds to the end of the session; None for no end. Below 0 counts as 0."""
    fee: float = 0.0
    """Price: fee of a maker's fill for one base unit, negative for a rebate."""
    impact: float = 0.0
    """Price: how far the mid moves against us at each fill."""
    drift: float = 0.0
    """Price per second: expected move of the mid."""
    q_max: float | None = None
    """Size: inventory bound that no fill may breach; None for no bound."""
    phi: float = 0.0
    """Money/(size^2 s): running penalty of inventory (Cartea and Jaimungal)."""
    terminal_penalty: float = 0.0
    """Money/size^2: penalty on inventory at the end, on top of the mid."""
    fill_aversion: float | None = None
    """1/money: aversion to the risk of one fill, xi in Gueant (2017); None for gamma."""

    def __post_init__(self) -> None:
        for name, bound in _BOUNDS.items():
            _check(name, getattr(self, name), bound)
        self._check_horizon()
        self._check_cost()

    @property
    def horizon_s(self) -> float | None:
        """Seconds left, never below 0; None for no end."""
        return None if self.tau_s is None else max(self.tau_s, 0.0)

    @property
    def xi(self) -> float:
        """1/money: aversion to the risk of one fill."""
        return self.gamma if self.fill_aversion is None else self.fill_aversion

    @property
    def fill_cost(self) -> float:
        """Price: the certain cost of a fill; see `arrival`."""
        return self.fee + self.impact / 2

    def _check_horizon(self) -> None:
        if self.tau_s is not None and self.tau_s > HORIZON_S_MAX:
            raise ValueError(
                f"tau_s is {self.tau_s}: it must be at most {HORIZON_S_MAX:g}; pass None for no end"
            )

    def _check_cost(self) -> None:
        decays = self.k * self.fill_cost
        if not -1 < decays <= COST_DECAYS_MAX:
            raise ValueError(
                f"fee is {self.fee} and impact {self.impact} with k {self.k}: k (fee + impact/2) is {decays} "
                f"and must be above -1 and at most {COST_DECAYS_MAX:g}; pass all in the same price unit, and "
                f"cap a rebate below 1/k, the most a fill earns"
            )


def _check(name: str, value: float | None, bound: _Bound) -> None:
    """None is always in bounds: types alone decide which fields are optional."""
    if value is not None and not bound.least <= value <= LARGEST:
        raise ValueError(f"{name} is {value}: it must be from {bound.least:g} to {LARGEST:g}; {bound.remedy}")
