"""Plot of arrival intensity against distance, with the fitted law, as SVG."""

from collections.abc import Sequence
from math import ceil, floor, log10, sqrt
from typing import NamedTuple

from research.calibration.picture import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    axis_names,
    column,
    document,
    row,
)

_TICKS = 6


class Point(NamedTuple):
    """Orders per second and side that reached a distance, with the Poisson standard deviation."""

    distance: float
    rate_per_s: float
    orders: int


class Axes(NamedTuple):
    """Maps figures to pixels; the rate's axis is logarithmic."""

    distance_max: float
    low: float
    high: float

    def x(self, distance: float) -> float:
        """Pixels from the left."""
        return LEFT + distance / self.distance_max * (WIDTH - LEFT - RIGHT)

    def y(self, rate_per_s: float) -> float:
        """Pixels from the top."""
        share = (log10(rate_per_s) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)


def intensity_plot(title: str, unit: str, points: Sequence[Point], fit: Sequence[tuple[float, float]]) -> str:
    """`points` with a rate above 0, `fit` a line of (distance, rate)."""
    shown = [point for point in points if point.rate_per_s > 0]
    axes = _axes(shown)
    return document(title, [*_grid(axes, unit), _line(axes, fit), *(_point(axes, point) for point in shown)])


def _axes(points: Sequence[Point]) -> Axes:
    rates = [point.rate_per_s for point in points]
    low, high = floor(log10(min(rates))), ceil(log10(max(rates)) + 1e-9)
    return Axes(max(point.distance for point in points) * 1.05, low, max(high, low + 1))


def _grid(axes: Axes, unit: str) -> list[str]:
    parts = []
    for power in range(int(axes.low), int(axes.high) + 1):
        parts += row(axes.y(10.0**power), f"{10.0**power:g}")
    for index in range(_TICKS):
        distance = axes.distance_max * index / (_TICKS - 1)
        parts += column(axes.x(distance), f"{distance:.3g}")
    return parts + axis_names(f"distance from the mid, {unit}", "orders a second and side")


def _line(axes: Axes, fit: Sequence[tuple[float, float]]) -> str:
    places = " ".join(f"{axes.x(distance):.1f},{axes.y(rate):.1f}" for distance, rate in fit)
    return f'<polyline points="{places}" fill="none" stroke="#1f6feb" stroke-width="2"/>'


def _point(axes: Axes, point: Point) -> str:
    """With an error bar of one standard deviation."""
    x, y = axes.x(point.distance), axes.y(point.rate_per_s)
    share = 1 / sqrt(point.orders)
    top, bottom = axes.y(point.rate_per_s * (1 + share)), axes.y(point.rate_per_s * max(1 - share, 0.05))
    return (
        f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="#b35900"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#b35900"/>'
    )
