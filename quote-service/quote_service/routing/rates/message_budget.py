"""Our own message limit: a token bucket on event time, in whole numbers."""

from dataclasses import dataclass

from schemas.units import NS_PER_S

WINDOW_NS = 10 * NS_PER_S
RESERVE_SHARE = 5
"""One part in this many is reserved for cancels."""


@dataclass(slots=True)
class MessageBudget:
    """A bucket of `limit` messages that refills within ten seconds.

    Places and amends may not use the last fifth; cancels always go out, and count. A bucket overdrawn by
    cancels must refill before anything is quoted again. The fifth before that is reserved for amends that
    make an offer less generous: improving a quote can wait.
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
        """Charge one message."""
        self._refill(now_ns)
        self.spent += WINDOW_NS

    def _leaves(self, reserves: int, now_ns: int) -> bool:
        """Does one more message leave that many reserves untouched?"""
        self._refill(now_ns)
        return RESERVE_SHARE * (self.spent + WINDOW_NS) <= (RESERVE_SHARE - reserves) * self.limit * WINDOW_NS

    def _refill(self, now_ns: int) -> None:
        elapsed_ns = now_ns - self.updated_ns
        if elapsed_ns > 0:
            self.spent = max(0, self.spent - elapsed_ns * self.limit)
            self.updated_ns = now_ns
