"""A topic log on disk: every record of every topic in the order of publication, one line each.

Records that belong together end with a commit line (line format: lines.py). Whatever follows the newest
commit after a crash is the torn tail, which the next start truncates. A damaged line anywhere else is an
error.

All topics share one log: truncation then removes a suffix of a single history, so that no output outlives the
input that caused it. The log is written in segments (segments.py).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.bus import EMBEDDED_PARTITION, Record, TopicPartition
from runtime.errors import ConfigError
from runtime.log.chain import CHAIN_FILE
from runtime.log.lines import (
    LoggedRecord,
    body_head,
    checked_body,
    line_of,
    parse_body,
    record_body,
    time_ns_of,
)
from runtime.log.packed import read_index
from runtime.log.position import (
    COMPRESSED_SUFFIX,
    SUFFIX,
    LogPosition,
    LogStanding,
    segment_name,
    segment_path,
)
from runtime.log.reading import LogFileReader, read_log
from runtime.log.segments import (
    PARTIAL_SUFFIX,
    first_record_of,
    first_time_ns_of,
    is_closed,
    segment_files,
    segment_of,
    segments,
)
from runtime.state.appending import AppendedFile, disk_must_take
from runtime.state.checkpoint import FOLDER as CHECKPOINTS
from runtime.state.folder_lock import SUFFIX as LOCK_SUFFIX
from runtime.state.folder_lock import FolderLock
from runtime.state.private_files import make_folder, narrow
from schemas.envelope import Envelope, decode, encode
from schemas.message import Event
from schemas.process import ConfigApplied
from schemas.topics import BY_NAME
from schemas.units import NS_PER_S

__all__ = ["LogFileBus", "LogFileReader", "LoggedRecord", "TornTail", "read_log", "segments", "write_log"]

SEGMENT_BYTES_MAX = 256 * 1024 * 1024
"""A new segment begins once the current one has this size,"""
SEGMENT_NS_MAX = 3_600 * NS_PER_S
"""or spans this much event time."""
_OWN = (SUFFIX, COMPRESSED_SUFFIX, PARTIAL_SUFFIX, CHAIN_FILE, CHECKPOINTS, ".key", LOCK_SUFFIX)


@dataclass(frozen=True, slots=True)
class TornTail:
    """Uncommitted records of a crash, truncated by the next start."""

    records: int
    """Complete records that were truncated."""
    size_bytes: int
    """Bytes that were truncated, including a torn last line."""


class LogFileBus:
    """A bus that stores records on disk only; `commit` makes them visible to readers and crash-safe.

    Opening an existing log truncates its torn tail (`torn_tail`) and continues its offsets. Raises
    RefusedError where another process is writing to it.
    """

    def __init__(
        self,
        directory: Path,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        standing: LogStanding | None = None,
    ) -> None:
        """`standing`: the writer's state at an earlier position; recovery reads the log from there."""
        self.directory = directory
        self._segment_bytes_max = segment_bytes_max
        self._offsets: dict[str, int] = dict.fromkeys(BY_NAME, 0)
        self._buffer: list[bytes] = []
        self._heads: dict[tuple[str, int, str, str, str], bytes] = {}
        self._committed_records = 0
        self.last_event_time_ns = 0
        """Newest event time in the log; 0 for a new one."""
        self.last_sequences: Counter[str] = Counter()
        """By producer."""
        self.newest_configs: dict[str, ConfigApplied] = {}
        """By process, the configuration of its newest start in the log as opened."""
        self.on_segment_end: Callable[[], None] = lambda: None
        """Called when a segment is complete."""
        make_folder(directory, _OWN)
        self._lock = FolderLock(directory, "the log", f"`maker halt --log {directory}` stops its trading")
        for path in segment_files(directory):
            narrow(path)
        self.torn_tail = self._recover(standing)
        self._file = AppendedFile(self._newest())
        self._segment_began_ns = first_time_ns_of(self._file.path)

    def _recover(self, standing: LogStanding | None) -> TornTail:
        files = segment_files(self.directory)
        if not files:
            return TornTail(0, 0)
        standing = standing or _begin_of(files[0])
        if standing is not None:
            self._offsets.update(standing.offsets)
            self.last_sequences.update(standing.sequences)
            self.last_event_time_ns = standing.event_time_ns
            self._committed_records = standing.position.records
        position = None if standing is None else standing.position
        for record in read_log(self.directory, position):
            if record.partition != EMBEDDED_PARTITION:
                raise ConfigError(
                    f"{self.directory} was exported from Kafka: it can be replayed, but not resumed"
                )
            self._offsets[record.topic] = record.offset + 1
            self._committed_records += 1
            self.last_sequences[record.envelope.producer] = record.envelope.sequence
            if record.envelope.type_name == ConfigApplied.type_name:
                self.newest_configs[record.key] = decode(ConfigApplied, record.payload)
            self.last_event_time_ns = max(self.last_event_time_ns, record.envelope.event_time_ns)
        if is_closed(files[-1]):
            return TornTail(0, 0)
        is_in_file = position is not None and segment_of(files[-1]) == segment_name(position.segment)
        return _cut_torn_tail(files[-1], position.offset_bytes if position is not None and is_in_file else 0)

    def _newest(self) -> Path:
        files = segment_files(self.directory)
        return files[-1] if files and not is_closed(files[-1]) else self._new_segment()

    def _new_segment(self) -> Path:
        return segment_path(self.directory, self._committed_records)

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """Buffer a message for the next commit."""
        offset = self._offsets[topic]
        self._offsets[topic] = offset + 1
        key = message.key
        self.append(LoggedRecord(topic, EMBEDDED_PARTITION, offset, key, envelope, encode(message)))
        return Record(topic, EMBEDDED_PARTITION, offset, key, envelope, message)

    def append(self, record: LoggedRecord) -> None:
        """Buffer a record from another bus, which has its offset already."""
        topic, partition, _, key, envelope, _ = record
        self.last_sequences[envelope.producer] = envelope.sequence
        self.last_event_time_ns = max(self.last_event_time_ns, envelope.event_time_ns)
        kind = (topic, partition, key, envelope.producer, envelope.type_name)
        head = self._heads.get(kind)
        if head is None:
            head = self._heads[kind] = body_head(record)
        self._buffer.append(line_of(record_body(head, record)))

    @property
    def segment(self) -> int:
        """First record number of the segment being written."""
        return first_record_of(self._file.path)

    @property
    def standing(self) -> LogStanding:
        """The writer's state at the newest commit; read it only while nothing is buffered."""
        position = LogPosition(self.segment, self._file.size_bytes, self._committed_records)
        return LogStanding(position, dict(self._offsets), dict(self.last_sequences), self.last_event_time_ns)

    def commit(self) -> None:
        """Write the buffered records and a commit line in one write.

        Raises LogLostError where the write fails: none of it is in the log then, and nothing more is written.
        Raises LogGoneError where the file is no longer in its folder.
        """
        if not self._buffer:
            return
        count = len(self._buffer)
        newest_ns = time_ns_of(self._buffer[-1]) or 0
        if not self._file.size_bytes:
            self._segment_began_ns = time_ns_of(self._buffer[0]) or 0
        self._file.append(b"".join((*self._buffer, line_of(b'{"commit":%d}' % count))))
        self._buffer.clear()
        self._committed_records += count
        age_ns = newest_ns - self._segment_began_ns
        if self._file.size_bytes >= self._segment_bytes_max or age_ns >= SEGMENT_NS_MAX:
            self._roll()

    def _roll(self) -> None:
        self._file.sync()
        with disk_must_take(self.directory):
            full, self._file = self._file, AppendedFile(self._new_segment())
        full.close()
        self.on_segment_end()

    @property
    def is_lost(self) -> bool:
        """Whether the disk has failed, so that nothing more is written."""
        return self._file.is_lost

    def sync(self) -> None:
        """Sync commits to disk; raises LogLostError where the disk does not confirm it."""
        self._file.sync()

    async def flush(self) -> None:
        """Commit and sync."""
        self.commit()
        self.sync()

    def reader(self, positions: Mapping[TopicPartition, int]) -> "LogFileReader":
        """A reader of committed records."""
        return LogFileReader(self.directory, positions)

    def counts(self) -> Mapping[str, int]:
        """Number of records by topic."""
        return self._offsets

    async def end_offset(self, partition: TopicPartition) -> int:
        """The offset that the next record will get."""
        return self._offsets[partition.topic] if partition.partition == EMBEDDED_PARTITION else 0

    async def close(self) -> None:
        """Commit, sync and close; a log whose disk has failed is closed as it is."""
        try:
            if not self._file.is_lost:
                self.commit()
        finally:
            self._file.close()
            self._lock.release()


def write_log(directory: Path, batches: Iterable[Sequence[LoggedRecord]]) -> int:
    """Write batches of records to a new log, one commit per batch; returns the number of records."""
    bus = LogFileBus(directory)
    count = 0
    for batch in batches:
        for record in batch:
            bus.append(record)
        bus.commit()
        count += len(batch)
    return count


def _begin_of(first: Path) -> LogStanding | None:
    """The writer's state at the start of a log's first segment; None where it is not recorded."""
    return read_index(first).begins if is_closed(first) else None


def _cut_torn_tail(path: Path, committed_bytes: int) -> TornTail:
    """Truncate the newest file after its last commit, which ends at `committed_bytes` or later."""
    position = committed_bytes
    records = 0
    with path.open("rb") as file:
        file.seek(committed_bytes)
        for line in file:
            position += len(line)
            body = checked_body(line)
            if body is None:
                break
            if parse_body(body) is None:
                committed_bytes, records = position, 0
            else:
                records += 1
    size_bytes = path.stat().st_size - committed_bytes
    if size_bytes:
        os.truncate(path, committed_bytes)
    return TornTail(records, size_bytes)
