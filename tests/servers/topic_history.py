"""Every record that topics ever held, though they were trimmed meanwhile, as the checkers read a log."""

from runtime.bus import TopicPartition
from schemas.deployment import Kafka
from schemas.topics import TOPICS
from tests.servers.kafka_log import KafkaLog, Sent, read_log
from tests.servers.topic_loss import delete_records

RETAINED_FOR_REPLAY = tuple(
    topic.name for topic in TOPICS if topic.kept in {"present", "replay"} and not topic.compacted
)
"""What retention deletes in a stop that is longer than kafka.replay_hours."""


class TopicHistory:
    """Copies records before they are deleted."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._found: dict[tuple[TopicPartition, int], Sent] = {}
        self._sent: set[tuple[str, int]] = set()
        self._dropped = self._poison = self.trims = 0

    def trim(self) -> None:
        """As retention does; the broker has to be there, and nobody needs to write meanwhile."""
        self._copy()
        delete_records(self._kafka, RETAINED_FOR_REPLAY)
        self.trims += 1

    def log(self) -> KafkaLog:
        """All of it. What a process sent again because its topic had lost it counts once."""
        self._copy()
        records = [self._found[place] for place in sorted(self._found)]
        return KafkaLog(records, self._dropped, self._poison, is_trimmed=self.trims > 0)

    def _copy(self) -> None:
        log = read_log(self._kafka)
        self._dropped, self._poison = self._dropped + log.dropped, self._poison + log.poison
        for sent in log.records:
            record = sent.record
            place = TopicPartition(record.topic, record.partition), record.offset
            message = record.envelope.producer, record.envelope.sequence
            if place not in self._found and message not in self._sent:
                self._found[place] = sent
                self._sent.add(message)
