"""The engine's clock: real, scaled or as fast as possible; and the clock of a process in a system."""

import time
from collections.abc import Callable
from typing import Literal

from runtime.errors import DependencyError
from schemas.units import NS_PER_S

STEP_NS = NS_PER_S
"""Clocks of synchronised machines differ by up to this; a larger step means that the clock was set."""


class EngineClock:
    """Engine time in nanoseconds UTC, running at `speed` from `start_ns`.

    With speed `max` time jumps to the next due event without waiting.
    """

    def __init__(self, start_ns: int, speed: float | Literal["max"]) -> None:
        self._now_ns = start_ns
        self._start_ns = start_ns
        self._speed = speed
        self._wall_start_ns = time.monotonic_ns()

    def start(self, at_ns: int | None = None) -> None:
        """Start the clock at `at_ns`; None: at its initial time, so that the setup took no time."""
        self._wall_start_ns = time.monotonic_ns()
        if at_ns is not None:
            # not before a time already given out, or the clock would stand still until then
            self._start_ns = max(self._start_ns, at_ns, self._now_ns)

    @property
    def now_ns(self) -> int:
        """Current engine time; never runs backwards."""
        if self._speed != "max":
            elapsed_ns = time.monotonic_ns() - self._wall_start_ns
            self._now_ns = max(self._now_ns, self._start_ns + int(elapsed_ns * self._speed))
        return self._now_ns

    @property
    def is_simulated(self) -> bool:
        """True where time jumps instead of passing."""
        return self._speed == "max"

    def stop(self) -> None:
        """Time stands still from now on."""
        self._start_ns, self._speed = self.now_ns, 0.0
        self._wall_start_ns = time.monotonic_ns()

    def jump_to(self, time_ns: int) -> None:
        """Simulated time: advance to `time_ns`, unless it is later already."""
        self._now_ns = max(self._now_ns, time_ns)

    def wait_s(self, time_ns: int) -> float:
        """Wall clock seconds until engine time `time_ns`; 0 if it has passed."""
        if self._speed == "max":
            return 0.0
        return max(0.0, (time_ns - self.now_ns) / self._speed / NS_PER_S)


class MachineClock:
    """Time in nanoseconds UTC of a process in a system whose processes use their machines' clocks.

    It never runs backwards. If the machine's clock is stepped by more than a second, or the machine was
    suspended, this clock continues unchanged, so that no decision uses a wrong age; `failure` then reports
    it, and the process has to stop cleanly and restart at the new time.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._seen_ns = steady_ns()
        self._now_ns = wall_ns()
        self._set_by_ns = 0

    @property
    def now_ns(self) -> int:
        """Current time."""
        steady_ns, wall_ns = self._steady_ns(), self._wall_ns()
        continued_ns = self._now_ns + steady_ns - self._seen_ns
        if self._set_by_ns or abs(wall_ns - continued_ns) > STEP_NS:
            self._set_by_ns = wall_ns - continued_ns
            self._now_ns = continued_ns
        else:
            self._now_ns = max(self._now_ns, wall_ns)
        self._seen_ns = steady_ns
        return self._now_ns

    @property
    def failure(self) -> DependencyError | None:
        """Why the process has to end, as of the latest reading of the time."""
        if not self._set_by_ns:
            return None
        how = "back" if self._set_by_ns < 0 else "ahead"
        return DependencyError(
            f"the machine's clock was set {how} by {abs(self._set_by_ns) / NS_PER_S:.1f} s, or the machine "
            "was suspended: after a restart the process uses the new time"
        )
