"""A topic log on disk: every record of every topic in the order of publication, one line each.

A line is `crc32 body\\n`, the checksum of the body as 8 hex digits. The body is a JSON object, readable
with any text tool. Records that belong together are closed by a commit line; what follows the newest
commit when a process dies is its torn tail, which the next start cuts off, and counts. A broken line
anywhere else is damage, and refused.

One file for all topics, not one a topic: a cut then takes a suffix of one history, so an output never
outlives the input it came from.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from chassis.bus.base import EMBEDDED_PARTITION, Record, TopicPartition
from chassis.errors import ConfigError, LogDamagedError, OffsetOutOfRangeError
from schemas.envelope import Envelope, decode, encode
from schemas.message import Event
from schemas.topics import BY_NAME, MESSAGE_TYPES

SEGMENT_BYTES_MAX = 64 * 1024 * 1024
_SUFFIX = ".log"
_MESSAGE_FIELD = b',"message":'
CHECKSUM_LENGTH = 9  # 8 hex digits and a space


class LoggedRecord(NamedTuple):
    """A record as it lies on disk: the payload not decoded."""

    topic: str
    partition: int
    offset: int
    key: str
    envelope: Envelope
    payload: bytes

    def decoded(self) -> Record:
        """The record with its message; raises pydantic.ValidationError."""
        message = decode(MESSAGE_TYPES[self.envelope.type_name], self.payload)
        return Record(self.topic, self.partition, self.offset, self.key, self.envelope, message)


@dataclass(frozen=True, slots=True)
class TornTail:
    """What a crash left behind the newest commit, and the next start cut off."""

    records: int
    """Whole records that were cut."""
    size_bytes: int
    """Bytes that were cut, a broken last line among them."""


def segments(directory: Path) -> list[Path]:
    """The log's files, oldest first; raises ConfigError where there is no log."""
    files = sorted(directory.glob(f"*{_SUFFIX}")) if directory.is_dir() else []
    if not files:
        raise ConfigError(f"{directory} holds no topic log: name the folder that `maker up --log` wrote")
    return files


def read_log(directory: Path) -> Iterator[LoggedRecord]:
    """All committed records in order of publication; what follows the newest commit is left out.

    Raises LogDamagedError, naming file and line, at a broken line that is not in the torn tail.
    """
    pending: list[LoggedRecord] = []
    files = segments(directory)
    for path in files:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                body = checked_body(line)
                if body is None:
                    _refuse_damage(path, number, file.read(), last_file=path is files[-1])
                    return
                record = parse_body(body)
                if record is not None:
                    pending.append(record)
                    continue
                yield from pending
                pending.clear()


def checked_body(line: bytes) -> bytes | None:
    """The body of a whole line, or None where it is torn or broken."""
    body = line[CHECKSUM_LENGTH:-1]
    if not line.endswith(b"\n") or line[:CHECKSUM_LENGTH] != b"%08x " % crc32(body):
        return None
    return body


def _refuse_damage(path: Path, number: int, rest: bytes, *, last_file: bool) -> None:
    """A broken line is a torn tail only where no commit comes after it."""
    committed_later = any(
        body is not None and parse_body(body) is None
        for body in map(checked_body, rest.splitlines(keepends=True))
    )
    if committed_later or not last_file:
        raise LogDamagedError(
            f"{path} line {number} is damaged, and committed records follow it: "
            "restore the file from a copy, or replay an older log"
        )


def parse_body(body: bytes) -> LoggedRecord | None:
    """The record in a body; None for a commit line."""
    head, found, message = body.partition(_MESSAGE_FIELD)
    if not found:
        return None
    fields = json.loads(head + b"}")
    envelope = Envelope(
        fields["producer"], fields["sequence"], fields["cause"], fields["event_time_ns"], fields["type"]
    )
    return LoggedRecord(
        fields["topic"], fields["partition"], fields["offset"], fields["key"], envelope, message[:-1]
    )


class LogFileBus:
    """A bus whose records live on disk alone; `commit` makes them visible to readers and crash-safe.

    Opening an existing log cuts its torn tail (`torn_tail`) and continues its offsets.
    """

    def __init__(self, directory: Path, segment_bytes_max: int = SEGMENT_BYTES_MAX) -> None:
        self._directory = directory
        self._segment_bytes_max = segment_bytes_max
        self._offsets: dict[str, int] = dict.fromkeys(BY_NAME, 0)
        self._buffer: list[bytes] = []
        self._heads: dict[tuple[str, int, str, str, str], bytes] = {}
        self._committed_records = 0
        self.last_event_time_ns = 0
        """Newest event time in the log as it was opened; 0 for a new one."""
        directory.mkdir(parents=True, exist_ok=True)
        self.torn_tail = self._recover()
        self._file = self._open_newest()

    def _recover(self) -> TornTail:
        if not any(self._directory.glob(f"*{_SUFFIX}")):
            return TornTail(0, 0)
        for record in read_log(self._directory):
            if record.partition != EMBEDDED_PARTITION:
                raise ConfigError(
                    f"{self._directory} was exported from Kafka: it can be replayed, and not be gone on with"
                )
            self._offsets[record.topic] = record.offset + 1
            self._committed_records += 1
            self.last_event_time_ns = max(self.last_event_time_ns, record.envelope.event_time_ns)
        return _cut_torn_tail(segments(self._directory))

    def _open_newest(self) -> int:
        files = sorted(self._directory.glob(f"*{_SUFFIX}"))
        path = files[-1] if files else self._new_segment()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def _new_segment(self) -> Path:
        return self._directory / f"{self._committed_records:020d}{_SUFFIX}"

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """Append to what the next commit writes."""
        offset = self._offsets[topic]
        self._offsets[topic] = offset + 1
        key = message.key
        self.append(LoggedRecord(topic, EMBEDDED_PARTITION, offset, key, envelope, encode(message)))
        return Record(topic, EMBEDDED_PARTITION, offset, key, envelope, message)

    def append(self, record: LoggedRecord) -> None:
        """Append a record that has its place already, from another bus."""
        topic, partition, offset, key, envelope, payload = record
        kind = (topic, partition, key, envelope.producer, envelope.type_name)
        head = self._heads.get(kind)
        if head is None:
            head = self._heads[kind] = _head(record)
        cause = b"null" if envelope.cause is None else b'"%b"' % envelope.cause.encode()
        body = b'%b,"offset":%d,"sequence":%d,"cause":%b,"event_time_ns":%d%b%b}' % (
            head,
            offset,
            envelope.sequence,
            cause,
            envelope.event_time_ns,
            _MESSAGE_FIELD,
            payload,
        )
        self._buffer.append(b"%08x %b\n" % (crc32(body), body))

    def commit(self) -> None:
        """Write what was published since the last commit, and a commit line, in one write."""
        if not self._buffer:
            return
        count = len(self._buffer)
        body = b'{"commit":%d}' % count
        self._buffer.append(b"%08x %b\n" % (crc32(body), body))
        _write_all(self._file, b"".join(self._buffer))
        self._buffer.clear()
        self._committed_records += count
        if os.lseek(self._file, 0, os.SEEK_END) >= self._segment_bytes_max:
            self._roll()

    def _roll(self) -> None:
        os.fsync(self._file)
        os.close(self._file)
        self._file = os.open(self._new_segment(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def sync(self) -> None:
        """Have the disk confirm what was committed."""
        os.fdatasync(self._file)

    async def flush(self) -> None:
        """Commit, and have the disk confirm it."""
        self.commit()
        os.fsync(self._file)

    def reader(self, positions: Mapping[TopicPartition, int]) -> "LogFileReader":
        """A reader over what is committed."""
        return LogFileReader(self._directory, positions)

    def counts(self) -> Mapping[str, int]:
        """How many records each topic holds."""
        return self._offsets

    async def end_offset(self, partition: TopicPartition) -> int:
        """The offset of the next record."""
        return self._offsets[partition.topic] if partition.partition == EMBEDDED_PARTITION else 0

    async def close(self) -> None:
        """Commit, have the disk confirm it, and close the file."""
        await self.flush()
        os.close(self._file)


def write_log(directory: Path, batches: Iterable[Sequence[LoggedRecord]]) -> int:
    """Write records, each batch with a commit of its own, to a new log; their number."""
    bus = LogFileBus(directory)
    count = 0
    for batch in batches:
        for record in batch:
            bus.append(record)
        bus.commit()
        count += len(batch)
    return count


def _head(record: LoggedRecord) -> bytes:
    """What the lines of one producer, key and type begin with."""
    fields = {
        "topic": record.topic,
        "partition": record.partition,
        "key": record.key,
        "producer": record.envelope.producer,
        "type": record.envelope.type_name,
    }
    return json.dumps(fields, separators=(",", ":")).encode()[:-1]


def _write_all(file: int, data: bytes) -> None:
    """Write everything: a full disk first shows as a short write without an error."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _cut_torn_tail(files: Sequence[Path]) -> TornTail:
    """Truncate the newest file behind its last commit line."""
    path = files[-1]
    committed_bytes = 0
    position = 0
    records = 0
    with path.open("rb") as file:
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


class LogFileReader:
    """Reads a log from disk. It scans from the log's start: for tests and tools, not for a hot path."""

    def __init__(self, directory: Path, positions: Mapping[TopicPartition, int]) -> None:
        self._directory = directory
        self._positions = dict(positions)

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next committed records. A log on disk grows only by its own bus, so there is no waiting."""
        del timeout_s
        taken: list[Record] = []
        ends: dict[TopicPartition, int] = {}
        for record in read_log(self._directory):
            partition = TopicPartition(record.topic, record.partition)
            ends[partition] = record.offset + 1
            if len(taken) < max_records and self._positions.get(partition) == record.offset:
                self._positions[partition] = record.offset + 1
                taken.append(record.decoded())
        for partition, position in self._positions.items():
            if position > ends.get(partition, 0):
                raise OffsetOutOfRangeError(
                    f"offset {position} of {partition.topic} is beyond its end {ends.get(partition, 0)}"
                )
        return taken

    async def close(self) -> None:
        """Nothing to give back."""
