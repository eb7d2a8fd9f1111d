"""Bulk volume classification: the bought share of a volume, from its price change.

Source: docs/FORMULAS.md, Flow and toxicity.

Vb = V F(dP / sigma), with F the normal distribution, or Student's t with 0.25 degrees of freedom. It is less
accurate than the taker's side, and never used where that is known.
"""

from math import erf, exp, lgamma, log, log1p, sqrt

STUDENT_FREEDOM = 0.25
_TINY = 1e-300
_TERMS_MAX = 500


def normal_share(change_over_deviation: float) -> float:
    """Bought share, 0 to 1: the standard normal distribution function."""
    return (1 + erf(change_over_deviation / sqrt(2))) / 2


def student_share(change_over_deviation: float, freedom: float = STUDENT_FREEDOM) -> float:
    """Bought share, 0 to 1: Student's t distribution function (Abramowitz and Stegun 26.7.1).

    The tail beyond |t| is I_x(v/2, 1/2) / 2 with x = v / (v + t^2) and I the regularised incomplete beta.
    """
    square = change_over_deviation * change_over_deviation
    tail = _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square)) / 2
    return tail if change_over_deviation < 0 else 1 - tail


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) by its continued fraction (Abramowitz and Stegun 26.5.8), from the faster side."""
    if x >= 1:
        return 1.0
    if x <= 0:
        return 0.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, evaluated forwards (Lentz 1976) until it no longer changes."""
    c, d = 1.0, 1 / _away_from_0(1 - (a + b) * x / (a + 1))
    value = d
    for term in range(1, _TERMS_MAX):
        even = term * (b - term) * x / ((a + 2 * term - 1) * (a + 2 * term))
        odd = -(a + term) * (a + b + term) * x / ((a + 2 * term) * (a + 2 * term + 1))
        before = value
        for step in (even, odd):
            d = 1 / _away_from_0(1 + step * d)
            c = _away_from_0(1 + step / c)
            value *= c * d
        if value == before:
            break
    return value


def _away_from_0(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
