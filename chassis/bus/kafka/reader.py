"""Reads partitions from given offsets on: no consumer group, nothing is committed."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError
from aiokafka.errors import OffsetOutOfRangeError as KafkaOffsetOutOfRangeError
from pydantic import ValidationError

from chassis.bus.base import Record, TopicPartition
from chassis.bus.kafka.client import connection, from_broker, on_broker
from chassis.bus.kafka.wire import BARRIER_TYPE, Stamp, read_headers, writer_of
from chassis.bus.logfile import LoggedRecord
from chassis.errors import DependencyError, OffsetOutOfRangeError
from schemas.deployment import Kafka
from schemas.envelope import Envelope, decode
from schemas.topics import BY_NAME, MESSAGE_TYPES

_TRACES_KEPT = 20_000
FETCH_WAIT_MS = 500
FETCH_BYTES_MAX = 8 * 1024 * 1024


class Poison(NamedTuple):
    """A record that nobody can read."""

    partition: TopicPartition
    offset: int
    reason: str


class RawRecord(NamedTuple):
    """A record whose payload is not decoded yet."""

    logged: LoggedRecord
    stamp: Stamp


class Fence:
    """Knows, for each partition, whose records count and how far each writer has come.

    A record of a writer that was replaced before it does not count, and none counts twice: within a
    partition a producer's sequence only grows.
    """

    def __init__(self, newest: Mapping[tuple[str, int, str], int] | None = None) -> None:
        self.newest: dict[tuple[str, int, str], int] = dict(newest or {})
        """Epoch by (topic, partition, writer + '@'), sequence by (topic, partition, producer)."""

    def admits(self, raw: "RawRecord") -> bool:
        """Does the record count? To be asked once, in order; false for a barrier too."""
        logged, envelope = raw.logged, raw.logged.envelope
        writer = (logged.topic, logged.partition, writer_of(envelope.producer) + "@")
        epoch = raw.stamp.epoch
        if epoch < self.newest.get(writer, epoch):
            return False
        self.newest[writer] = epoch
        if envelope.type_name == BARRIER_TYPE:
            return False
        producer = (logged.topic, logged.partition, envelope.producer)
        if envelope.sequence <= self.newest.get(producer, -1):
            return False
        self.newest[producer] = envelope.sequence
        return True


class TraceIds:
    """Trace ids of what was read lately, so that what it leads to can carry them on."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, str] = OrderedDict()

    def note(self, event_id: str, trace_id: str) -> None:
        """Keep the trace id of an event."""
        self._ids[event_id] = trace_id
        if len(self._ids) > _TRACES_KEPT:
            self._ids.popitem(last=False)

    def get(self, event_id: str | None) -> str | None:
        """The trace id of an event that was noted lately."""
        return None if event_id is None else self._ids.get(event_id)


class KafkaReader:
    """Reads given partitions; connects at the first poll."""

    def __init__(
        self,
        config: Kafka,
        positions: Mapping[TopicPartition, int],
        traces: TraceIds,
        fence: Fence | None = None,
    ) -> None:
        self._config = config
        self.positions = dict(positions)
        """The next offset of each partition."""
        self.fence = fence or Fence()
        self._traces = traces
        self._consumer: AIOKafkaConsumer | None = None
        self.poison: list[Poison] = []
        """What could not be read: skipped here, to be judged by the process."""
        self.fenced_out = 0
        """Records that did not count: of replaced writers, and repeated ones."""

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Up to `max_records` next records; raises OffsetOutOfRangeError, DependencyError."""
        raw = await self.poll_raw(max_records, timeout_s)
        return self.decoded(item for item in raw if self.admits(item))

    async def poll_raw(
        self, max_records: int, timeout_s: float, only: Iterable[TopicPartition] = ()
    ) -> list[RawRecord]:
        """As `poll`, with records that do not count, and no payload decoded; `only` names partitions."""
        consumer = self._consumer or await self._start()
        places = [on_broker(self._config, place) for place in only]
        try:
            fetched = await consumer.getmany(
                *places, timeout_ms=int(timeout_s * 1000), max_records=max_records
            )
        except KafkaOffsetOutOfRangeError as error:
            raise self._out_of_range(error.args[0]) from error
        return [item for records in fetched.values() for record in records for item in self._raw(record)]

    async def _start(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **connection(self._config),
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            raise DependencyError(
                f"no Kafka broker answers at {self._config.bootstrap}: {error}; give another with --kafka"
            ) from error
        self._consumer = consumer
        if self.positions:
            self.seek(self.positions)
        return consumer

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions, from these offsets on, and no others."""
        self.positions = dict(positions)
        if self._consumer is not None:
            self._consumer.assign([on_broker(self._config, place) for place in positions])
            for place, offset in positions.items():
                self._consumer.seek(on_broker(self._config, place), offset)

    def _raw(self, record: Any) -> Iterator[RawRecord]:
        place = from_broker(self._config, record)
        self.positions[place] = record.offset + 1
        try:
            envelope, stamp = read_headers(record.headers)
        except (KeyError, ValueError, IndexError) as error:
            self.poison.append(Poison(place, record.offset, f"headers: {error!r}"))
            return
        key = "" if record.key is None else record.key.decode()
        logged = LoggedRecord(*place, record.offset, key, envelope, record.value or b"")
        yield RawRecord(logged, stamp)

    def admits(self, raw: RawRecord) -> bool:
        """Does the record count, see Fence? To be asked once, in order."""
        counts = self.fence.admits(raw)
        if not counts and raw.logged.envelope.type_name != BARRIER_TYPE:
            self.fenced_out += 1
        return counts

    def decoded(self, raw: Iterable[RawRecord]) -> list[Record]:
        """Records with their messages; what cannot be read goes to `poison`."""
        return [record for item in raw if (record := self._decoded(item)) is not None]

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will get."""
        consumer = self._consumer or await self._start()
        found = await consumer.end_offsets([on_broker(self._config, place) for place in places])
        return {from_broker(self._config, place): offset for place, offset in found.items()}

    async def begin_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset of the oldest record that each partition still has."""
        consumer = self._consumer or await self._start()
        found = await consumer.beginning_offsets([on_broker(self._config, place) for place in places])
        return {from_broker(self._config, place): offset for place, offset in found.items()}

    async def offsets_at(self, times_ms: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offset of the first record at or after a time; partitions without one are left out."""
        consumer = self._consumer or await self._start()
        asked = {on_broker(self._config, place): time_ms for place, time_ms in times_ms.items()}
        found = await consumer.offsets_for_times(asked)
        return {from_broker(self._config, place): at.offset for place, at in found.items() if at is not None}

    def _decoded(self, raw: RawRecord) -> Record | None:
        logged = raw.logged
        envelope: Envelope = logged.envelope
        try:
            message = decode(MESSAGE_TYPES[envelope.type_name], logged.payload)
        except (KeyError, ValidationError) as error:
            place = TopicPartition(logged.topic, logged.partition)
            self.poison.append(Poison(place, logged.offset, f"{type(error).__name__}: {error}"))
            return None
        self._traces.note(envelope.event_id, raw.stamp.trace_id)
        return Record(logged.topic, logged.partition, logged.offset, logged.key, envelope, message)

    def _out_of_range(self, offsets: Mapping[KafkaPartition, int]) -> OffsetOutOfRangeError:
        place, offset = next(iter(offsets.items()))
        topic, partition = from_broker(self._config, place)
        return OffsetOutOfRangeError(
            f"offset {offset} of {topic} partition {partition} is beyond its end, or deleted by retention"
        )

    async def close(self) -> None:
        """Give back the connection."""
        if self._consumer is not None:
            await asyncio.sleep(0)
            # It cancels its tasks, and now and then their end comes up here as if it were our own.
            await asyncio.gather(self._consumer.stop(), return_exceptions=True)
            self._consumer = None


def conflated(raw: list[RawRecord]) -> list[RawRecord]:
    """Of topics that may be conflated, the newest record of each key; of all others, every record."""
    newest: dict[tuple[str, str], int] = {}
    for index, item in enumerate(raw):
        if BY_NAME[item.logged.topic].conflated:
            newest[item.logged.topic, item.logged.key] = index
    return [
        item
        for index, item in enumerate(raw)
        if newest.get((item.logged.topic, item.logged.key), index) == index
    ]
