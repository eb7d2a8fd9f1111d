"""Watches whether a symbol's book is live. Without one quoting stops by itself; risk only alerts, once."""

from dataclasses import dataclass

from schemas.market import BookStatus
from schemas.units import NS_PER_S

RECOVERED_AFTER_NS = 10 * NS_PER_S
"""A book live for this long has recovered; shorter interruptions are one episode."""


@dataclass(slots=True)
class BookWatch:
    """Episodes without a live book. The time before the first live book is not one."""

    live_since_ns: int | None = None
    """None: it is not live."""
    had_episode: bool = False

    def observe(self, status: BookStatus, now_ns: int) -> bool:
        """Apply a status; true where it starts an episode."""
        since_ns = self.live_since_ns
        if status == "live":
            if since_ns is None:
                self.live_since_ns = now_ns
            return False
        self.live_since_ns = None
        if since_ns is None or (self.had_episode and now_ns - since_ns < RECOVERED_AFTER_NS):
            return False
        self.had_episode = True
        return True
