"""Holds what a shell publishes until the turn that led to it is in the process's journal."""

from chassis.bus.base import Record, TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from schemas.envelope import Envelope
from schemas.message import Event

UNKNOWN_OFFSET = -1
"""The broker gives a record its offset when the process has long gone on."""


class TurnBus:
    """A publisher between a shell and Kafka."""

    def __init__(self, bus: KafkaBus) -> None:
        self._bus = bus
        self._held: list[Record] = []
        self.said: frozenset[str] = frozenset()
        """Event ids that are on their topics already: a start says nothing twice."""
        self.suppressed = 0

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """Hold a message."""
        place: TopicPartition = self._bus.place_of(topic, message.key)
        record = Record(*place, UNKNOWN_OFFSET, message.key, envelope, message)
        self._held.append(record)
        return record

    def release(self) -> list[Record]:
        """Hand everything held to the outbox; what was released."""
        released, self._held = self._held, []
        for record in released:
            if record.envelope.event_id in self.said:
                self.suppressed += 1
            else:
                self._bus.publish(record.topic, record.envelope, record.message)
        return released
