"""A and k from orders: three estimators, each side alone, and errors from block resampling."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log1p, sqrt
from random import Random

from monitor_service.core.arrival_law import EVENTS_LEAST, ArrivalLaw, fit_log_linear, fit_poisson

from research.calibration.orders import OrdersSeen
from schemas.message import Side

DISTANCES = 12
_DEPTHS = 3.0
_BLOCKS = 40
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Cell:
    """How many orders of both sides traded through a distance (ticks)."""

    distance: float
    count: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Laws in ticks: A in orders per second and side, k in 1/tick. None: too few data."""

    cells: tuple[Cell, ...]
    window_s: float
    poisson: ArrivalLaw | None
    because: str | None
    """Why there is no fit."""
    error: ArrivalLaw | None
    """Standard errors of both."""
    log_linear: ArrivalLaw | None
    depths: ArrivalLaw | None
    discrete: ArrivalLaw | None
    """From single depths as whole half ticks."""
    buys: ArrivalLaw | None
    sells: ArrivalLaw | None


def calibrate(observed: OrdersSeen, distances: Sequence[float] | None, seed: int) -> Calibration:
    """`distances` in ticks; None: from the usual half-spread to three mean depths beyond it."""
    at = list(distances) if distances else _distances(observed)
    window_s = observed.window_s
    depths = sorted(order.depth / 2 for order in observed.orders)
    counts = _counts(depths, at)
    law, because = _poisson(at, counts, 2 * window_s)
    return Calibration(
        tuple(Cell(distance, count) for distance, count in zip(at, counts, strict=True)),
        window_s,
        law,
        because,
        None if law is None else _errors(observed, at, seed),
        _log_linear(at, counts, 2 * window_s),
        _from_depths(depths, at[0], window_s),
        _discrete(depths, at[0], window_s),
        _of_side(observed, "buy", at),
        _of_side(observed, "sell", at),
    )


def _distances(observed: OrdersSeen) -> list[float]:
    """In ticks, evenly from the mean half-spread outward, at least half a tick apart."""
    least = max(1, round(observed.half_spread))
    beyond = [order.depth - least for order in observed.orders if order.depth >= least]
    reach = max(_DEPTHS * sum(beyond) / max(len(beyond), 1), 4.0)
    steps = {least + round(reach * index / (DISTANCES - 1)) for index in range(DISTANCES)}
    return [half_ticks / 2 for half_ticks in sorted(steps)]


def _counts(depths: Sequence[float], at: Sequence[float]) -> list[int]:
    """How many of the sorted `depths` reach each distance."""
    return [len(depths) - bisect_left(depths, distance) for distance in at]


def _poisson(
    at: Sequence[float], counts: Sequence[int], window_s: float
) -> tuple[ArrivalLaw | None, str | None]:
    if max(counts) < EVENTS_LEAST:
        return (
            None,
            f"{max(counts)} orders went as far: at least {EVENTS_LEAST} are needed; use a longer sample",
        )
    try:
        return fit_poisson(at, counts, window_s), None
    except ValueError as error:
        return None, str(error)


def _log_linear(at: Sequence[float], counts: Sequence[int], window_s: float) -> ArrivalLaw | None:
    try:
        return fit_log_linear(at, [count / window_s for count in counts])
    except (ValueError, ZeroDivisionError):
        return None


def _of_side(observed: OrdersSeen, side: Side, at: Sequence[float]) -> ArrivalLaw | None:
    depths = sorted(order.depth / 2 for order in observed.orders if order.side == side)
    return _poisson(at, _counts(depths, at), observed.window_s)[0]


def _from_depths(depths: Sequence[float], least: float, window_s: float) -> ArrivalLaw | None:
    """k = 1/mean(D - d0) over orders deeper than d0, A = their rate times exp(k d0)."""
    beyond = [depth - least for depth in depths if depth >= least]
    if not sum(beyond) or not window_s:
        return None
    k = len(beyond) / sum(beyond)
    return ArrivalLaw(len(beyond) / (2 * window_s) * exp(k * least), k)


def _discrete(depths: Sequence[float], least: float, window_s: float) -> ArrivalLaw | None:
    """The same where depths are whole half ticks: their excess over d0 is geometric with exp(-k/2), so that
    k = 2 log(1 + 1/(2 mean(D - d0))). As a continuous law it is too low where 1/k is few ticks.
    """
    beyond = [depth - least for depth in depths if depth >= least]
    if not sum(beyond) or not window_s:
        return None
    k = 2 * log1p(len(beyond) / (2 * sum(beyond)))
    return ArrivalLaw(len(beyond) / (2 * window_s) * exp(k * least), k)


def _errors(observed: OrdersSeen, at: Sequence[float], seed: int) -> ArrivalLaw | None:
    """Standard deviations over windows of resampled time blocks: orders come in bursts."""
    span_ns = max(observed.end_ns - observed.begin_ns, 1)
    blocks: list[list[float]] = [[] for _ in range(_BLOCKS)]
    for order in observed.orders:
        blocks[min((order.time_ns - observed.begin_ns) * _BLOCKS // span_ns, _BLOCKS - 1)].append(
            order.depth / 2
        )
    counts = [_counts(sorted(block), at) for block in blocks]
    random = Random(seed)  # noqa: S311  not for security
    laws = []
    for _ in range(_RESAMPLES):
        drawn = random.choices(counts, k=_BLOCKS)
        law, _because = _poisson(
            at, [sum(column) for column in zip(*drawn, strict=True)], 2 * observed.window_s
        )
        if law is not None:
            laws.append(law)
    if len(laws) < _RESAMPLES // 2:
        return None
    return ArrivalLaw(_deviation([law.A for law in laws]), _deviation([law.k for law in laws]))


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
