"""The linear equations behind optimal quotes under a hard inventory bound, accurate into the tails.

Counted in orders, n = -N..N, the value function of Gueant, Lehalle and Fernandez-Tapia (2013) and of Cartea
and Jaimungal (2015) is a logarithm of v, which solves dv/dtau = -M v with M symmetric and tridiagonal:
alpha n^2 - beta n on the diagonal and -eta beside it, from v = exp(-terminal n^2) at tau = 0.

v falls like exp(-n^2) away from its peak, so sums of eigenvectors lose its tails to rounding at inventories
that do occur (beyond 20 orders in the paper's second example). Nothing here is a small difference of large
numbers: the ground state is computed as ratios of neighbours, the exponential as products of positive terms.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

ORDERS_MAX = 250
"""Exponentiating a matrix of 501 rows takes about a second."""
_EIGENVALUE_GAP = 2.0**-52
_SERIES_TERMS = 20
"""x^20/20! is below double precision for x <= 1."""
_SLICES_PER_JUMP = 4
"""Time slices for every _SERIES_TERMS orders between the bounds: no slice then needs more terms."""
_STAGES = 32
"""Under a strong penalty many instant fills dominate: this keeps each stage's product within a float."""
_CACHED = 2_048
"""Cached solutions, about 500 bytes each: consecutive quotes mostly differ in inventory alone."""


@dataclass(frozen=True, slots=True)
class InventoryChain:
    """Rates in 1/s, inventory in orders."""

    orders_max: int
    alpha: float
    beta: float
    eta: float
    terminal: float = 0.0
    """Dimensionless: -log v at the end is terminal n^2."""

    @property
    def orders(self) -> Vector:
        """-N..N."""
        return np.arange(-self.orders_max, self.orders_max + 1, dtype=np.float64)

    @property
    def diagonal(self) -> Vector:
        """Of M/eta, dimensionless."""
        n = self.orders
        return (self.alpha * n * n - self.beta * n) / self.eta


@dataclass(frozen=True, slots=True)
class GroundState:
    """The positive eigenvector of M; the eigenvalue is that of M/eta, dimensionless."""

    eigenvalue: float
    log_ratios: Vector
    """log(v_n/v_{n+1}) for n = -N..N-1."""

    @property
    def log_vector(self) -> Vector:
        """log v_n for n = -N..N, 0 at its largest."""
        log_v = np.concatenate(([0.0], -np.cumsum(self.log_ratios)))
        return np.asarray(log_v - log_v.max())


@lru_cache(maxsize=_CACHED)
def ground_state(chain: InventoryChain) -> GroundState:
    """The shape of v long before the end.

    The first eigenvalue by bisection, its vector by twisted factorisation (Parlett and Dhillon 1997): ratios
    of neighbours from both bounds inward, joined where they match best, near the peak.
    """
    diagonal = chain.diagonal
    least = float(diagonal.min())
    excess = (diagonal - least).tolist()
    eigenvalue = _first_eigenvalue(excess)
    rising = _ratios(excess, eigenvalue)
    falling = _ratios(excess[::-1], eigenvalue)[::-1]
    before, after = np.append(0.0, rising[:-1]), np.append(falling[1:], 0.0)
    peak = int(np.argmin(np.abs(np.array(excess) - eigenvalue - before - after)))
    log_ratios = np.concatenate((np.log(rising[:peak]), -np.log(falling[peak + 1 :])))
    return GroundState(eigenvalue + least, _shared(log_ratios))


def _first_eigenvalue(diagonal: list[float]) -> float:
    """Of a matrix with -1 off the diagonal and a `diagonal` of least value 0, from below, to the last digit.

    Rounding errs downward too: at the result every pivot, eliminated from either end, is positive.
    """
    low, high = -2.0, 0.0
    while high - low > _EIGENVALUE_GAP:
        middle = (low + high) / 2
        if _is_below_all(diagonal, middle) and _is_below_all(diagonal[::-1], middle):
            low = middle
        else:
            high = middle
    return low


def _is_below_all(diagonal: list[float], value: float) -> bool:
    """Whether all eigenvalues are above `value`: then all pivots of the elimination are positive (Sturm)."""
    ratio = 0.0
    for entry in diagonal:
        pivot = entry - value - ratio
        if pivot <= 0:
            return False
        ratio = 1 / pivot
    return True


def _ratios(diagonal: list[float], eigenvalue: float) -> Vector:
    """v_i/v_{i+1} from the rows up to i; positive, since `eigenvalue` is below all eigenvalues."""
    ratios, ratio = [], 0.0
    for entry in diagonal:
        ratio = 1 / (entry - eigenvalue - ratio)
        ratios.append(ratio)
    return np.array(ratios)


def log_value(chain: InventoryChain, horizon_s: float) -> Vector:
    """log v_n for n = -N..N, `horizon_s` seconds before the end."""
    growth = -ground_state(chain).eigenvalue * chain.eta * horizon_s
    return log_shape(chain, horizon_s) + growth


@lru_cache(maxsize=_CACHED)
def log_shape(chain: InventoryChain, horizon_s: float) -> Vector:
    """log v_n without the common growth, which would swamp the differences long before the end.

    v over the ground state (Doob's transform) evolves as a Markov chain: exp(-M tau) in positive terms.
    """
    log_v = -chain.terminal * chain.orders**2
    if horizon_s == 0:
        return _shared(log_v)
    ground = ground_state(chain)
    duration = chain.eta * horizon_s
    stages = _STAGES if chain.terminal > 0 else 1
    with np.errstate(divide="ignore"):  # a probability that underflows adds nothing
        log_transition = np.log(_transition(ground, duration / stages))
    relative = log_v - ground.log_vector
    for _ in range(stages):
        terms = log_transition + relative
        largest = terms.max(axis=1)
        relative = largest + np.log(np.exp(terms - largest[:, None]).sum(axis=1))
    return _shared(ground.log_vector + relative)


def _shared(values: Vector) -> Vector:
    """Cached arrays are shared between callers, so they are read-only."""
    values.setflags(write=False)
    return values


def _transition(ground: GroundState, duration: float) -> Vector:
    """Transition probabilities (row to column) after `duration` in units of 1/eta: scaling and squaring."""
    rates = np.diag(np.exp(-ground.log_ratios), 1) + np.diag(np.exp(ground.log_ratios), -1)
    leaving = rates.sum(axis=1)
    fastest = float(leaving.max())
    stay_or_go = rates / fastest + np.diag(1 - leaving / fastest)
    slices = max(1.0, fastest * duration, _SLICES_PER_JUMP * len(rates) / _SERIES_TERMS)
    squarings = ceil(log2(slices))
    result = _poisson_mixture(stay_or_go, fastest * duration / 2.0**squarings)
    for _ in range(squarings):
        result = result @ result
        result /= result.sum(axis=1, keepdims=True)  # rounding would grow with every squaring
    return result


def _poisson_mixture(step: Vector, mean_steps: float) -> Vector:
    """exp(mean_steps (step - 1)), a sum of positive terms: `mean_steps` is at most 1."""
    term = np.eye(len(step))
    total = term.copy()
    for order in range(1, _SERIES_TERMS + 1):
        term = term @ step * (mean_steps / order)
        total += term
    return np.asarray(total / total.sum(axis=1, keepdims=True))
