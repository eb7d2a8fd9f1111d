"""A stretch of a topic lacks nothing that its neighbours overtook."""

import asyncio
from typing import cast

from runtime.bus import TopicPartition
from runtime.kafka import slices
from runtime.kafka.reader import KafkaReader, RawRecord
from schemas.units import NS_PER_S
from tests.unit.runtime.fake_broker import PLACE, FakeBroker, raw

T0 = 1_700_000_000 * NS_PER_S


def dated(offset: int, second: int) -> RawRecord:
    record = raw(offset, offset + 1, 1)
    envelope = record.logged.envelope._replace(event_time_ns=T0 + second * NS_PER_S)
    return record._replace(logged=record.logged._replace(envelope=envelope))


def read(to_s: int, *seconds: int) -> list[int]:
    broker = FakeBroker(0, *(dated(offset, second) for offset, second in enumerate(seconds)))
    reader = cast(KafkaReader, broker.reader({TopicPartition(*PLACE): 0}))
    partition = slices._Partition(PLACE, 0, len(seconds))
    reading = slices._Reading(reader, [partition], T0 + to_s * NS_PER_S)
    return [record.offset for record, _ in asyncio.run(reading.batch())]


def test_a_record_of_the_stretch_that_comes_after_later_ones_is_found() -> None:
    assert read(10, 5, 27, 12, 6, 13, 10) == [0, 3, 5]


def test_what_comes_after_a_record_half_a_minute_later_is_not_looked_for() -> None:
    assert read(10, 5, 41, 6) == [0]
