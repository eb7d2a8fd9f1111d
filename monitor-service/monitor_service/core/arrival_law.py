"""A and k of the arrival law, A exp(-k distance) orders per second and side, from observed counts.

Counts are of market orders that traded through each distance from the mid before them, in a time window.
Maximum likelihood can use cells without orders; the log-linear regression is the literature's usual method.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum, isfinite, log

_DISTANCES_LEAST = 3
EVENTS_LEAST = 30
_ROUNDS_MAX = 200


@dataclass(frozen=True, slots=True)
class ArrivalLaw:
    """Orders per second and side that reach a distance: A exp(-k distance)."""

    A: float
    """1/s."""
    k: float
    """1/price, above 0."""


def fit_log_linear(distances: Sequence[float], rates_per_s: Sequence[float]) -> ArrivalLaw:
    """Least squares of log rate on distance (price), without empty cells (Gueant et al. 2013).

    Raises ValueError for fewer than 3 distances with a rate, and where rates do not decay.
    """
    _check(distances, rates_per_s)
    cells = [(distance, log(rate)) for distance, rate in zip(distances, rates_per_s, strict=True) if rate > 0]
    _check_distances([distance for distance, _ in cells])
    centre, level = (fsum(values) / len(cells) for values in zip(*cells, strict=True))
    covariance = fsum((distance - centre) * (log_rate - level) for distance, log_rate in cells)
    k = -covariance / fsum((distance - centre) ** 2 for distance, _ in cells)
    return _law(level + k * centre, k)


def fit_poisson(distances: Sequence[float], counts: Sequence[float], window_s: float) -> ArrivalLaw:
    """Maximum likelihood for Poisson counts with mean window_s A exp(-k distance).

    At the maximum the counts' mean distance equals that under weights exp(-k distance), which falls in k.
    Raises ValueError for fewer than 3 distances or 30 orders, and for counts that do not decay.
    """
    _check(distances, counts)
    _check_distances(distances)
    total = fsum(counts)
    if not (total >= EVENTS_LEAST and isfinite(window_s) and window_s > 0):
        raise ValueError(
            f"counts add up to {total} in window_s {window_s}: at least {EVENTS_LEAST} orders in a time "
            f"above 0 are needed; keep the last good law and wait for more data"
        )
    mean = fsum(distance * count for distance, count in zip(distances, counts, strict=True)) / total
    least = min(distances)
    k = _decay_with_mean(distances, least, mean)
    weight = fsum(exp(-k * (distance - least)) for distance in distances)
    return _law(log(total / (window_s * weight)) + k * least, k)


def _decay_with_mean(distances: Sequence[float], least: float, mean: float) -> float:
    """The k for which weights exp(-k distance) have the `mean` distance, by bisection."""
    if not least < mean < fsum(distances) / len(distances):
        raise ValueError(
            f"counts have a mean distance of {mean}: it must be above the least, {least}, and below the mean "
            f"of all; keep the last good law, or take other distances"
        )
    low, high = 0.0, 1 / (mean - least)
    while _tilted_mean(distances, least, high) > mean:
        low, high = high, 2 * high
    for _ in range(_ROUNDS_MAX):
        middle = (low + high) / 2
        if _tilted_mean(distances, least, middle) > mean:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _tilted_mean(distances: Sequence[float], least: float, k: float) -> float:
    weights = [exp(-k * (distance - least)) for distance in distances]
    return fsum(d * weight for d, weight in zip(distances, weights, strict=True)) / fsum(weights)


def _check(distances: Sequence[float], values: Sequence[float]) -> None:
    if len(distances) != len(values):
        raise ValueError(
            f"{len(distances)} distances and {len(values)} values: there must be one each; pass 0 for none"
        )
    for name, numbers in (("distance", distances), ("value", values)):
        for number in numbers:
            if not (isfinite(number) and number >= 0):
                raise ValueError(f"{name} is {number}: it must be finite and at least 0; leave the cell out")


def _check_distances(distances: Sequence[float]) -> None:
    if len(set(distances)) < _DISTANCES_LEAST:
        raise ValueError(
            f"{len(set(distances))} distances with orders: at least {_DISTANCES_LEAST} are needed; keep the "
            f"last good law and wait for more data, or take closer distances"
        )


def _law(log_rate: float, k: float) -> ArrivalLaw:
    if not k > 0:
        raise ValueError(f"k is {k}: it must be above 0; keep the last good law, or take other distances")
    return ArrivalLaw(exp(log_rate), k)
