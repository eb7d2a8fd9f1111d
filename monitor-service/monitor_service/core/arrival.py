"""Arrival rates of market orders by distance, A exp(-k distance), estimated online.

A market order's distance is that of its deepest trade from the mid just before it; trades of one taker side
at one time (the exchange's, where given) form one order. Counts decay with time. Every few seconds the law
is fitted by maximum likelihood (Poisson) to the counts at the distances where quotes would rest: from the
usual half-spread out to a few times the mean depth beyond it. Fits are smoothed; the last good one is kept.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil, exp, log

from monitor_service.core.arrival_law import EVENTS_LEAST, ArrivalLaw, fit_poisson
from monitor_service.core.depth import TimeAverage
from schemas.market import FeedTrade
from schemas.message import Side
from schemas.units import NS_PER_S, side_sign

_GROWTH = 1.2
_CELLS = 96
FIT_INTERVAL_NS = 5 * NS_PER_S
_SMOOTHING = 0.3
"""Weight of the newest fit, in the logarithms of A and k."""
_DEPTHS_FITTED = 3.0
"""The fit covers distances up to this many mean depths beyond the half-spread."""
_DISTANCES_MAX = 12
_BEYOND_LEAST = 10.0
"""Orders needed beyond the least distance: with fewer the decay is a guess."""
_WEIGHT_MAX = 1e12


def _edges() -> tuple[int, ...]:
    """Distances in half ticks, each a fifth above the last and at least a half tick more."""
    edges = [0]
    for _ in range(_CELLS):
        edges.append(max(edges[-1] + 1, ceil(edges[-1] * _GROWTH)))
    return tuple(edges)


EDGES = _edges()


@dataclass(slots=True)
class OrderDepths:
    """Groups trades into market orders: each one's deepest distance, in half ticks from the mid before it."""

    side: Side | None = None
    time_ns: int = 0
    mid_half_ticks: int = 0
    depth: int = 0

    def add(self, time_ns: int, side: Side | None, price_ticks: int, mid_half_ticks: int) -> int | None:
        """Add a trade, with the current mid; returns the depth of the previous order, where that has ended.

        `time_ns` is only compared with that of other trades.

        A trade without a taker side counts as a buy above the mid and a sell below. A book that lags its
        trades makes depths negative: such an order reached the mid, and that is all that is known of it.
        """
        if side is None:
            side = "buy" if 2 * price_ticks > mid_half_ticks else "sell"
        if side == self.side and time_ns == self.time_ns:
            self.depth = max(self.depth, self._depth(side, price_ticks))
            return None
        ended = None if self.side is None else self.depth
        self.side, self.time_ns, self.mid_half_ticks = side, time_ns, mid_half_ticks
        self.depth = self._depth(side, price_ticks)
        return ended

    def _depth(self, side: Side, price_ticks: int) -> int:
        return max(0, side_sign(side) * (2 * price_ticks - self.mid_half_ticks))


@dataclass(slots=True)
class ArrivalEstimate:
    """The law of one symbol; distances in half ticks internally, in ticks externally."""

    tau_s: float
    orders: OrderDepths = field(default_factory=OrderDepths)
    half_spread: TimeAverage = field(default_factory=lambda: TimeAverage(60.0))
    """Half ticks."""
    counts: list[float] = field(default_factory=lambda: [0.0] * len(EDGES))
    """By cell, the weighted number of orders whose depth lies in it; older ones weigh less."""
    depths: list[float] = field(default_factory=lambda: [0.0] * len(EDGES))
    """By cell, the sum of the depths."""
    origin_ns: int = 0
    """The time at which an order's weight is 1."""
    began_ns: int = 0
    fitted_ns: int = 0
    law: ArrivalLaw | None = None
    """A in 1/s per side, k in 1/tick; the last good one."""

    def observe_book(self, time_ns: int, spread_ticks: int) -> None:
        """Record a live book's spread."""
        self.half_spread.set(time_ns, spread_ticks)
        self.began_ns = self.began_ns or time_ns

    def observe_trade(self, time_ns: int, trade: FeedTrade, mid_half_ticks: int | None) -> None:
        """Apply a public trade received at `time_ns`, with the mid before it where there is one."""
        if mid_half_ticks is None:
            return
        depth = self.orders.add(
            trade.exchange_time_ns or time_ns, trade.side, trade.price_ticks, mid_half_ticks
        )
        if depth is not None:
            weight = self._advance_weight(time_ns)
            cell = bisect_right(EDGES, depth) - 1
            self.counts[cell] += weight
            self.depths[cell] += weight * depth
        if time_ns - self.fitted_ns >= FIT_INTERVAL_NS:
            self.fitted_ns = time_ns
            self._fit(time_ns)

    def _advance_weight(self, time_ns: int) -> float:
        """The weight of an order now. It grows, which decays older ones; all are rescaled at times."""
        self.origin_ns = self.origin_ns or time_ns
        weight = exp((time_ns - self.origin_ns) / (self.tau_s * NS_PER_S))
        if weight > _WEIGHT_MAX:
            self.counts = [count / weight for count in self.counts]
            self.depths = [depth / weight for depth in self.depths]
            self.origin_ns, weight = time_ns, 1.0
        return weight

    def _fit(self, time_ns: int) -> None:
        weight = self._advance_weight(time_ns)
        watched_s = (time_ns - self.began_ns) / NS_PER_S
        window_s = self.tau_s * (1 - exp(-watched_s / self.tau_s))
        cells = self._cells_fitted(time_ns)
        if window_s <= 0 or len(cells) < 3:  # noqa: PLR2004  a slope needs more than two points
            return
        through = [sum(self.counts[cell:]) / weight for cell in cells]
        if through[0] < EVENTS_LEAST or through[1] < _BEYOND_LEAST:
            return
        try:
            # counts are of both sides and the law is per side: twice the time
            found = fit_poisson([EDGES[cell] / 2 for cell in cells], through, 2 * window_s)
        except ValueError:
            return  # the last good law is kept
        self.law = found if self.law is None else _smoothed(self.law, found)

    def _cells_fitted(self, time_ns: int) -> list[int]:
        """Cells whose lower edges are the distances to fit, at most a dozen, evenly spread."""
        least = bisect_right(EDGES, max(0, round(self.half_spread.advance_to(time_ns)) - 1))
        beyond = sum(self.counts[least:])
        if not beyond:
            return []
        mean = sum(self.depths[least:]) / beyond - EDGES[least]
        last = bisect_right(EDGES, EDGES[least] + max(_DEPTHS_FITTED * mean, 4.0))
        cells = list(range(least, min(last, len(EDGES))))
        step = ceil(len(cells) / _DISTANCES_MAX)
        return cells[::step]


def _smoothed(before: ArrivalLaw, found: ArrivalLaw) -> ArrivalLaw:
    """Both are positive with multiplicative errors, so the average is of their logarithms."""
    return ArrivalLaw(
        *(
            exp((1 - _SMOOTHING) * log(old) + _SMOOTHING * log(new))
            for old, new in ((before.A, found.A), (before.k, found.k))
        )
    )
