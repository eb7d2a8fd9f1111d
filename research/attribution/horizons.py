"""Executions that wait for the mid a horizon later, for their markouts."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import takewhile
from typing import Generic, NamedTuple, Protocol, TypeVar

from schemas.units import NS_PER_MS

HORIZONS_MS = (50, 1_000, 5_000, 15_000, 60_000, 300_000)
"""US Rule 605 spans 50 ms to 5 min (docs/FORMULAS.md, Markouts)."""
_PAST_MIDS_KEPT = 1_024
"""For executions reported after a horizon of theirs has passed."""


class TimedMid(Protocol):
    """An item that waits."""

    @property
    def time_ns(self) -> int:
        """Its own time, nanoseconds UTC."""


T = TypeVar("T", bound=TimedMid)
T_contra = TypeVar("T_contra", bound=TimedMid, contravariant=True)


class Mid(NamedTuple):
    """An observed mid: its price (quote currency), and V of it (settlement currency per unit)."""

    time_ns: int
    price: Decimal
    value: Decimal


class Tally(Protocol[T_contra]):
    """Accumulates items with their mids."""

    def add(self, item: T_contra, mid: Mid) -> None:
        """An item, and the mid a horizon after it."""


class Horizons(Generic[T]):
    """Gives every item the mid at its own time plus each horizon: the last one at or before that.

    Such a mid is known once a later one arrives, or at the end if the last mid is not before that time.
    Otherwise the item gets none. While mids arrive, items wait no longer than the longest horizon.
    """

    def __init__(self, tallies: Mapping[int, Tally[T]]) -> None:
        """`tallies` by their horizon in milliseconds."""
        self._lanes = {
            horizon_ms: _Lane[T](horizon_ms * NS_PER_MS, tally) for horizon_ms, tally in tallies.items()
        }
        self._past: deque[Mid] = deque(maxlen=_PAST_MIDS_KEPT)
        """The last mid of each past moment, oldest first."""
        self._passed_ns = 0
        """Items due before this are settled."""

    def add(self, item: T) -> None:
        """An item; one that was reported late gets the mids of its own horizons if they are still known."""
        for lane in self._lanes.values():
            due_ns = item.time_ns + lane.horizon_ns
            if due_ns >= self._passed_ns:
                lane.wait(item)
            elif (mid := self._mid_at(due_ns)) is not None:
                lane.tally.add(item, mid)
            else:
                lane.missed += 1

    def pass_to(self, time_ns: int, mid: Mid) -> None:
        """Items due before `time_ns` get `mid`, the last one until then."""
        for lane in self._lanes.values():
            lane.settle(time_ns, mid)
        self._passed_ns = time_ns
        if not self._past or self._past[-1] is not mid:
            self._past.append(mid)

    def count_without(self, horizon_ms: int) -> int:
        """How many items have no mid at a horizon: it has not passed, or the item was reported too late."""
        lane = self._lanes[horizon_ms]
        return len(lane.waiting) + lane.missed

    def _mid_at(self, time_ns: int) -> Mid | None:
        return next((mid for mid in reversed(self._past) if mid.time_ns <= time_ns), None)


@dataclass(slots=True)
class _Lane(Generic[T]):
    """What waits for one horizon."""

    horizon_ns: int
    tally: Tally[T]
    waiting: deque[T] = field(default_factory=deque)
    """By time."""
    missed: int = 0

    def wait(self, item: T) -> None:
        """In its place by time: reports of several streams do not come in order."""
        later = sum(1 for _ in takewhile(lambda each: each.time_ns > item.time_ns, reversed(self.waiting)))
        self.waiting.insert(len(self.waiting) - later, item)

    def settle(self, time_ns: int, mid: Mid) -> None:
        """Give `mid` to the items due before `time_ns`."""
        while self.waiting and self.waiting[0].time_ns + self.horizon_ns < time_ns:
            self.tally.add(self.waiting.popleft(), mid)
