"""The linear equations behind optimal quotes with a hard bound of inventory, solved to the last tail.

Counted in orders, n = -N..N, the value function of Gueant, Lehalle and Fernandez-Tapia (2013) and of Cartea
and Jaimungal (2015) is a logarithm of v, which solves dv/dtau = -M v with M symmetric and tridiagonal:
alpha n^2 - beta n on the diagonal and -eta beside it, from v = exp(-terminal n^2) at tau = 0.

v falls like exp(-n^2) away from its peak, so sums of eigenvectors lose its tails to rounding, at inventories
that are reached (beyond 20 orders in the paper's own second example). Here nothing small is left over from
large numbers: the ground state comes as ratios of neighbours, the exponential as products of positive ones.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

ORDERS_MAX = 250
"""A matrix of 501 rows is exponentiated in about a second."""
_EIGENVALUE_GAP = 2.0**-52
_SERIES_TERMS = 20
"""x^20/20! is below the last digit for x <= 1."""
_SLICES_PER_JUMP = 4
"""Slices of time for each _SERIES_TERMS orders between the bounds: no slice then needs more terms."""
_STAGES = 32
"""Under a strong penalty many fills in no time matter more than none: no stage has too many for a float."""
_CACHED = 2_048
"""Solutions kept, some 500 bytes each: what differs between two quotes is mostly the inventory."""


@dataclass(frozen=True, slots=True)
class InventoryChain:
    """Rates in 1/s, inventory in orders."""

    orders_max: int
    alpha: float
    beta: float
    eta: float
    terminal: float = 0.0
    """Without unit: -log v at the end is terminal n^2."""

    @property
    def orders(self) -> Vector:
        """-N..N."""
        return np.arange(-self.orders_max, self.orders_max + 1, dtype=np.float64)

    @property
    def diagonal(self) -> Vector:
        """Of M/eta, without unit."""
        n = self.orders
        return (self.alpha * n * n - self.beta * n) / self.eta


@dataclass(frozen=True, slots=True)
class GroundState:
    """The positive eigenvector of M; the eigenvalue is of M/eta, without unit."""

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
    """What v is proportional to long before the end.

    The first eigenvalue by bisection, its vector by twisted factorisation (Parlett and Dhillon 1997): ratios
    of neighbours from both bounds inward, which meet where they fit together best, near the peak.
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
    """Of a matrix with -1 beside a `diagonal` whose least value is 0, from below, to the last digit of 1.

    Below by rounding too: eliminated from either end, all pivots at it are positive numbers.
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
    """v_i/v_{i+1} as the rows from the first to i have it; positive, as `eigenvalue` is below all."""
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
    """log v_n less the growth that all n share, which would drown their differences long before the end.

    v over the ground state (Doob's transform) moves by a Markov chain: exp(-M tau) in positive terms.
    """
    log_v = -chain.terminal * chain.orders**2
    if horizon_s == 0:
        return _shared(log_v)
    ground = ground_state(chain)
    duration = chain.eta * horizon_s
    stages = _STAGES if chain.terminal > 0 else 1
    with np.errstate(divide="ignore"):  # a probability too small to be held adds nothing
        log_transition = np.log(_transition(ground, duration / stages))
    relative = log_v - ground.log_vector
    for _ in range(stages):
        terms = log_transition + relative
        largest = terms.max(axis=1)
        relative = largest + np.log(np.exp(terms - largest[:, None]).sum(axis=1))
    return _shared(ground.log_vector + relative)


def _shared(values: Vector) -> Vector:
    """What is remembered is handed out again: nobody may write to it."""
    values.setflags(write=False)
    return values


def _transition(ground: GroundState, duration: float) -> Vector:
    """Probabilities from row to column after `duration`, counted in 1/eta: scaling and squaring."""
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
