"""Volatility with a time unit: a time-decayed variance rate of mid returns, and the regime it is in.

Per observation dt seconds after the last, r = log(p/p_before), x = dt/tau, w = (1 - e^-x)/x:
N = N e^-x + w r^2, D = D e^-x + w dt, variance per second = N/D. D tends to tau, so N/D is corrected for its
start from the first return on. It does not depend on how often a constant price is reported.
"""

from dataclasses import dataclass
from math import exp, expm1, log, sqrt

from schemas.config import Volatility
from schemas.signals import Regime
from schemas.units import BPS_PER_UNIT, NS_PER_S

READY_SHARE = 0.5
"""The estimate is ready when D has reached this share of tau."""
OUTAGE_TAUS = 5.0
"""A silence longer than this many tau restarts the warm-up."""


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
    anchor_price: float = 0.0
    """Price before the observations at `time_ns`, from which their return is taken."""
    anchor_time_ns: int = 0
    base_numerator: float = 0.0
    base_denominator: float = 0.0

    def observe(self, time_ns: int, price: float) -> None:
        """Add the mid at a time; a time that runs backwards is dropped."""
        if time_ns < self.time_ns:
            return
        if not self.price or time_ns - self.time_ns > OUTAGE_TAUS * self.tau_s * NS_PER_S:
            self._restart(time_ns, price)
            return
        if time_ns > self.time_ns:
            self.anchor_price, self.anchor_time_ns = self.price, self.time_ns
            self.base_numerator, self.base_denominator = self.numerator, self.denominator
            self.time_ns = time_ns
        self.price = price
        if self.anchor_price:
            self._add_return()

    def _restart(self, time_ns: int, price: float) -> None:
        self.numerator = self.denominator = 0.0
        self.base_numerator = self.base_denominator = 0.0
        self.anchor_price, self.anchor_time_ns = 0.0, time_ns
        self.price, self.time_ns = price, time_ns
        self.jump = False

    def _add_return(self) -> None:
        dt_s = (self.time_ns - self.anchor_time_ns) / NS_PER_S
        squared = 0.0 if self.price == self.anchor_price else log(self.price / self.anchor_price) ** 2
        squared = self._without_jump(squared, dt_s)
        x = dt_s / self.tau_s
        decay = exp(-x)
        weight = -expm1(-x) / x
        self.numerator = self.base_numerator * decay + weight * squared
        self.denominator = self.base_denominator * decay + weight * dt_s

    def _without_jump(self, squared: float, dt_s: float) -> float:
        """A return beyond jump_sigma standard deviations is flagged and counts as one of just that."""
        if self.base_denominator < READY_SHARE * self.tau_s or not self.base_numerator:
            self.jump = False
            return squared
        most = self.jump_sigma**2 * self.base_numerator / self.base_denominator * dt_s
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
