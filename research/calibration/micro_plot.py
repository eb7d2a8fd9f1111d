"""Plot of the micro-price: adjustment of the mid by the bid's share of the touch."""

from collections.abc import Sequence
from itertools import pairwise

from research.calibration.microprice import MicroPriceTable
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
    text,
)

_LINES = (("#1f6feb", ""), ("#b35900", "8 4"), ("#2d7d46", "2 3"), ("#6f42c1", "10 3 2 3"))
"""Colour and dash pattern per class of spreads: distinguishable without colour too."""
_TICKS = 4


def micro_price_plot(title: str, table: MicroPriceTable) -> str:
    """A step line per class of spreads."""
    most = max((abs(each) for line in table.adjustments_ticks for each in line), default=0.0) or 1.0
    parts = [*_grid(most)]
    for number, line in enumerate(table.adjustments_ticks):
        colour, dashes = _LINES[number % len(_LINES)]
        style = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}" fill="none"'
        parts.append(f'<polyline points="{_steps(table.imbalance_edges, line, most)}" {style}/>')
        y = TOP + 16 + 18 * number
        parts.append(f'<path d="M{LEFT + 12} {y - 4}h34" {style}/>')
        parts.append(text(LEFT + 54, y, _spreads(table.spread_edges_ticks, number)))
    return document(title, parts)


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(ticks: float, most: float) -> float:
    return (TOP + HEIGHT - BOTTOM) / 2 - ticks / most * (HEIGHT - TOP - BOTTOM) / 2.1


def _grid(most: float) -> list[str]:
    parts = []
    for index in range(-_TICKS // 2, _TICKS // 2 + 1):
        ticks = most * index / (_TICKS // 2)
        parts += row(_y(ticks, most), f"{ticks:+.3g}")
    for index in range(5):
        parts += column(_x(index / 4), f"{index / 4:g}")
    return parts + axis_names("bid's share of the two best sizes", "added to the mid, ticks")


def _steps(edges: Sequence[float], line: Sequence[float], most: float) -> str:
    bounds = (0.0, *edges, 1.0)
    return " ".join(
        f"{_x(share):.1f},{_y(ticks, most):.1f}"
        for (low, high), ticks in zip(pairwise(bounds), line, strict=True)
        for share in (low, high)
    )


def _spreads(edges: Sequence[int], number: int) -> str:
    if not edges:
        return "all spreads"
    return f"spread to {edges[number]} ticks" if number < len(edges) else f"wider than {edges[-1]} ticks"
