"""Realised measures of a mid's variance over a sample of equal intervals, with and without jumps.

Sources, for n returns r: bipower BV = (pi/2) n/(n-1) sum |r||r'| and tripower quarticity
TQ = n mu^-3 n/(n-2) sum (|r||r'||r''|)^(4/3), mu = 2^(2/3) G(7/6)/G(1/2) (Barndorff-Nielsen and Shephard
2004, 2006); MedRV = pi/(6 - 4 sqrt(3) + pi) n/(n-2) sum median(|r|, |r'|, |r''|)^2, which neither a jump nor
a return of 0 upsets (Andersen, Dobrev and Schaumburg 2012). The jump statistic is standard normal without
jumps (Huang and Tauchen 2005).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, gamma, pi, sqrt
from statistics import median

RETURNS_LEAST = 3
_MU = 2 ** (2 / 3) * gamma(7 / 6) / gamma(1 / 2)
_MEDIAN = pi / (6 - 4 * sqrt(3) + pi)


@dataclass(frozen=True, slots=True)
class Realised:
    """Of a sample; variances of the log price over all of it."""

    returns: int
    variance: float
    bipower: float
    median_rv: float
    tripower_quarticity: float

    @property
    def jump_share(self) -> float:
        """Of the variance, 0 to 1: what bipower leaves out."""
        return max(1 - self.bipower / self.variance, 0.0) if self.variance else 0.0

    @property
    def jump_statistic(self) -> float | None:
        """Above 3 there was a jump, but for one sample in 740. None without any movement."""
        if not self.variance or not self.bipower:
            return None
        spread = (pi**2 / 4 + pi - 5) / self.returns
        return (1 - self.bipower / self.variance) / sqrt(
            spread * max(1.0, self.tripower_quarticity / self.bipower**2)
        )


def realised(returns: Sequence[float]) -> Realised:
    """Of log returns over equal intervals. Raises ValueError for fewer than three."""
    count = len(returns)
    if count < RETURNS_LEAST:
        raise ValueError(f"{count} returns: at least {RETURNS_LEAST} are needed; use a longer sample")
    sizes = [abs(each) for each in returns]
    threes = list(zip(sizes, sizes[1:], sizes[2:], strict=False))
    return Realised(
        count,
        fsum(each * each for each in sizes),
        pi / 2 * count / (count - 1) * fsum(one * two for one, two in pairwise(sizes)),
        _MEDIAN * count / (count - 2) * fsum(median(each) ** 2 for each in threes),
        count / _MU**3 * count / (count - 2) * fsum((a * b * c) ** (4 / 3) for a, b, c in threes),
    )
