"""Variance of a stretch of prices, afterwards: against noise, and without jumps. For checks and reports.

All take logarithms of prices at equal steps and give the variance of the whole stretch.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import gamma, pi, sqrt

_LEAST = 4
_TRIPOWER = 2 ** (2 / 3) * gamma(7 / 6) / gamma(1 / 2)
"""mu of the tripower quarticity: E|Z|^(4/3) of a normal Z, 0.830860925."""


def realised_variance(log_prices: Sequence[float]) -> float:
    """Sum of squared returns: with noise of variance w, too large by 2 n w."""
    return sum(move * move for move in _returns(log_prices))


def two_scale_variance(log_prices: Sequence[float], scale: int, *, adjusted: bool = False) -> float:
    """Mean over `scale` grids of realised variance, less nbar/n of that of all (Zhang et al. 2005).

    Below 0 where noise is all there is: take another estimate then. `adjusted` divides by 1 - nbar/n, which
    small samples need. Raises ValueError for a scale that leaves no return.
    """
    count = len(log_prices) - 1
    if not 1 < scale <= count:
        raise ValueError(f"scale is {scale}: it must be from 2 to the {count} returns that there are")
    apart = zip(log_prices, log_prices[scale:], strict=False)
    slow = sum((later - earlier) ** 2 for earlier, later in apart) / scale
    share = (count - scale + 1) / scale / count
    variance = slow - share * realised_variance(log_prices)
    return variance / (1 - share) if adjusted else variance


def noise_variance(log_prices: Sequence[float]) -> float:
    """RV/(2 n), what one price strays from the efficient one by, where noise outweighs all else."""
    return realised_variance(log_prices) / (2 * (len(log_prices) - 1))


def preaveraged_variance(log_prices: Sequence[float], window: int) -> float:
    """Returns averaged under g(x) = min(x, 1-x) over an even `window` (Jacod et al. 2009), finite sample.

    Raises ValueError for a window that is odd, below 2, or longer than the stretch.
    """
    moves = _returns(log_prices)
    count = len(moves)
    if window % 2 or not 1 < window <= count:
        raise ValueError(f"window is {window}: it must be even, from 2 to the {count} returns that there are")
    weights = [min(index / window, 1 - index / window) for index in range(window + 1)]
    steepness = window * sum((later - one) ** 2 for one, later in pairwise(weights))
    mass = sum(weight * weight for weight in weights) / window
    theta = window / sqrt(count)
    averages = (
        sum(weight * move for weight, move in zip(weights[1:window], moves[start:], strict=False))
        for start in range(count - window + 2)
    )
    signal = count / (count - window + 2) * sum(average**2 for average in averages) / (mass * window)
    noise = steepness * sum(move * move for move in moves) / (2 * theta * theta * count * mass)
    return signal - noise


def bipower_variance(log_prices: Sequence[float]) -> float:
    """(pi/2) n/(n-1) sum |r||r'|, in which a jump is nothing (Barndorff-Nielsen and Shephard 2004)."""
    moves = _returns(log_prices)
    neighbours = sum(abs(one * other) for one, other in pairwise(moves))
    return pi / 2 * len(moves) / (len(moves) - 1) * neighbours


def jump_ratio(log_prices: Sequence[float]) -> float:
    """Standard normal where there is no jump: (1 - BV/RV) over its deviation (Huang and Tauchen 2005).

    Raises ValueError below 4 returns, or where the price did not move.
    """
    moves = _returns(log_prices)
    count = len(moves)
    total, smooth = realised_variance(log_prices), bipower_variance(log_prices)
    if count < _LEAST or smooth == 0:
        raise ValueError(f"{count} returns with a bipower variance of {smooth}: they tell of no jump")
    triples = zip(moves, moves[1:], moves[2:], strict=False)
    products = sum(abs(a * b * c) ** (4 / 3) for a, b, c in triples)
    quarticity = count * _TRIPOWER**-3 * count / (count - 2) * products
    spread = (pi**2 / 4 + pi - 5) / count * max(1.0, quarticity / smooth**2)
    return (1 - smooth / total) / sqrt(spread)


def _returns(log_prices: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(log_prices)]
