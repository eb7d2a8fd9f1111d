"""A price jump is not trusted at once: it may be a bad print, or news that others read first."""

from dataclasses import dataclass
from math import sqrt

from schemas.config import Protection
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S

HALF_LIFE_S = 60.0


@dataclass(slots=True)
class JumpWatch:
    """Variance per second of one symbol's mid, and until when its price is distrusted."""

    mid_half_ticks: int = 0
    """0: none yet."""
    time_ns: int = 0
    squares: float = 0.0
    """Time-decayed sum of squared returns, basis points squared."""
    seconds: float = 0.0
    """Time-decayed sum of the elapsed times."""
    doubted_until_ns: int = 0


class JumpLimits:
    """The largest move of a mid between updates. Variance: decayed sum of r^2 over decayed sum of dt."""

    def __init__(self, protection: Protection) -> None:
        self._sigmas = protection.jump_sigmas
        self._least_bps = protection.jump_bps_min
        self._pause_ns = protection.jump_pause_ms * NS_PER_MS

    def observe(self, watch: JumpWatch, mid_half_ticks: int, now_ns: int) -> None:
        """Update with a sound mid. After a jump the market has to hold the new price for the pause."""
        before, elapsed_s = watch.mid_half_ticks, max(0, now_ns - watch.time_ns) / NS_PER_S
        if mid_half_ticks == before:
            return
        watch.mid_half_ticks, watch.time_ns = mid_half_ticks, now_ns
        if not before:
            return
        move_bps = abs(mid_half_ticks - before) / before * BPS_PER_UNIT
        limit_bps = self._limit_bps(watch, elapsed_s)
        if move_bps > limit_bps:
            watch.doubted_until_ns = now_ns + self._pause_ns
        decay = 0.5 ** (elapsed_s / HALF_LIFE_S)
        watch.squares = watch.squares * decay + min(move_bps, limit_bps) ** 2
        watch.seconds = watch.seconds * decay + elapsed_s

    def _limit_bps(self, watch: JumpWatch, elapsed_s: float) -> float:
        per_second = watch.squares / max(1.0, watch.seconds)
        return max(self._least_bps, self._sigmas * sqrt(per_second * max(1.0, elapsed_s)))
