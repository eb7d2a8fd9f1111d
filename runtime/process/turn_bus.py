"""Holds a runner's records until their turn is in the journal."""

from collections.abc import Collection, Mapping

from runtime.bus import UNKNOWN_OFFSET, Record, TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.process.tail import PublishedRecord, digest_of
from schemas.envelope import Envelope, encode
from schemas.message import Event
from schemas.process import Trace


class TurnBus:
    """A publisher between a runner and Kafka."""

    def __init__(self, bus: KafkaBus) -> None:
        self._bus = bus
        self._held: list[Record] = []
        self.suppressed = 0
        """Messages already on their topics: a start publishes nothing twice."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """Hold a message."""
        tp: TopicPartition = self._bus.partition_for(topic, message.key)
        record = Record(*tp, UNKNOWN_OFFSET, message.key, envelope, message)
        self._held.append(record)
        return record

    def digests(self, published: Mapping[str, PublishedRecord]) -> dict[str, bytes]:
        """Digests of held messages that were published before, by event id."""
        return {
            record.envelope.event_id: digest_of(record.envelope, encode(_alike(record.message, found)))
            for record in self._held
            if (found := published.get(record.envelope.event_id)) is not None
        }

    @property
    def envelopes(self) -> list[Envelope]:
        """Envelopes of the held messages."""
        return [record.envelope for record in self._held]

    def drop(self) -> None:
        """Discard the held messages."""
        self._held.clear()

    def release(
        self, published: Collection[str] = (), newest: Mapping[tuple[str, int, str], int] | None = None
    ) -> list[Record]:
        """Pass held messages to the outbox, except those already published; returns all held ones.

        `newest` is the newest sequence by topic, partition and producer. Messages up to it were published
        too, even if deleted since: published again, readers would ignore them and compaction would keep them
        as newest.
        """
        released, self._held = self._held, []
        for record in released:
            key = (record.topic, record.partition, record.envelope.producer)
            was_published = newest is not None and record.envelope.sequence <= newest.get(key, 0)
            if was_published or record.envelope.event_id in published:
                self.suppressed += 1
            else:
                self._bus.publish(record.topic, record.envelope, record.message)
        return released


def _alike(message: Event, published: PublishedRecord) -> Event:
    """A trace as it was published, where only one of the two has a state digest: digests are written at
    intervals counted from the start of a process.
    """
    if not isinstance(message, Trace) or not isinstance(published.about, Trace):
        return message
    digests = (message.state_digest, published.about.state_digest)
    return message.model_copy(update={"state_digest": digests[1]}) if None in digests else message
