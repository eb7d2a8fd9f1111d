"""The Hamilton-Jacobi-Bellman equation of the quoting problem, integrated as it stands.

Nothing of the package is used: no linear equations, no formula for the best distance, no change of variables
for size, fee or impact. theta(tau, q) is what quoting with inventory q is worth beside cash and q mid:

    d theta/d tau = drift q - penalty q^2 + sum over sides of max over d of A exp(-k d) U(gain),

U(gain) = (1 - exp(-gamma gain))/gamma, gain = size (d - fee) + the step in theta, less the impact on what
is then held: impact q after buying to q, -impact q after selling to q.
"""

import numpy as np
from numpy.typing import NDArray
from quote_service.quoting.models.inputs import ModelInputs

Grid = NDArray[np.float64]
_POINTS = 101


def _worth(inputs: ModelInputs, aversion: float, step: Grid, distances: Grid) -> Grid:
    """Rate times utility; a row for each inventory, a column for each distance."""
    gain = inputs.order_size * (distances - inputs.fee) + step[:, None]
    utility = gain if aversion == 0 else -np.expm1(-aversion * gain) / aversion
    return inputs.A * np.exp(-inputs.k * distances) * utility


def _best(inputs: ModelInputs, aversion: float, step: Grid, reach: float) -> tuple[Grid, Grid]:
    """For each inventory the largest worth and the distance it is at: ever finer grids, then a parabola."""
    row, centre, width = np.arange(len(step)), np.zeros(len(step)), reach
    for _ in range(4):
        distances = centre[:, None] + np.linspace(-width, width, _POINTS)
        worth = _worth(inputs, aversion, step, distances)
        column = worth.argmax(axis=1)
        assert ((column > 0) & (column < _POINTS - 1)).all(), "the grid is too short"
        centre, width = distances[row, column], 4 * width / (_POINTS - 1)
    below, at, above = (worth[row, column + shift] for shift in (-1, 0, 1))
    curvature = below - 2 * at + above
    vertex = (below - above) / (2 * curvature)
    return at - curvature * vertex**2 / 2, centre + vertex * (distances[0, 1] - distances[0, 0])


def _sides(inputs: ModelInputs, aversion: float, theta: Grid, held: Grid, reach: float) -> list[Grid]:
    bid_step = np.diff(theta) - inputs.impact * held[1:]
    ask_step = -np.diff(theta) + inputs.impact * held[:-1]
    return [*_best(inputs, aversion, bid_step, reach), *_best(inputs, aversion, ask_step, reach)]


def distances_by_integration(
    inputs: ModelInputs, penalty: float, aversion: float, rounds: int, reach: float
) -> tuple[Grid, Grid]:
    """Bid distances for q = -q_max..q_max - size, ask distances for q = -q_max + size..q_max.

    `reach` bounds the distances tried, both ways; Runge and Kutta's fourth order in `rounds` steps.
    """
    assert inputs.q_max is not None
    assert inputs.tau_s is not None
    orders = round(inputs.q_max / inputs.order_size)
    held: Grid = np.arange(-orders, orders + 1, dtype=np.float64) * inputs.order_size

    def slope(theta: Grid) -> Grid:
        bid_worth, _, ask_worth, _ = _sides(inputs, aversion, theta, held, reach)
        change = inputs.drift * held - penalty * held**2
        change[:-1] += bid_worth
        change[1:] += ask_worth
        return np.asarray(change)

    theta: Grid = -inputs.terminal_penalty * held**2
    step = inputs.tau_s / rounds
    for _ in range(rounds):
        first = slope(theta)
        second = slope(theta + step / 2 * first)
        third = slope(theta + step / 2 * second)
        theta = theta + step / 6 * (first + 2 * second + 2 * third + slope(theta + step * third))
    _, bids, _, asks = _sides(inputs, aversion, theta, held, reach)
    return bids, asks
