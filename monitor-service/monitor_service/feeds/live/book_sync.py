"""When an update of a Binance book may be applied: the venue's rule, without any I/O.

Spot: updates are buffered until the snapshot arrives; the first that counts has U <= lastUpdateId + 1 <= u,
and each one after it starts where the one before ended: U = u + 1. Futures: U <= lastUpdateId <= u, and each
one names the one before: pu. Source: the venue's documents on keeping a local order book.
"""

from collections import deque
from typing import Any, Literal, NamedTuple

_BUFFERED_MAX = 2_000
Verdict = Literal["apply", "wait", "old", "gap"]


class Difference(NamedTuple):
    """One update of a book as received."""

    first_id: int
    last_id: int
    before_id: int | None
    """Futures: the last id of the update before."""
    body: Any


class BookSync:
    """The state of one book. After a gap it waits for a new snapshot."""

    def __init__(self, *, is_futures: bool) -> None:
        self._is_futures = is_futures
        self._last_id: int | None = None
        self._is_first = True
        self._waiting: deque[Difference] = deque(maxlen=_BUFFERED_MAX)

    @property
    def is_synced(self) -> bool:
        """Has a snapshot been applied, with no gap since?"""
        return self._last_id is not None

    def advance(self, difference: Difference) -> Verdict:
        """Advance by an update; returns how to treat it.

        After `gap` a snapshot is needed; the update itself is kept for it.
        """
        if self._last_id is None:
            self._waiting.append(difference)
            return "wait"
        if difference.last_id <= self._last_id and not (
            self._is_futures and self._is_first and difference.last_id == self._last_id
        ):
            return "old"
        if not self._follows(difference, self._last_id):
            self.lose()
            self._waiting.append(difference)
            return "gap"
        self._last_id = difference.last_id
        self._is_first = False
        return "apply"

    def _follows(self, difference: Difference, last_id: int) -> bool:
        reach = last_id if self._is_futures else last_id + 1
        if self._is_first and difference.first_id <= reach <= difference.last_id:
            return True
        if self._is_futures:
            return difference.before_id == last_id
        return difference.first_id == last_id + 1

    def reaches(self, first_id: int) -> bool:
        """Would updates that start with this one leave no gap?"""
        return self._last_id is None or first_id <= self._last_id + 1

    def rejoin(self) -> None:
        """The next update comes from another connection: it may start before the newest one has ended."""
        self._is_first = True

    def lose(self) -> None:
        """Reset: a new snapshot is needed."""
        self._last_id = None
        self._is_first = True
        self._waiting.clear()

    def apply_snapshot(self, last_id: int) -> list[Difference] | None:
        """The updates to apply on top of a snapshot, oldest first; None where it is too old."""
        waiting = list(self._waiting)
        self.lose()
        self._last_id = last_id
        applied = []
        for difference in waiting:
            verdict = self.advance(difference)
            if verdict == "gap":
                return None
            if verdict == "apply":
                applied.append(difference)
        return applied
