"""Pricing a single fill from order arrival: A exp(-k distance) orders per second reach a distance.

A fee f and half of the mid's move at a fill are paid on every fill. With distance measured net of that cost
the problem is the one without costs, where exp(-k cost) times as many orders arrive (Gueant, Lehalle and
Fernandez-Tapia 2013, section 5, for the impact; a fee is an impact of twice its size).
"""

from math import exp, log1p

from quote_service.quoting.models.inputs import ModelInputs

_SERIES_BELOW = 1e-8
"""Below this 1 - x/2 equals log1p(x)/x to double precision, and avoids 0/0."""


def log1p_ratio(x: float) -> float:
    """log(1+x)/x for x >= 0, 1 at 0."""
    return 1 - x / 2 if x < _SERIES_BELOW else log1p(x) / x


def fill_distance(inputs: ModelInputs, aversion: float) -> float:
    """Price: the best distance for one fill on its own, c1 = log(1 + xi Delta/k)/(xi Delta), 1/k at xi = 0.

    `aversion` is xi in 1/money. Gueant (2017), equation 4.6. Raises ValueError for a rebate larger than that:
    the arrival law does not cover quotes beyond the mid.
    """
    distance = log1p_ratio(aversion * inputs.order_size / inputs.k) / inputs.k
    if distance + inputs.fill_cost <= 0:
        raise ValueError(
            f"fee is {inputs.fee}: with half the impact it must be above {-distance}, less the distance that "
            f"a fill earns; cap the rebate passed to the model"
        )
    return distance


def fill_rate_per_s(inputs: ModelInputs, aversion: float) -> float:
    """1/s: eta = A exp(-k cost) (1 + x)^-(1 + 1/x), x = xi Delta/k; A exp(-k cost)/e at xi = 0.

    The rate of the linear equations of Gueant, Lehalle and Fernandez-Tapia (2013), for any order size.
    """
    x = aversion * inputs.order_size / inputs.k
    return inputs.A * exp(-inputs.k * inputs.fill_cost - (1 + x) * log1p_ratio(x))
