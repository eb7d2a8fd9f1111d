"""Reads partitions from explicit offsets: no consumer group, no committed offsets."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError
from aiokafka.errors import OffsetOutOfRangeError as KafkaOffsetOutOfRangeError
from pydantic import ValidationError

from runtime.bus import Record, TopicPartition
from runtime.errors import DependencyError, OffsetOutOfRangeError
from runtime.kafka.client import CLOSE_LIMIT_S, BrokerWait, connection, start_client, wait_at_most
from runtime.kafka.layout import from_broker, is_owner, to_broker
from runtime.kafka.wire import BARRIER_TYPE, Stamp, read_headers, writer_of
from runtime.log.logfile import LoggedRecord
from schemas.deployment import Kafka
from schemas.envelope import Envelope, decode
from schemas.topics import BY_NAME, MESSAGE_TYPES

_TRACES_KEPT = 20_000
FETCH_WAIT_MS = 500
FETCH_BYTES_MAX = 8 * 1024 * 1024
Answer = TypeVar("Answer")


class Fetching(NamedTuple):
    """How a reader fetches from the broker."""

    wait_ms: int
    """The longest a fetch waits for records; a broker serves one fetch of a reader at a time."""
    partition_bytes_max: int
    """Read-ahead per partition."""
    at_once: bool = True
    """False: partitions are paused until `fetch_only` selects some."""


LIVE = Fetching(FETCH_WAIT_MS, FETCH_BYTES_MAX)
PAST = Fetching(wait_ms=5, partition_bytes_max=256 * 1024, at_once=False)
"""For reading partitions in turn, each only as far as needed: an empty one does not delay the others."""


class Poison(NamedTuple):
    """A record that cannot be decoded."""

    partition: TopicPartition
    offset: int
    reason: str


class RawRecord(NamedTuple):
    """A record with an undecoded payload."""

    logged: LoggedRecord
    stamp: Stamp


class Fence:
    """Tracks the epoch of each writer and the sequence of each producer, per partition.

    Records of a fenced epoch and repeated sequences are not admitted: within a partition, a producer's
    sequence only increases.
    """

    def __init__(self, newest: Mapping[tuple[str, int, str], int] | None = None) -> None:
        self.newest: dict[tuple[str, int, str], int] = dict(newest or {})
        """Epoch by (topic, partition, writer + '@'), sequence by (topic, partition, producer)."""

    def admits(self, raw: "RawRecord") -> bool:
        """Whether the record counts; call once per record, in order. False for barriers."""
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
    """Trace ids of recently read events, to be propagated to the messages that they cause."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, str] = OrderedDict()

    def record(self, event_id: str, trace_id: str) -> None:
        """Remember the trace id of an event."""
        self._ids[event_id] = trace_id
        if len(self._ids) > _TRACES_KEPT:
            self._ids.popitem(last=False)

    def get(self, event_id: str | None) -> str | None:
        """The trace id of a recent event."""
        return None if event_id is None else self._ids.get(event_id)


class KafkaReader:
    """Reads the given partitions; connects at the first poll."""

    def __init__(
        self,
        config: Kafka,
        positions: Mapping[TopicPartition, int],
        traces: TraceIds,
        fence: Fence | None = None,
        *,
        checks_owners: bool = True,
        wait_for_broker: BrokerWait | None = None,
        fetching: Fetching = LIVE,
    ) -> None:
        """`checks_owners`: in a divided topic, ignore records outside the part of their process; False for
        imported logs. Without `wait_for_broker`, an unavailable broker raises DependencyError.
        """
        self._wait_for_broker = wait_for_broker
        self._checks_owners = checks_owners
        self._fetching = fetching
        self._config = config
        self.positions = dict(positions)
        """The next offset of each partition."""
        self.fence = fence or Fence()
        self._traces = traces
        self._consumer: AIOKafkaConsumer | None = None
        self.poison: list[Poison] = []
        """Skipped records that could not be decoded; the process decides what they mean."""
        self.fenced_out = 0
        """Number of rejected records: of fenced writers, repeated, or outside the part of their process."""

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Up to `max_records` next records; raises OffsetOutOfRangeError, DependencyError."""
        raw = await self.poll_raw(max_records, timeout_s)
        return self.decoded(item for item in raw if self.admits(item))

    async def poll_raw(
        self, max_records: int, timeout_s: float, only: Iterable[TopicPartition] = ()
    ) -> list[RawRecord]:
        """As `poll`, including records that do not count, undecoded; `only` selects partitions."""
        consumer = self._consumer or await self._start()
        partitions = [to_broker(self._config, tp) for tp in only]
        try:
            fetched = await consumer.getmany(
                *partitions, timeout_ms=int(timeout_s * 1000), max_records=max_records
            )
        except KafkaOffsetOutOfRangeError as error:
            raise self._out_of_range(error.args[0]) from error
        return [item for records in fetched.values() for record in records for item in self._raw(record)]

    async def _start(self) -> AIOKafkaConsumer:
        consumer = self._consumer = await start_client(self._make, self._config, self._wait_for_broker)
        if self.positions:
            self.seek(self.positions)
            if not self._fetching.at_once:
                self.fetch_only(())
        return consumer

    def _make(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **connection(self._config),
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=self._fetching.wait_ms,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=self._fetching.partition_bytes_max,
        )

    async def _ask(self, ask: Callable[[AIOKafkaConsumer], Awaitable[Answer]]) -> Answer:
        """The broker's answer; if it becomes unavailable, wait and retry, or raise DependencyError."""
        while True:
            consumer = self._consumer or await self._start()
            try:
                return await ask(consumer)
            except KafkaError as error:
                if self._wait_for_broker is None:
                    raise DependencyError(
                        f"the broker at {self._config.bootstrap} no longer answers: {error!r}"
                    ) from error
                await self._wait_for_broker()

    async def _ask_about(
        self, partitions: Iterable[KafkaPartition], ask: Callable[[AIOKafkaConsumer], Awaitable[Answer]]
    ) -> Answer:
        """Assign all partitions first, so that a new consumer fetches the metadata of all topics at once."""

        async def assign_and_ask(consumer: AIOKafkaConsumer) -> Answer:
            if not self.positions and not consumer.assignment():
                consumer.assign(list(partitions))
                for tp in partitions:
                    consumer.seek(tp, 0)
                consumer.pause(*partitions)  # only their offsets are needed
            return await ask(consumer)

        return await self._ask(assign_and_ask)

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions, from these offsets on."""
        self.positions = dict(positions)
        if self._consumer is not None:
            self._consumer.assign([to_broker(self._config, tp) for tp in positions])
            for tp, offset in positions.items():
                self._consumer.seek(to_broker(self._config, tp), offset)

    def jump(self, positions: Mapping[TopicPartition, int]) -> None:
        """Move the positions of some partitions."""
        self.positions |= positions
        if self._consumer is not None:
            for tp, offset in positions.items():
                self._consumer.seek(to_broker(self._config, tp), offset)

    def fetch_only(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch only these partitions from now on, and pause the others."""
        if self._consumer is not None:
            selected = {to_broker(self._config, tp) for tp in partitions}
            paused = self._consumer.paused()
            self._consumer.pause(*(self._consumer.assignment() - selected - paused))
            self._consumer.resume(*(selected & paused))

    def _raw(self, record: Any) -> Iterator[RawRecord]:
        tp = from_broker(self._config, record)
        self.positions[tp] = record.offset + 1
        try:
            envelope, stamp = read_headers(record.headers)
        except (KeyError, ValueError, IndexError) as error:
            self.poison.append(Poison(tp, record.offset, f"headers: {error!r}"))
            return
        key = "" if record.key is None else record.key.decode()
        logged = LoggedRecord(*tp, record.offset, key, envelope, record.value or b"")
        yield RawRecord(logged, stamp)

    def admits(self, raw: RawRecord) -> bool:
        """Whether the record counts, see Fence; call once per record, in order."""
        logged = raw.logged
        tp = TopicPartition(logged.topic, logged.partition)
        counts = self._is_owner(tp, writer_of(logged.envelope.producer)) and self.fence.admits(raw)
        if not counts and raw.logged.envelope.type_name != BARRIER_TYPE:
            self.fenced_out += 1
        return counts

    def _is_owner(self, tp: TopicPartition, process: str) -> bool:
        return not self._checks_owners or is_owner(tp, process, self._config.partitions)

    def decoded(self, raw: Iterable[RawRecord]) -> list[Record]:
        """Records with decoded messages; those that cannot be decoded are added to `poison`."""
        return [record for item in raw if (record := self._decoded(item)) is not None]

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will get."""
        asked = [to_broker(self._config, tp) for tp in partitions]
        found = await self._ask_about(asked, lambda consumer: consumer.end_offsets(asked))
        return {from_broker(self._config, tp): offset for tp, offset in found.items()}

    def known_ends(self) -> dict[TopicPartition, int]:
        """End offsets as of the latest fetches, without a request."""
        if self._consumer is None:
            return {}
        highwater = self._consumer.highwater
        found = {tp: highwater(to_broker(self._config, tp)) for tp in self.positions}
        return {tp: end for tp, end in found.items() if end is not None}

    async def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset of the oldest retained record of each partition."""
        asked = [to_broker(self._config, tp) for tp in partitions]
        found = await self._ask_about(asked, lambda consumer: consumer.beginning_offsets(asked))
        return {from_broker(self._config, tp): offset for tp, offset in found.items()}

    async def offsets_at(self, times_ms: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The offset of the first record at or after a time, by partition; those without one are omitted."""
        asked = {to_broker(self._config, tp): time_ms for tp, time_ms in times_ms.items()}
        found = await self._ask(lambda consumer: consumer.offsets_for_times(asked))
        return {from_broker(self._config, tp): at.offset for tp, at in found.items() if at is not None}

    def _decoded(self, raw: RawRecord) -> Record | None:
        logged = raw.logged
        envelope: Envelope = logged.envelope
        tp = TopicPartition(logged.topic, logged.partition)
        try:
            message = decode(MESSAGE_TYPES[envelope.type_name], logged.payload)
        except (KeyError, ValidationError) as error:
            self.poison.append(Poison(tp, logged.offset, f"{type(error).__name__}: {error}"))
            return None
        if not self._is_owner(tp, message.key):
            self.fenced_out += 1  # about a process that may not publish there
            return None
        self._traces.record(envelope.event_id, raw.stamp.trace_id)
        return Record(logged.topic, logged.partition, logged.offset, logged.key, envelope, message)

    def _out_of_range(self, offsets: Mapping[KafkaPartition, int]) -> OffsetOutOfRangeError:
        tp, offset = next(iter(offsets.items()))
        topic, partition = from_broker(self._config, tp)
        return OffsetOutOfRangeError(
            f"offset {offset} of {topic} partition {partition} is beyond its end, or was deleted by retention"
        )

    async def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await asyncio.sleep(0)
            # aiokafka cancels its tasks, and the cancellation sometimes surfaces here as if it were ours
            await wait_at_most(CLOSE_LIMIT_S, self._consumer.stop())
            self._consumer = None


def conflated(raw: list[RawRecord]) -> list[RawRecord]:
    """The newest record per key for topics that may be conflated, and every record of all others."""
    newest: dict[tuple[str, str], int] = {}
    for index, item in enumerate(raw):
        if BY_NAME[item.logged.topic].conflated:
            newest[item.logged.topic, item.logged.key] = index
    return [
        item
        for index, item in enumerate(raw)
        if newest.get((item.logged.topic, item.logged.key), index) == index
    ]
