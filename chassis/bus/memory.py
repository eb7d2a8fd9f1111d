"""A bus in memory: for tests and for tools, gone with its process."""

import asyncio
from collections.abc import Mapping, Sequence

from chassis.bus.base import EMBEDDED_PARTITION, Record, TopicPartition
from chassis.errors import OffsetOutOfRangeError
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.topics import BY_NAME


class MemoryBus:
    """Keeps every record of one embedded partition a topic."""

    def __init__(self) -> None:
        self._records: dict[str, list[Record]] = {name: [] for name in BY_NAME}
        self._published = asyncio.Event()

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """Append; readers can have it at once."""
        records = self._records[topic]
        record = Record(topic, EMBEDDED_PARTITION, len(records), message.key, envelope, message)
        records.append(record)
        self._published.set()
        return record

    def commit(self) -> None:
        """Memory has nothing to make safe."""

    def sync(self) -> None:
        """Nor can it survive anything."""

    async def flush(self) -> None:
        """Nothing is ever under way."""

    def reader(self, positions: Mapping[TopicPartition, int]) -> "MemoryReader":
        """A reader over this bus."""
        return MemoryReader(self, positions)

    async def end_offset(self, partition: TopicPartition) -> int:
        """Number of records so far."""
        return len(self.records(partition))

    async def close(self) -> None:
        """Nothing to give back."""

    def records(self, partition: TopicPartition) -> Sequence[Record]:
        """All records of a partition; only partition 0 can hold any."""
        if partition.partition != EMBEDDED_PARTITION:
            return ()
        return self._records[partition.topic]

    async def published(self) -> None:
        """Return at the next publish."""
        self._published.clear()
        await self._published.wait()


class MemoryReader:
    """Reads a MemoryBus, partition by partition."""

    def __init__(self, bus: MemoryBus, positions: Mapping[TopicPartition, int]) -> None:
        self._bus = bus
        self._positions = dict(positions)

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next records, after at most `timeout_s`."""
        taken = self._take(max_records)
        if taken or timeout_s <= 0:
            return taken
        try:
            async with asyncio.timeout(timeout_s):
                await self._bus.published()
        except TimeoutError:
            return ()
        return self._take(max_records)

    def _take(self, max_records: int) -> list[Record]:
        taken: list[Record] = []
        for partition, position in self._positions.items():
            records = self._bus.records(partition)
            if position > len(records):
                raise OffsetOutOfRangeError(
                    f"offset {position} of {partition.topic} is beyond its end {len(records)}"
                )
            new = records[position : position + max_records - len(taken)]
            self._positions[partition] = position + len(new)
            taken.extend(new)
        return taken

    async def close(self) -> None:
        """Nothing to give back."""
