"""Executions that wait for the mid a horizon later, for their markouts."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Generic, NamedTuple, Protocol, TypeVar

from schemas.units import NS_PER_MS

HORIZONS_MS = (50, 1_000, 5_000, 15_000, 60_000, 300_000)
"""US Rule 605 spans 50 ms to 5 min (docs/FORMULAS.md, Markouts)."""


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
        self._waiting: dict[int, deque[T]] = {horizon_ms: deque() for horizon_ms in tallies}
        self._lanes = [
            (horizon_ms * NS_PER_MS, self._waiting[horizon_ms], tally)
            for horizon_ms, tally in tallies.items()
        ]

    def add(self, item: T) -> None:
        """An item, not earlier than the previous one."""
        for _, waiting, _ in self._lanes:
            waiting.append(item)

    def pass_to(self, time_ns: int, mid: Mid) -> None:
        """Items due before `time_ns` get `mid`, the last one until then."""
        for horizon_ns, waiting, tally in self._lanes:
            while waiting and waiting[0].time_ns + horizon_ns < time_ns:
                tally.add(waiting.popleft(), mid)

    def count_waiting(self, horizon_ms: int) -> int:
        """How many items still wait for the mid of a horizon."""
        return len(self._waiting[horizon_ms])
