"""The bus port: what every bus promises, held by one conformance suite.

Records of one partition keep the order in which they were published; each has an offset, counted from 0
without gaps. A reader is given its positions by hand: there are no consumer groups.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.envelope import Envelope
from schemas.message import Event

EMBEDDED_PARTITION = 0
"""An embedded run has one partition a topic."""


class TopicPartition(NamedTuple):
    """Where records are in order."""

    topic: str
    partition: int = EMBEDDED_PARTITION


class Record(NamedTuple):
    """One message on a topic, as its readers get it."""

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

        Raises OffsetOutOfRangeError where a position lies beyond the end.
        """

    async def close(self) -> None:
        """Give back what the reader holds."""


class Bus(Protocol):
    """Topics that processes publish to and read from."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record | None:
        """Hand a message over, in order, without waiting; `flush` says when readers can have it.

        A bus that knows the offset at once returns the record. Raises KeyError for an unknown topic.
        """

    async def flush(self) -> None:
        """Return when everything published so far is as safe as this bus can make it."""

    def reader(self, positions: Mapping[TopicPartition, int]) -> Reader:
        """A reader that starts at the given offset of each partition."""

    async def end_offset(self, partition: TopicPartition) -> int:
        """The offset that the next record of the partition will get."""

    async def close(self) -> None:
        """Flush and give back what the bus holds."""


class LocalBus(Bus, Protocol):
    """A bus inside one process: offsets are known at once, so one loop can deliver by itself."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """The record, with its offset."""

    def commit(self) -> None:
        """Everything published so far belongs together: a crash keeps all of it or cuts all of it."""

    def sync(self) -> None:
        """What was committed survives a crash of the machine too."""
