"""Taker imbalance in volume time, not clock time: the mean imbalance of the newest equal-volume buckets.

Sum of |bought - sold| over the last n full buckets, divided by their volume (VPIN-like). A bucket's size is
the average volume traded in `bucket_s`, as known when it opens: a new symbol's daily volume is unknown.
"""

from collections import deque
from dataclasses import dataclass, field
from math import exp

from schemas.message import Side
from schemas.units import NS_PER_S

_RATE_BUCKETS = 20.0
"""The average trading rate decays over this many buckets' time."""


@dataclass(slots=True)
class BucketFlow:
    """The buckets of one symbol, in lots. Trades without a taker side are left out."""

    bucket_s: float
    count: int
    fixed_lots: int | None = None
    """Fixed bucket size; None: derived from the trading rate."""
    size_lots: int = 0
    """Of the open bucket; 0 before there is one."""
    net_lots: int = 0
    filled_lots: int = 0
    gaps: deque[tuple[int, int]] = field(default_factory=deque)
    """|bought - sold| and size of the newest full buckets."""
    first_ns: int = 0
    time_ns: int = 0
    volume: float = 0.0
    """Decayed; divided by its weight it is lots per second."""

    def add(self, time_ns: int, side: Side | None, size_lots: int) -> None:
        """Add a trade, split across buckets; a huge one fills at most as many as are averaged."""
        if side is None:
            return
        self._record_rate(time_ns, size_lots)
        if not self.size_lots and not self._open(time_ns):
            return
        sign = 1 if side == "buy" else -1
        # further whole buckets of one trade would only replace each other in the average
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

    def _record_rate(self, time_ns: int, size_lots: int) -> None:
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
        """A bucket opens once the market has been observed for one bucket's time."""
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
