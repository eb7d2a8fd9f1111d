"""Imports a log from disk into empty topics, so that each record keeps its partition and offset.

Traces name inputs by partition and offset. The log lacks barriers and fenced records; barriers, which readers
skip, fill these gaps.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable

from runtime.bus import TopicPartition
from runtime.errors import ConfigError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import numbers_of, recorded_partitions
from runtime.kafka.outbox import OutboxRecord
from runtime.kafka.wire import Stamp, headers_of, new_trace_id
from runtime.log.logfile import LoggedRecord
from schemas.deployment import Kafka
from schemas.topics import BY_NAME

_UNCONFIRMED_MAX = 5_000
_PRODUCER = "import"


def import_records(config: Kafka, records: Iterable[LoggedRecord]) -> int:
    """The number of imported records; raises ConfigError where a topic is not empty or has too few
    partitions.
    """
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
        ends = await reader.end_offsets(recorded_partitions(config.partitions))
    finally:
        await reader.close()
    full = next((tp for tp, end in ends.items() if end), None)
    if full is not None:
        raise ConfigError(
            f"{config.topic_prefix}{full.topic} is not empty: set a kafka.topic_prefix for the import, "
            "and create its topics with `maker topics apply`"
        )


async def _send(bus: KafkaBus, config: Kafka, records: Iterable[LoggedRecord]) -> int:
    offsets: dict[TopicPartition, int] = defaultdict(int)
    count = 0
    for record in records:
        tp = TopicPartition(record.topic, record.partition)
        if tp.partition not in numbers_of(BY_NAME[tp.topic], config.partitions):
            raise ConfigError(
                f"the log has partition {tp.partition}, but kafka.partitions is {config.partitions}"
            )
        now_ns = time.time_ns()  # as Kafka's timestamp: by the event's, retention would delete it at once
        while offsets[tp] < record.offset:
            bus.publish_barrier(tp, _PRODUCER, now_ns)
            offsets[tp] += 1
        stamp = Stamp(0, new_trace_id(record.envelope.cause or record.envelope.event_id), now_ns)
        headers = headers_of(record.envelope, stamp)
        outgoing = OutboxRecord(
            record.key.encode(), record.payload, headers, now_ns // 1_000_000, time.monotonic_ns()
        )
        bus.outbox.add(tp, outgoing)
        offsets[tp] += 1
        count += 1
        if bus.outbox.size > _UNCONFIRMED_MAX:
            await bus.flush()
    await bus.flush()
    return count
