"""The inputs of one process on Kafka: partitions, priorities and positions."""

from collections import deque
from collections.abc import Iterable, Mapping
from time import time_ns

from runtime.bus import Record, TopicPartition
from runtime.errors import DependencyError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import numbers_of, partition_for
from runtime.kafka.reader import Fence, Poison, RawRecord, conflated
from runtime.kafka.wire import writer_of
from runtime.process.gaps import Gap, LostRecords, Resumption, resumption
from schemas.message import ALL_SYMBOLS
from schemas.process import TopicLag
from schemas.topics import BY_NAME, TOPICS
from schemas.units import NS_PER_MS

PRIORITY_TOPICS = ("risk.state", "control.command", "order.fill", "inventory.position", "market.instrument")
"""Commands and other binding messages take precedence over market data, whatever the backlog."""
_ORDER = {
    name: index
    for index, name in enumerate(
        (*PRIORITY_TOPICS, *(topic.name for topic in TOPICS if topic.name not in PRIORITY_TOPICS))
    )
}
TRACE_TOPIC = "process.trace"
STATE_TOPIC = "process.state"
_FETCH_TIMEOUT_S = 0.5
_FETCHES_MAX = 120


class Shard:
    """The partitions served by one shard; a single process serves all."""

    def __init__(self, partitions: int, shards: int = 1, shard: int = 0) -> None:
        self._own = frozenset(number for number in range(partitions) if number % shards == shard)
        self._partitions = partitions
        self.suffix = "" if shards == 1 else f".{shard}"
        """Of the names of processes."""

    def name_of(self, kind: str) -> str:
        """The name of a process in this shard."""
        return kind + self.suffix

    def inputs(self, process: str) -> list[TopicPartition]:
        """The input partitions of a process; account messages may be on any."""
        return [
            TopicPartition(topic.name, number)
            for topic in TOPICS
            if process in topic.readers and not topic.own_input
            for number in numbers_of(topic, self._partitions)
            if topic.key != "symbol" or number in self._own
        ]

    def outputs(self, process: str) -> list[TopicPartition]:
        """The output partitions of a process."""
        return [
            TopicPartition(topic.name, number)
            for topic in TOPICS
            if topic.carries_outputs_of(process)
            for number in numbers_of(topic, self._partitions, process)
            if topic.key != "symbol" or number in self._own
        ]

    def all_outputs(self, process: str, name: str) -> list[TopicPartition]:
        """The output partitions of a process, or of this shard of it, with its trace and carried state."""
        about = (partition_for(topic, name, self._partitions) for topic in (TRACE_TOPIC, STATE_TOPIC))
        return [*self.outputs(process), *about]

    def owns(self, partition: int) -> bool:
        """Whether the symbols of this partition are served here."""
        return partition in self._own

    def concerns(self, record: RawRecord) -> bool:
        """Whether a record is for this process."""
        logged = record.logged
        is_of_symbol = BY_NAME[logged.topic].key != "process" and not logged.key.endswith(ALL_SYMBOLS)
        return not is_of_symbol or logged.partition in self._own


class InputSource:
    """Consumes records in order, and tracks position and fence of exactly those consumed."""

    def __init__(
        self,
        bus: KafkaBus,
        shard: Shard,
        start: Resumption,
    ) -> None:
        self._reader = bus.reader(start.positions, Fence(start.newest))
        self._shard = shard
        self._start = start
        self._recreated = start.recreated
        self._fetched: dict[TopicPartition, deque[RawRecord]] = {tp: deque() for tp in start.positions}
        self._has_fetched = False
        self.positions = dict(start.positions)
        """The next offset to be consumed."""
        self._sent_ns = dict.fromkeys((tp.topic for tp in start.positions), time_ns())
        """Publication time of the newest consumed record, by topic; initially the time of the start."""
        self.lost: dict[TopicPartition, LostRecords] = {}
        """Records requested by `at` that no longer exist."""
        self._replayed_upto: dict[TopicPartition, int] = {}
        """The offset after the newest one requested by `at`."""

    @classmethod
    async def resumed(
        cls,
        bus: KafkaBus,
        shard: Shard,
        positions: Mapping[TopicPartition, int],
        newest: Mapping[tuple[str, int, str], int] | None = None,
        known: Iterable[TopicPartition] = (),
    ) -> "InputSource":
        """Start at these positions, or at the broker's oldest records where they are gone, see `gaps`."""
        return cls(bus, shard, await resumption(bus, positions, newest or {}, known))

    @property
    def newest(self) -> dict[tuple[str, int, str], int]:
        """The newest sequence of each writer among the consumed records."""
        return self._reader.fence.newest

    @property
    def poison(self) -> list[Poison]:
        """Unreadable records."""
        return self._reader.poison

    @property
    def missing(self) -> tuple[Gap | LostRecords, ...]:
        """Records that the process needs to read or replay and that no longer exist."""
        gaps = (gap.after(self._replayed_upto.get(gap.partition, 0)) for gap in self._start.gaps)
        return (*(gap for gap in gaps if gap is not None), *self.lost.values())

    @property
    def lost_records(self) -> int:
        """Number of lost records."""
        return sum(lost.count for lost in self.lost.values())

    async def at(self, tp: TopicPartition, offset: int) -> Record | None:
        """The record at a previously consumed offset; None where it no longer exists, see `lost`.

        Offsets of one partition must be requested in order. Raises DependencyError where the broker returns
        nothing.
        """
        self._replayed_upto[tp] = offset + 1
        raw = await self._reach(tp, offset) if self._has(tp, offset) else None
        records = [] if raw is None or not self._reader.admits(raw) else self._reader.decoded([raw])
        if not records:
            self.lost.setdefault(tp, LostRecords(tp)).add(offset)
            return None
        return records[0]

    async def heard(self, tp: TopicPartition, sequence: int) -> Record | None:
        """The record of a topic's one writer, or of its shard, with a sequence, heard in memory before; None
        as `at`.
        """
        writer = self._shard.name_of(BY_NAME[tp.topic].writer)
        end = self._start.ends.get(tp, 0)
        raw = None
        while tp not in self._recreated and (offset := self._next_offset(tp)) < end:
            raw = await self._reach(tp, offset)
            if raw is None or not self._reader.admits(raw):
                continue
            envelope = raw.logged.envelope
            if writer_of(envelope.producer) == writer and envelope.sequence >= sequence:
                break
        found = raw is not None and raw.logged.envelope.sequence == sequence
        records = self._reader.decoded([raw]) if found and raw is not None else []
        if not records:
            self.lost.setdefault(tp, LostRecords(tp)).add(self.positions[tp])
            return None
        return records[0]

    def _next_offset(self, tp: TopicPartition) -> int:
        queue = self._fetched[tp]
        return queue[0].logged.offset if queue else self._reader.positions[tp]

    def _has(self, tp: TopicPartition, offset: int) -> bool:
        return tp not in self._recreated and offset < self._start.ends.get(tp, 0)

    async def _reach(self, tp: TopicPartition, offset: int) -> RawRecord | None:
        """Consume the record and everything before it; later records stay queued."""
        queue = self._fetched[tp]
        while self._reader.positions[tp] <= offset or queue:
            if not queue:
                await self._fetch(tp, offset)
            while queue and queue[0].logged.offset < offset:
                self._reader.admits(self._pop(tp))
            if queue:
                return self._pop(tp) if queue[0].logged.offset == offset else None
        return None

    async def _fetch(self, tp: TopicPartition, offset: int) -> None:
        for _ in range(_FETCHES_MAX):
            for item in await self._reader.poll_raw(10_000, _FETCH_TIMEOUT_S):
                self._fetched[TopicPartition(item.logged.topic, item.logged.partition)].append(item)
                self._has_fetched = True
            if self._fetched[tp] or self._reader.positions[tp] > offset:
                return
        raise DependencyError(
            f"the broker returns nothing of {tp.topic} partition {tp.partition}, "
            "which has more records: restart"
        )

    def _pop(self, tp: TopicPartition) -> RawRecord:
        raw = self._fetched[tp].popleft()
        self.positions[tp] = raw.logged.offset + 1
        return raw

    async def poll(self, records_max: int, timeout_s: float) -> list[Record]:
        """Received records by priority; of a backlog of market data, only the newest."""
        if self._has_fetched:
            raw = [item for queue in self._fetched.values() for item in queue]
            for queue in self._fetched.values():
                queue.clear()
            self._has_fetched = False
        else:
            raw = await self._reader.poll_raw(records_max, timeout_s)
        self.positions |= self._reader.positions
        for item in raw:
            self._sent_ns[item.logged.topic] = item.stamp.sent_ns
        admitted = [item for item in raw if self._reader.admits(item) and self._shard.concerns(item)]
        admitted.sort(key=lambda item: _ORDER[item.logged.topic])
        return self._reader.decoded(conflated(admitted))

    async def ends(self) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will get."""
        return await self._reader.end_offsets(self.positions) if self.positions else {}

    def lag(self, now_ns: int) -> list[TopicLag]:
        """Lag per topic, as of the latest data from the broker."""
        pending = dict.fromkeys(self._sent_ns, 0)
        for tp, end in self._reader.known_ends().items():
            pending[tp.topic] += max(0, end - self.positions[tp])
        return [
            TopicLag(topic=topic, records=records, age_ms=self._age_ms(topic, now_ns) if records else 0.0)
            for topic, records in pending.items()
        ]

    def _age_ms(self, topic: str, now_ns: int) -> float:
        return round(max(0, now_ns - self._sent_ns[topic]) / NS_PER_MS, 3)

    async def close(self) -> None:
        """Disconnect."""
        await self._reader.close()


def halts_on_poison(poison: Poison) -> bool:
    """An unreadable fill, halt or command must not be skipped; a book is superseded by the next one."""
    return not BY_NAME[poison.partition.topic].conflated
