"""An in-memory bus for tests and tools; its records end with the process."""

import asyncio
from collections.abc import Mapping, Sequence

from runtime.bus import EMBEDDED_PARTITION, Record, TopicPartition
from runtime.errors import OffsetOutOfRangeError
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.topics import BY_NAME


class MemoryBus:
    """Keeps every record, in one partition per topic."""

    def __init__(self) -> None:
        self._records: dict[str, list[Record]] = {name: [] for name in BY_NAME}
        self._published = asyncio.Event()

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """Append a record; readers see it at once."""
        records = self._records[topic]
        record = Record(topic, EMBEDDED_PARTITION, len(records), message.key, envelope, message)
        records.append(record)
        self._published.set()
        return record

    def commit(self) -> None:
        """Nothing to do: records are visible when published."""

    def sync(self) -> None:
        """Nothing to do: memory does not survive a crash."""

    async def flush(self) -> None:
        """Nothing to do: nothing is in flight."""

    def reader(self, positions: Mapping[TopicPartition, int]) -> "MemoryReader":
        """A reader over this bus."""
        return MemoryReader(self, positions)

    async def end_offset(self, partition: TopicPartition) -> int:
        """Number of records so far."""
        return len(self.records(partition))

    async def close(self) -> None:
        """No resources to release."""

    def records(self, partition: TopicPartition) -> Sequence[Record]:
        """All records of a partition; only partition 0 has any."""
        if partition.partition != EMBEDDED_PARTITION:
            return ()
        return self._records[partition.topic]

    async def published(self) -> None:
        """Wait for the next publish."""
        self._published.clear()
        await self._published.wait()


class MemoryReader:
    """Reads a MemoryBus, partition by partition."""

    def __init__(self, bus: MemoryBus, positions: Mapping[TopicPartition, int]) -> None:
        self._bus = bus
        self._positions = dict(positions)

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """The next records; waits up to `timeout_s` for the first one."""
        taken = self._poll(max_records)
        if taken or timeout_s <= 0:
            return taken
        try:
            async with asyncio.timeout(timeout_s):
                await self._bus.published()
        except TimeoutError:
            return ()
        return self._poll(max_records)

    def _poll(self, max_records: int) -> list[Record]:
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
        """No resources to release."""
