"""Reads a time range of a log on disk without reading all of it.

Records are in order of publication, and nearly in order of time: what a process publishes late, as while it
starts on a busy machine, is dated by what it was about. So places are found by the oldest and newest time of
each part: of the frames of a closed segment by its index, of a plain one by `plain_times.py`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

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
from runtime.log.plain_times import times_of_plain
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

_LATE_NS_MAX = 300 * NS_PER_S
"""A segment is searched for a time if the next one begins at most this much before it, and the one itself at
most this much after it. Within a segment nothing is assumed."""
_TOPIC_BEGINS = b'{"topic":"'
_TAIL_BYTES = 64 * 1024


class _Selection(NamedTuple):
    """What to read of each segment."""

    topics: frozenset[str]
    names: frozenset[bytes]
    """The topics, encoded as in lines."""
    from_ns: int
    to_ns: int


def log_records(
    directory: Path, topics: frozenset[str], from_ns: int, to_ns: int, cursor: str | None = None
) -> Iterator[tuple[LoggedRecord, str]]:
    """Committed records of the topics within a time range, each with the cursor to continue after it.

    In closed segments only frames with such records are read. Raises ConfigError for an invalid cursor.
    """
    names = frozenset(topic.encode() for topic in topics)
    selection = _Selection(topics, names, from_ns, to_ns)
    files = segments(directory)
    begin, offset = _cursor_position(files, cursor) if cursor else (_first_segment(files, from_ns), 0)
    for number, path in enumerate(files[begin:], begin):
        if is_damaged(path) and not _may_hold(files, number, from_ns, to_ns):
            continue
        if first_time_ns_of(path) > to_ns + _LATE_NS_MAX:
            return
        for record, position in _segment_records(path, offset, selection, is_newest=path is files[-1]):
            if from_ns <= record.envelope.event_time_ns <= to_ns:
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
        file.seek(max(0, text_size_bytes(path) - _TAIL_BYTES))
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


def _may_hold(files: list[Path], number: int, from_ns: int, to_ns: int) -> bool:
    """Whether a damaged segment may hold records of a time range, by its neighbours."""
    after_ns = next(filter(None, map(first_time_ns_of, _readable(files[number + 1 :]))), to_ns)
    before_ns = next(filter(None, map(last_time_ns_of, _readable(files[:number][::-1]))), from_ns)
    return before_ns <= to_ns and after_ns >= from_ns


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
    """Lines of a plain segment with their end offsets, from the first to the first commit after the last of
    the parts that reach into the range.
    """
    parts = [part for part in times_of_plain(path) if part.reaches(selection.from_ns, selection.to_ns)]
    if not parts:
        return
    offset, limit = max(offset, parts[0].begin), parts[-1].end
    with open_segment(path, offset) as file:
        for line in file:
            offset += len(line)
            yield offset, line
            if offset >= limit and line.startswith(COMMIT_BEGINS, CHECKSUM_LENGTH - 1):
                return


def _closed_lines(path: Path, offset: int, selection: _Selection) -> Iterator[tuple[int, bytes]]:
    """Lines of a closed segment with their end offsets, from the frames with selected topics and times."""
    frames = FrameReader(path)
    try:
        begins, times = frames.index.raw_offsets(), frames.index.frame_times()
        first = bisect_right(begins, offset) - 1
        for number in frames.index.frames_with(topics=selection.topics):
            oldest_ns, newest_ns = times[number]
            if number < first or oldest_ns > selection.to_ns or newest_ns < selection.from_ns:
                continue
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


def _first_segment(files: list[Path], from_ns: int) -> int:
    """The segment at which to start reading for everything at or after a time."""
    numbers = range(len(files))
    since_ns = from_ns - _LATE_NS_MAX
    index = max(0, bisect_left(numbers, since_ns, key=lambda number: _begin_ns(files, number)) - 1)
    while index and (is_damaged(files[index]) or not first_time_ns_of(files[index])):
        index -= 1
    return index
