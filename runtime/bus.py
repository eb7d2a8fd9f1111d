"""The bus port: the guarantees of every bus, checked by one conformance suite.

Records of a partition keep the order of publication; each has an offset, counted from 0 without gaps. Readers
are given their positions explicitly: there are no consumer groups.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.envelope import Envelope
from schemas.message import Event

EMBEDDED_PARTITION = 0
"""An embedded run has one partition a topic."""
UNKNOWN_OFFSET = -1
"""Of a record that the broker has not confirmed yet: it assigns offsets later."""


class TopicPartition(NamedTuple):
    """The unit of ordering."""

    topic: str
    partition: int = EMBEDDED_PARTITION


class Record(NamedTuple):
    """One message on a topic, as received by its readers."""

    topic: str
    partition: int
    offset: int
    key: str
    envelope: Envelope
    message: Event


class Reader(Protocol):
    """Reads partitions from given offsets on, each in order."""

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Up to `max_records` next records; empty after `timeout_s` without any.

        Raises OffsetOutOfRangeError where a position is beyond the end.
        """

    async def close(self) -> None:
        """Release the reader's resources."""


class Bus(Protocol):
    """Topics that processes publish to and read from."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record | None:
        """Hand a message over, in order, without waiting; after `flush` readers can have it.

        A bus that knows the offset at once returns the record. Raises KeyError for an unknown topic.
        """

    async def flush(self) -> None:
        """Return when everything published so far is as durable as this bus can make it."""

    def reader(self, positions: Mapping[TopicPartition, int]) -> Reader:
        """A reader that starts at the given offset of each partition."""

    async def end_offset(self, partition: TopicPartition) -> int:
        """The offset that the next record of the partition will get."""

    async def close(self) -> None:
        """Flush and release the bus's resources."""


class LocalBus(Bus, Protocol):
    """A bus inside one process: offsets are known at once, so one loop can deliver directly."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """The record, with its offset."""

    def commit(self) -> None:
        """Everything published so far is atomic: a crash keeps all of it or none."""

    def sync(self) -> None:
        """Make committed records survive a crash of the machine."""
