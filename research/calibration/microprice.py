"""The micro-price of Stoikov (2018): the expected future mid, given imbalance and spread.

A state is an imbalance of the best queues, in buckets of equal frequency, with a class of spreads. With T the
transition probabilities while the mid does not move, and U when it does, g1 = (I - T)^-1 R K is the mean of
its next move, B = (I - T)^-1 U the state after it, and the adjustment of the mid is the sum of B^n g1 over
all future moves, (I - B + 1 pi)^-1 g1 with pi the stationary row of B. Every observation counts twice, as it
is and mirrored, so that the sum converges: no market is expected to rise forever.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from schemas.quoting_settings import EVEN_SHARE, imbalance_bucket

Matrix = NDArray[np.float64]
BUCKETS = 9
SPREADS = 3
BOOKS_LEAST = 30
"""Observations of a state, below which it is merged with a neighbour."""
SHARE_MAX = 0.99
"""Share of half the spread: cap of the adjustment."""


@dataclass(frozen=True, slots=True)
class TopOfBook:
    """The touch of a live book: bid's share of the two sizes, spread in ticks, mid in half ticks."""

    bid_share: float
    spread_ticks: int
    mid_half_ticks: int


@dataclass(frozen=True, slots=True)
class MicroPriceTable:
    """Adjustment of the mid in ticks, a row per class of spreads and a value per bucket."""

    imbalance_edges: tuple[float, ...]
    """Of the bid's share, ascending, between neighbouring buckets."""
    spread_edges_ticks: tuple[int, ...]
    """The widest spread of each class but the last."""
    adjustments_ticks: tuple[tuple[float, ...], ...]
    books: tuple[tuple[int, ...], ...]
    """Number of books per cell."""


def adjustments(unmoved: Matrix, moved: Sequence[tuple[float, Matrix]]) -> Matrix:
    """G of each state, in the unit of the moves.

    `unmoved` holds T, `moved` pairs of a move and the probabilities of moving by it into each state; rows of
    all together sum to 1. Raises ValueError where some state is never followed by a move.
    """
    identity = np.eye(len(unmoved))
    try:
        until_move = np.linalg.inv(identity - unmoved)
    except np.linalg.LinAlgError:
        raise ValueError("in some state the mid never moves: use a longer sample, or fewer buckets") from None
    first = until_move @ sum((move * chances.sum(axis=1) for move, chances in moved), np.zeros(len(unmoved)))
    after = until_move @ sum((chances for _, chances in moved), np.zeros_like(unmoved))
    stationary = _stationary(after)
    return np.asarray(np.linalg.solve(identity - after + np.outer(np.ones(len(after)), stationary), first))


def _stationary(transitions: Matrix) -> Matrix:
    """The row pi with pi B = pi that sums to 1."""
    size = len(transitions)
    equations = np.vstack([transitions.T - np.eye(size), np.ones(size)])
    row, *_ = np.linalg.lstsq(equations, np.append(np.zeros(size), 1.0), rcond=None)
    return np.asarray(row)


def fit_micro_price(tops: Iterable[TopOfBook], buckets: int = BUCKETS) -> MicroPriceTable:
    """The table of a sequence of books. Raises ValueError for too few books, or a mid that never moves.

    A state with too few books is merged with a neighbour: the nearest bucket of its class of spreads, or else
    of another class.
    """
    books = list(tops)
    if len(books) < BOOKS_LEAST * buckets:
        raise ValueError(
            f"{len(books)} books: at least {BOOKS_LEAST * buckets} are needed for {buckets} buckets"
        )
    grid = _Grid(_edges([top.bid_share for top in books], buckets), _spread_edges(books))
    raw = [grid.state(top) for top in books]
    merged = _merged(raw, grid)
    counts = _counts(books, [merged[state] for state in raw], grid)
    visited = sorted({now for now, _, _ in counts} | {then for _, then, _ in counts})
    found = dict(zip(visited, adjustments(*_chances(counts, visited)), strict=True))
    spreads = _mean_spreads(books, raw, grid)
    return MicroPriceTable(
        tuple(grid.imbalance_edges),
        tuple(grid.spread_edges),
        tuple(
            tuple(
                _inside(found[merged[row * grid.buckets + bucket]], spreads[row])
                for bucket in range(grid.buckets)
            )
            for row in range(grid.rows)
        ),
        _books(raw, grid),
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    """States are numbered row by row; the mirrored market has the same spread and the opposite bucket."""

    imbalance_edges: list[float]
    spread_edges: list[int]

    @property
    def buckets(self) -> int:
        return len(self.imbalance_edges) + 1

    @property
    def rows(self) -> int:
        return len(self.spread_edges) + 1

    def state(self, top: TopOfBook) -> int:
        row = bisect_left(self.spread_edges, top.spread_ticks)
        return row * self.buckets + imbalance_bucket(self.imbalance_edges, top.bid_share)

    def mirror(self, state: int) -> int:
        row, bucket = divmod(state, self.buckets)
        return row * self.buckets + self.buckets - 1 - bucket


def _edges(shares: Sequence[float], buckets: int) -> list[float]:
    """Quantiles, symmetric about a half, which lies inside a bucket: a balanced book needs no adjustment."""
    mirrored = sorted([*shares, *(1 - share for share in shares)])
    below_even = mirrored[: bisect_left(mirrored, EVEN_SHARE)]
    if not below_even:
        return []
    quantiles = [mirrored[len(mirrored) * index // buckets] for index in range(1, buckets // 2 + 1)]
    below = sorted({round(min(edge, below_even[-1]), 9) for edge in quantiles})
    return [*below, *(round(1 - edge, 9) for edge in reversed(below))]


def _spread_edges(books: Sequence[TopOfBook]) -> list[int]:
    """Classes of equal frequency, as far as spreads differ."""
    spreads = sorted(top.spread_ticks for top in books)
    thirds = {spreads[len(spreads) * index // SPREADS] for index in range(1, SPREADS)}
    return sorted(third for third in thirds if third < spreads[-1])


def _merged(raw: Sequence[int], grid: _Grid) -> dict[int, int]:
    """Each state to the one it is merged into."""
    books = [0] * (grid.rows * grid.buckets)
    for state in raw:
        books[state] += 1
        books[grid.mirror(state)] += 1
    known = [state for state, count in enumerate(books) if count >= BOOKS_LEAST]

    def apart(state: int, other: int) -> tuple[int, int]:
        (row, bucket), (other_row, other_bucket) = divmod(state, grid.buckets), divmod(other, grid.buckets)
        return abs(row - other_row), abs(bucket - other_bucket)

    return {state: min(known, key=lambda each: apart(state, each)) for state in range(len(books))}


def _mean_spreads(books: Sequence[TopOfBook], raw: Sequence[int], grid: _Grid) -> list[float]:
    """Ticks, by class."""
    sums, counts = [0] * grid.rows, [0] * grid.rows
    for top, state in zip(books, raw, strict=True):
        sums[state // grid.buckets] += top.spread_ticks
        counts[state // grid.buckets] += 1
    return [total / count if count else 1.0 for total, count in zip(sums, counts, strict=True)]


def _inside(adjustment: float, spread_ticks: float) -> float:
    most = SHARE_MAX * spread_ticks / 2
    return float(min(max(adjustment, -most), most))


def _books(raw: Sequence[int], grid: _Grid) -> tuple[tuple[int, ...], ...]:
    counted = np.bincount(raw, minlength=grid.rows * grid.buckets).reshape(grid.rows, grid.buckets)
    return tuple(tuple(int(count) for count in row) for row in counted)


Step = tuple[int, int, int]
"""From a state to a state with a move of the mid in half ticks."""


def _counts(books: Sequence[TopOfBook], states: Sequence[int], grid: _Grid) -> dict[Step, int]:
    counts: dict[Step, int] = defaultdict(int)
    for (before, now), (top, following) in zip(pairwise(states), pairwise(books), strict=True):
        move = following.mid_half_ticks - top.mid_half_ticks
        counts[before, now, move] += 1
        counts[grid.mirror(before), grid.mirror(now), -move] += 1
    return counts


def _chances(counts: dict[Step, int], visited: Sequence[int]) -> tuple[Matrix, list[tuple[float, Matrix]]]:
    """Probabilities among the visited states; moves in ticks."""
    place = {state: index for index, state in enumerate(visited)}
    totals = np.zeros(len(visited))
    tables: dict[int, Matrix] = defaultdict(lambda: np.zeros((len(visited), len(visited))))
    for (now, then, move), count in counts.items():
        tables[move][place[now], place[then]] += count
        totals[place[now]] += count
    totals[totals == 0] = 1.0  # the last book has no successor
    scaled = {move: table / totals[:, None] for move, table in tables.items()}
    unmoved = scaled.pop(0, np.zeros((len(visited), len(visited))))
    return unmoved, [(move / 2, table) for move, table in sorted(scaled.items())]
