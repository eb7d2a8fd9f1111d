"""Means and their errors in one pass, without sums of squares (quant.md 6: those cancel)."""

from math import sqrt


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

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None below two observations."""
        deviation = self.deviation
        return None if deviation is None else deviation / sqrt(self.count)


class RatioError:
    """Standard error of R = sum y / sum x (Cochran 1977, Sampling Techniques, ch. 6).

    SE^2 = n/(n-1) sum (y - R x)^2 / (sum x)^2. With r = y/x the sum is sum x^2 (r - R)^2, which is kept as
    the squares about the mean of r weighted by x^2 (West 1979) and shifted to R at the end: nothing cancels.
    """

    __slots__ = ("_mean", "_squares", "_weight", "_x", "count")

    def __init__(self) -> None:
        self.count = 0
        self._x = 0.0
        self._weight = 0.0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, y: float, x: float) -> None:
        """One observation; x is above 0."""
        self.count += 1
        self._x += x
        weight = x * x
        self._weight += weight
        step = y / x - self._mean
        self._mean += step * weight / self._weight
        self._squares += weight * step * (y / x - self._mean)

    def standard_error(self, ratio: float) -> float | None:
        """Of `ratio`, sum y / sum x of what was added; None below two observations."""
        if self.count < 2:  # noqa: PLR2004  an error needs two
            return None
        about_ratio = self._squares + self._weight * (self._mean - ratio) ** 2
        return sqrt(about_ratio * self.count / (self.count - 1)) / self._x
