"""A broker in memory that says where its partitions begin and end, as a start asks it."""

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.bus import TopicPartition
from runtime.kafka.layout import partition_for
from runtime.kafka.reader import Fence, RawRecord
from runtime.kafka.wire import Stamp
from runtime.log.logfile import LoggedRecord
from schemas.envelope import Envelope, encode
from schemas.topics import ROUTER
from tests.kit import messages as kit

PLACE = TopicPartition("order.fill", 0)
CLAIMS = partition_for("process.epoch", ROUTER, 1)


def raw(
    offset: int, sequence: int, epoch: int, place: TopicPartition = PLACE, kind: str = "order.fill.v1"
) -> RawRecord:
    trade = kit.trade(3, 2, venue="v", symbol="A/B", trade_id=str(sequence), time_ns=sequence)
    envelope = Envelope(ROUTER, sequence, None, sequence, kind)
    return RawRecord(LoggedRecord(*place, offset, "v:A/B", envelope, encode(trade)), Stamp(epoch, "t", 0))


class FakeReader:
    """Partitions in memory."""

    def __init__(self, broker: "FakeBroker", positions: Mapping[TopicPartition, int], fence: Fence) -> None:
        self._broker = broker
        self.positions = dict(positions)
        self.fence = fence
        self.poison: list[Any] = []

    async def begin_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._broker.extents[place][0] for place in places}

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._broker.extents[place][1] for place in places}

    def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        self.positions = dict(positions)

    async def poll_raw(
        self, max_records: int, timeout_s: float, only: Iterable[TopicPartition] = ()
    ) -> list[RawRecord]:
        found = []
        for place in tuple(only) or tuple(self.positions):
            there = [r for r in self._broker.records[place] if r.logged.offset >= self.positions[place]]
            for record in there[:max_records]:
                self.positions[place] = record.logged.offset + 1
                found.append(record)
        return found

    def admits(self, record: RawRecord) -> bool:
        return self.fence.admits(record)

    def decoded(self, records: Iterable[RawRecord]) -> list[Any]:
        return [record.logged.decoded() for record in records]

    async def close(self) -> None:
        pass


class FakeBroker:
    """Stands for the bus and what is behind it."""

    def __init__(self, begin: int, *records: RawRecord, end: int | None = None, claims: int = 5) -> None:
        place = TopicPartition(records[0].logged.topic, 0) if records else PLACE
        last = records[-1].logged.offset + 1 if records else begin
        self.records = {place: list(records), CLAIMS: []}
        self.extents = {place: (begin, last if end is None else end), CLAIMS: (0, claims)}

    def reader(self, positions: Mapping[TopicPartition, int], fence: Fence | None = None) -> FakeReader:
        return FakeReader(self, positions, fence or Fence())

    def partition_for(self, topic: str, key: str) -> TopicPartition:
        return partition_for(topic, key, 1)
