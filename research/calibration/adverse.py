"""How far the mid moves on in the direction of takers: what a fill of ours costs by then."""

from collections import deque
from math import sqrt

from research.attribution.moments import Moments
from schemas.message import Side
from schemas.units import BPS_PER_UNIT, NS_PER_S, side_sign

HORIZON_S = 5


class TakerMoves:
    """Moves of the mid, in bps, from just before a market order to a horizon after it, with the taker.

    The mid is the last one at or before that time; orders whose time has not come are left out.
    """

    def __init__(self, horizon_s: int = HORIZON_S) -> None:
        self._horizon_ns = horizon_s * NS_PER_S
        self._waiting: deque[tuple[int, int, int]] = deque()
        """(due time, side, mid before in half ticks)."""
        self._mid: int | None = None
        self._moves = Moments()

    def add(self, time_ns: int, side: Side, mid_half_ticks: int) -> None:
        """A market order, with the mid before it."""
        self._waiting.append((time_ns + self._horizon_ns, side_sign(side), mid_half_ticks))

    def pass_to(self, time_ns: int, mid_half_ticks: int) -> None:
        """The mid from a time on."""
        while self._waiting and self._waiting[0][0] < time_ns and self._mid is not None:
            _, sign, before = self._waiting.popleft()
            self._moves.add(sign * (self._mid - before) / before * BPS_PER_UNIT)
        self._mid = mid_half_ticks

    @property
    def mean_bps(self) -> float | None:
        """None where no order's time has come."""
        return self._moves.mean if self._moves.count else None

    @property
    def error_bps(self) -> float | None:
        """Standard error of the mean, as if orders were independent."""
        deviation = self._moves.deviation
        return None if deviation is None else deviation / sqrt(self._moves.count)
