"""The venue's own order rate limits, counted so that no window of their interval exceeds them.

The venue counts in windows of its own clock, whose starts we do not know exactly; counting over every window
that ends now covers all of them. Within that, unused messages are saved: an interval may be a day, and its
limit has to last for all of it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.carried.router import CarriedWindow
from schemas.units import NS_PER_MS, NS_PER_S
from schemas.venues import MessageKind, OrderRate

SAVED_SHARE = 5
"""Two parts in this many of a limit may be saved, and then sent at once."""
BEGIN_NS = 900 * NS_PER_S
"""An even pace over this time counts as saved at the start; earlier sessions may have used the rest."""
QUOTE_SHARE = 0.9
"""Share of a limit that quotes may use where cancels count too; the rest is reserved for cancels."""
_PACE_PARTS = 50
"""The pace is reduced for those savings by at most one part in this many: short windows refill soon."""
_COUNTED_ONE_BY_ONE_MAX = 10_000
"""Above this limit spending is counted by parts of the interval, which slightly overcounts."""
_PARTS = 1_000


@dataclass(slots=True)
class RateWindow:
    """One rate limit: what was spent within its interval, in order, and what is saved."""

    limit: int
    interval_ns: int
    part_ns: int
    pace: int
    """Messages per interval at an even pace; plus the initial savings this is the limit."""
    saved: int
    """Messages that may go out ahead of an even pace, each counted as the interval, to stay exact."""
    saved_max: int
    reserve: int
    """The part of it withheld from messages that only improve a quote."""
    updated_ns: int | None = None
    """None: not used yet."""
    spent: deque[tuple[int, int]] = field(default_factory=deque)
    """(time, cost), times rounded up to a part."""
    total: int = 0

    @classmethod
    def of(cls, limit: int, interval_ns: int) -> "RateWindow":
        """An unused window."""
        most = max(1, 2 * limit // SAVED_SHARE)
        begin = min(most * interval_ns, limit * BEGIN_NS)
        part_ns = 1 if limit <= _COUNTED_ONE_BY_ONE_MAX else interval_ns // _PARTS
        pace = limit - min(-(-begin // interval_ns), limit // _PACE_PARTS)
        return cls(limit, interval_ns, part_ns, pace, begin, most * interval_ns, begin // 2)

    def has_room(self, cost: int, now_ns: int) -> bool:
        """Would a message of this cost fit in the interval that ends now?"""
        while self.spent and self.spent[0][0] <= now_ns - self.interval_ns:
            self.total -= self.spent.popleft()[1]
        return not cost or self.total + cost <= self.limit

    def accrue(self, now_ns: int) -> None:
        """Save what an even pace would have sent until now.

        A full window saves nothing, so that its backlog goes out evenly, not all at once.
        """
        is_full = not self.has_room(1, now_ns)
        if self.updated_ns is not None and now_ns > self.updated_ns and not is_full:
            self.saved = min(self.saved_max, self.saved + (now_ns - self.updated_ns) * self.pace)
        self.updated_ns = now_ns if self.updated_ns is None else max(now_ns, self.updated_ns)

    def covers(self, cost: int, *, keeps_reserve: bool) -> bool:
        """Do the savings cover a message of this cost?"""
        kept = self.reserve if keeps_reserve else 0
        return not cost or self.saved - cost * self.interval_ns >= min(kept, self.saved_max)

    def spend(self, cost: int, now_ns: int) -> None:
        """Charge a message."""
        if not cost:
            return
        self.saved = max(0, self.saved - cost * self.interval_ns)
        time_ns = -(-now_ns // self.part_ns) * self.part_ns
        if self.spent and self.spent[-1][0] >= time_ns:
            time_ns, before = self.spent.pop()
            self.spent.append((time_ns, before + cost))
        else:
            self.spent.append((time_ns, cost))
        self.total += cost

    def restore(self, used: CarriedWindow, now_ns: int) -> None:
        """Restore usage; times are capped at now."""
        self.saved = min(self.saved_max, used.saved)
        self.updated_ns = None if used.updated_ns is None else min(used.updated_ns, now_ns)
        self.spent = deque((min(time_ns, now_ns), cost) for time_ns, cost in used.spent)
        self.total = sum(cost for _, cost in self.spent)


class VenueBudget:
    """All rate limits of one scope."""

    def __init__(self, rates: Iterable[OrderRate], share: float) -> None:
        self._rates = [(rate, _window(rate, share)) for rate in rates]

    def is_free(self, kind: MessageKind) -> bool:
        """Does a message of this kind cost nothing?"""
        return not any(rate.costs[kind] for rate, _ in self._rates)

    def has_room(self, kind: MessageKind, now_ns: int) -> bool:
        """Does a message of this kind fit every limit?"""
        return all(window.has_room(rate.costs[kind], now_ns) for rate, window in self._rates)

    def accrue(self, now_ns: int) -> None:
        """Save what an even pace would have sent until now."""
        for _, window in self._rates:
            window.accrue(now_ns)

    def covers(self, kind: MessageKind, now_ns: int, *, keeps_reserve: bool = False) -> bool:
        """May a message of this kind go out, if limits are to last for their whole intervals?"""
        saved = (window.covers(rate.costs[kind], keeps_reserve=keeps_reserve) for rate, window in self._rates)
        return all(saved) and self.has_room(kind, now_ns)

    def request(self, kind: MessageKind, now_ns: int, *, keeps_reserve: bool = False) -> bool:
        """As `covers`, after what was saved until now."""
        self.accrue(now_ns)
        return self.covers(kind, now_ns, keeps_reserve=keeps_reserve)

    def spend(self, kind: MessageKind, now_ns: int) -> None:
        """Charge a message of this kind."""
        for rate, window in self._rates:
            window.spend(rate.costs[kind], now_ns)

    def carried(self) -> tuple[CarriedWindow, ...]:
        """Usage, for the next session: the venue keeps counting across our restarts."""
        return tuple(
            CarriedWindow(
                scope=rate.scope,
                interval_ns=window.interval_ns,
                saved=window.saved,
                updated_ns=window.updated_ns,
                spent=tuple(window.spent),
            )
            for rate, window in self._rates
            if window.spent or window.updated_ns is not None
        )

    def restore(self, carried: Iterable[CarriedWindow], now_ns: int) -> None:
        """Restore an earlier session's usage; limits may have changed."""
        used = {(each.scope, each.interval_ns): each for each in carried}
        for rate, window in self._rates:
            if (found := used.get((rate.scope, window.interval_ns))) is not None:
                window.restore(found, now_ns)


def _window(rate: OrderRate, share: float) -> RateWindow:
    limit = rate.limit * share * (QUOTE_SHARE if rate.costs["cancel"] else 1.0)
    return RateWindow.of(int(limit), rate.interval_ms * NS_PER_MS)
