"""Configured fractions, compared in whole numbers."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """A configured fraction or multiple, as a ratio of whole numbers: comparisons are exact."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, fraction: float) -> "Share":
        """The fraction exactly as written."""
        return cls(*Decimal(str(fraction)).as_integer_ratio())

    def is_exceeded(self, part: int, whole: int) -> bool:
        """Is `part` more than this share of `whole`?"""
        return part * self.denominator > self.numerator * whole

    def of_whole(self, whole: int) -> int:
        """The largest part that does not exceed it."""
        return self.numerator * whole // self.denominator
