"""Predicting the mid's next move from order flow: fitted on one part of a recording, tested on the rest.

Ridge regression without an intercept, so that mirrored flow predicts mirrored moves: of the mid's move in bps
over a horizon, on the features that quoting has at its start (multi-level order flow: Xu, Gould and Howison
2019). The move is to the last mid at or before the horizon's end. Errors: jackknife over blocks of time,
since neighbouring samples overlap in time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.alpha_settings import burst_pressure, flow_pressure
from schemas.message import Event
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT

SAMPLES_MIN = 200
_TRAINED_SHARE = 0.6
_BLOCKS = 10
_RIDGE = 0.01
"""Relative to the number of samples, on features of mean square 1."""
Matrix = NDArray[np.float64]


class Sample(NamedTuple):
    """The features at a time, and the mid."""

    time_ns: int
    mid_half_ticks: int
    features: tuple[float, ...]
    """Taker imbalance, burst of takers, depth imbalance, order flow by level."""


@dataclass(frozen=True, slots=True)
class AlphaFit:
    """bps of the mid per unit of each feature, fitted on all samples."""

    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
    samples: int
    r_squared: float
    """In sample: on the first part, used for the test fit."""
    r_squared_unseen: float
    """Out of sample: on the second part, against predicting no move; 0 or less: useless."""


def samples_of(events: Iterable[Event]) -> list[Sample]:
    """The features that quoting has with a live book, in order of time."""
    return [
        Sample(
            event.event_time_ns,
            event.mid_half_ticks,
            (flow_pressure(event), burst_pressure(event), event.imbalance, *event.ofi),
        )
        for event in events
        if isinstance(event, Signal) and event.book_status == "live" and event.mid_half_ticks
    ]


def fit_alpha(samples: Sequence[Sample], horizon_ns: int) -> AlphaFit:
    """Raises ValueError for too few samples, or a mid that never moves."""
    features, moves_bps = _design(samples, horizon_ns)
    count = len(moves_bps)
    if count < SAMPLES_MIN:
        raise ValueError(f"{count} samples with a known future: at least {SAMPLES_MIN} are needed")
    if not np.any(moves_bps):
        raise ValueError("the mid never moved within the horizon")
    trained = int(count * _TRAINED_SHARE)
    known = _ridge(features[:trained], moves_bps[:trained])
    coefficients = _ridge(features, moves_bps)
    return AlphaFit(
        tuple(coefficients.tolist()),
        tuple(_errors(features, moves_bps).tolist()),
        count,
        _r_squared(features[:trained] @ known, moves_bps[:trained]),
        _r_squared(features[trained:] @ known, moves_bps[trained:]),
    )


def _design(samples: Sequence[Sample], horizon_ns: int) -> tuple[Matrix, Matrix]:
    """Features (samples x features) and moves in bps, of the samples whose future is known."""
    if not samples:
        return np.empty((0, 0)), np.empty(0)
    times = np.array([sample.time_ns for sample in samples], dtype=np.int64)
    mids = np.array([sample.mid_half_ticks for sample in samples], dtype=np.float64)
    is_known = times + horizon_ns <= times[-1]
    at_end = np.searchsorted(times, times + horizon_ns, side="right") - 1
    moves = (mids[at_end] / mids - 1) * BPS_PER_UNIT
    features = np.array([sample.features for sample in samples], dtype=np.float64)
    return features[is_known], moves[is_known]


def _ridge(features: Matrix, moves: Matrix) -> Matrix:
    scale = np.sqrt(np.mean(features**2, axis=0))
    used = np.where(scale > 0, scale, 1.0)
    scaled = features / used
    normal = scaled.T @ scaled + _RIDGE * len(moves) * np.eye(features.shape[1])
    found: Matrix = np.linalg.solve(normal, scaled.T @ moves) / used
    return found


def _errors(features: Matrix, moves: Matrix) -> Matrix:
    """Standard errors by leaving out one block of time at a time."""
    blocks = np.array_split(np.arange(len(moves)), _BLOCKS)
    found = np.array(
        [_ridge(np.delete(features, block, axis=0), np.delete(moves, block)) for block in blocks]
    )
    spread: Matrix = np.sqrt((_BLOCKS - 1) * np.mean((found - found.mean(axis=0)) ** 2, axis=0))
    return spread


def _r_squared(expected: Matrix, moves: Matrix) -> float:
    total = float(np.sum(moves**2))
    return 1 - float(np.sum((moves - expected) ** 2)) / total if total else 0.0
