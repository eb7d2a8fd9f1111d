"""Means and their standard errors in one pass, without the cancellation of float sums of squares.

Source: docs/FORMULAS.md, Volatility.
"""

from decimal import Decimal
from math import sqrt

from research.attribution.exact import quotient, ratio


class Moments:
    """Mean and standard deviation of equally weighted observations (Welford 1962)."""

    __slots__ = ("_squares", "count", "mean")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def add(self, observation: float) -> None:
        """One observation."""
        self.count += 1
        step = observation - self.mean
        self.mean += step / self.count
        self._squares += step * (observation - self.mean)

    def add_zeros(self, count: int) -> None:
        """`count` observations of 0 at once (Chan, Golub, LeVeque 1979)."""
        before, self.count = self.count, self.count + count
        if self.count:
            self._squares += self.mean * self.mean * before * count / self.count
            self.mean *= before / self.count

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation; None below two observations."""
        return sqrt(self._squares / (self.count - 1)) if self.count > 1 else None


class RatioMean:
    """R = sum y / sum x with its standard error (Cochran 1977, Sampling Techniques, ch. 6).

    SE^2 = n/(n-1) sum (y - R x)^2 / (sum x)^2; with every x 1 it is the error of a plain mean. The sums of
    squares are exact decimals, so nothing is lost by cancellation.
    """

    __slots__ = ("_xx", "_xy", "_yy", "count", "x", "y")

    def __init__(self) -> None:
        self.count = 0
        self.y = self.x = self._yy = self._xy = self._xx = Decimal(0)

    def add(self, y: Decimal, x: Decimal) -> None:
        """One observation; x is above 0."""
        self.count += 1
        self.y += y
        self.x += x
        self._yy += y * y
        self._xy += x * y
        self._xx += x * x

    @property
    def mean(self) -> float | None:
        """None where nothing was added."""
        return ratio(self.y, self.x)

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None below two observations, or where x sums to 0."""
        if self.count < 2 or not self.x:  # noqa: PLR2004  an error needs two observations
            return None
        squares = self._yy * self.x**2 - 2 * self._xy * self.x * self.y + self._xx * self.y**2
        return sqrt(quotient(squares * self.count, self.x**4 * (self.count - 1)))
