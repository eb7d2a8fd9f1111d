"""How one-sided takers are by volume, not by time: the mean imbalance of the newest equal buckets.

Sum of |bought - sold| over the last n full buckets, over their volume. A bucket holds what the market trades
in `bucket_s` on average, as known when it opens: nobody knows a new symbol's day.
"""

from collections import deque
from dataclasses import dataclass, field
from math import exp

from schemas.message import Side
from schemas.units import NS_PER_S

_RATE_BUCKETS = 20.0
"""The average rate of trading forgets with the time of so many buckets."""


@dataclass(slots=True)
class BucketFlow:
    """The buckets of one symbol, in lots. Trades whose taker is unknown are left out."""

    bucket_s: float
    count: int
    fixed_lots: int | None = None
    """Size of all buckets; None: from the rate of trading."""
    size_lots: int = 0
    """Of the open bucket; 0 before there is one."""
    net_lots: int = 0
    filled_lots: int = 0
    gaps: deque[tuple[int, int]] = field(default_factory=deque)
    """|bought - sold| and size of the newest full buckets."""
    first_ns: int = 0
    time_ns: int = 0
    volume: float = 0.0
    """Decayed: over its weight, lots in a second."""

    def add(self, time_ns: int, side: Side | None, size_lots: int) -> None:
        """A trade; it is split where it fills a bucket, and a huge one fills no more buckets than count."""
        if side is None:
            return
        self._note_rate(time_ns, size_lots)
        if not self.size_lots and not self._open(time_ns):
            return
        sign = 1 if side == "buy" else -1
        whole = self.size_lots * (self.count + 1)
        left = size_lots if size_lots <= whole else whole + size_lots % self.size_lots
        while left > 0:
            part = min(left, self.size_lots - self.filled_lots)
            self.net_lots += sign * part
            self.filled_lots += part
            left -= part
            if self.filled_lots == self.size_lots:
                self._close(time_ns)

    @property
    def value(self) -> float | None:
        """0 to 1; None before `count` buckets are full."""
        if len(self.gaps) < self.count:
            return None
        return sum(gap for gap, _ in self.gaps) / sum(size for _, size in self.gaps)

    def _note_rate(self, time_ns: int, size_lots: int) -> None:
        if not self.first_ns:
            self.first_ns = self.time_ns = time_ns
        if time_ns > self.time_ns:
            self.volume *= exp(-(time_ns - self.time_ns) / self._tau_ns)
            self.time_ns = time_ns
        self.volume += size_lots

    @property
    def _tau_ns(self) -> float:
        return _RATE_BUCKETS * self.bucket_s * NS_PER_S

    def _open(self, time_ns: int) -> bool:
        """A bucket is opened once the market was watched for the time of one."""
        if self.fixed_lots is not None:
            self.size_lots = self.fixed_lots
            return True
        watched_ns = time_ns - self.first_ns
        if watched_ns < self.bucket_s * NS_PER_S:
            return False
        weight_s = (1 - exp(-watched_ns / self._tau_ns)) * self._tau_ns / NS_PER_S
        self.size_lots = max(1, round(self.volume / weight_s * self.bucket_s))
        return True

    def _close(self, time_ns: int) -> None:
        self.gaps.append((abs(self.net_lots), self.size_lots))
        if len(self.gaps) > self.count:
            self.gaps.popleft()
        self.net_lots = self.filled_lots = self.size_lots = 0
        self._open(time_ns)
