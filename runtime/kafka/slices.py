"""Reads a time range of the topics on Kafka, with a consumer of its own, no group and no commits."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from runtime.bus import TopicPartition
from runtime.errors import ConfigError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import numbers_of, partition_for
from runtime.kafka.reader import KafkaReader
from runtime.log.logfile import LoggedRecord
from schemas.deployment import Kafka
from schemas.numbers import shortened, whole_number
from schemas.topics import BY_NAME, Topic
from schemas.units import NS_PER_MS, NS_PER_S

_LATE_NS_MAX = 30 * NS_PER_S
"""How much later than its neighbours a record of the range may be; an overloaded start made 17 s."""
_BATCH = 500
_FETCHED_MAX = 2_000
_FETCH_S = 2.0
_EMPTY_FETCHES_MAX = 3


class _Partition:
    """One partition, read forward up to its end when the reading started."""

    def __init__(self, tp: TopicPartition, position: int, end: int) -> None:
        self.partition = tp
        self.position = position
        """The offset after the newest record returned."""
        self.end = end
        self.queue: deque[LoggedRecord] = deque()


class _Reading:
    """Merges partitions by time."""

    def __init__(self, reader: KafkaReader, partitions: list[_Partition], to_ns: int) -> None:
        self._reader = reader
        self._partitions_of = partitions
        self._to_ns = to_ns

    async def batch(self) -> list[tuple[LoggedRecord, str]]:
        """The next records; empty at the end."""
        found: list[tuple[LoggedRecord, str]] = []
        while len(found) < _BATCH:
            heads = [tp for tp in self._partitions_of if await self._has_head(tp)]
            if not heads:
                break
            tp = min(heads, key=lambda each: each.queue[0].envelope.event_time_ns)
            record = tp.queue.popleft()
            tp.position = record.offset + 1
            if record.envelope.event_time_ns > self._to_ns + _LATE_NS_MAX:
                tp.queue.clear()
                tp.end = 0
            elif record.envelope.event_time_ns <= self._to_ns:
                found.append((record, self._cursor()))
        return found

    async def _has_head(self, tp: _Partition) -> bool:
        empty_fetches = 0
        while not tp.queue and self._reader.positions[tp.partition] < tp.end:
            raw = await self._reader.poll_raw(_FETCHED_MAX, _FETCH_S, only=(tp.partition,))
            tp.queue.extend(item.logged for item in raw if self._reader.admits(item))
            empty_fetches = 0 if raw else empty_fetches + 1
            if empty_fetches > _EMPTY_FETCHES_MAX:
                tp.end = 0  # compaction has deleted the rest
        return bool(tp.queue)

    def _cursor(self) -> str:
        return _cursor((each.partition, each.position) for each in self._partitions_of)


async def _open(
    reader: KafkaReader, partitions: list[TopicPartition], from_ns: int, to_ns: int, cursor: str | None
) -> _Reading:
    begins, ends = await reader.begin_offsets(partitions), await reader.end_offsets(partitions)
    if cursor is None:
        since_ms = (
            max(0, from_ns) // NS_PER_MS
        )  # before that offset, nothing was published at or after this time
        positions = {**ends, **await reader.offsets_at(dict.fromkeys(partitions, since_ms))}
    else:
        positions = _positions(cursor, partitions)
    positions = {tp: max(positions[tp], begins[tp]) for tp in partitions}
    reader.seek(positions)
    return _Reading(reader, [_Partition(tp, positions[tp], ends[tp]) for tp in partitions], to_ns)


def _positions(cursor: str, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    found: dict[TopicPartition, int] = {}
    for part in cursor.split(","):
        name, _, offset = part.partition("=")
        topic, _, partition = name.partition("/")
        number, position = whole_number(partition), whole_number(offset)
        if number is not None and position is not None:
            found[TopicPartition(topic, number)] = position
    if set(found) != set(partitions):
        raise ConfigError(f"{shortened(cursor)!r} is not a cursor of this query: start without one")
    return found


def kafka_records(
    config: Kafka,
    keys_by_topic: Mapping[str, frozenset[str] | None],
    from_ns: int,
    to_ns: int,
    cursor: str | None = None,
) -> Iterator[tuple[LoggedRecord, str]]:
    """Records that count, of the given topics and the partitions of the given keys, merged by time, each with
    the cursor after it.

    Raises ConfigError for an invalid cursor, DependencyError where the broker does not answer.
    """
    bus = KafkaBus(config)
    partitions = _partitions_of(config, keys_by_topic)
    with asyncio.Runner() as runner:
        reader = bus.reader({})
        try:
            reading = runner.run(_open(reader, partitions, from_ns, to_ns, cursor))
            while found := runner.run(reading.batch()):
                yield from found
        finally:
            runner.run(reader.close())


def cursor_from(
    config: Kafka,
    keys_by_topic: Mapping[str, frozenset[str] | None],
    positions: Mapping[TopicPartition, int],
) -> str | None:
    """The cursor of a query starting at these offsets; None where some of its partitions are missing."""
    partitions = _partitions_of(config, keys_by_topic)
    if not positions.keys() >= set(partitions):
        return None
    return _cursor((tp, positions[tp]) for tp in partitions)


def _cursor(positions: Iterable[tuple[TopicPartition, int]]) -> str:
    return ",".join(f"{tp.topic}/{tp.partition}={offset}" for tp, offset in positions)


def _partitions_of(config: Kafka, keys_by_topic: Mapping[str, frozenset[str] | None]) -> list[TopicPartition]:
    return [
        TopicPartition(name, number)
        for name, keys in sorted(keys_by_topic.items())
        for number in _numbers(config, BY_NAME[name], keys)
    ]


def _numbers(config: Kafka, topic: Topic, keys: frozenset[str] | None) -> Iterable[int]:
    """Only topics keyed by symbol can be narrowed to the partitions of keys."""
    if keys is None or topic.key == "process":
        return numbers_of(topic, config.partitions)
    return sorted({partition_for(topic.name, key, config.partitions).partition for key in keys})
