"""Reads a time range of a log on disk without reading all of it: records are nearly in time order."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from runtime.errors import ConfigError, LogDamagedError
from runtime.log.lines import (
    CHECKSUM_LENGTH,
    COMMIT_BEGINS,
    LoggedRecord,
    checked_body,
    parse_body,
    time_ns_of,
)
from runtime.log.packed import FrameReader, read_index
from runtime.log.position import LogPosition, segment_name
from runtime.log.segments import (
    first_time_ns_of,
    is_closed,
    is_damaged,
    open_segment,
    segment_of,
    segments,
    text_size_bytes,
)
from schemas.numbers import shortened, whole_number
from schemas.units import NS_PER_S

_DISORDER_NS = 2 * NS_PER_S
"""Records are out of time order by less than this."""
_TOPIC_BEGINS = b'{"topic":"'
_BISECT_BYTES = 64 * 1024


class _Selection(NamedTuple):
    """What to read of each segment."""

    topics: frozenset[str]
    names: frozenset[bytes]
    """The topics, encoded as in lines."""
    end_ns: int
    """No later records are needed."""


def log_records(
    directory: Path, topics: frozenset[str], from_ns: int, to_ns: int, cursor: str | None = None
) -> Iterator[tuple[LoggedRecord, str]]:
    """Committed records of the topics around a time range, each with the cursor to continue after it.

    May include records outside the range by up to `_DISORDER_NS`. In closed segments only frames with such
    records are read. Raises ConfigError for an invalid cursor.
    """
    selection = _Selection(topics, frozenset(topic.encode() for topic in topics), to_ns + _DISORDER_NS)
    files = segments(directory)
    begin, offset = (
        _cursor_position(files, cursor) if cursor else _first_position(files, from_ns - _DISORDER_NS)
    )
    for number, path in enumerate(files[begin:], begin):
        if _is_later(files, number, selection.end_ns):
            return
        for record, position in _segment_records(path, offset, selection, is_newest=path is files[-1]):
            if record.envelope.event_time_ns > selection.end_ns:
                return
            yield record, f"{segment_of(path)}:{position}"
        offset = 0


def cursor_at(position: LogPosition) -> str:
    """The cursor for reading from a position on."""
    return f"{segment_name(position.segment)}:{position.offset_bytes}"


def last_time_ns(directory: Path) -> int:
    """Approximate time of the newest record of a log; 0 for an empty one."""
    return next(filter(None, map(last_time_ns_of, _readable(reversed(segments(directory))))), 0)


def last_time_ns_of(path: Path) -> int:
    """Approximate time of the newest record of a segment; 0 where it has none."""
    if is_closed(path):
        return read_index(path).last_time_ns
    with open_segment(path) as file:
        file.seek(max(0, text_size_bytes(path) - _BISECT_BYTES))
        times = [time_ns_of(line) for line in file.read().splitlines()]
    return next(filter(None, reversed(times)), 0)


def first_time_ns(directory: Path) -> int:
    """Time of the oldest readable record; 0 where there is none."""
    return next(map(first_time_ns_of, _readable(segments(directory))), 0)


def _readable(files: Iterable[Path]) -> Iterator[Path]:
    return (path for path in files if not is_damaged(path))


def _begin_ns(files: list[Path], number: int) -> int:
    """Time of a segment's first record; if it is damaged or empty, that of the previous one, else 0."""
    return next(filter(None, map(first_time_ns_of, _readable(files[number::-1]))), 0)


def _is_later(files: list[Path], number: int, time_ns: int) -> bool:
    """Whether all records of a segment are later than a time.

    For a damaged segment the previous one decides; raises LogDamagedError where it cannot.
    """
    try:
        return first_time_ns_of(files[number]) > time_ns
    except LogDamagedError:
        if number and last_time_ns_of(files[number - 1]) > time_ns:
            return True
        raise


def _segment_records(
    path: Path, offset: int, selection: _Selection, *, is_newest: bool
) -> Iterator[tuple[LoggedRecord, int]]:
    """Committed records of a segment, each with its end offset; an uncommitted tail is ignored."""
    pending: list[tuple[LoggedRecord, int]] = []
    lines = _closed_lines if is_closed(path) else _plain_lines
    for end, line in lines(path, offset, selection):
        if not _may_concern(line, selection.names):
            continue
        body = checked_body(line)
        if body is None and is_newest:
            return
        if body is None:
            raise LogDamagedError(
                f"{path} is damaged before byte {end}: restore the file from a copy, or choose another time"
            )
        record = parse_body(body)
        if record is None:
            yield from pending
            pending.clear()
        else:
            pending.append((record, end))


def _plain_lines(path: Path, offset: int, selection: _Selection) -> Iterator[tuple[int, bytes]]:
    """Lines of a plain segment with their end offsets, up to the first commit after the range."""
    with open_segment(path) as file:
        _, limit = _bisect(file, text_size_bytes(path), selection.end_ns)
        file.seek(offset)
        for line in file:
            offset += len(line)
            yield offset, line
            if offset >= limit and line.startswith(COMMIT_BEGINS, CHECKSUM_LENGTH - 1):
                return


def _closed_lines(path: Path, offset: int, selection: _Selection) -> Iterator[tuple[int, bytes]]:
    """Lines of a closed segment with their end offsets, from the frames with selected topics."""
    frames = FrameReader(path)
    try:
        begins = frames.index.raw_offsets()
        first = bisect_right(begins, offset) - 1
        for number in frames.index.frames_with(topics=selection.topics):
            if frames.index.frames[number].first_time_ns > selection.end_ns:
                return
            if number >= first:
                end = max(begins[number], offset)
                for line in frames.text(number)[end - begins[number] :].splitlines(keepends=True):
                    end += len(line)
                    yield end, line
    finally:
        frames.close()


def _may_concern(line: bytes, topics: frozenset[bytes]) -> bool:
    """Whether a line may be a commit or a record of these topics, without parsing it: most are neither."""
    if not line.startswith(_TOPIC_BEGINS, CHECKSUM_LENGTH):
        return True
    begin = CHECKSUM_LENGTH + len(_TOPIC_BEGINS)
    end = line.find(b'"', begin)
    return end < 0 or line[begin:end] in topics


def _cursor_position(files: list[Path], cursor: str) -> tuple[int, int]:
    name, _, offset = cursor.partition(":")
    position = whole_number(offset)
    for index, path in enumerate(files):
        if segment_of(path) == name and position is not None and position <= text_size_bytes(path):
            return index, position
    raise ConfigError(f"{shortened(cursor)!r} is not a cursor of this log: start without one")


def _first_position(files: list[Path], from_ns: int) -> tuple[int, int]:
    """Segment and offset at which to start reading for everything at or after a time."""
    numbers = range(len(files))
    index = max(0, bisect_left(numbers, from_ns, key=lambda number: _begin_ns(files, number)) - 1)
    while index and (is_damaged(files[index]) or not first_time_ns_of(files[index])):
        index -= 1
    path = files[index]
    if is_closed(path):
        found = read_index(path)
        return index, found.raw_offsets()[found.frame_before(from_ns)]
    with open_segment(path) as file:
        return index, _bisect(file, text_size_bytes(path), from_ns)[0]


def _bisect(file: BinaryIO, size_bytes: int, time_ns: int) -> tuple[int, int]:
    """Two offsets: everything before the first, which is the start of a line, is older than a time; nothing
    after the second is.
    """
    low, high = 0, size_bytes
    while high - low > _BISECT_BYTES:
        middle = (low + high) // 2
        begin, found_ns = _next_time(file, middle, high)
        if found_ns is not None and found_ns < time_ns:
            low = begin
        else:
            high = middle
    return low, high


def _next_time(file: BinaryIO, offset: int, limit: int) -> tuple[int, int | None]:
    """Start and time of the first record after an offset."""
    file.seek(offset)
    begin = offset + len(file.readline())
    while begin < limit:
        line = file.readline()
        time_ns = time_ns_of(line)
        if time_ns is not None or not line:
            return begin, time_ns
        begin += len(line)
    return begin, None
