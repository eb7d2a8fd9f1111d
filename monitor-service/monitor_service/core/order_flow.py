"""Order flow imbalance per book level: size added and removed at the best prices, relative to a level's size.

With P and q a side's price and size, primed before the update (Cont, Kukanov and Stoikov 2014), per level
(Xu, Gould and Howison 2019):

    e = [Pb >= Pb'] qb - [Pb <= Pb'] qb' - [Pa <= Pa'] qa + [Pa >= Pa'] qa'

e is summed with time decay and divided by the level's mean size. Our own orders are included: a venue does
not say whose size a level is.
"""

from dataclasses import dataclass, field
from math import exp, inf

from schemas.units import NS_PER_S

Level = tuple[float, float]
"""Price in ticks and size in lots."""
NO_BID: Level = (-inf, 0)
NO_ASK: Level = (inf, 0)


def level_event(bid_before: Level, ask_before: Level, bid: Level, ask: Level) -> float:
    """e of one level, in lots: positive for buying pressure."""
    event = 0.0
    if bid[0] >= bid_before[0]:
        event += bid[1]
    if bid[0] <= bid_before[0]:
        event -= bid_before[1]
    if ask[0] <= ask_before[0]:
        event -= ask[1]
    if ask[0] >= ask_before[0]:
        event += ask_before[1]
    return event


@dataclass(slots=True)
class OrderFlow:
    """The imbalance of the best levels of one symbol. Repeated books change nothing."""

    levels: int
    tau_s: float
    time_ns: int = 0
    bids: list[Level] = field(default_factory=list)
    """Of the previous book; empty where there is none to compare with."""
    asks: list[Level] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)
    """Mean size of a level, both sides, averaged over the same time."""

    def observe(
        self,
        time_ns: int,
        bid_prices: tuple[int, ...],
        bid_sizes: tuple[int, ...],
        ask_prices: tuple[int, ...],
        ask_sizes: tuple[int, ...],
    ) -> None:
        """A reliable book, best levels first. The first one after a loss is not compared."""
        bids = _padded(bid_prices, bid_sizes, self.levels, NO_BID)
        asks = _padded(ask_prices, ask_sizes, self.levels, NO_ASK)
        if not self.bids:
            sizes = [(bid[1] + ask[1]) / 2 for bid, ask in zip(bids, asks, strict=True)]
            self.sums = self.sums or [0.0] * self.levels
            self.depths = self.depths or sizes
        self._decay_to(time_ns)
        if self.bids and (bids != self.bids or asks != self.asks):
            before = zip(self.bids, self.asks, bids, asks, strict=True)
            for index, sides in enumerate(before):
                self.sums[index] += level_event(*sides)
        self.bids, self.asks = bids, asks

    def lose(self) -> None:
        """The book was lost: the next one is not compared with the last."""
        self.bids, self.asks = [], []

    def advance_to(self, time_ns: int) -> tuple[float, ...]:
        """Advance to a time; returns the flow by level, best first, in units of a level's size.

        Empty before the first book.
        """
        self._decay_to(time_ns)
        return tuple(
            total / depth if depth else 0.0 for total, depth in zip(self.sums, self.depths, strict=True)
        )

    def _decay_to(self, time_ns: int) -> None:
        """Decay to the given time; the previous book's sizes held until now."""
        if time_ns <= self.time_ns:
            return
        if self.time_ns:
            kept = exp(-(time_ns - self.time_ns) / (self.tau_s * NS_PER_S))
            self.sums = [total * kept for total in self.sums]
            if self.bids:
                self.depths = [
                    (bid[1] + ask[1]) / 2 * (1 - kept) + depth * kept
                    for bid, ask, depth in zip(self.bids, self.asks, self.depths, strict=True)
                ]
        self.time_ns = time_ns


# A missing level has an infinitely bad price, so its appearance counts as added size and its loss as removed.
def _padded(prices: tuple[int, ...], sizes: tuple[int, ...], count: int, absent: Level) -> list[Level]:
    levels: list[Level] = list(zip(prices[:count], sizes[:count], strict=True))
    return levels + [absent] * (count - len(levels))
