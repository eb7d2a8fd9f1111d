"""What a test reads back from the topics: every record that counts, with its writer's time of sending."""

import asyncio
from typing import NamedTuple

from chassis.bus.base import Record, TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.reader import KafkaReader
from schemas.deployment import Kafka
from schemas.topics import TOPICS


class Sent(NamedTuple):
    """A record, and when it was published, nanoseconds UTC."""

    record: Record
    sent_ns: int
    epoch: int


class KafkaLog(NamedTuple):
    """All topics, each partition in order."""

    records: list[Sent]
    """Those that count."""
    dropped: int
    """Those of replaced writers, and repeated ones."""
    poison: int

    def on(self, topic: str) -> list[Sent]:
        """The records of one topic."""
        return [sent for sent in self.records if sent.record.topic == topic]


def read_log(config: Kafka, topics: tuple[str, ...] = tuple(topic.name for topic in TOPICS)) -> KafkaLog:
    """Read the topics from their beginning to their end."""
    return asyncio.run(_read_log(config, topics))


async def _read_log(config: Kafka, topics: tuple[str, ...]) -> KafkaLog:
    bus = KafkaBus(config)
    places = [TopicPartition(topic, number) for topic in topics for number in range(config.partitions)]
    reader = bus.reader(dict.fromkeys(places, 0))
    try:
        ends = await reader.end_offsets(places)
        records = await _until(reader, ends)
        return KafkaLog(records, reader.fenced_out, len(reader.poison))
    finally:
        await reader.close()
        await bus.close()


async def _until(reader: KafkaReader, ends: dict[TopicPartition, int]) -> list[Sent]:
    records: list[Sent] = []
    while any(reader.positions[place] < end for place, end in ends.items()):
        for raw in await reader.poll_raw(20_000, 1.0):
            if reader.admits(raw):
                records += [
                    Sent(found, raw.stamp.sent_ns, raw.stamp.epoch) for found in reader.decoded([raw])
                ]
    return records
