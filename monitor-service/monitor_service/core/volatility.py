"""Volatility with a time unit: a time-decayed variance rate of mid returns, and the regime it is in.

Per observation dt seconds after the last, r = log(p/p_before), x = dt/tau, w = (1 - e^-x)/x:
N = N e^-x + w r^2, D = D e^-x + w dt, variance per second = N/D. D tends to tau, so N/D is corrected for its
start from the first return on. It does not depend on how often a constant price is reported, and between
observations N and D decay alike, so that the last N/D is also the present one.
"""

from dataclasses import dataclass
from math import exp, expm1, log, sqrt

from schemas.market_data_settings import Volatility
from schemas.signals import Regime
from schemas.units import NS_PER_S

READY_SHARE = 0.5
"""The estimate is ready when D has reached this share of tau."""
OUTAGE_TAUS = 5.0
"""A silence longer than this many tau restarts the warm-up."""
JUMP_HORIZON_S = 1.0
"""The least time over which a return is judged to be a jump.

A book updates every few milliseconds, and its mid moves by whole half ticks, now and then. Judged over the
milliseconds since the last update nearly every move would be a jump, and capping it would pull the estimate
towards zero. So a move is judged over the time that the price had stood, and over a second at least.
"""
JUMP_VARIANCE_LEAST = 1e-10
"""Variance per second, (0.1 bps)^2, below which none is assumed: a market that stood still may move again."""


@dataclass(slots=True)
class VarianceRate:
    """The estimator of one symbol. Prices may be in any unit, times are nanoseconds.

    Observations at one time count as one: the last price of that time.
    """

    tau_s: float
    jump_sigma: float
    numerator: float = 0.0
    denominator: float = 0.0
    jump: bool = False
    price: float = 0.0
    time_ns: int = 0
    moved_ns: int = 0
    """Time of the last observation with another price than the one before it."""
    anchor_price: float = 0.0
    """Price before the observations at `time_ns`, from which their return is taken."""
    anchor_time_ns: int = 0
    anchor_moved_ns: int = 0
    anchor_numerator: float = 0.0
    anchor_denominator: float = 0.0

    def observe(self, time_ns: int, price: float) -> None:
        """Add the mid at a time; a time that runs backwards is dropped."""
        if time_ns < self.time_ns:
            return
        if not self.price or time_ns - self.time_ns > OUTAGE_TAUS * self.tau_s * NS_PER_S:
            self._restart(time_ns, price)
            return
        if time_ns > self.time_ns:
            self._set_anchor()
            self.time_ns = time_ns
        self.price = price
        if self.anchor_price:
            self._add_return()

    def _restart(self, time_ns: int, price: float) -> None:
        self.numerator = self.denominator = 0.0
        self.anchor_price = 0.0
        self.price = price
        self.time_ns = self.moved_ns = time_ns
        self.jump = False

    def _set_anchor(self) -> None:
        self.anchor_price, self.anchor_time_ns, self.anchor_moved_ns = self.price, self.time_ns, self.moved_ns
        self.anchor_numerator, self.anchor_denominator = self.numerator, self.denominator

    def _add_return(self) -> None:
        squared = 0.0
        self.jump = False
        self.moved_ns = self.anchor_moved_ns
        if self.price != self.anchor_price:
            squared = self._without_jump(log(self.price / self.anchor_price) ** 2)
            self.moved_ns = self.time_ns
        dt_s = (self.time_ns - self.anchor_time_ns) / NS_PER_S
        x = dt_s / self.tau_s
        decay = exp(-x)
        weight = -expm1(-x) / x
        self.numerator = self.anchor_numerator * decay + weight * squared
        self.denominator = self.anchor_denominator * decay + weight * dt_s

    def _without_jump(self, squared: float) -> float:
        """A return beyond jump_sigma standard deviations is flagged and counts as one of just that."""
        if self.anchor_denominator < READY_SHARE * self.tau_s:
            return squared
        variance = max(self.anchor_numerator / self.anchor_denominator, JUMP_VARIANCE_LEAST)
        stood_s = max((self.time_ns - self.anchor_moved_ns) / NS_PER_S, JUMP_HORIZON_S)
        most = self.jump_sigma**2 * variance * stood_s
        self.jump = squared > most
        return min(squared, most)

    @property
    def per_sqrt_s(self) -> float | None:
        """Standard deviation of log returns per square root of a second; None before any return."""
        if not self.denominator:
            return None
        return sqrt(self.numerator / self.denominator)

    @property
    def is_ready(self) -> bool:
        """Enough time was observed."""
        return self.denominator >= READY_SHARE * self.tau_s


def next_regime(before: Regime, volatility_bps: float, settings: Volatility) -> Regime:
    """The regime with hysteresis: a threshold is crossed only beyond it by the configured fraction."""
    margin = settings.regime_hysteresis
    to_low = settings.regime_low_bps * (1 - margin if before != "low" else 1 + margin)
    to_high = settings.regime_high_bps * (1 + margin if before != "high" else 1 - margin)
    if volatility_bps > to_high:
        return "high"
    if volatility_bps < to_low:
        return "low"
    return "medium"
