"""The carried state of a process at a past time, from the copies on its topic."""

import asyncio
from typing import NamedTuple

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import partition_for
from runtime.kafka.windows import ends_of, read_between
from runtime.process.carried_topic import newest_copy
from runtime.state.carried_file import CarriedState
from schemas.carried.runtime import CarriedPart
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.units import NS_PER_MS, NS_PER_S

_TOPIC = "process.state"
_LOOKS_BACK_NS = tuple(minutes * 60 * NS_PER_S for minutes in (20, 120, 1_440))
"""Look-back windows, tried in order: copies are minutes apart, and further with a large state."""


class CarriedCopy(NamedTuple):
    """A complete copy of a process's carried state."""

    state: CarriedState
    time_ns: int
    """Time of publication."""


def copy_before(config: Kafka, process: str, by_ns: int) -> CarriedCopy | None:
    """The newest complete copy published by a time; None where there is none in the day before.

    Raises DependencyError where the broker does not answer.
    """
    return asyncio.run(_before(KafkaBus(config), partition_for(_TOPIC, process, config.partitions), by_ns))


async def _before(bus: KafkaBus, tp: TopicPartition, by_ns: int) -> CarriedCopy | None:
    end = await _offset_at(bus, tp, by_ns + NS_PER_S)
    for back_ns in _LOOKS_BACK_NS:
        start = await _offset_at(bus, tp, max(0, by_ns - back_ns))
        found = await read_between(bus, {tp: start}, {tp: end})
        parts = (
            decode(CarriedPart, record.payload)
            for record in found.records
            if record.envelope.type_name == CarriedPart.type_name and record.envelope.event_time_ns <= by_ns
        )
        copy = newest_copy(parts)
        if copy is not None:
            return CarriedCopy(*copy[:2])
    return None


async def _offset_at(bus: KafkaBus, tp: TopicPartition, time_ns: int) -> int:
    reader = bus.reader({})
    try:
        found = await reader.offsets_at({tp: time_ns // NS_PER_MS})
    finally:
        await reader.close()
    return found[tp] if tp in found else (await ends_of(bus, [tp]))[tp]
