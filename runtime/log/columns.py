"""Columnar encoding of a frame's lines: compressed, it takes half the space of the lines themselves.

Lines are grouped by head (topic, key, producer, type), checksums are dropped, and numbers are extracted from
the text between them (`numerals.py`). Numbers are stored by kind, and within a kind by their position in
lines of a type, delta encoded: times and sequence numbers in log order, others in the order of their symbol.
The encoding knows no message types, so it reproduces any text; the writer verifies that (`closing.py`).

    0x00, a JSON line with the lengths of the parts, then the parts

Text never begins with 0x00, so a frame's first byte identifies its encoding.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import NamedTuple
from zlib import crc32

import numpy as np

from runtime.log.grouping import GroupedLines, Pause, type_of
from runtime.log.lines import COLUMNS_MARK
from runtime.log.numerals import (
    Bytes,
    Flags,
    Integers,
    Kind,
    add_steps,
    lines_of,
    put_together,
    split_numerals,
    steps_of,
)

_HEADS_MAX = 1 << 16
_IN_LOG_ORDER = 3
"""This many plain numbers of a line are delta encoded against the previous line of the log: offset, sequence
and cause."""
_LINES_A_SLICE = 500


def to_columns(lines: GroupedLines, pause: Pause = lambda: None) -> bytes | None:
    """The columns of a frame's lines; None where they are not JSON."""
    body = b"\n".join([b"", *chain.from_iterable(lines.tails.values()), b""])
    pause()
    numerals = split_numerals(body) if len(lines.tails) <= _HEADS_MAX else None
    if numerals is None:
        return None
    pause()
    order = np.array(lines.order, np.int64)
    parts = {
        "heads": b"\n".join(lines.tails),
        "order": _planes(order),
        "template": numerals.template.tobytes(),
    } | _number_parts(_Lines.of(lines.tails, order), numerals.kinds, numerals.lines, numerals.values)
    sizes = {name: len(part) for name, part in parts.items()}
    header = {"lines": len(lines.order), "parts": sizes}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([COLUMNS_MARK, encoded, b"\n", *parts.values()])


def from_columns(columns: bytes, pause: Pause = lambda: None) -> bytes:
    """Decode the output of `to_columns`; raises ValueError, KeyError or IndexError for anything else."""
    begin = columns.index(b"\n") + 1
    header = json.loads(columns[len(COLUMNS_MARK) : begin])
    parts: dict[str, bytes] = {}
    for name, size in header["parts"].items():
        parts[name] = columns[begin : begin + size]
        begin += size
    heads = parts["heads"].split(b"\n")
    order = _from_planes(parts["order"], header["lines"])
    template = np.frombuffer(parts["template"], np.uint8)
    kinds, numbers_lines = lines_of(template)
    values = _values(_Lines.of(heads, order), kinds, numbers_lines, parts)
    pause()
    body = put_together(template, values)
    pause()
    return _in_order(heads, order, body, pause)


def _in_order(heads: list[bytes], order: Integers, body: bytes, pause: Pause) -> bytes:
    """Grouped lines back in log order, each with its checksum."""
    grouped = body.split(b"\n")
    places = (np.argsort(np.argsort(order, kind="stable")) + 1).tolist()
    bodies = [heads[head] + grouped[place] for head, place in zip(order.tolist(), places, strict=True)]
    lines: list[bytes] = []
    for begin in range(0, len(bodies), _LINES_A_SLICE):
        pause()
        lines += [b"%08x %b\n" % (crc32(body), body) for body in bodies[begin : begin + _LINES_A_SLICE]]
    return b"".join(lines)


class _Lines(NamedTuple):
    """Per line of a grouped text."""

    places: Integers
    """Line number in the log."""
    types: Integers
    """Number of its type."""

    @classmethod
    def of(cls, heads: Iterable[bytes], order: Integers) -> "_Lines":
        numbers: dict[bytes, int] = {}
        types = np.array([numbers.setdefault(type_of(head), len(numbers)) for head in heads], np.int64)
        places = np.argsort(order, kind="stable")
        return cls(places, types[order[places]])

    def columns(self, lines: Integers, in_log_order: int = 0) -> Integers:
        """The sort order that arranges numbers by column; `lines`: the line of each, in text order."""
        new = np.diff(lines, prepend=-1) != 0
        begins = np.maximum.accumulate(np.where(new, np.arange(len(lines)), 0))
        columns = np.arange(len(lines)) - begins
        rows = np.where(columns < in_log_order, self.places[lines], lines)
        return np.argsort((self.types[lines] << 44) | (columns << 24) | rows, kind="stable")


def _number_parts(lines: _Lines, kinds: Bytes, places: Integers, values: Integers) -> dict[str, bytes]:
    """`places`: the line of each number."""
    plain = kinds == Kind.PLAIN
    fraction = kinds == Kind.FRACTION
    plains = values[plain][lines.columns(places[plain], _IN_LOG_ORDER)]
    line_times, times = _times(lines, places[kinds == Kind.TIME], values[kinds == Kind.TIME])
    return {
        "line_times": _planes(_folded(line_times)),
        "times": _planes(_folded(times)),
        "plain": _planes(_folded(np.diff(plains, prepend=0))),
        "fractions": _planes(values[fraction][lines.columns(places[fraction])]),
        "elements": _words(values[kinds == Kind.ELEMENT]),
        "steps": _planes(_folded(steps_of(kinds, values))),
    }


def _values(lines: _Lines, kinds: Bytes, places: Integers, parts: Mapping[str, bytes]) -> Integers:
    """The inverse of `_number_parts`."""
    values = np.zeros(len(kinds), np.int64)
    plain = np.flatnonzero(kinds == Kind.PLAIN)
    moves = _unfolded(_from_planes(parts["plain"], len(plain)))
    values[plain[lines.columns(places[plain], _IN_LOG_ORDER)]] = np.cumsum(moves)
    fraction = np.flatnonzero(kinds == Kind.FRACTION)
    values[fraction[lines.columns(places[fraction])]] = _from_planes(parts["fractions"], len(fraction))
    time = kinds == Kind.TIME
    values[time] = _from_times(lines, places[time], parts)
    element = kinds == Kind.ELEMENT
    values[element] = _from_words(parts["elements"], int(np.count_nonzero(element)))
    steps = _unfolded(_from_planes(parts["steps"], int(np.count_nonzero(kinds == Kind.STEP))))
    add_steps(kinds, values, steps)
    return values


def _times(lines: _Lines, places: Integers, times: Integers) -> tuple[Integers, Integers]:
    """Each line's first time as the difference from the previous line of the log; the line's other times as
    the difference from its first.
    """
    first = np.diff(places, prepend=-1) != 0
    in_log = np.argsort(lines.places[places[first]])
    others = times[~first] - _first_times(places, first, times[first])
    return np.diff(times[first][in_log], prepend=0), others[lines.columns(places[~first])]


def _from_times(lines: _Lines, places: Integers, parts: Mapping[str, bytes]) -> Integers:
    first = np.diff(places, prepend=-1) != 0
    count = int(np.count_nonzero(first))
    firsts = np.empty(count, np.int64)
    moves = _unfolded(_from_planes(parts["line_times"], count))
    firsts[np.argsort(lines.places[places[first]])] = np.cumsum(moves)
    others = np.empty(len(places) - count, np.int64)
    others[lines.columns(places[~first])] = _unfolded(_from_planes(parts["times"], len(others)))
    times = np.empty(len(places), np.int64)
    times[first] = firsts
    times[~first] = others + _first_times(places, first, firsts)
    return times


def _first_times(places: Integers, first: Flags, firsts: Integers) -> Integers:
    """For each later time of a line, the line's first time."""
    found: Integers = firsts[(np.cumsum(first) - 1)[~first]]
    return found


def _folded(values: Integers) -> Integers:
    """Zigzag encoding, so that small negative numbers stay small: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return (values << 1) ^ (values >> 63)


def _unfolded(values: Integers) -> Integers:
    return ((values >> 1) & np.int64(2**63 - 1)) ^ -(values & 1)


def _bytes_of(values: Integers) -> Bytes:
    """One row per number, little endian, as wide as the largest number needs."""
    rows = values.astype("<i8").view(np.uint8).reshape(-1, 8)
    used = np.flatnonzero(rows.any(axis=0))
    return rows[:, : used[-1] + 1 if len(used) else 1]


def _words(values: Integers) -> bytes:
    """One number after the other, so that the compressor finds repeated sequences."""
    return _bytes_of(values).tobytes()


def _planes(values: Integers) -> bytes:
    """The lowest bytes of all numbers, then the next ones: for small numbers, mostly runs of zeros."""
    return _bytes_of(values).T.tobytes()


def _from_words(part: bytes, count: int) -> Integers:
    return _from_bytes(np.frombuffer(part, np.uint8).reshape(count, -1)) if count else _NONE


def _from_planes(part: bytes, count: int) -> Integers:
    return _from_bytes(np.frombuffer(part, np.uint8).reshape(-1, count).T) if count else _NONE


def _from_bytes(rows: Bytes) -> Integers:
    values = np.zeros((len(rows), 8), np.uint8)
    values[:, : rows.shape[1]] = rows
    return values.reshape(-1).view("<i8").astype(np.int64, copy=False)


_NONE = np.zeros(0, np.int64)
