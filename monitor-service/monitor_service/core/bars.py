"""Variance from bars, for sources without finer data: of one bar's log price, over the bar's time.

Parkinson (1980) and Garman and Klass (1980) assume no drift; all three are biased slightly low, since the
highest trade is not the highest price.
"""

from dataclasses import dataclass
from math import log


@dataclass(frozen=True, slots=True)
class Bar:
    """Prices above 0. Raises ValueError where high or low is not the extreme."""

    open: float
    high: float
    low: float
    close: float

    def __post_init__(self) -> None:
        inside = (self.open, self.close)
        if not 0 < self.low <= min(inside) <= max(inside) <= self.high:
            raise ValueError(
                f"bar of open {self.open}, high {self.high}, low {self.low}, close {self.close}: low must be "
                f"above 0 and the lowest, high the highest; leave the bar out"
            )

    @property
    def parkinson(self) -> float:
        """log(H/L)^2/(4 log 2)."""
        return float(log(self.high / self.low) ** 2 / (4 * log(2)))

    @property
    def garman_klass(self) -> float:
        """log(H/L)^2/2 - (2 log 2 - 1) log(C/O)^2."""
        return float(log(self.high / self.low) ** 2 / 2 - (2 * log(2) - 1) * log(self.close / self.open) ** 2)

    @property
    def rogers_satchell(self) -> float:
        """log(H/C) log(H/O) + log(L/C) log(L/O): valid with drift too (Rogers and Satchell 1991)."""
        return log(self.high / self.close) * log(self.high / self.open) + log(self.low / self.close) * log(
            self.low / self.open
        )
