"""The linear equations behind optimal quotes with a hard bound of inventory, solved to the last tail.

Counted in orders, n = -N..N, the value function of Gueant, Lehalle and Fernandez-Tapia (2013) and of Cartea
and Jaimungal (2015) is a logarithm of v, which solves dv/dtau = -M v with M symmetric and tridiagonal:
alpha n^2 - beta n on the diagonal and -eta beside it, from v = exp(-terminal n^2) at tau = 0.

v falls like exp(-n^2) away from its peak, so sums of eigenvectors lose its tails to rounding, at inventories
that are reached (beyond 20 orders in the paper's own second example). Here nothing is ever subtracted: the
ground state comes as ratios of neighbours, and the exponential from products of positive numbers alone.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

ORDERS_MAX = 250
"""A matrix of 501 rows is exponentiated in about a second."""
_DEEP = 1e4
"""Where the diagonal is this many eta above its least, v is too small to show in the first eigenvalue."""
_ROUNDS_MAX = 50
_SERIES_TERMS = 20
"""x^20/20! is below the last digit for x <= 1."""
_SLICES_PER_JUMP = 4
"""So many slices of time for each _SERIES_TERMS of inventory's way from bound to bound: no slice needs more."""
_CACHED = 64


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

    The first eigenvalue of the middle of the matrix is corrected by Newton's method on the whole of it.
    """
    diagonal = chain.diagonal
    eigenvalue, peak = _middle(diagonal)
    for _ in range(_ROUNDS_MAX):
        left, right = _ratios(diagonal, eigenvalue, peak)
        weight = 1 + float(np.sum(np.cumprod(left[::-1]) ** 2) + np.sum(np.cumprod(right) ** 2))
        inward = (left[-1] if left.size else 0.0) + (right[0] if right.size else 0.0)
        correction = float(diagonal[peak] - eigenvalue - inward) / weight
        eigenvalue += correction
        if abs(correction) <= 4 * np.finfo(float).eps * max(1.0, abs(eigenvalue)):
            break
    left, right = _ratios(diagonal, eigenvalue, peak)
    return GroundState(eigenvalue, np.concatenate((np.log(left), -np.log(right))))


def _middle(diagonal: Vector) -> tuple[float, int]:
    """First eigenvalue of the rows that are not deep, and the row where its vector is largest."""
    rows = np.flatnonzero(diagonal - diagonal.min() <= _DEEP)
    beside = -np.ones(rows.size - 1)
    matrix = np.diag(diagonal[rows]) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(matrix)
    return float(values[0]), int(rows[np.argmax(np.abs(vectors[:, 0]))])


def _ratios(diagonal: Vector, eigenvalue: float, peak: int) -> tuple[Vector, Vector]:
    """v_i/v_{i+1} below the peak and v_i/v_{i-1} above it, each from its bound inward: all are positive."""
    return (
        _inward(diagonal[:peak] - eigenvalue),
        _inward(diagonal[:peak:-1] - eigenvalue)[::-1],
    )


def _inward(excess: Vector) -> Vector:
    ratios, ratio = np.empty_like(excess), 0.0
    for row, value in enumerate(excess.tolist()):
        ratio = 1 / (value - ratio)
        ratios[row] = ratio
    return ratios


@lru_cache(maxsize=_CACHED)
def log_value(chain: InventoryChain, horizon_s: float) -> Vector:
    """log v_n for n = -N..N, `horizon_s` seconds before the end.

    v over the ground state (Doob's transform) moves by a Markov chain: exp(-M tau) in positive terms.
    """
    if horizon_s == 0:
        return -chain.terminal * chain.orders**2
    ground = ground_state(chain)
    log_ground = ground.log_vector
    with np.errstate(divide="ignore"):  # a probability too small to be held adds nothing
        log_transition = np.log(_transition(ground, chain.eta * horizon_s))
    terms = log_transition - log_ground - chain.terminal * chain.orders**2
    largest = terms.max(axis=1)
    log_sums = largest + np.log(np.exp(terms - largest[:, None]).sum(axis=1))
    return np.asarray(log_ground + log_sums - ground.eigenvalue * chain.eta * horizon_s)


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
