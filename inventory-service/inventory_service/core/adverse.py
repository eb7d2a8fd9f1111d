"""The expected adverse move of the mid after our fills, for use in quoting.

For an execution of sign s, just before which the mid was m, the adverse move after a horizon h is
-s (m_h - m) / m in basis points, with m_h the last mid at or before that time. The mean is weighted by size
and decays with a half-life.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from math import exp, log
from typing import NamedTuple

from schemas.inventory_settings import InventoryLimits
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S

FILLS_MIN = 20
"""Fewer fills give no estimate."""
_WAITING_MAX = 1_000
"""Fills whose horizon is pending; further ones are ignored."""


class PastExecution(NamedTuple):
    """A trade of ours at the venue."""

    time_ns: int
    """At the venue, by our clock; where that is unknown, when it was reported."""
    sign: int
    size_lots: int
    mid_half_ticks: int
    """Just before it."""


class WaitingFill(NamedTuple):
    """A fill of ours until its horizon has passed."""

    due_ns: int
    sign: int
    size_lots: int
    mid_half_ticks: int


@dataclass(slots=True)
class AdverseMoves:
    """Of one symbol; bounded memory, and a repeated mid changes nothing."""

    waiting: deque[WaitingFill] = field(default_factory=deque)
    mid_half_ticks: int | None = None
    moved: float = 0.0
    """Sum of bps times lots, decayed."""
    lots: float = 0.0
    """Sum of lots, decayed."""
    at_ns: int = 0
    """The time to which both are decayed."""
    fills: int = 0

    @property
    def mean_bps(self) -> float | None:
        """Positive where the mid moves against us; None before there are enough fills."""
        return self.moved / self.lots if self.fills >= FILLS_MIN and self.lots > 0 else None

    def observe_fill(
        self,
        execution: PastExecution,
        now_ns: int,
        own: InventoryLimits,
    ) -> None:
        """An execution of ours; one whose horizon has passed is ignored, as the mid of that time is gone."""
        due_ns = execution.time_ns + own.markout_horizon_ms * NS_PER_MS
        if execution.mid_half_ticks <= 0 or len(self.waiting) >= _WAITING_MAX or due_ns < now_ns:
            return
        later = sum(1 for _ in takewhile(lambda fill: fill.due_ns > due_ns, reversed(self.waiting)))
        fill = WaitingFill(due_ns, execution.sign, execution.size_lots, execution.mid_half_ticks)
        self.waiting.insert(len(self.waiting) - later, fill)

    def observe_mid(self, mid_half_ticks: int, now_ns: int, own: InventoryLimits) -> None:
        """The mid from now on; fills due before now are evaluated at the previous mid."""
        self.pass_to(now_ns - 1, own)
        self.mid_half_ticks = mid_half_ticks

    def pass_to(self, now_ns: int, own: InventoryLimits) -> None:
        """The mid was unchanged until `now_ns`: evaluate the fills due by then."""
        while self.waiting and self.waiting[0].due_ns <= now_ns:
            fill = self.waiting.popleft()
            if self.mid_half_ticks is not None:
                self._judge(fill, self.mid_half_ticks, own)

    def rescale(self, lots: float) -> None:
        """The contract changed units: this many new lots are one old lot. Pending fills are dropped, as their
        mids are in outdated ticks.
        """
        self.waiting.clear()
        self.mid_half_ticks = None
        self.moved, self.lots = self.moved * lots, self.lots * lots

    def _judge(self, fill: WaitingFill, mid_half_ticks: int, own: InventoryLimits) -> None:
        passed_s = (fill.due_ns - self.at_ns) / NS_PER_S
        kept = exp(-log(2) * passed_s / own.markout_half_life_s) if self.fills else 0.0
        against = -fill.sign * (mid_half_ticks - fill.mid_half_ticks) / fill.mid_half_ticks * BPS_PER_UNIT
        self.moved = self.moved * kept + against * fill.size_lots
        self.lots = self.lots * kept + fill.size_lots
        self.at_ns, self.fills = fill.due_ns, self.fills + 1
