"""Resting depth on both sides, and its imbalance."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from schemas.units import NS_PER_S


def imbalance(bid_lots: float, ask_lots: float) -> float:
    """(bid - ask)/(bid + ask): 1 with bids only, -1 with asks only, 0 with neither."""
    total = bid_lots + ask_lots
    return (bid_lots - ask_lots) / total if total else 0.0


def weighted_mid(bid: float, bid_lots: float, ask: float, ask_lots: float) -> float:
    """Each best price weighted by the other side's size: the heavier the bid, the nearer to the ask."""
    share = bid_lots / (bid_lots + ask_lots)
    return share * ask + (1 - share) * bid


def volume_adjusted_mid(
    bid_prices: Sequence[int], bid_lots: Sequence[int], ask_prices: Sequence[int], ask_lots: Sequence[int]
) -> float | None:
    """Ticks: each price weighted by the other side's size at the same level; None for an empty side."""
    levels = list(zip(bid_prices, bid_lots, ask_prices, ask_lots, strict=False))
    total = sum(bid_size + ask_size for _, bid_size, _, ask_size in levels)
    if not total:
        return None
    return sum(bid * ask_size + ask * bid_size for bid, bid_size, ask, ask_size in levels) / total


@dataclass(slots=True)
class TimeAverage:
    """The time average of a value with exponential decay, e^(-age/tau).

    Each value is weighted by how long it held, so the average does not depend on how often it is reported.
    """

    tau_s: float
    value: float = 0.0
    average: float = 0.0
    time_ns: int = 0

    def advance_to(self, time_ns: int) -> float:
        """Advance to a time; returns the average then: the first value is assumed for all time before it, and
        0 before any.
        """
        if self.time_ns and time_ns > self.time_ns:
            kept = exp(-(time_ns - self.time_ns) / (self.tau_s * NS_PER_S))
            self.average = self.value + (self.average - self.value) * kept
            self.time_ns = time_ns
        return self.average

    def set(self, time_ns: int, value: float) -> None:
        """The value is `value` from now on."""
        if self.time_ns:
            self.advance_to(time_ns)
        else:
            self.average, self.time_ns = value, time_ns
        self.value = value
