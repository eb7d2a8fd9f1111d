"""After a post-only rejection: retry a tick further from the market, then pause.

Never a plain limit order: a quote that takes pays the taker fee and the spread it was to earn.
"""

from collections import deque
from dataclasses import dataclass, field

from schemas.config import Protection
from schemas.message import Side
from schemas.units import NS_PER_MS, side_sign


@dataclass(slots=True)
class PostOnlyRefusals:
    """The post-only rejections of one slot of the ladder."""

    times: deque[int] = field(default_factory=deque)
    target_sequence: int = 0
    tries: int = 0
    """Rejections under the current target."""
    rests_until_ns: int = 0

    def price_ticks(self, side: Side, desired_ticks: int, target_sequence: int) -> int:
        """The price to try: a tick further from the market for each rejection under this target."""
        tries = self.tries if self.target_sequence == target_sequence else 0
        return desired_ticks - side_sign(side) * tries


class PostOnlyBackoff:
    """How many rejections lead to a pause, and how long it lasts."""

    def __init__(self, protection: Protection) -> None:
        self._tries_max = protection.post_only_tries
        self._pause_ns = protection.post_only_pause_ms * NS_PER_MS

    def observe(self, crossing: PostOnlyRefusals, target_sequence: int, now_ns: int) -> None:
        """The venue rejected an order of that target because it would have taken."""
        times = crossing.times
        times.append(now_ns)
        while now_ns - times[0] >= self._pause_ns:
            times.popleft()
        crossing.tries = crossing.tries + 1 if crossing.target_sequence == target_sequence else 1
        crossing.target_sequence = target_sequence
        if len(times) > self._tries_max:
            crossing.rests_until_ns = now_ns + self._pause_ns
            times.clear()
