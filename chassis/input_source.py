"""The inputs of one process on Kafka: which partitions it reads, in which order of importance, from where."""

from collections import deque
from collections.abc import Mapping

from chassis.bus.base import Record, TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.reader import Fence, Poison, RawRecord, conflated
from chassis.errors import LogDamagedError
from schemas.message import ALL_SYMBOLS
from schemas.topics import BY_NAME, TOPICS

FIRST_TOPICS = ("risk.state", "control.command", "order.fill", "inventory.position", "market.instrument")
"""What stops or binds is heard before the market, however much of that has gathered."""
_ORDER = {
    name: index
    for index, name in enumerate(
        (*FIRST_TOPICS, *(topic.name for topic in TOPICS if topic.name not in FIRST_TOPICS))
    )
}
_FETCH_TIMEOUT_S = 0.5
_FETCHES_MAX = 120


class Shard:
    """The partitions that one of several equal processes serves; one process serves all."""

    def __init__(self, partitions: int, shards: int = 1, shard: int = 0) -> None:
        self._own = frozenset(number for number in range(partitions) if number % shards == shard)
        self._partitions = partitions

    def places(self, process: str) -> list[TopicPartition]:
        """The input partitions of a process; what concerns the account may be on any."""
        return [
            TopicPartition(topic.name, number)
            for topic in TOPICS
            if process in topic.readers and not topic.own_input
            for number in range(self._partitions)
            if number in self._own or topic.key == "symbol or *"
        ]

    def outputs(self, process: str) -> list[TopicPartition]:
        """The partitions that a process writes."""
        return [
            TopicPartition(topic.name, number)
            for topic in TOPICS
            if topic.carries_outputs_of(process)
            for number in range(self._partitions)
            if number in self._own or topic.key != "symbol"
        ]

    def owns(self, partition: int) -> bool:
        """Are the symbols of this partition served here?"""
        return partition in self._own

    def concerns(self, record: RawRecord) -> bool:
        """Is a record for this process?"""
        return record.logged.partition in self._own or record.logged.key.endswith(ALL_SYMBOLS)


class InputSource:
    """Takes records in order; knows the position and the fence of exactly what was taken."""

    def __init__(
        self,
        bus: KafkaBus,
        shard: Shard,
        positions: Mapping[TopicPartition, int],
        newest: Mapping[tuple[str, int, str], int],
    ) -> None:
        self._reader = bus.reader(positions, Fence(newest))
        self._shard = shard
        self._fetched: dict[TopicPartition, deque[RawRecord]] = {place: deque() for place in positions}
        self._has_fetched = False
        self.positions = dict(positions)
        """The next offset to be taken."""

    @property
    def newest(self) -> dict[tuple[str, int, str], int]:
        """How far each writer had come in what was taken."""
        return self._reader.fence.newest

    @property
    def poison(self) -> list[Poison]:
        """Records that could not be read."""
        return self._reader.poison

    async def at(self, place: TopicPartition, offset: int) -> Record:
        """The record at an offset, which was consumed before; raises LogDamagedError where it is gone."""
        found: RawRecord | None = None
        while found is None or found.logged.offset < offset:
            found = await self._pop(place, offset)
            admitted = self._reader.admits(found)
        records = self._reader.decoded([found]) if admitted and found.logged.offset == offset else []
        if not records:
            raise LogDamagedError(
                f"{place.topic} partition {place.partition} has no record at {offset} any more"
            )
        return records[0]

    async def _pop(self, place: TopicPartition, offset: int) -> RawRecord:
        queue = self._fetched[place]
        fetches = 0
        while not queue:
            fetches += 1
            if fetches > _FETCHES_MAX:
                raise LogDamagedError(f"{place.topic} partition {place.partition} does not reach {offset}")
            for item in await self._reader.poll_raw(10_000, _FETCH_TIMEOUT_S):
                self._fetched[TopicPartition(item.logged.topic, item.logged.partition)].append(item)
            self._has_fetched = True
        raw = queue.popleft()
        self.positions[place] = raw.logged.offset + 1
        return raw

    async def take(self, records_max: int, timeout_s: float) -> list[Record]:
        """What has come, what matters most first; of market data that has piled up, the newest."""
        if self._has_fetched:
            raw = [item for queue in self._fetched.values() for item in queue]
            for queue in self._fetched.values():
                queue.clear()
            self._has_fetched = False
        else:
            raw = await self._reader.poll_raw(records_max, timeout_s)
        self.positions |= self._reader.positions
        admitted = [item for item in raw if self._reader.admits(item) and self._shard.concerns(item)]
        admitted.sort(key=lambda item: _ORDER[item.logged.topic])
        return self._reader.decoded(conflated(admitted))

    async def ends(self) -> dict[TopicPartition, int]:
        """The offset that the next record of each partition will get."""
        return await self._reader.end_offsets(self.positions) if self.positions else {}

    async def close(self) -> None:
        """Give back the connection."""
        await self._reader.close()


def halts_on_poison(poison: Poison) -> bool:
    """An unreadable fill, halt or command may not be skipped; a book is followed by the next one."""
    return not BY_NAME[poison.partition.topic].conflated
