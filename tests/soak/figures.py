"""Slopes, and tables for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Slope:
    """Of a least squares line."""

    a_day: float
    error: float
    """Its standard error."""
    mean: float

    def __str__(self) -> str:
        return f"{self.a_day:+.3g} ± {self.error:.2g} a day (mean {self.mean:.3g})"

    def grows(self, share_a_day: float) -> bool:
        """Beyond three errors, by more than this share of the mean a day?"""
        return self.a_day > 3 * self.error and self.a_day > share_a_day * self.mean


def slope(days: Sequence[float], values: Sequence[float]) -> Slope | None:
    """None for fewer than four points, or points of one moment."""
    count = len(days)
    if count < 4:
        return None
    middle, mean = sum(days) / count, sum(values) / count
    spread = sum((day - middle) ** 2 for day in days)
    if not spread:
        return None
    rise = sum((day - middle) * (value - mean) for day, value in zip(days, values, strict=True)) / spread
    rest = sum((value - mean - rise * (day - middle)) ** 2 for day, value in zip(days, values, strict=True))
    return Slope(rise, sqrt(rest / (count - 2) / spread), mean)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", box=None)
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(width=150).print(table)
