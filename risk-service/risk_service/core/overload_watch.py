"""Watches whether a symbol's feed is faster than the engine. Quoting reacts by itself; risk only alerts."""

from dataclasses import dataclass

from schemas.market import MarketLag
from schemas.units import NS_PER_S

EPISODE_NS = 60 * NS_PER_S
"""Overloads no further apart than this are one episode."""


@dataclass(slots=True)
class OverloadWatch:
    """Episodes of book updates that were merged into newer ones."""

    newest_ns: int | None = None
    """Of the newest report of such; None: there was none."""

    def observe(self, lag: MarketLag) -> str | None:
        """Apply a report; the words for an episode that it begins, else None."""
        if not lag.conflated:
            return None
        before_ns, self.newest_ns = self.newest_ns, lag.event_time_ns
        if before_ns is not None and lag.event_time_ns - before_ns <= EPISODE_NS:
            return None
        return (
            f"the feed is faster than the engine: {lag.conflated} book updates were merged into newer ones, "
            f"and the oldest had waited {lag.lag_ms} ms"
        )
