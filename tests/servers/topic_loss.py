"""What an operator, or the broker by itself, takes from topics: records, topics, and the past of a key."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from runtime.kafka.admin import apply_topics
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import broker_topics, recorded_partitions
from runtime.log.logfile import LoggedRecord
from schemas.deployment import Kafka
from tests.servers.kafka_log import read_logged
from tests.servers.local import until

_COMPACTED_AT_ONCE = {
    "cleanup.policy": "compact",
    "segment.ms": "1",
    "min.cleanable.dirty.ratio": "0.01",
    "min.compaction.lag.ms": "0",
}


def delete_records(kafka: Kafka, topics: Iterable[str]) -> None:
    """All that is there, as retention does with what is old."""

    async def run(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_records(
            {
                KafkaPartition(name, number): RecordsToDelete(-1)
                for name in _names(kafka, topics)
                for number in range(kafka.partitions)
            }
        )

    _as_admin(kafka, run)


def _names(kafka: Kafka, topics: Iterable[str]) -> list[str]:
    chosen = set(topics)
    return [
        kafka.topic_prefix + name
        for name, (topic, _) in broker_topics().items()
        if name in chosen or topic.name in chosen
    ]


def _as_admin(kafka: Kafka, run: Callable[[AIOKafkaAdminClient], Awaitable[None]]) -> None:
    async def connected() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        try:
            await run(admin)
        finally:
            await admin.close()

    asyncio.run(connected())


class TopicLoss:
    """Takes from the topics of an engine, and keeps a copy of all that was there for a replay."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._saved: dict[tuple[str, int, int], LoggedRecord] = {}

    def delete_records(self, topics: Iterable[str]) -> None:
        """See the function; the copy keeps them."""
        self._save()
        delete_records(self._kafka, topics)

    def make_again(self, topics: Iterable[str]) -> None:
        """Delete topics, or one process's part of one, and make empty ones in their place."""
        names = _names(self._kafka, topics)

        async def run(admin: AIOKafkaAdminClient) -> None:
            await admin.delete_topics(names)
            async with asyncio.timeout(30):
                while set(names) & set(await admin.list_topics()):
                    await asyncio.sleep(0.1)
            made = await admin.create_topics(
                [NewTopic(name, self._kafka.partitions, self._kafka.replication) for name in names]
            )
            assert not any(code for _, code, *_ in made.topic_errors), made

        self._save()
        _as_admin(self._kafka, run)

    def compact(self, topics: tuple[str, ...]) -> None:
        """Return when of each key no more than the newest record is left."""

        async def run(admin: AIOKafkaAdminClient) -> None:
            await admin.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, name, _COMPACTED_AT_ONCE)
                    for name in _names(self._kafka, topics)
                ]
            )

        self._save()
        _as_admin(self._kafka, run)
        asyncio.run(self._close_segments(topics))
        until(lambda: self._is_compacted(topics), f"{topics} are compacted", pause_s=0.5)
        asyncio.run(apply_topics(self._kafka, reset=True))

    def history(self) -> list[LoggedRecord]:
        """Every record that there ever was, traces behind what they name."""
        self._save()
        return sorted(self._saved.values(), key=lambda record: record.topic == "process.trace")

    def _save(self) -> None:
        self._saved |= {(r.topic, r.partition, r.offset): r for r in read_logged(self._kafka)}

    async def _close_segments(self, topics: tuple[str, ...]) -> None:
        """A record that comes later than `segment.ms` begins a new segment: the one before is compacted."""
        bus = KafkaBus(self._kafka)
        for place in recorded_partitions(self._kafka.partitions):
            if place.topic in topics:
                bus.publish_barrier(place, "test", time.time_ns())
        await bus.close()

    def _is_compacted(self, topics: tuple[str, ...]) -> bool:
        found = [(r.topic, r.key) for r in read_logged(self._kafka) if r.topic in topics]
        return len(found) == len(set(found))
