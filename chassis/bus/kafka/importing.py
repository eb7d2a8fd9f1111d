"""Puts a log from disk into empty topics, so that each record gets the partition and offset that it had.

A trace names its inputs by partition and offset. Where the log has a gap, since barriers and records that did
not count were left out of it, the topic gets records that no reader sees.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.outbox import OutboxRecord
from chassis.bus.kafka.wire import Stamp, headers_of, new_trace_id
from chassis.bus.logfile import LoggedRecord
from chassis.errors import ConfigError
from schemas.deployment import Kafka
from schemas.topics import TOPICS

_UNCONFIRMED_MAX = 5_000
_PRODUCER = "import"


def import_records(config: Kafka, records: Iterable[LoggedRecord]) -> int:
    """Their number; raises ConfigError where a topic is not empty or has too few partitions."""
    return asyncio.run(_import(config, records))


async def _import(config: Kafka, records: Iterable[LoggedRecord]) -> int:
    bus = KafkaBus(config)
    try:
        await _check_empty(bus, config)
        return await _send(bus, config, records)
    finally:
        await bus.close()


async def _check_empty(bus: KafkaBus, config: Kafka) -> None:
    reader = bus.reader({})
    try:
        places = [
            TopicPartition(topic.name, number) for topic in TOPICS for number in range(config.partitions)
        ]
        ends = await reader.end_offsets(places)
    finally:
        await reader.close()
    full = next((place for place, end in ends.items() if end), None)
    if full is not None:
        raise ConfigError(
            f"{config.topic_prefix}{full.topic} holds records already: give a kafka.topic_prefix of its own, "
            "and make the topics with `maker topics apply`"
        )


async def _send(bus: KafkaBus, config: Kafka, records: Iterable[LoggedRecord]) -> int:
    offsets: dict[TopicPartition, int] = defaultdict(int)
    count = 0
    for record in records:
        place = TopicPartition(record.topic, record.partition)
        if place.partition >= config.partitions:
            raise ConfigError(
                f"the log has partition {place.partition}: kafka.partitions is {config.partitions}"
            )
        now_ns = time.time_ns()  # as Kafka's own time: by the event's, retention would delete it at once
        while offsets[place] < record.offset:
            bus.publish_barrier(place, _PRODUCER, now_ns)
            offsets[place] += 1
        stamp = Stamp(0, new_trace_id(record.envelope.cause or record.envelope.event_id), now_ns)
        headers = headers_of(record.envelope, stamp)
        sent = OutboxRecord(
            record.key.encode(), record.payload, headers, now_ns // 1_000_000, time.monotonic_ns()
        )
        bus.outbox.add(place, sent)
        offsets[place] += 1
        count += 1
        if bus.outbox.size > _UNCONFIRMED_MAX:
            await bus.flush()
    await bus.flush()
    return count
