"""A picture of intensity against distance, and of the law fitted to it, as SVG."""

from collections.abc import Sequence
from math import ceil, floor, log10, sqrt
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 24, 44, 64
_TICKS = 6


class Point(NamedTuple):
    """Orders a second and side that reached a distance, with the deviation of a Poisson count."""

    distance: float
    rate_per_s: float
    orders: int


class Axes(NamedTuple):
    """From figures to places on the picture; the rate's axis is logarithmic."""

    distance_max: float
    low: float
    high: float

    def x(self, distance: float) -> float:
        """Pixels from the left."""
        return _LEFT + distance / self.distance_max * (_WIDTH - _LEFT - _RIGHT)

    def y(self, rate_per_s: float) -> float:
        """Pixels from the top."""
        share = (log10(rate_per_s) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - min(max(share, 0.0), 1.0) * (_HEIGHT - _TOP - _BOTTOM)


def intensity_plot(title: str, unit: str, points: Sequence[Point], fit: Sequence[tuple[float, float]]) -> str:
    """`points` with a rate above 0, `fit` a line of (distance, rate)."""
    shown = [point for point in points if point.rate_per_s > 0]
    axes = _axes(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 26, title, size=15),
        *_grid(axes, unit),
        _line(axes, fit),
        *(_point(axes, point) for point in shown),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(points: Sequence[Point]) -> Axes:
    rates = [point.rate_per_s for point in points]
    low, high = floor(log10(min(rates))), ceil(log10(max(rates)) + 1e-9)
    return Axes(max(point.distance for point in points) * 1.05, low, max(high, low + 1))


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'


def _grid(axes: Axes, unit: str) -> list[str]:
    bottom = _HEIGHT - _BOTTOM
    parts = []
    for power in range(int(axes.low), int(axes.high) + 1):
        y = axes.y(10.0**power)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{10.0**power:g}", anchor="end"))
    for index in range(_TICKS):
        distance = axes.distance_max * index / (_TICKS - 1)
        x = axes.x(distance)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" stroke="#eee"/>')
        parts.append(_text(x, bottom + 18, f"{distance:.3g}", anchor="middle"))
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 20, f"distance from the mid, {unit}", anchor="middle"))
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text transform="translate(22 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        "orders a second and side</text>"
    )
    return parts


def _line(axes: Axes, fit: Sequence[tuple[float, float]]) -> str:
    places = " ".join(f"{axes.x(distance):.1f},{axes.y(rate):.1f}" for distance, rate in fit)
    return f'<polyline points="{places}" fill="none" stroke="#1f6feb" stroke-width="2"/>'


def _point(axes: Axes, point: Point) -> str:
    """With a bar of one standard deviation of the count."""
    x, y = axes.x(point.distance), axes.y(point.rate_per_s)
    share = 1 / sqrt(point.orders)
    top, bottom = axes.y(point.rate_per_s * (1 + share)), axes.y(point.rate_per_s * max(1 - share, 0.05))
    return (
        f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}" stroke="#b35900"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#b35900"/>'
    )
