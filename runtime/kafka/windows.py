"""Reads ranges of partitions at once."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import NamedTuple

from runtime.bus import TopicPartition
from runtime.errors import DependencyError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.wire import writer_of
from runtime.log.logfile import LoggedRecord

_FETCHED_MAX = 10_000
_FETCH_S = 1.0
_EMPTY_FETCHES_MAX = 30
_LOOKS_BACK = (200, 2_000, 1 << 62)
"""Look-back windows before the end, in records, tried in order."""


class Found(NamedTuple):
    """The records of a range."""

    records: list[LoggedRecord]
    """Records that count, each partition in order."""
    begins: dict[TopicPartition, int]
    """The oldest retained offset of each partition."""
    epochs: dict[str, int]
    """The newest epoch of each writer, of its barriers and of records that do not count too."""

    def offsets(self, tp: TopicPartition) -> frozenset[int]:
        """The offsets of the records of one partition."""
        return frozenset(
            each.offset for each in self.records if (each.topic, each.partition) == (tp.topic, tp.partition)
        )


async def ends_of(bus: KafkaBus, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset that the next record of each partition will get."""
    reader = bus.reader({})
    try:
        return await reader.end_offsets(partitions)
    finally:
        await reader.close()


async def read_between(
    bus: KafkaBus, starts: Mapping[TopicPartition, int], upto: Mapping[TopicPartition, int] | None = None
) -> Found:
    """The records from these offsets, or the oldest retained ones, up to other offsets or the end."""
    if not starts:
        return Found([], {}, {})
    reader = bus.reader({})
    try:
        begins, ends = await reader.begin_offsets(starts), await reader.end_offsets(starts)
        limits = ends if upto is None else {tp: min(upto[tp], end) for tp, end in ends.items()}
        reader.seek({tp: max(begins[tp], start) for tp, start in starts.items()})
        records: list[LoggedRecord] = []
        epochs: dict[str, int] = {}
        empty_fetches = 0
        while any(reader.positions[tp] < limit for tp, limit in limits.items()):
            raw = await reader.poll_raw(_FETCHED_MAX, _FETCH_S)
            records += [each.logged for each in raw if reader.admits(each)]
            for each in raw:
                writer = writer_of(each.logged.envelope.producer)
                epochs[writer] = max(epochs.get(writer, 0), each.stamp.epoch)
            empty_fetches = 0 if raw else empty_fetches + 1
            if empty_fetches > _EMPTY_FETCHES_MAX:
                raise DependencyError("the broker returns no more records before the end of the range")
        return Found(records, begins, epochs)
    finally:
        await reader.close()


async def newest_first(
    bus: KafkaBus, tp: TopicPartition, *, everything: bool = False
) -> AsyncIterator[list[LoggedRecord]]:
    """The newest records of a partition, in order; more in each step; `everything`: all at once."""
    end = (await ends_of(bus, [tp]))[tp]
    for count in (end,) if everything else _LOOKS_BACK:
        found = await read_between(bus, {tp: max(0, end - count)}, {tp: end})
        yield found.records
        if end - count <= found.begins[tp]:
            return
