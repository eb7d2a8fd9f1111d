"""The topics of a broker in memory, and a process that speaks on them: whole, trimmed, or with holes."""

from collections.abc import Iterable, Mapping

from runtime.bus import TopicPartition
from runtime.errors import OffsetOutOfRangeError
from runtime.kafka.reader import Fence, RawRecord
from runtime.kafka.wire import BARRIER_TYPE, Stamp
from runtime.log.logfile import LoggedRecord
from schemas.config import Config
from schemas.envelope import Envelope, encode
from schemas.message import Event
from schemas.process import Trace
from schemas.topics import INVENTORY
from tests.kit.messages import config_applied

NAME = INVENTORY
TRACES = TopicPartition("process.trace", 3)
"""With one partition a topic, the process's part of it."""
STATE = TopicPartition("process.state", 3)
FILLS = TopicPartition("order.fill", 0)
SIGNALS = TopicPartition("market.signal", 0)
POSITIONS = TopicPartition("inventory.position", 0)
S = 1_000_000_000


class Broker:
    """Partitions in memory, and a reader of them."""

    def __init__(self) -> None:
        self.records: dict[TopicPartition, dict[int, RawRecord]] = {}
        self.begins: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}
        self.coming: list[tuple[TopicPartition, RawRecord]] = []
        """Arrives when the ends are asked for again."""
        self.positions: dict[TopicPartition, int] = {}
        self.fence = Fence()
        self.wanted: tuple[TopicPartition, ...] = ()
        self.fetched = 0

    def add(self, place: TopicPartition, envelope: Envelope, payload: bytes, epoch: int = 1) -> None:
        offset = self.ends.get(place, 0)
        logged = LoggedRecord(*place, offset, "key", envelope, payload)
        self.records.setdefault(place, {})[offset] = RawRecord(logged, Stamp(epoch, "t", 0))
        self.ends[place] = offset + 1

    def trim(self, place: TopicPartition, begin: int) -> None:
        """As retention does."""
        self.begins[place] = begin

    def jump(self, positions: Mapping[TopicPartition, int]) -> None:
        self.positions |= positions

    def fetch_only(self, places: Iterable[TopicPartition]) -> None:
        self.wanted = tuple(places)

    def admits(self, raw: RawRecord) -> bool:
        return self.fence.admits(raw)

    async def offsets_at(self, times_ms: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        found = {}
        for place, time_ms in times_ms.items():
            for offset, raw in self.records.get(place, {}).items():
                if raw.logged.envelope.event_time_ns // 1_000_000 >= time_ms:
                    found[place] = offset
                    break
        return found

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        for place, raw in self.coming:
            self.add(place, raw.logged.envelope, raw.logged.payload, raw.stamp.epoch)
        self.coming.clear()
        return {place: self.ends.get(place, 0) for place in places}

    async def poll_raw(self, max_records: int, timeout_s: float) -> list[RawRecord]:
        found: list[RawRecord] = []
        for place in self.wanted:
            position = self.positions[place]
            if position < self.begins.get(place, 0):
                raise OffsetOutOfRangeError(f"offset {position} of {place.topic} is gone")
            there = [raw for offset, raw in self.records.get(place, {}).items() if offset >= position]
            for raw in there[:1_000]:
                self.positions[place] = raw.logged.offset + 1
                found.append(raw)
        self.fetched += len(found)
        return found


class Process:
    """Writes what a process writes."""

    def __init__(self, broker: Broker, traces_place: TopicPartition = TRACES) -> None:
        self.broker = broker
        self.traces_place = traces_place
        self.epoch = 0
        self.sequence = 0
        self.traces = 0
        self.claims: list[int] = []
        self.began_ns = 0

    def start(self, time_ns: int, *, is_new: bool) -> None:
        """An instance begins: a session, or on with the one there is."""
        self.epoch += 1
        self.claims.append(time_ns)
        for place in (POSITIONS, self.traces_place):
            self.broker.add(place, Envelope(NAME, 0, None, time_ns, BARRIER_TYPE), b"{}", self.epoch)
        self.began_ns = time_ns + 1 if is_new else self.began_ns
        self._about(
            config_applied(
                Config(),
                NAME,
                code_version="0",
                config_hash="0",
                session_began_ns=self.began_ns,
                sequence_before=self.sequence,
                time_ns=time_ns + 1,
            )
        )

    def say(self, time_ns: int, epoch: int | None = None) -> RawRecord:
        """One output."""
        self.sequence += 1
        envelope = Envelope(NAME, self.sequence, None, time_ns, "inventory.position.v1")
        self.broker.add(POSITIONS, envelope, b"%d" % self.sequence, epoch or self.epoch)
        return self.broker.records[POSITIONS][self.broker.ends[POSITIONS] - 1]

    def trace(self, time_ns: int, *entries: tuple[str, int, int, int]) -> None:
        """What was consumed and said."""
        self._about(
            Trace(event_time_ns=time_ns, process=NAME, entries=entries, last_output_sequence=self.sequence)
        )

    def _about(self, event: Event) -> None:
        self.traces += 1
        envelope = Envelope(f"{NAME}/trace", self.traces, None, event.event_time_ns, event.type_name)
        self.broker.add(self.traces_place, envelope, encode(event), self.epoch)


def hear(broker: Broker, place: TopicPartition, time_ns: int) -> tuple[str, int, int, int]:
    """Something to be consumed; how a trace names it."""
    offset = broker.ends.get(place, 0)
    producer = f"{NAME}/adapter" if place == STATE else "order-router"
    sequence = offset + 1
    broker.add(place, Envelope(producer, sequence, None, time_ns, "x"), b"%d" % offset)
    return (place.topic, 0, sequence if place == STATE else offset, 1)
