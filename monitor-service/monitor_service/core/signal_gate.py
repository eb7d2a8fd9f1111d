"""Decides when a signal has changed enough to be published."""

from dataclasses import dataclass
from math import inf

from schemas.config import Config
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S

IMBALANCE_CHANGE = 0.05
"""Of book or flow imbalance."""
VOLATILITY_CHANGE = 0.05
"""Relative to the last published volatility."""
MID_CHANGE_BPS = 5.0
"""A larger move of the mid is published at once."""
REFRESH_NS = 3 * NS_PER_S // 4
"""An unchanged signal is published again beyond this age. Ticks come every quarter of a second, so no
signal gets older than a second."""


@dataclass(slots=True)
class SignalGate:
    """Compares a symbol's features with its last published signal."""

    interval_ns: int
    emergency_flow: float
    burst_depths: float = inf
    """Volume of takers in a burst, to which the symbol's quotes react."""
    last: Signal | None = None

    @classmethod
    def of(cls, config: Config) -> "SignalGate":
        """The gate by a symbol's configuration."""
        interval_ns = config.market_data.signal_interval_ms * NS_PER_MS
        burst = config.reaction.burst_depths
        return cls(interval_ns, config.pricing.emergency_flow_threshold, inf if burst is None else burst)

    def is_due(
        self,
        *,
        now_ns: int,
        status: str,
        regime: str,
        jump: bool,
        mid_half_ticks: int | None,
        volatility: float | None,
        book_imbalance: float,
        flow_imbalance: float,
        bursts: tuple[float, float] = (0.0, 0.0),
    ) -> bool:
        """True at once where quoting must react; otherwise on enough change after the interval."""
        last = self.last
        if last is None or status != last.book_status or regime != last.regime or jump != last.jump:
            return True
        mid_moved = mid_half_ticks != last.mid_half_ticks
        if mid_moved and self._mid_jumped(mid_half_ticks, last.mid_half_ticks):
            return True
        if (abs(flow_imbalance) > self.emergency_flow) != (abs(last.flow_imbalance) > self.emergency_flow):
            return True
        if max(bursts) > self.burst_depths and self._begins(bursts, last):
            return True
        if now_ns - last.event_time_ns < self.interval_ns:
            return False
        return (
            mid_moved
            or now_ns - last.event_time_ns > REFRESH_NS
            or abs(book_imbalance - last.imbalance) > IMBALANCE_CHANGE
            or abs(flow_imbalance - last.flow_imbalance) > IMBALANCE_CHANGE
            or self._volatility_changed(volatility, last.volatility_per_sqrt_s)
        )

    def _begins(self, bursts: tuple[float, float], last: Signal) -> bool:
        """Does a burst of takers begin on a side?"""
        before = (last.taker_buy_depths, last.taker_sell_depths)
        return any(now > self.burst_depths >= then for now, then in zip(bursts, before, strict=True))

    @staticmethod
    def _mid_jumped(now: int | None, before: int | None) -> bool:
        if now is None or before is None:
            return True
        return abs(now - before) * BPS_PER_UNIT > MID_CHANGE_BPS * abs(before)

    @staticmethod
    def _volatility_changed(now: float | None, before: float | None) -> bool:
        if now is None or before is None:
            return now is not before
        return abs(now - before) > VOLATILITY_CHANGE * before
