"""Volatility robust to the noise of a quoted mid and to jumps, from samples at equal intervals.

With r1 the return over one sample and rK over K samples, and the observed price an efficient one plus noise
independent between samples, E[r1^2] = s + 2 w and E[rK^2] = K s + 2 w, with s the variance per sample and w
that of the noise. So s = (E[rK^2] - E[r1^2])/(K - 1): the two scales of Zhang, Mykland and Ait-Sahalia
(2005), with averages that decay over time. Adjacent returns give the variance without jumps:
E[(pi/2) |r||r'|] (Barndorff-Nielsen and Shephard 2004). Samples hold the last price, so that neither
estimate depends on a feed's update rate.
"""

from dataclasses import dataclass, field
from math import exp, log, pi, sqrt

from schemas.units import NS_PER_S

READY_SHARE = 0.5
"""The estimates are ready at this share of the averages' full weight."""


@dataclass(slots=True)
class SampledVariance:
    """The estimators of one symbol; prices in any unit."""

    tau_s: float
    interval_ns: int
    slow_samples: int
    """K."""
    sample_ns: int = 0
    """Of the newest sample."""
    log_price: float = 0.0
    """The newest price, held by the next sample."""
    samples: list[float] = field(default_factory=list)
    """Logarithms of the newest K + 1 samples, oldest first."""
    fast: float = 0.0
    slow: float = 0.0
    bipower: float = 0.0
    weight: float = 0.0
    last_return: float | None = None

    def observe(self, time_ns: int, price: float) -> None:
        """The price from `time_ns` on; a time earlier than the last is dropped."""
        if not self.sample_ns:
            self._restart(time_ns, price)
            return
        due = (time_ns - self.sample_ns) // self.interval_ns
        # after five time constants without data the estimate would be of the outage, not of the market
        if due * self.interval_ns > 5 * self.tau_s * NS_PER_S:
            self._restart(time_ns, price)
            return
        if due > 0:
            self._sample(due)
        if time_ns >= self.sample_ns:
            self.log_price = log(price)

    def _restart(self, time_ns: int, price: float) -> None:
        """Start over: the time before is unknown."""
        self.sample_ns, self.log_price = time_ns, log(price)
        self.samples, self.last_return = [self.log_price], None
        self.fast = self.slow = self.bipower = self.weight = 0.0

    def _sample(self, due: int) -> None:
        """Hold the price for this many samples; after K of them further ones add nothing new."""
        varied = min(due, self.slow_samples + 1)
        for _ in range(varied):
            self._add_sample()
        kept = self._kept ** (due - varied)
        self.fast *= kept
        self.slow *= kept
        self.bipower *= kept
        self.weight = 1 - (1 - self.weight) * kept
        self.sample_ns += due * self.interval_ns

    def _add_sample(self) -> None:
        kept = self._kept
        move = self.log_price - self.samples[-1]
        self.samples.append(self.log_price)
        if len(self.samples) > self.slow_samples:
            across = self.log_price - self.samples[-1 - self.slow_samples]
            neighbours = abs(move) * abs(self.last_return or 0.0) * pi / 2
            self.fast = self.fast * kept + (1 - kept) * move * move
            self.slow = self.slow * kept + (1 - kept) * across * across
            self.bipower = self.bipower * kept + (1 - kept) * neighbours
            self.weight = self.weight * kept + (1 - kept)
        self.last_return = move
        del self.samples[: -1 - self.slow_samples]

    @property
    def _kept(self) -> float:
        return exp(-self.interval_ns / (self.tau_s * NS_PER_S))

    @property
    def is_ready(self) -> bool:
        """Has enough time been sampled?"""
        return self.weight >= READY_SHARE

    @property
    def per_sqrt_s(self) -> float | None:
        """Standard deviation of log returns per square root of a second, net of noise.

        None before it is ready. Where the two scales give nothing above 0, the slow scale alone is used: it
        is biased up by the noise, never down.
        """
        if not self.is_ready:
            return None
        variance = (self.slow - self.fast) / (self.slow_samples - 1)
        return self._rate(variance if variance > 0 else self.slow / self.slow_samples)

    @property
    def noise(self) -> float | None:
        """Standard deviation of the noise in log price; 0 where the scales show none."""
        if not self.is_ready:
            return None
        variance = max((self.slow - self.fast) / (self.slow_samples - 1), 0.0)
        return sqrt(max(self.fast - variance, 0.0) / 2 / self.weight)

    @property
    def without_jumps_per_sqrt_s(self) -> float | None:
        """The same from products of adjacent returns, which a single jump does not affect; includes noise."""
        return self._rate(self.bipower) if self.is_ready else None

    def _rate(self, variance: float) -> float:
        return sqrt(variance / self.weight * NS_PER_S / self.interval_ns)
