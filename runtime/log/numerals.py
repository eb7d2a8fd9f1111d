"""Extracts the numbers from JSON lines and reinserts them, reproducing the text byte for byte.

What remains is a template with one byte of `Kind` in place of each number; lines of one type have nearly the
same. Everything is vectorised: a Python loop over the half million numbers of a frame would saturate a core.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_DIGITS_MAX = 18
"""Numbers of this many digits always fit an int64; longer ones, except times, stay in the template."""
_TIME_DIGITS = 19
_SMOOTH = 8
"""An array is smooth if its steps are this many times smaller than its values: prices are, sizes are not."""
_POWERS = 10 ** np.arange(1, 19, dtype=np.int64)


class Kind(IntEnum):
    """The kind of a number, by its surrounding characters. None of these bytes occurs in a line of JSON."""

    PLAIN = 1
    FRACTION = 2
    """Digits after a decimal point, without leading zeros."""
    TIME = 3
    """Nanoseconds: 19 digits, the first of which is 1."""
    ELEMENT = 4
    """An integer in an array."""
    STEP = 5
    """An integer in a smooth array, stored as the difference from the previous one."""


class Numerals(NamedTuple):
    """A text split into template and numbers."""

    template: Bytes
    kinds: Bytes
    """The `Kind` of each number, in text order."""
    lines: Integers
    """The line of each number, from 0."""
    values: Integers


def split_numerals(text: bytes) -> Numerals | None:
    """Split a text, which must begin and end with a newline.

    None where it contains control characters, which JSON escapes and the template uses for itself.
    """
    letters = np.frombuffer(text, np.uint8)
    if np.count_nonzero(letters < ord("\n")):
        return None
    is_kept, starts, ends = _places(letters)
    kinds = _kinds(letters, starts, ends)
    fits = (ends - starts <= _DIGITS_MAX) | (kinds == Kind.TIME)
    for number in np.flatnonzero(~fits):
        is_kept[starts[number] : ends[number]] = True
    starts, ends, kinds = starts[fits], ends[fits], kinds[fits]
    values = _read(letters, starts, ends)
    _find_steps(letters, starts, kinds, values)
    template = letters.copy()
    template[starts] = kinds
    return Numerals(template[is_kept], kinds, _lines(letters, starts), values)


def put_together(template: Bytes, values: Integers) -> bytes:
    """The inverse of `split_numerals`, after `add_steps`."""
    places = np.flatnonzero(template <= Kind.STEP)
    digits = np.searchsorted(_POWERS, values, side="right") + 1
    repeats = np.ones(len(template), np.int64)
    repeats[places] = digits
    text = np.repeat(template, repeats)
    _write(text, places + np.cumsum(digits - 1), digits, values)
    return text.tobytes()


def lines_of(template: Bytes) -> tuple[Bytes, Integers]:
    """The kind and the line of each number of a template."""
    places = np.flatnonzero(template <= Kind.STEP)
    return template[places], _lines(template, places)


def steps_of(kinds: Bytes, values: Integers) -> Integers:
    """The steps: each such number less the previous number."""
    steps: Integers = np.diff(values, prepend=0)[kinds == Kind.STEP]
    return steps


def add_steps(kinds: Bytes, values: Integers, steps: Integers) -> None:
    """Fill in the numbers stored as steps; the other kinds must be filled in already."""
    is_step = kinds == Kind.STEP
    moves = np.zeros(len(values), np.int64)
    moves[is_step] = steps
    moved = np.cumsum(moves)
    bases = np.maximum.accumulate(np.where(is_step, 0, np.arange(len(values))))
    values[is_step] = (values[bases] + moved - moved[bases])[is_step]


def _places(letters: Bytes) -> tuple[Flags, Integers, Integers]:
    """Which characters stay in the template (all outside numbers, and the first of each number), and the
    start and end of each number: a run of digits without leading zeros.
    """
    is_digit = letters - np.uint8(ord("0")) < 10  # noqa: PLR2004  # others wrap around, or are larger
    edges = np.flatnonzero(is_digit[1:] != is_digit[:-1]) + 1
    starts, ends = edges[0::2].copy(), edges[1::2]
    is_kept = ~is_digit
    is_kept[starts] = True
    while len(zeros := np.flatnonzero((letters[starts] == ord("0")) & (ends - starts > 1))):
        starts[zeros] += 1
        is_kept[starts[zeros]] = True
    return is_kept, starts, ends


def _lines(letters: Bytes, places: Integers) -> Integers:
    """The line of each place; a newline precedes the first."""
    begins = np.searchsorted(places, np.flatnonzero(letters == ord("\n")))
    return np.repeat(np.arange(len(begins)), np.diff(begins, append=len(places)))


def _kinds(letters: Bytes, starts: Integers, ends: Integers) -> Bytes:
    before, behind = letters[starts - 1], letters[ends]
    is_time = (ends - starts == _TIME_DIGITS) & (letters[starts] == ord("1"))
    in_array = ((before == ord("[")) | (before == ord(","))) & (behind != ord("."))
    is_fraction = (before == ord(".")) | (before == ord("0"))
    kinds = np.full(len(starts), Kind.PLAIN, np.uint8)
    kinds[in_array] = Kind.ELEMENT
    kinds[is_time] = Kind.TIME
    kinds[is_fraction] = Kind.FRACTION
    return kinds


def _read(letters: Bytes, starts: Integers, ends: Integers) -> Integers:
    """Parse the numbers; sorted by length, so that each digit concerns a prefix of the array."""
    lengths = ends - starts
    order = np.argsort(-lengths.astype(np.int8), kind="stable")
    begins = starts[order]
    values = np.zeros(len(order), np.int64)
    longer = len(order) - np.cumsum(np.bincount(lengths, minlength=_TIME_DIGITS + 1))
    for digit in range(_TIME_DIGITS):
        front = values[: longer[digit]]
        front *= 10
        front += letters[begins[: longer[digit]] + digit] - np.uint8(ord("0"))
    found = np.empty_like(values)
    found[order] = values
    return found


def _find_steps(letters: Bytes, starts: Integers, kinds: Bytes, values: Integers) -> None:
    """In smooth arrays, mark the first number as plain and the others as steps."""
    elements = np.flatnonzero(kinds == Kind.ELEMENT)
    if not len(elements):
        return
    is_first = letters[starts[elements] - 1] == ord("[")
    is_first[0] = True
    begins = np.flatnonzero(is_first)
    moves = np.diff(values, prepend=0)[elements]
    moves[is_first] = 0
    sums = np.add.reduceat(np.where(is_first, 0, values[elements]), begins)
    is_smooth = np.add.reduceat(np.abs(moves), begins) * _SMOOTH < sums
    smooth = np.repeat(is_smooth, np.diff(begins, append=len(elements)))
    kinds[elements[smooth & is_first]] = Kind.PLAIN
    kinds[elements[smooth & ~is_first]] = Kind.STEP


def _write(text: Bytes, lasts: Integers, digits: Integers, values: Integers) -> None:
    """Write the digits of each number, from its last one backwards."""
    order = np.argsort(-digits.astype(np.int8), kind="stable")
    places, left = lasts[order], values[order]
    longer = len(order) - np.cumsum(np.bincount(digits, minlength=_TIME_DIGITS + 1))
    for digit in range(_TIME_DIGITS):
        places, left = places[: longer[digit]], left[: longer[digit]]
        tens = left // 10
        text[places - digit] = left - tens * 10 + ord("0")
        left = tens
