"""The expected adverse move of the mid after our executions, for quoting: by side, at several horizons.

For an execution of sign s, just before which the mid was m, the adverse move after a horizon h is
-s (m_h - m) / m in basis points, with m_h the last mid at or before that time. The mean is weighted by size
and decays with a half-life. Of n independent moves with mean x, those of one side within one horizon counting
as one, the estimate is (n x + K p) / (n + K): shrunk towards p, the same for both sides together, which is
shrunk towards 0. Of the horizons whose mean is above 0 by `SIGNIFICANT_ERRORS` of its standard errors, the
worst counts.
Source: docs/FORMULAS.md, Markouts.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from math import exp, log, sqrt
from typing import NamedTuple

from schemas.inventory_settings import InventoryLimits
from schemas.message import Side
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S, side_sign

PRIOR_MOVES = 20.0
"""K: the prior counts as so many independent moves."""
SIGNIFICANT_ERRORS = 1.645
"""Of the mean's standard error: one-sided, 5 %."""
_INDEPENDENT_MIN = 1.5
"""Fewer have no standard error."""
_WAITING_MAX = 1_000
"""Executions whose horizon is pending; further ones are ignored."""


class PastExecution(NamedTuple):
    """A trade of ours at the venue."""

    time_ns: int
    """At the venue, by our clock; where that is unknown, when it was reported."""
    sign: int
    size_lots: int
    mid_half_ticks: int
    """Just before it."""


class ExpectedMove(NamedTuple):
    """The adverse move to expect after a fill of one side."""

    bps: float
    """0 where none is significant."""
    horizon_ms: int | None
    """At which it is that; None: none is significant."""


NO_MOVE = ExpectedMove(0.0, None)


@dataclass(slots=True)
class MoveTally:
    """The adverse moves of one side at one horizon, decayed sums."""

    moved: float = 0.0
    """Of bps times lots."""
    squared: float = 0.0
    """Of squared bps times lots."""
    lots: float = 0.0
    independent: float = 0.0
    """Number of moves, those that overlap counted by the part that does not."""
    executed_ns: int = 0
    """Of the newest move counted."""

    def add(self, execution: PastExecution, against_bps: float, horizon_ns: int, half_life_s: float) -> None:
        """A move that is complete."""
        apart_ns = max(0, execution.time_ns - self.executed_ns) if self.executed_ns else horizon_ns
        kept = exp(-log(2) * apart_ns / NS_PER_S / half_life_s) if self.executed_ns else 0.0
        self.moved = self.moved * kept + against_bps * execution.size_lots
        self.squared = self.squared * kept + against_bps * against_bps * execution.size_lots
        self.lots = self.lots * kept + execution.size_lots
        self.independent = self.independent * kept + min(1.0, apart_ns / horizon_ns)
        self.executed_ns = max(self.executed_ns, execution.time_ns)

    @property
    def mean_bps(self) -> float:
        """Weighted by size; 0 before there is any."""
        return self.moved / self.lots if self.lots > 0 else 0.0

    @property
    def is_significant(self) -> bool:
        """Is the mean above 0 beyond chance?"""
        if self.independent < _INDEPENDENT_MIN or self.lots <= 0:
            return False
        variance = max(0.0, self.squared / self.lots - self.mean_bps**2)
        return self.mean_bps > SIGNIFICANT_ERRORS * sqrt(variance / self.independent)

    def shrunk_bps(self, prior_bps: float) -> float:
        """The mean, drawn to the prior."""
        return (self.independent * self.mean_bps + PRIOR_MOVES * prior_bps) / (self.independent + PRIOR_MOVES)


Tallies = dict[tuple[int, int], MoveTally]
"""By sign of the execution and horizon in milliseconds."""


@dataclass(slots=True)
class AdverseMoves:
    """Of one symbol; bounded memory, and a repeated mid changes nothing."""

    waiting: dict[int, deque[PastExecution]] = field(default_factory=dict)
    """By horizon in milliseconds, in order of time."""
    mid_half_ticks: int | None = None
    tallies: Tallies = field(default_factory=dict)
    _by_side: tuple[ExpectedMove, ExpectedMove] | None = (NO_MOVE, NO_MOVE)
    """None: to be found again."""

    def by_side(self) -> tuple[ExpectedMove, ExpectedMove]:
        """What to expect after a fill of our bid, and of our ask."""
        if self._by_side is None:
            self._by_side = self.expected("buy"), self.expected("sell")
        return self._by_side

    def expected(self, side: Side) -> ExpectedMove:
        """The worst significant move after an execution of ours on a side."""
        found = NO_MOVE
        for (sign, horizon_ms), tally in self.tallies.items():
            if sign != side_sign(side) or not tally.is_significant:
                continue
            bps = tally.shrunk_bps(self._of_both_sides(horizon_ms))
            if bps > found.bps:
                found = ExpectedMove(bps, horizon_ms)
        return found

    def _of_both_sides(self, horizon_ms: int) -> float:
        sides = [tally for (_, each_ms), tally in self.tallies.items() if each_ms == horizon_ms]
        both = MoveTally(
            moved=sum(each.moved for each in sides),
            lots=sum(each.lots for each in sides),
            independent=sum(each.independent for each in sides),
        )
        return both.shrunk_bps(0.0)

    def observe_fill(self, execution: PastExecution, now_ns: int, own: InventoryLimits) -> None:
        """An execution of ours; where a horizon has passed it is ignored: the mid of that time is gone."""
        if execution.mid_half_ticks <= 0:
            return
        for horizon_ms in own.markout_horizons_ms:
            waiting = self.waiting.setdefault(horizon_ms, deque())
            if len(waiting) < _WAITING_MAX and execution.time_ns + horizon_ms * NS_PER_MS >= now_ns:
                later = _count_later(waiting, execution.time_ns)
                waiting.insert(len(waiting) - later, execution)

    def observe_mid(self, mid_half_ticks: int, now_ns: int, own: InventoryLimits) -> None:
        """The mid from now on; executions due before now are evaluated at the previous mid."""
        self.pass_to(now_ns - 1, own)
        self.mid_half_ticks = mid_half_ticks

    def pass_to(self, now_ns: int, own: InventoryLimits) -> None:
        """The mid was unchanged until `now_ns`: evaluate the executions due by then."""
        for horizon_ms, waiting in self.waiting.items():
            horizon_ns = horizon_ms * NS_PER_MS
            while waiting and waiting[0].time_ns + horizon_ns <= now_ns:
                execution = waiting.popleft()
                if self.mid_half_ticks is not None:
                    self._judge(execution, self.mid_half_ticks, horizon_ms, own)

    def rescale(self, lots: float) -> None:
        """The contract changed units: this many new lots are one old lot. Pending executions are dropped, as
        their mids are in outdated ticks.
        """
        self.waiting.clear()
        self.mid_half_ticks = self._by_side = None
        for tally in self.tallies.values():
            tally.moved, tally.squared, tally.lots = (
                tally.moved * lots,
                tally.squared * lots,
                tally.lots * lots,
            )

    def _judge(
        self, execution: PastExecution, mid_half_ticks: int, horizon_ms: int, own: InventoryLimits
    ) -> None:
        before = execution.mid_half_ticks
        against_bps = -execution.sign * (mid_half_ticks - before) / before * BPS_PER_UNIT
        tally = self.tallies.setdefault((execution.sign, horizon_ms), MoveTally())
        tally.add(execution, against_bps, horizon_ms * NS_PER_MS, own.markout_half_life_s)
        self._by_side = None


def _count_later(waiting: deque[PastExecution], time_ns: int) -> int:
    """How many at the end are later than that: reports of several streams do not come in order."""
    return sum(1 for _ in takewhile(lambda each: each.time_ns > time_ns, reversed(waiting)))
