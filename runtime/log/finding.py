"""Finds the records of a few types in a topic log, skipping the others: seconds instead of minutes."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from heapq import merge
from pathlib import Path

import structlog

from runtime.errors import LogDamagedError
from runtime.log.lines import COMMIT_BEGINS, LoggedRecord, checked_body, parse_body
from runtime.log.packed import frame_texts, intact_index, read_index
from runtime.log.segments import (
    check_begin,
    commits_of,
    first_record_of,
    is_closed,
    is_damaged,
    segments,
)

_PART_BYTES = 4 * 1024 * 1024

logger = structlog.get_logger()


def find_records(
    directory: Path, types: Collection[str], first_record: int = 0, *, past_damage: bool = False
) -> Iterator[LoggedRecord]:
    """The committed records of the given wire types, in order of publication; `first_record` selects the
    segment to begin with.

    In closed segments only frames with such records are read. Other lines are not checked: `read_log` does
    that. Damaged lines of these types are skipped. Raises ConfigError where there is no log, and
    LogDamagedError where a closed segment is damaged or the next one is missing; with `past_damage` it logs a
    warning and continues after it.
    """
    before: Path | None = None
    for path in segments(directory):
        if first_record_of(path) >= first_record:
            with _passing_over(past_damage):
                _check_follows(before, path)
            with _passing_over(past_damage):
                yield from find_in_segment(path, types)
            before = path


def _check_follows(before: Path | None, path: Path) -> None:
    index = None if before is None or not is_closed(before) else intact_index(before)
    if index is not None and not is_damaged(path):
        check_begin(path, index.begins.position.segment + index.records)


@contextmanager
def _passing_over(past_damage: bool) -> Iterator[None]:
    try:
        yield
    except LogDamagedError as error:
        if not past_damage:
            raise
        logger.warning("log_damaged", because=str(error), then="reading continues with what is left")


def find_in_segment(path: Path, types: Collection[str]) -> Iterator[LoggedRecord]:
    """As `find_records`, for one segment."""
    for text in _texts(path, types):
        yield from _found(text, types, max(0, text.rfind(COMMIT_BEGINS)))


def _texts(path: Path, types: Collection[str]) -> Iterator[bytes]:
    """A segment's text in parts that end at a commit, except for the tail after the newest one."""
    if is_closed(path):
        return frame_texts(path, read_index(path).frames_with(types=types))
    return commits_of(path, _PART_BYTES)


def _found(text: bytes, types: Collection[str], end: int) -> Iterator[LoggedRecord]:
    for begin in merge(*(_places(text, name, end) for name in types)):
        body = checked_body(text[begin : text.find(b"\n", begin) + 1])
        record = None if body is None else parse_body(body)
        if record is not None and record.envelope.type_name in types:
            yield record


def _places(text: bytes, type_name: str, end: int) -> Iterator[int]:
    """Start offsets of lines of a type. Inside a string its quotes would be escaped."""
    mark = b'"type":"%b"' % type_name.encode()
    place = text.find(mark, 0, end)
    while place >= 0:
        yield text.rfind(b"\n", 0, place) + 1
        place = text.find(mark, place + len(mark), end)
