"""Volatility against the noise of a quoted mid, and without its jumps: from samples at equal times.

Where r1 is the return of one sample and rK that of K samples, and the price is an efficient one plus noise
that is independent from sample to sample, E[r1^2] = s + 2 w and E[rK^2] = K s + 2 w, with s the variance of a
sample and w that of the noise. So s = (E[rK^2] - E[r1^2])/(K - 1): the two scales of Zhang, Mykland and
Ait-Sahalia (2005), their averages decaying with time. Neighbouring returns give the variance without jumps:
E[(pi/2) |r||r'|] (Barndorff-Nielsen and Shephard 2004). Samples hold the last price, so that neither depends
on how often a feed speaks.
"""

from dataclasses import dataclass, field
from math import exp, log, pi, sqrt

from schemas.units import NS_PER_S

READY_SHARE = 0.5
"""The estimates are ready when the averages have this much of their full weight."""


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
    """Newest: what the next sample holds."""
    samples: list[float] = field(default_factory=list)
    """Logarithms of the newest K + 1 samples, oldest first."""
    fast: float = 0.0
    slow: float = 0.0
    bipower: float = 0.0
    weight: float = 0.0
    last_return: float | None = None

    def observe(self, time_ns: int, price: float) -> None:
        """The price from `time_ns` on; a time that runs backwards is dropped."""
        if not self.sample_ns:
            self._restart(time_ns, price)
            return
        due = (time_ns - self.sample_ns) // self.interval_ns
        if due * self.interval_ns > 5 * self.tau_s * NS_PER_S:
            self._restart(time_ns, price)
            return
        if due > 0:
            self._sample(due)
        if time_ns >= self.sample_ns:
            self.log_price = log(price)

    def _restart(self, time_ns: int, price: float) -> None:
        """Nothing is known of the time before."""
        self.sample_ns, self.log_price = time_ns, log(price)
        self.samples, self.last_return = [self.log_price], None
        self.fast = self.slow = self.bipower = self.weight = 0.0

    def _sample(self, due: int) -> None:
        """Hold the price for so many samples; after K of them each is like the last."""
        varied = min(due, self.slow_samples + 1)
        for _ in range(varied):
            self._one()
        kept = self._kept ** (due - varied)
        self.fast *= kept
        self.slow *= kept
        self.bipower *= kept
        self.weight = 1 - (1 - self.weight) * kept
        self.sample_ns += due * self.interval_ns

    def _one(self) -> None:
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
        """Enough time was sampled."""
        return self.weight >= READY_SHARE

    @property
    def per_sqrt_s(self) -> float | None:
        """Standard deviation of log returns per square root of a second, without noise.

        None before it is ready. Where the two scales give nothing above 0, the slow one alone: too large by
        the noise, and never below it.
        """
        if not self.is_ready:
            return None
        variance = (self.slow - self.fast) / (self.slow_samples - 1)
        return self._rate(variance if variance > 0 else self.slow / self.slow_samples)

    @property
    def noise(self) -> float | None:
        """Standard deviation of the noise in the logarithm of the price; 0 where the scales show none."""
        if not self.is_ready:
            return None
        variance = max((self.slow - self.fast) / (self.slow_samples - 1), 0.0)
        return sqrt(max(self.fast - variance, 0.0) / 2 / self.weight)

    @property
    def without_jumps_per_sqrt_s(self) -> float | None:
        """The same from products of neighbouring returns, in which a single jump is nothing; with noise."""
        return self._rate(self.bipower) if self.is_ready else None

    def _rate(self, variance: float) -> float:
        return sqrt(variance / self.weight * NS_PER_S / self.interval_ns)
