"""Common to all plots: size, text, and the SVG document."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 80, 24, 44, 64
"""Margins around the plotting area."""


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    """Words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def document(title: str, parts: Iterable[str]) -> str:
    """The whole picture on white, with its title."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif" font-size="12" role="img" aria-label="{escape(title)}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            text(LEFT, 26, title, size=15),
            *parts,
            "</svg>",
            "",
        ]
    )


def axis_names(across: str, up: str) -> list[str]:
    """Below the plotting area, and rotated at its left."""
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return [
        text((LEFT + WIDTH) / 2, HEIGHT - 20, across, anchor="middle"),
        f'<text transform="translate(22 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(up)}</text>',
    ]


def column(x: float, words: str) -> list[str]:
    """A vertical grid line with its label."""
    bottom = HEIGHT - BOTTOM
    return [
        f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#eee"/>',
        text(x, bottom + 18, words, anchor="middle"),
    ]


def row(y: float, words: str) -> list[str]:
    """A horizontal grid line with its label."""
    return [
        f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
        text(LEFT - 8, y + 4, words, anchor="end"),
    ]
