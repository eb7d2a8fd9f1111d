"""Merges the topics on Kafka into one log in which every record follows its causes, as `maker up` writes it.

Kafka orders records only within a partition. The order across partitions comes from the traces: a trace
follows the inputs that it names and the outputs that it counts. Each partition is read only as far as the
next trace needs, so the buffered records are bounded by the distance between partitions.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from runtime.bus import TopicPartition
from runtime.errors import ConfigError, LogDamagedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import recorded_partitions
from runtime.kafka.reader import KafkaReader
from runtime.log.logfile import LoggedRecord
from runtime.process.names import in_shard_of, kind_of
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.process import HEARD, EpochClaim, Trace
from schemas.topics import BY_NAME, TOPICS

_TRACES = "process.trace"
_FETCHED_MAX = 2_000
_FETCH_S = 5.0
_EMPTY_FETCHES_MAX = 12
_REST_MAX = 5_000


class _Cursor:
    """One partition, read forward, without fenced records."""

    def __init__(self, tp: TopicPartition, end: int, reader: KafkaReader) -> None:
        self.partition = tp
        self._end = end
        self._reader = reader
        self._queue: deque[LoggedRecord] = deque()

    async def head(self) -> LoggedRecord | None:
        """The next record; None at the end."""
        while not self._queue and self._reader.positions[self.partition] < self._end:
            await self._fetch()
        return self._queue[0] if self._queue else None

    async def left(self) -> list[LoggedRecord]:
        """All records up to the end, which remain queued."""
        while self._reader.positions[self.partition] < self._end:
            await self._fetch()
        return list(self._queue)

    async def _fetch(self) -> None:
        for _ in range(_EMPTY_FETCHES_MAX):
            raw = await self._reader.poll_raw(_FETCHED_MAX, _FETCH_S, only=(self.partition,))
            self._queue.extend(item.logged for item in raw if self._reader.admits(item))
            if raw:
                return
        topic, partition = self.partition
        raise LogDamagedError(
            f"the broker returns no more records of {topic} partition {partition} before its end"
        )

    def pop(self) -> LoggedRecord:
        """Remove the head, which must exist."""
        return self._queue.popleft()


class KafkaHistory:
    """Reads the records that the topics contained when it was opened."""

    def __init__(
        self,
        reader: KafkaReader,
        ends: Mapping[TopicPartition, int],
        whole: Mapping[str, range] | None = None,
    ) -> None:
        """`whole` has the offsets of the traces to be replayed, by process; None: all traces."""
        self._cursors = {tp: _Cursor(tp, end, reader) for tp, end in ends.items()}
        self._whole = whole

    def _of_topic(self, topic: str) -> list[_Cursor]:
        return [cursor for tp, cursor in self._cursors.items() if tp.topic == topic]

    async def processes(self) -> list[str]:
        """The names of all processes that claimed an epoch, each shard separately."""
        names: dict[str, None] = {}
        for cursor in self._of_topic("process.epoch"):
            for record in await cursor.left():
                names[decode(EpochClaim, record.payload).process] = None
        return sorted(names)

    async def next_trace(self, processes: frozenset[str]) -> list[LoggedRecord]:
        """The oldest unread trace of the processes, preceded by the records it needs; empty at the end."""
        heads = []
        for cursor in self._of_topic(_TRACES):
            while (head := await cursor.head()) is not None:
                if self._counts(head, processes):
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

    def _counts(self, trace: LoggedRecord, processes: frozenset[str]) -> bool:
        name = trace.envelope.producer.removesuffix(TRACE_SUFFIX)
        if name not in processes:
            return False
        return self._whole is None or trace.offset in self._whole.get(name, range(0))

    async def rest(self) -> list[LoggedRecord]:
        """The next records that no trace names, published but never consumed; empty at the end."""
        left: list[LoggedRecord] = []
        for cursor in self._cursors.values():
            while cursor.partition.topic != _TRACES and await cursor.head() is not None:
                left.append(cursor.pop())
                if len(left) == _REST_MAX:
                    return left
        return left

    async def _gather(self, trace: Trace, needed: list[LoggedRecord]) -> None:
        for source, partition, first, count in trace.entries:
            if source.startswith(HEARD):
                tp = TopicPartition(source.removeprefix(HEARD), partition)
                writer = in_shard_of(trace.process, BY_NAME[tp.topic].writer)
                await self._past(self._cursors[tp], writer, first + count - 1, needed)
                continue
            topic = BY_NAME.get(source)
            if topic is None:
                continue  # injected: on no topic
            if topic.own_input:
                await self._to_sequence(source, trace.process + ADAPTER_SUFFIX, first + count - 1, needed)
            else:
                await self._to_offset(TopicPartition(source, partition), first + count - 1, needed)
        for topic in TOPICS:
            if topic.carries_outputs_of(kind_of(trace.process)) and not topic.own_input:
                await self._to_sequence(topic.name, trace.process, trace.last_output_sequence, needed)

    async def _to_offset(self, tp: TopicPartition, last: int, needed: list[LoggedRecord]) -> None:
        cursor = self._cursors[tp]
        while (head := await cursor.head()) is not None and head.offset <= last:
            needed.append(cursor.pop())

    async def _to_sequence(self, topic: str, producer: str, last: int, needed: list[LoggedRecord]) -> None:
        for cursor in self._of_topic(topic):
            await self._past(cursor, producer, last, needed)

    async def _past(self, cursor: _Cursor, producer: str, last: int, needed: list[LoggedRecord]) -> None:
        while (head := await cursor.head()) is not None:
            if head.envelope.producer == producer and head.envelope.sequence > last:
                break
            needed.append(cursor.pop())


class KafkaLog:
    """A broker's topics for readers of logs, outside any event loop; a context manager."""

    def __init__(self, config: Kafka, kinds: Iterable[str], whole: Mapping[str, range] | None = None) -> None:
        """`kinds` names processes; the name of a sharded one selects all its shards. `whole` has the offsets
        of the traces to be replayed, by process; None: all, which requires all topics from their beginning.
        """
        self._config = config
        self._whole = whole
        self._kinds = frozenset(kinds)
        self._runner = asyncio.Runner()
        self._reader: KafkaReader
        self._history: KafkaHistory
        self.processes: tuple[str, ...] = ()
        """The names of the selected processes."""

    def __enter__(self) -> "KafkaLog":
        """Connect, and find the offsets of the topics; raises ConfigError, DependencyError."""
        try:
            self._runner.run(self._open())
        except BaseException:
            self._runner.close()
            raise
        return self

    async def _open(self) -> None:
        self._reader = KafkaBus(self._config).reader({}, checks_owners=False)
        try:
            every = list(recorded_partitions(self._config.partitions))
            begins = await self._reader.begin_offsets(every)
            if self._whole is None:
                _check_complete(begins)
            traces = await self._reader.end_offsets(tp for tp in every if tp.topic == _TRACES)
            ends = await self._reader.end_offsets(every) | traces  # traces first: they follow what they name
            self._reader.seek(begins)
            self._history = KafkaHistory(self._reader, ends, self._whole)
            names = await self._history.processes()
            self.processes = tuple(name for name in names if kind_of(name) in self._kinds)
        except BaseException:
            await self._reader.close()
            raise

    def batches(self) -> Iterator[list[LoggedRecord]]:
        """The records up to each trace of the selected processes, then those that no trace needs."""
        selected = frozenset(self.processes)
        while found := self._runner.run(self._history.next_trace(selected)):
            yield found
        while rest := self._runner.run(self._history.rest()):
            yield rest

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._runner.run(self._reader.close())
        self._runner.close()


def _check_complete(begins: Mapping[TopicPartition, int]) -> None:
    deleted = next((tp for tp, begin in begins.items() if begin and not BY_NAME[tp.topic].compacted), None)
    if deleted is not None:
        raise ConfigError(
            f"retention has deleted {deleted.topic} partition {deleted.partition} up to offset "
            f"{begins[deleted]}: processes can no longer be replayed from their start"
        )
