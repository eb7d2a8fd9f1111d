"""How many order messages the venue itself grants, counted so that no window of its interval holds more.

The venue counts in windows of its own clock, whose beginnings we do not know exactly; a count over every
window that ends now is within all of them.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.units import NS_PER_MS
from schemas.venues import MessageKind, OrderRate

PACES = 40
"""Parts of an interval that are used evenly where messages are short: 250 ms of ten seconds."""
_COUNTED_ONE_BY_ONE_MAX = 10_000
"""Above this an interval is counted in parts of it, which counts a little more than there was."""
_PARTS = 1_000


@dataclass(slots=True)
class RateWindow:
    """One rate: what was spent within its interval, in order."""

    limit: int
    interval_ns: int
    part_ns: int
    spent: deque[tuple[int, int]] = field(default_factory=deque)
    """(time, cost), times rounded up to a part."""
    total: int = 0

    def has_room(self, cost: int, share: float, now_ns: int) -> bool:
        """Would a message of this cost stay within that share of the limit?"""
        while self.spent and self.spent[0][0] <= now_ns - self.interval_ns:
            self.total -= self.spent.popleft()[1]
        return not cost or self.total + cost <= self.limit * share

    def is_paced(self, cost: int, now_ns: int) -> bool:
        """Would it stay within an even share of the limit for the newest part of the interval?"""
        since_ns, newest = now_ns - self.interval_ns // PACES, 0
        for time_ns, spent in reversed(self.spent):
            if time_ns <= since_ns:
                break
            newest += spent
        return not cost or newest + cost <= -(-self.limit // PACES)

    def spend(self, cost: int, now_ns: int) -> None:
        """A message goes out."""
        if not cost:
            return
        time_ns = -(-now_ns // self.part_ns) * self.part_ns
        if self.spent and self.spent[-1][0] >= time_ns:
            time_ns, before = self.spent.pop()
            self.spent.append((time_ns, before + cost))
        else:
            self.spent.append((time_ns, cost))
        self.total += cost


class VenueBudget:
    """All rates of one scope."""

    def __init__(self, rates: Iterable[OrderRate], share: float) -> None:
        self._rates = [(rate, _window(rate, share)) for rate in rates]

    def has_room(self, kind: MessageKind, share: float, now_ns: int) -> bool:
        """May a message of this kind go out, within that share of every limit?"""
        return all(window.has_room(rate.costs[kind], share, now_ns) for rate, window in self._rates)

    def is_paced(self, kind: MessageKind, now_ns: int) -> bool:
        """Would a message of this kind keep them evenly spread? A burst comes back with its window."""
        return all(window.is_paced(rate.costs[kind], now_ns) for rate, window in self._rates)

    def spend(self, kind: MessageKind, now_ns: int) -> None:
        """A message of this kind goes out."""
        for rate, window in self._rates:
            window.spend(rate.costs[kind], now_ns)


def _window(rate: OrderRate, share: float) -> RateWindow:
    interval_ns = rate.interval_ms * NS_PER_MS
    part_ns = 1 if rate.limit <= _COUNTED_ONE_BY_ONE_MAX else interval_ns // _PARTS
    return RateWindow(int(rate.limit * share), interval_ns, part_ns)
