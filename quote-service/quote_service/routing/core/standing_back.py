"""After the venue refused a quote because it would have taken: a tick further away, and then a rest.

Never a plain limit order: a quote that takes pays the fee and the spread it was to earn.
"""

from collections import deque
from dataclasses import dataclass, field

from schemas.config import Protection
from schemas.message import Side
from schemas.units import NS_PER_MS, side_sign


@dataclass(slots=True)
class Crossing:
    """What the venue refused in one place of the ladder."""

    times: deque[int] = field(default_factory=deque)
    target_sequence: int = 0
    tries: int = 0
    """Refusals of this target's order."""
    rests_until_ns: int = 0

    def price_ticks(self, side: Side, wanted_ticks: int, target_sequence: int) -> int:
        """The price to try for a target: for each refusal of it a tick further from the market."""
        tries = self.tries if self.target_sequence == target_sequence else 0
        return wanted_ticks - side_sign(side) * tries


class CrossingLimits:
    """How often, and for how long."""

    def __init__(self, protection: Protection) -> None:
        self._tries_max = protection.post_only_tries
        self._pause_ns = protection.post_only_pause_ms * NS_PER_MS

    def see(self, crossing: Crossing, target_sequence: int, now_ns: int) -> None:
        """The venue refused an order of that target as one that would take."""
        times = crossing.times
        times.append(now_ns)
        while now_ns - times[0] >= self._pause_ns:
            times.popleft()
        crossing.tries = crossing.tries + 1 if crossing.target_sequence == target_sequence else 1
        crossing.target_sequence = target_sequence
        if len(times) > self._tries_max:
            crossing.rests_until_ns = now_ns + self._pause_ns
            times.clear()
