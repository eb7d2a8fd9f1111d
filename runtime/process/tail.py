"""Records of previous writers on a process's output topics, after the last known end offsets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic
from typing import NamedTuple

from runtime.bus import TopicPartition
from runtime.errors import DependencyError, StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.reader import KafkaReader
from runtime.kafka.wire import writer_of
from runtime.log.logfile import LoggedRecord
from runtime.process.past_outputs import RECOLLECTED, PastOutputs
from schemas.envelope import Envelope, decode
from schemas.message import Event
from schemas.orders import Fill
from schemas.process import Trace
from schemas.topics import BY_NAME

PARTS_SUFFIX = "/carried"
"""Suffix of the producer name of carried state parts, which are not caused by a turn."""
_READ_LIMIT_S = 120
_DIGEST_BYTES = 16


def digest_of(envelope: Envelope, payload: bytes) -> bytes:
    """Digest of a message's content, without send time and instance."""
    about = f"{envelope.type_name}\0{envelope.cause}\0{envelope.event_time_ns}\0".encode()
    return blake2b(about + payload, digest_size=_DIGEST_BYTES).digest()


class PublishedRecord(NamedTuple):
    """A published message."""

    topic: str
    envelope: Envelope
    digest: bytes
    about: Fill | Trace | None
    """The message itself, of these two types."""


@dataclass(slots=True)
class Tail:
    """The tail, in the order of each partition."""

    name: str
    records: dict[str, PublishedRecord] = field(default_factory=dict)
    """Records by event id."""
    past_outputs: PastOutputs = field(default_factory=PastOutputs)
    """Outputs that a core may have to recollect, see runtime.process.definition.Recollects."""
    parts_sequence: int = 0
    """Sequence of the newest part of a carried state."""
    newest: dict[tuple[str, int, str], int] = field(default_factory=dict)
    """The newest sequence by topic, partition and producer."""
    is_whole: bool = True
    """Whether nothing of it was deleted."""

    def record(self, logged: LoggedRecord) -> None:
        """Add the next record of a partition."""
        envelope = logged.envelope
        if envelope.producer.endswith(PARTS_SUFFIX):
            self.parts_sequence = max(self.parts_sequence, envelope.sequence)
            return
        self.newest[logged.topic, logged.partition, envelope.producer] = envelope.sequence
        digest = digest_of(envelope, logged.payload)
        self.records[envelope.event_id] = PublishedRecord(logged.topic, envelope, digest, self._about(logged))

    def _about(self, logged: LoggedRecord) -> Fill | Trace | None:
        type_name = logged.envelope.type_name
        if type_name == Trace.type_name:
            return decode(Trace, logged.payload)
        if type_name not in RECOLLECTED:
            return None
        message: Event = logged.decoded().message
        self.past_outputs.record(message)
        return message if isinstance(message, Fill) else None

    def trades(self) -> frozenset[tuple[str, str]]:
        """(`venue:symbol`, trade id) of each published fill."""
        fills = (record.about for record in self.records.values() if isinstance(record.about, Fill))
        return frozenset((fill.key, fill.venue_trade_id) for fill in fills)


async def read_tail(bus: KafkaBus, name: str, starts: Mapping[TopicPartition, int]) -> Tail:
    """The existing records of this process's predecessors between the given offsets and now.

    Raises StateRefusedError where an event topic ends earlier; a recreated compacted topic is read from its
    beginning.
    """
    reader = bus.reader({})
    try:
        ends = await reader.end_offsets(starts)
        _check_reaches({at: start for at, start in starts.items() if _is_event_topic(at)}, ends)
        begins = await reader.begin_offsets(starts)
        positions = {
            tp: max(start, begins[tp]) if start <= ends[tp] else begins[tp] for tp, start in starts.items()
        }
        reader.seek(positions)
        return await _read(reader, name, ends, is_whole=positions == dict(starts))
    finally:
        await reader.close()


def _check_reaches(starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]) -> None:
    beyond = [tp for tp, start in starts.items() if start > ends[tp]]
    if beyond:
        tp = beyond[0]
        raise StateRefusedError(
            f"it knows {tp.topic} partition {tp.partition} up to offset {starts[tp]}, but the topic "
            f"ends at {ends[tp]}: the topics were recreated, or the state belongs to others"
        )


def _is_event_topic(tp: TopicPartition) -> bool:
    return BY_NAME[tp.topic].kind == "event"


async def _read(
    reader: KafkaReader, name: str, ends: Mapping[TopicPartition, int], *, is_whole: bool
) -> Tail:
    tail = Tail(name, is_whole=is_whole)
    limit_s = monotonic() + _READ_LIMIT_S
    while any(reader.positions[tp] < end for tp, end in ends.items()):
        if monotonic() > limit_s:
            raise DependencyError(f"the output of {name} could not be read back within {_READ_LIMIT_S} s")
        for raw in await reader.poll_raw(10_000, 0.5):
            if reader.admits(raw) and writer_of(raw.logged.envelope.producer) == name:
                tail.record(raw.logged)
    return tail


async def has_published(bus: KafkaBus, name: str, outputs: Iterable[TopicPartition]) -> bool:
    """Whether there is any record of a process on its topics. Stops at the first one."""
    reader = bus.reader({})
    try:
        begins, ends = await reader.begin_offsets(outputs), await reader.end_offsets(outputs)
        reader.seek(begins)
        while any(reader.positions[tp] < end for tp, end in ends.items()):
            for raw in await reader.poll_raw(10_000, 0.5):
                if reader.admits(raw) and writer_of(raw.logged.envelope.producer) == name:
                    return True
        return False
    finally:
        await reader.close()
