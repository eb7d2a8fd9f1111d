"""Reads a log from disk in the order of publication."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from runtime.bus import Record, TopicPartition
from runtime.errors import LogDamagedError, LogGoneError, OffsetOutOfRangeError
from runtime.log.lines import LoggedRecord, checked_body, parse_body
from runtime.log.position import LogPosition, segment_name
from runtime.log.segments import (
    check_begin,
    first_record_of,
    is_closed,
    open_segment,
    segment_of,
    segments,
)


def read_log(directory: Path, since: LogPosition | None = None) -> Iterator[LoggedRecord]:
    """Committed records in order of publication, from `since` or from the oldest segment on.

    A torn tail is ignored. Raises LogDamagedError, naming file and line or frame, where the log is damaged
    elsewhere or a segment is missing, and LogGoneError where retention deleted the position.
    """
    files = _files_since(segments(directory), since)
    offset = 0 if since is None else since.offset_bytes
    count = first_record_of(files[0]) if since is None else since.records
    for path in files:
        check_begin(path, count if path is not files[0] or since is None else since.segment)
        for record in _read_segment(path, offset, is_newest=path is files[-1]):
            count += 1
            yield record
        offset = 0


def _read_segment(path: Path, offset: int, *, is_newest: bool) -> Iterator[LoggedRecord]:
    pending: list[LoggedRecord] = []
    with open_segment(path, offset) as file:
        for number, line in enumerate(file, start=1):
            body = checked_body(line)
            if body is None:
                _refuse_damage(path, number, file, is_torn=is_newest and not is_closed(path))
                return
            record = parse_body(body)
            if record is not None:
                pending.append(record)
                continue
            yield from pending
            pending.clear()


def _files_since(files: list[Path], since: LogPosition | None) -> list[Path]:
    if since is None:
        return files
    name = segment_name(since.segment)
    if segment_of(files[0]) > name:
        raise LogGoneError(
            f"{files[0].parent} starts at record {first_record_of(files[0])}: retention deleted everything "
            "before it; read the log from there"
        )
    found = [path for path in files if segment_of(path) >= name]
    if not found:
        raise LogDamagedError(
            f"{files[0].parent} lacks its newest segment, {name}: restore the file from a copy"
        )
    return found


def _refuse_damage(path: Path, number: int, rest: Iterable[bytes], *, is_torn: bool) -> None:
    """A damaged line is a torn tail only if no commit follows it."""
    bodies = map(checked_body, rest)
    if not is_torn or any(body is not None and parse_body(body) is None for body in bodies):
        raise LogDamagedError(
            f"{path} line {number} is damaged, and committed records follow it: "
            "restore the file from a copy, or replay an older log"
        )


class LogFileReader:
    """Reads a log from disk. Each poll scans from the log's start: for tests and tools only."""

    def __init__(self, directory: Path, positions: Mapping[TopicPartition, int]) -> None:
        self._directory = directory
        self._positions = dict(positions)

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next committed records; never waits, since only the log's own bus appends to it."""
        del timeout_s
        taken: list[Record] = []
        begins: dict[TopicPartition, int] = {}
        ends: dict[TopicPartition, int] = {}
        for record in read_log(self._directory):
            partition = TopicPartition(record.topic, record.partition)
            begins.setdefault(partition, record.offset)
            ends[partition] = record.offset + 1
            if len(taken) < max_records and self._positions.get(partition) == record.offset:
                self._positions[partition] = record.offset + 1
                taken.append(record.decoded())
        for partition, position in self._positions.items():
            if position < begins.get(partition, 0):
                raise OffsetOutOfRangeError(
                    f"offset {position} of {partition.topic} was deleted: the log starts at offset "
                    f"{begins[partition]}"
                )
            if position > ends.get(partition, 0):
                raise OffsetOutOfRangeError(
                    f"offset {position} of {partition.topic} is beyond its end {ends.get(partition, 0)}"
                )
        return taken

    async def close(self) -> None:
        """No resources to release."""
