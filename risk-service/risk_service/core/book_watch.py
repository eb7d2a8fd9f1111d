"""Is a symbol's book live? A book that is not stops the quotes by itself; risk only tells a person, once."""

from dataclasses import dataclass

from schemas.market import BookStatus
from schemas.units import NS_PER_S

RECOVERED_AFTER_NS = 10 * NS_PER_S
"""A book that was live this long has recovered; one that flickers in between is one episode."""


@dataclass(slots=True)
class BookWatch:
    """Episodes without a live book. The time before the first live book is not one."""

    live_since_ns: int | None = None
    """None: it is not live."""
    had_episode: bool = False

    def is_new_episode(self, status: BookStatus, now_ns: int) -> bool:
        """Note a status; true where it begins an episode."""
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
