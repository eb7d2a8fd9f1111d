"""Backoff between connection attempts."""

import asyncio
import time
from collections.abc import Callable, Sequence

STABLE_S = 2.0
"""A connection in sync for this long is stable: earlier failures no longer count."""


class Backoff:
    """Waits grow with each failure and are reset once a connection has been stable."""

    def __init__(self, steps_s: Sequence[float], clock_s: Callable[[], float] = time.monotonic) -> None:
        self._steps_s = tuple(steps_s)
        self._clock_s = clock_s
        self._failures = 0
        self._worked_s: tuple[float, float] | None = None
        """When this connection was first and last in sync."""

    def works(self) -> None:
        """The connection is in sync, as the data just received show."""
        now_s = self._clock_s()
        self._worked_s = (now_s if self._worked_s is None else self._worked_s[0], now_s)

    def next_s(self) -> float:
        """Seconds until the next attempt, after a connection broke or failed."""
        if self._worked_s is not None and self._worked_s[1] - self._worked_s[0] >= STABLE_S:
            self._failures = 0
        self._worked_s = None
        step_s = self._steps_s[min(self._failures, len(self._steps_s) - 1)]
        self._failures += 1
        return step_s

    async def wait(self) -> None:
        """Until the next attempt."""
        await asyncio.sleep(self.next_s())
