"""The exchange's clock, which faults may set wrong, and a steady clock, which they do not affect."""

import time

from schemas.units import NS_PER_S


class Clock:
    """The exchange's time: true time plus an offset."""

    def __init__(self) -> None:
        self._offset_ns = 0
        self._drift_ns_per_s = 0
        self._since_ns = 0

    def now_ns(self) -> int:
        """By the exchange's clock."""
        return time.time_ns() + self._off_by_ns()

    def _off_by_ns(self) -> int:
        return self._offset_ns + self._drift_ns_per_s * (self.steady_ns() - self._since_ns) // NS_PER_S

    @staticmethod
    def steady_ns() -> int:
        """For durations, independent of the exchange's clock."""
        return time.monotonic_ns()

    def set_off(self, seconds: float) -> None:
        """Set the offset: positive is ahead of true time."""
        self._offset_ns, self._drift_ns_per_s = round(seconds * NS_PER_S), 0

    def drift(self, seconds_per_s: float) -> None:
        """Let the offset grow by this much per second from now on."""
        self._offset_ns, self._since_ns = self._off_by_ns(), self.steady_ns()
        self._drift_ns_per_s = round(seconds_per_s * NS_PER_S)
