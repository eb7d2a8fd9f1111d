"""Taker flow: the decaying imbalance, and that of equal-volume buckets.

Source: docs/FORMULAS.md, Flow and toxicity.
"""

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from math import exp

from research.attribution.bulk import normal_share, student_share
from research.attribution.lines import UnsidedTrades
from research.attribution.moments import Moments
from research.attribution.symbol_account import ZERO
from schemas.units import NS_PER_S

_SHARES: dict[UnsidedTrades, Callable[[float], float]] = {"normal": normal_share, "student": student_share}


class FlowImbalance:
    """F = (B - S) / (B + S) of taker buys and sells, both decaying with time constant `tau_s`."""

    def __init__(self, tau_s: float) -> None:
        self._tau_ns = tau_s * NS_PER_S
        self._time_ns: int | None = None
        self._bought = 0.0
        self._sold = 0.0

    def add(self, time_ns: int, signed_size: float) -> None:
        """A taker bought (positive) or sold."""
        self.decay_to(time_ns)
        if signed_size > 0:
            self._bought += signed_size
        else:
            self._sold -= signed_size

    def decay_to(self, time_ns: int) -> None:
        """Decay to `time_ns`."""
        if self._time_ns is not None:
            kept = exp((self._time_ns - time_ns) / self._tau_ns)
            self._bought *= kept
            self._sold *= kept
        self._time_ns = time_ns

    @property
    def imbalance(self) -> float:
        """-1 to 1; 0 without volume."""
        return (self._bought - self._sold) / self.volume if self.volume else 0.0

    @property
    def volume(self) -> float:
        """Units, decayed: where it is tiny the imbalance means nothing."""
        return self._bought + self._sold


class VolumeBuckets:
    """Sum of |bought - sold| over the last `count` buckets of `size` units, over their volume.

    A trade is split where it fills a bucket; an incomplete bucket does not count. Trades without a side are
    left out, or classified per bucket by its price change (see `bulk`).
    """

    def __init__(self, size: Decimal, count: int, unsided: UnsidedTrades = "ignore") -> None:
        self._size = size
        self._unsided_share = _SHARES.get(unsided)
        self._bought = self._sold = self._unsided = ZERO
        self._gaps: deque[float] = deque(maxlen=count)
        """|bought - sold| / size of the newest full buckets."""
        self._closed_at: Decimal | None = None
        """Last trade price of the previous bucket."""
        self._changes = Moments()
        self.over_time = Moments()
        """The values from the first on."""

    @property
    def value(self) -> float | None:
        """0 to 1; None before `count` buckets are full."""
        gaps = self._gaps
        return sum(gaps) / len(gaps) if len(gaps) == gaps.maxlen else None

    def add(self, sign: int, size: Decimal, price: Decimal) -> None:
        """A trade: sign +1 for a taker buy, -1 for a sell, 0 where unknown; size in units."""
        if not sign and self._unsided_share is None:
            return
        if self._closed_at is None:
            self._closed_at = price
        room = self._size - self._bought - self._sold - self._unsided
        if size >= room:
            self._put(sign, room)
            self._close(price)
            size = self._fill_whole(sign, size - room, price)
        self._put(sign, size)

    def _fill_whole(self, sign: int, size: Decimal, price: Decimal) -> Decimal:
        """The remainder of `size` after whole buckets; at most `count` of them are processed."""
        whole, rest = divmod(size, self._size)
        for _ in range(min(int(whole), self._gaps.maxlen or 0)):
            self._put(sign, self._size)
            self._close(price)
        return rest

    def _put(self, sign: int, size: Decimal) -> None:
        if sign > 0:
            self._bought += size
        elif sign < 0:
            self._sold += size
        else:
            self._unsided += size

    def _close(self, price: Decimal) -> None:
        gap = float(self._bought - self._sold) + float(self._unsided) * self._lean(price)
        self._gaps.append(abs(gap) / float(self._size))
        self._bought = self._sold = self._unsided = ZERO
        value = self.value
        if value is not None:
            self.over_time.add(value)

    def _lean(self, price: Decimal) -> float:
        """Bought less sold share of the unsided volume, -1 to 1; 0 while changes have no deviation."""
        if self._unsided_share is None or self._closed_at is None:
            return 0.0
        change = float(price - self._closed_at)
        self._closed_at = price
        self._changes.add(change)
        deviation = self._changes.deviation
        return 2 * self._unsided_share(change / deviation) - 1 if deviation else 0.0
