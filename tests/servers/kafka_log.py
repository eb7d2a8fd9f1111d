"""What a test reads back from the topics: every record that counts, with its writer's time of sending."""

import asyncio
from typing import NamedTuple

from runtime.bus import Record, TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import recorded_partitions as every_place
from runtime.kafka.reader import KafkaReader, RawRecord
from runtime.log.logfile import LoggedRecord
from schemas.deployment import Kafka
from schemas.envelope import M
from schemas.orders import Fill
from schemas.topics import BY_NAME


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
    is_trimmed: bool = False
    """Were records deleted, so that a start may have skipped numbers?"""

    def on(self, topic: str) -> list[Sent]:
        """The records of one topic."""
        return [sent for sent in self.records if sent.record.topic == topic]

    def messages(self, model: type[M]) -> list[M]:
        """The messages of one type."""
        return [sent.record.message for sent in self.records if isinstance(sent.record.message, model)]


def read_log(config: Kafka, topics: tuple[str, ...] = tuple(BY_NAME)) -> KafkaLog:
    """Read the topics from the oldest record that is there to their end."""
    return asyncio.run(_read_log(config, topics))


def read_logged(config: Kafka) -> list[LoggedRecord]:
    """Every record that counts, as a log on disk has it, for a replay: traces behind what they name."""
    raw = asyncio.run(_raw(config))
    records = [item.logged for item in raw]
    return sorted(records, key=lambda record: record.topic == "process.trace")


async def _raw(config: Kafka) -> list[RawRecord]:
    bus = KafkaBus(config)
    places = list(every_place(config.partitions))
    reader = bus.reader({})
    try:
        ends = await reader.end_offsets(places)
        reader.seek(await reader.begin_offsets(places))
        found: list[RawRecord] = []
        while any(reader.positions[place] < end for place, end in ends.items()):
            found += [raw for raw in await reader.poll_raw(20_000, 1.0) if reader.admits(raw)]
        return found
    finally:
        await reader.close()
        await bus.close()


async def _read_log(config: Kafka, topics: tuple[str, ...]) -> KafkaLog:
    bus = KafkaBus(config)
    places = [place for place in every_place(config.partitions) if place.topic in topics]
    reader = bus.reader({})
    try:
        ends = await reader.end_offsets(places)
        reader.seek(await reader.begin_offsets(places))
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


def booked(log: KafkaLog) -> list[tuple[str, int, str]]:
    """Trade id, lots and side of every fill, as the exchange's own trades are compared with them."""
    return sorted((fill.venue_trade_id, fill.size_lots, fill.side) for fill in log.messages(Fill))
