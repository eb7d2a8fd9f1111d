"""Reads a part of a log on disk without reading all of it: times rise along the log, nearly."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from chassis.bus.logfile import CHECKSUM_LENGTH, LoggedRecord, checked_body, parse_body, segments
from chassis.errors import ConfigError
from schemas.units import NS_PER_S

_DISORDER_NS = 2 * NS_PER_S
"""Records may stand this much later in the log than their time says."""
_TOPIC_BEGINS = b'{"topic":"'
_TIME_FIELD = b'"event_time_ns":'
_BISECT_BYTES = 64 * 1024


def log_records(
    directory: Path, topics: frozenset[str], from_ns: int, to_ns: int, cursor: str | None = None
) -> Iterator[tuple[LoggedRecord, str]]:
    """Committed records of some topics about a stretch of time, each with the cursor behind it.

    It may give some that are older or newer by `_DISORDER_NS`. Raises ConfigError for a cursor that is none.
    """
    names = frozenset(topic.encode() for topic in topics)
    files = segments(directory)
    begin, offset = _place(files, cursor) if cursor else _first_place(files, from_ns - _DISORDER_NS)
    for path in files[begin:]:
        if _first_time_ns(path) > to_ns + _DISORDER_NS:
            return
        for record, place in _segment_records(path, offset, names):
            if record.envelope.event_time_ns > to_ns + _DISORDER_NS:
                return
            yield record, f"{path.stem}:{place}"
        offset = 0


def last_time_ns(directory: Path) -> int:
    """Time of about the newest record in a log; 0 for an empty one."""
    for path in reversed(segments(directory)):
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - _BISECT_BYTES))
            times = [_time_ns(line) for line in file.read().splitlines()]
        known = [time_ns for time_ns in times if time_ns is not None]
        if known:
            return known[-1]
    return 0


def first_time_ns(directory: Path) -> int:
    """Time of the oldest record in a log."""
    return _first_time_ns(segments(directory)[0])


def _segment_records(path: Path, offset: int, topics: frozenset[bytes]) -> Iterator[tuple[LoggedRecord, int]]:
    """Records that a commit closes; of what is being written the rest is left for the next reading."""
    pending: list[tuple[LoggedRecord, int]] = []
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            offset += len(line)
            if not _may_concern(line, topics):
                continue
            body = checked_body(line)
            if body is None:
                return
            record = parse_body(body)
            if record is None:
                yield from pending
                pending.clear()
            else:
                pending.append((record, offset))


def _may_concern(line: bytes, topics: frozenset[bytes]) -> bool:
    """Is it a commit, or a record of a topic that is wanted? Without parsing it: most lines are neither."""
    if not line.startswith(_TOPIC_BEGINS, CHECKSUM_LENGTH):
        return True
    begin = CHECKSUM_LENGTH + len(_TOPIC_BEGINS)
    return line[begin : line.index(b'"', begin)] in topics


def _place(files: list[Path], cursor: str) -> tuple[int, int]:
    name, _, offset = cursor.partition(":")
    for index, path in enumerate(files):
        if path.stem == name and offset.isdecimal() and int(offset) <= path.stat().st_size:
            return index, int(offset)
    raise ConfigError(f"{cursor!r} is no cursor of this log: begin without one")


def _first_place(files: list[Path], from_ns: int) -> tuple[int, int]:
    """The segment and the offset from which on everything at or after a time can be read."""
    index = 0
    while index + 1 < len(files) and _first_time_ns(files[index + 1]) < from_ns:
        index += 1
    return index, _bisect(files[index], from_ns)


def _bisect(path: Path, from_ns: int) -> int:
    """An offset at a line's begin, before which everything is older than a time."""
    low, high = 0, path.stat().st_size
    with path.open("rb") as file:
        while high - low > _BISECT_BYTES:
            middle = (low + high) // 2
            begin, time_ns = _next_time(file, middle, high)
            if time_ns is not None and time_ns < from_ns:
                low = begin
            else:
                high = middle
    return low


def _next_time(file: BinaryIO, offset: int, limit: int) -> tuple[int, int | None]:
    """The begin and the time of the first record behind an offset."""
    file.seek(offset)
    begin = offset + len(file.readline())
    while begin < limit:
        line = file.readline()
        time_ns = _time_ns(line)
        if time_ns is not None or not line:
            return begin, time_ns
        begin += len(line)
    return begin, None


def _first_time_ns(path: Path) -> int:
    with path.open("rb") as file:
        return _time_ns(file.readline()) or 0


def _time_ns(line: bytes) -> int | None:
    """A record's time; None for a commit, and for a line that is cut."""
    begin = line.find(_TIME_FIELD)
    if begin < 0:
        return None
    digits = line[begin + len(_TIME_FIELD) : begin + len(_TIME_FIELD) + 20].partition(b",")[0]
    return int(digits) if digits.isdigit() else None
