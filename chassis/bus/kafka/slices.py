"""Reads a part of the topics on Kafka by time: its own consumer, no group, nothing committed."""

import asyncio
from collections import deque
from collections.abc import Iterator

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.reader import KafkaReader
from chassis.bus.logfile import LoggedRecord
from chassis.errors import ConfigError
from schemas.deployment import Kafka
from schemas.units import NS_PER_MS, NS_PER_S

_DISORDER_NS = 2 * NS_PER_S
_BATCH = 500
_FETCHED_MAX = 2_000
_FETCH_S = 2.0
_SILENT_FETCHES_MAX = 3


class _Place:
    """One partition, read forward up to where it ended when the reading began."""

    def __init__(self, place: TopicPartition, position: int, end: int) -> None:
        self.place = place
        self.position = position
        """The offset behind the newest record that was given away."""
        self.end = end
        self.queue: deque[LoggedRecord] = deque()


class _Reading:
    """Merges partitions by time."""

    def __init__(self, reader: KafkaReader, places: list[_Place], to_ns: int) -> None:
        self._reader = reader
        self._places = places
        self._limit_ns = to_ns + _DISORDER_NS

    async def batch(self) -> list[tuple[LoggedRecord, str]]:
        """The next records; empty at the end."""
        found: list[tuple[LoggedRecord, str]] = []
        while len(found) < _BATCH:
            heads = [place for place in self._places if await self._has_head(place)]
            if not heads:
                break
            place = min(heads, key=lambda each: each.queue[0].envelope.event_time_ns)
            record = place.queue.popleft()
            place.position = record.offset + 1
            if record.envelope.event_time_ns > self._limit_ns:
                place.queue.clear()
                place.end = 0
                continue
            found.append((record, self._cursor()))
        return found

    async def _has_head(self, place: _Place) -> bool:
        silent = 0
        while not place.queue and self._reader.positions[place.place] < place.end:
            raw = await self._reader.poll_raw(_FETCHED_MAX, _FETCH_S, only=(place.place,))
            place.queue.extend(item.logged for item in raw if self._reader.admits(item))
            silent = 0 if raw else silent + 1
            if silent > _SILENT_FETCHES_MAX:
                place.end = 0  # compacted away behind what is there
        return bool(place.queue)

    def _cursor(self) -> str:
        return ",".join(f"{each.place.topic}/{each.place.partition}={each.position}" for each in self._places)


async def _open(
    reader: KafkaReader, places: list[TopicPartition], from_ns: int, to_ns: int, cursor: str | None
) -> _Reading:
    begins, ends = await reader.begin_offsets(places), await reader.end_offsets(places)
    if cursor is None:
        since_ms = max(0, from_ns - _DISORDER_NS) // NS_PER_MS
        positions = {**ends, **await reader.offsets_at(dict.fromkeys(places, since_ms))}
    else:
        positions = _positions(cursor, places)
    positions = {place: max(positions[place], begins[place]) for place in places}
    reader.seek(positions)
    return _Reading(reader, [_Place(place, positions[place], ends[place]) for place in places], to_ns)


def _positions(cursor: str, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    found: dict[TopicPartition, int] = {}
    for part in cursor.split(","):
        name, _, offset = part.partition("=")
        topic, _, partition = name.partition("/")
        if offset.isdecimal() and partition.isdecimal():
            found[TopicPartition(topic, int(partition))] = int(offset)
    if set(found) != set(places):
        raise ConfigError(f"{cursor!r} is no cursor of this reading: begin without one")
    return found


def kafka_records(
    config: Kafka,
    topics: frozenset[str],
    keys: frozenset[str] | None,
    from_ns: int,
    to_ns: int,
    cursor: str | None = None,
) -> Iterator[tuple[LoggedRecord, str]]:
    """Records that count, of some topics and of the partitions of some keys, merged by time.

    Raises ConfigError for a cursor that is none, DependencyError where the broker does not answer.
    """
    bus = KafkaBus(config)
    numbers = (
        range(config.partitions)
        if keys is None
        else sorted({bus.place_of("market.book", key).partition for key in keys})
    )
    places = [TopicPartition(topic, number) for topic in sorted(topics) for number in numbers]
    with asyncio.Runner() as runner:
        reader = bus.reader({})
        try:
            reading = runner.run(_open(reader, places, from_ns, to_ns, cursor))
            while found := runner.run(reading.batch()):
                yield from found
        finally:
            runner.run(reader.close())
