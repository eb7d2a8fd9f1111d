"""Volatility per unit of time: a time-decayed variance rate of mid returns, and its regime.

Per observation dt seconds after the last, r = log(p/p_before), x = dt/tau, w = (1 - e^-x)/x:
N = N e^-x + w r^2, D = D e^-x + w dt, variance per second = N/D. D tends to tau, so N/D is unbiased from the
first return on. The estimate does not depend on how often a constant price is reported; between observations
N and D decay alike, so the last N/D remains current. A return beyond the jump threshold counts up to that;
what is cut is summed and decays likewise, J, so that no variance is lost: sqrt(J/D) is the volatility of
jumps.
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

A book updates every few milliseconds, while its mid moves by whole half ticks, occasionally. Judged over the
milliseconds since the last update, nearly every move would be a jump, and capping it would bias the estimate
towards zero. So a move is judged over the time that the price had held, and over at least a second.
"""
JUMP_VARIANCE_LEAST = 1e-10
"""Floor of the variance per second, (0.1 bps)^2: a market that stood still may move again."""


@dataclass(slots=True)
class VarianceRate:
    """The estimator of one symbol. Prices may be in any unit, times are nanoseconds.

    Observations at one time count as one: the last price at that time.
    """

    tau_s: float
    jump_sigma: float
    numerator: float = 0.0
    denominator: float = 0.0
    jump_numerator: float = 0.0
    """J."""
    jump: bool = False
    price: float = 0.0
    time_ns: int = 0
    moved_ns: int = 0
    """Time of the last change of price."""
    anchor_price: float = 0.0
    """Price before the observations at `time_ns`; their return is measured from it."""
    anchor_time_ns: int = 0
    anchor_moved_ns: int = 0
    anchor_numerator: float = 0.0
    anchor_denominator: float = 0.0
    anchor_jump_numerator: float = 0.0

    def observe(self, time_ns: int, price: float) -> None:
        """Add the mid at a time; an earlier time than the last is dropped."""
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
        self.numerator = self.denominator = self.jump_numerator = 0.0
        self.anchor_price = 0.0
        self.price = price
        self.time_ns = self.moved_ns = time_ns
        self.jump = False

    def _set_anchor(self) -> None:
        """Keep the state before this time, since a later observation at the same time replaces the return."""
        self.anchor_price, self.anchor_time_ns, self.anchor_moved_ns = self.price, self.time_ns, self.moved_ns
        self.anchor_numerator, self.anchor_denominator = self.numerator, self.denominator
        self.anchor_jump_numerator = self.jump_numerator

    def _add_return(self) -> None:
        squared = cut = 0.0
        self.jump = False
        self.moved_ns = self.anchor_moved_ns
        if self.price != self.anchor_price:
            whole = log(self.price / self.anchor_price) ** 2
            squared = self._flag_jump(whole)
            cut = whole - squared
            self.moved_ns = self.time_ns
        dt_s = (self.time_ns - self.anchor_time_ns) / NS_PER_S
        x = dt_s / self.tau_s
        decay = exp(-x)
        weight = -expm1(-x) / x
        self.numerator = self.anchor_numerator * decay + weight * squared
        self.jump_numerator = self.anchor_jump_numerator * decay + weight * cut
        self.denominator = self.anchor_denominator * decay + weight * dt_s

    def _flag_jump(self, squared: float) -> float:
        """A return beyond jump_sigma standard deviations is flagged as a jump, and capped at that."""
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
    def jump_per_sqrt_s(self) -> float:
        """The same of what was cut from returns as jumps; 0 where nothing was."""
        return sqrt(self.jump_numerator / self.denominator) if self.denominator else 0.0

    @property
    def is_ready(self) -> bool:
        """Has enough time been observed?"""
        return self.denominator >= READY_SHARE * self.tau_s


def next_regime(before: Regime, volatility_bps: float, settings: Volatility) -> Regime:
    """The regime with hysteresis: a switch needs the threshold to be exceeded by the configured fraction."""
    margin = settings.regime_hysteresis
    to_low = settings.regime_low_bps * (1 - margin if before != "low" else 1 + margin)
    to_high = settings.regime_high_bps * (1 + margin if before != "high" else 1 - margin)
    if volatility_bps > to_high:
        return "high"
    if volatility_bps < to_low:
        return "low"
    return "medium"
