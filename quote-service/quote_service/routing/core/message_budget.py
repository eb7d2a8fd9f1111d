"""How many messages may go to the venue: a token bucket on event time, in whole numbers."""

from dataclasses import dataclass

from schemas.units import NS_PER_S

WINDOW_NS = 10 * NS_PER_S
RESERVE_SHARE = 5
"""One part in this many is kept for cancels."""


@dataclass(slots=True)
class MessageBudget:
    """A bucket of `limit` messages that refills within ten seconds.

    Places and amends may not touch the last fifth; cancels always go out, and count. A bucket that
    cancels overdrew must refill before anything is quoted again. The fifth before it is kept for amends
    that take an offer back: what only improves a quote can wait.
    """

    limit: int
    spent: int = 0
    """Messages sent and not refilled yet, each counted as WINDOW_NS, so that refilling stays exact."""
    updated_ns: int = 0

    def allows_quote(self, now_ns: int) -> bool:
        """May one more place or amend go out?"""
        return self._leaves(1, now_ns)

    def allows_improvement(self, now_ns: int) -> bool:
        """May one more message go out that only improves a quote?"""
        return self._leaves(2, now_ns)

    def spend(self, now_ns: int) -> None:
        """A message went out."""
        self._refill(now_ns)
        self.spent += WINDOW_NS

    def _leaves(self, reserves: int, now_ns: int) -> bool:
        """With one more message, are that many reserves untouched?"""
        self._refill(now_ns)
        return RESERVE_SHARE * (self.spent + WINDOW_NS) <= (RESERVE_SHARE - reserves) * self.limit * WINDOW_NS

    def _refill(self, now_ns: int) -> None:
        elapsed_ns = now_ns - self.updated_ns
        if elapsed_ns > 0:
            self.spent = max(0, self.spent - elapsed_ns * self.limit)
            self.updated_ns = now_ns
