"""Risk aversion from the desired spread of inventory.

Under quotes that are linear in the inventory, inventory is stationary with probabilities proportional to
exp(-k skew q^2/Delta), by detailed balance of fills A exp(-k distance): its standard deviation is
sqrt(Delta/(2 k skew)), where it is more than an order or so (docs/FORMULAS.md, Risk aversion; derived from
Gueant, Lehalle and Fernandez-Tapia 2013). A third of the maximum inventory is a sensible choice.
"""

from math import exp, log, sqrt

from quote_service.quoting.models.arrival import fill_rate_per_s, log1p_ratio
from quote_service.quoting.models.inputs import LARGEST, SMALLEST, ModelInputs

_ROUNDS_MAX = 60
_CLOSE = 1e-14


def inventory_deviation(inputs: ModelInputs, skew_per_unit: float) -> float:
    """Size: standard deviation of inventory under `skew_per_unit` (price per base unit).

    Raises ValueError for a skew that is not above 0: inventory then diffuses without bound.
    """
    if not skew_per_unit > 0:
        raise ValueError(f"skew_per_unit is {skew_per_unit}: it must be above 0; raise gamma or phi")
    return sqrt(inputs.order_size / (2 * inputs.k * skew_per_unit))


def skew_for_deviation(inputs: ModelInputs, deviation: float) -> float:
    """Price per base unit: the skew that gives inventory the standard `deviation` (size)."""
    if not SMALLEST <= deviation <= LARGEST:
        raise ValueError(
            f"deviation is {deviation}: it must be from {SMALLEST:g} to {LARGEST:g}; pass base units, "
            f"such as a third of the maximum inventory"
        )
    return inputs.order_size / (2 * inputs.k * deviation * deviation)


def phi_for_deviation(inputs: ModelInputs, deviation: float) -> float:
    """Money/(size^2 s): the running penalty of cartea_jaimungal for a standard `deviation` in base units."""
    skew = skew_for_deviation(inputs, deviation)
    return skew * skew * inputs.k * inputs.order_size * fill_rate_per_s(inputs, 0.0)


def gamma_for_deviation(inputs: ModelInputs, deviation: float) -> float:
    """1/money: the risk aversion of glft for a standard `deviation` of inventory in base units.

    `inputs.gamma` is not used. The result also sets the aversion to a fill's risk unless fill_aversion
    is given.
    Raises ValueError without volatility: no gamma can then produce a skew.
    """
    if inputs.sigma < SMALLEST:
        raise ValueError(
            f"sigma is {inputs.sigma}: it must be at least {SMALLEST:g} for gamma to matter; wait for an "
            f"estimate, or use phi_for_deviation"
        )
    penalty = phi_for_deviation(inputs, deviation)  # gamma sigma^2/2 if the risk of single fills is ignored
    gamma = 2 * penalty / (inputs.sigma * inputs.sigma)
    if inputs.fill_aversion is not None:
        x = inputs.fill_aversion * inputs.order_size / inputs.k
        return gamma * exp(1 - (1 + x) * log1p_ratio(x))
    return _with_risky_fills(gamma * inputs.order_size / inputs.k) * inputs.k / inputs.order_size


def phi_from_gamma(gamma: float, sigma: float) -> float:
    """Money/(size^2 s): the phi that penalises inventory as `gamma` (1/money) does at volatility `sigma`."""
    return gamma * sigma * sigma / 2


def _with_risky_fills(target: float) -> float:
    """x = gamma Delta/k of x (1+x)^(1+1/x) = e target, by Newton's method in log x.

    In log x the left side's logarithm is convex with slope 1 to 2, so it converges from any start.
    """
    right_side, log_x = 1 + log(target), log(target)
    for _ in range(_ROUNDS_MAX):
        x = exp(log_x)
        ratio = log1p_ratio(x)
        step = (log_x + (1 + x) * ratio - right_side) / (2 - ratio)
        log_x -= step
        if abs(step) <= _CLOSE * max(1.0, abs(log_x)):
            break
    return exp(log_x)
