"""The topics on Kafka as one log: every record after what led to it, as `maker up` writes it to disk.

Kafka orders records within a partition alone. The order between partitions comes from the traces: before a
trace stand the inputs that it names and the outputs that it counts. So this reads as far as the next trace
needs, and holds no more than the partitions are apart.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.reader import KafkaReader
from chassis.bus.logfile import LoggedRecord
from chassis.errors import ConfigError, LogDamagedError
from chassis.shell import ADAPTER_SUFFIX, TRACE_SUFFIX
from chassis.tracewalk import kind_of
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.process import EpochClaim, Trace
from schemas.topics import BY_NAME, TOPICS

_TRACES = "process.trace"
_FETCHED_MAX = 2_000
_FETCH_S = 5.0
_SILENT_FETCHES_MAX = 12


class _Cursor:
    """One partition, read forward; only records that count."""

    def __init__(self, place: TopicPartition, end: int, reader: KafkaReader) -> None:
        self.place = place
        self._end = end
        self._reader = reader
        self._queue: deque[LoggedRecord] = deque()

    async def head(self) -> LoggedRecord | None:
        """The next record; None at the end."""
        while not self._queue and self._reader.positions[self.place] < self._end:
            await self._fetch()
        return self._queue[0] if self._queue else None

    async def left(self) -> list[LoggedRecord]:
        """All records up to the end, which stay to be taken."""
        while self._reader.positions[self.place] < self._end:
            await self._fetch()
        return list(self._queue)

    async def _fetch(self) -> None:
        for _ in range(_SILENT_FETCHES_MAX):
            raw = await self._reader.poll_raw(_FETCHED_MAX, _FETCH_S, only=(self.place,))
            self._queue.extend(item.logged for item in raw if self._reader.admits(item))
            if raw:
                return
        raise LogDamagedError(
            f"{self.place.topic} partition {self.place.partition} gives nothing more before its end"
        )

    def pop(self) -> LoggedRecord:
        """Take the head, which is there."""
        return self._queue.popleft()


class KafkaHistory:
    """Reads what the topics held when it was opened."""

    def __init__(self, reader: KafkaReader, ends: Mapping[TopicPartition, int]) -> None:
        self._cursors = {place: _Cursor(place, end, reader) for place, end in ends.items()}

    def _of_topic(self, topic: str) -> list[_Cursor]:
        return [cursor for place, cursor in self._cursors.items() if place.topic == topic]

    async def processes(self) -> list[str]:
        """The names of the processes that ever claimed their topics, shards apart."""
        names: dict[str, None] = {}
        for cursor in self._of_topic("process.epoch"):
            for record in await cursor.left():
                names[decode(EpochClaim, record.payload).process] = None
        return sorted(names)

    async def next_trace(self, processes: frozenset[str]) -> list[LoggedRecord]:
        """The oldest trace of the processes that is left, after all that it needs; empty at the end."""
        heads = []
        for cursor in self._of_topic(_TRACES):
            while (head := await cursor.head()) is not None:
                if head.envelope.producer.removesuffix(TRACE_SUFFIX) in processes:
                    heads.append((head.envelope.event_time_ns, cursor))
                    break
                cursor.pop()
        if not heads:
            return []
        trace = min(heads, key=lambda item: item[0])[1].pop()
        needed: list[LoggedRecord] = []
        if trace.envelope.type_name == Trace.type_name:
            await self._gather(decode(Trace, trace.payload), needed)
        return [*needed, trace]

    async def rest(self) -> list[LoggedRecord]:
        """What no trace names: said or sent, and never consumed."""
        left: list[LoggedRecord] = []
        for cursor in self._cursors.values():
            if cursor.place.topic != _TRACES:
                left += await cursor.left()
        return left

    async def _gather(self, trace: Trace, needed: list[LoggedRecord]) -> None:
        for source, partition, first, count in trace.entries:
            topic = BY_NAME.get(source)
            if topic is None:
                continue  # injected: it is on no topic
            if topic.own_input:
                await self._to_sequence(source, trace.process + ADAPTER_SUFFIX, first + count - 1, needed)
            else:
                await self._to_offset(TopicPartition(source, partition), first + count - 1, needed)
        for topic in TOPICS:
            if topic.carries_outputs_of(kind_of(trace.process)) and not topic.own_input:
                await self._to_sequence(topic.name, trace.process, trace.last_output_sequence, needed)

    async def _to_offset(self, place: TopicPartition, last: int, needed: list[LoggedRecord]) -> None:
        cursor = self._cursors[place]
        while (head := await cursor.head()) is not None and head.offset <= last:
            needed.append(cursor.pop())

    async def _to_sequence(self, topic: str, producer: str, last: int, needed: list[LoggedRecord]) -> None:
        for cursor in self._of_topic(topic):
            while (head := await cursor.head()) is not None:
                if head.envelope.producer == producer and head.envelope.sequence > last:
                    break
                needed.append(cursor.pop())


class KafkaLog:
    """The topics of a broker for those who read logs, outside any event loop; a context manager."""

    def __init__(self, config: Kafka, kinds: Iterable[str]) -> None:
        """`kinds` names processes; one that is sharded stands for all its shards."""
        self._config = config
        self._kinds = frozenset(kinds)
        self._runner = asyncio.Runner()
        self._reader: KafkaReader
        self._history: KafkaHistory
        self.processes: tuple[str, ...] = ()
        """The chosen processes by their names in the log."""

    def __enter__(self) -> "KafkaLog":
        """Connect, and see how far the topics reach; raises ConfigError, DependencyError."""
        self._runner.run(self._open())
        return self

    async def _open(self) -> None:
        self._reader = KafkaBus(self._config).reader({})
        places = [
            TopicPartition(topic.name, number)
            for topic in TOPICS
            for number in range(self._config.partitions)
        ]
        begins = await self._reader.begin_offsets(places)
        gone = next((place for place, begin in begins.items() if begin and not _may_begin_late(place)), None)
        if gone is not None:
            raise ConfigError(
                f"retention has deleted {gone.topic} partition {gone.partition} up to offset {begins[gone]}: "
                "nothing can be replayed from its start any more"
            )
        ends = await self._reader.end_offsets(places)
        self._reader.seek(begins)
        self._history = KafkaHistory(self._reader, ends)
        names = await self._history.processes()
        self.processes = tuple(name for name in names if kind_of(name) in self._kinds)

    def batches(self) -> Iterator[list[LoggedRecord]]:
        """All records that count, up to each trace of the chosen processes; then what no trace needs."""
        chosen = frozenset(self.processes)
        while found := self._runner.run(self._history.next_trace(chosen)):
            yield found
        yield self._runner.run(self._history.rest())

    def __exit__(self, *_: object) -> None:
        """Give back the connection."""
        self._runner.run(self._reader.close())
        self._runner.close()


def _may_begin_late(place: TopicPartition) -> bool:
    return BY_NAME[place.topic].compacted
