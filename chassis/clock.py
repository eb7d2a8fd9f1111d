"""The engine's clock: real, scaled, or as fast as it goes."""

import time
from typing import Literal

from schemas.units import NS_PER_S


class EngineClock:
    """Engine time in nanoseconds UTC, which runs at `speed` from `start_ns`.

    With speed `max` time jumps to whatever is due next and nobody waits.
    """

    def __init__(self, start_ns: int, speed: float | Literal["max"]) -> None:
        self._now_ns = start_ns
        self._start_ns = start_ns
        self._speed = speed
        self._wall_start_ns = time.monotonic_ns()

    def start(self, at_ns: int | None = None) -> None:
        """Time runs from now on, from `at_ns`; none: what was done since the clock was made took no time."""
        self._wall_start_ns = time.monotonic_ns()
        if at_ns is not None:
            self._start_ns = max(self._start_ns, at_ns)

    @property
    def now_ns(self) -> int:
        """The engine's time now; it never goes back."""
        if self._speed != "max":
            elapsed_ns = time.monotonic_ns() - self._wall_start_ns
            self._now_ns = max(self._now_ns, self._start_ns + int(elapsed_ns * self._speed))
        return self._now_ns

    @property
    def is_simulated(self) -> bool:
        """True where time jumps instead of passing."""
        return self._speed == "max"

    def jump_to(self, time_ns: int) -> None:
        """Simulated time: it is now `time_ns`, or later already."""
        self._now_ns = max(self._now_ns, time_ns)

    def wait_s(self, time_ns: int) -> float:
        """Seconds of the wall clock until the engine's time is `time_ns`; 0 where it has come."""
        if self._speed == "max":
            return 0.0
        return max(0.0, (time_ns - self.now_ns) / self._speed / NS_PER_S)
