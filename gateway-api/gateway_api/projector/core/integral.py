"""Integrals over time of a value that changes in steps."""

from dataclasses import dataclass


@dataclass(slots=True)
class TimeIntegral:
    """The sum of value times duration (ns), exact for integer values.

    A value holds from the event that sets it until the next one, half open: [t, t').
    """

    value: float = 0
    since_ns: int = 0
    settled: float = 0
    """The integral up to `since_ns`."""

    def change(self, value: float, now_ns: int) -> None:
        """Set the value from `now_ns` on."""
        self.settled = self.at(now_ns)
        self.since_ns = max(now_ns, self.since_ns)
        self.value = value

    def at(self, now_ns: int) -> float:
        """The integral up to `now_ns`; time before the newest change adds nothing."""
        if not self.value or now_ns <= self.since_ns:
            return self.settled
        return self.settled + self.value * (now_ns - self.since_ns)
