"""Which minutes are open, when one is over, and which records never need to be read again.

A record is held until its minute is over and that minute's totals are safely published; only then is it
released, and the consumer group's offset moves past it. So a worker that is killed reads every open minute
again from its first record. What it reads again of a finished minute is a part of it, with fewer records and
therefore a lower version: readers keep the complete one.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

from monitor_service.streams.minute import MinuteSums, minute_of
from runtime.bus import TopicPartition
from schemas.message import SymbolEvent
from schemas.statistics import MINUTE_NS, MinuteStatistics

Token = TypeVar("Token")

GRACE_NS = MINUTE_NS
"""A record may be this much older than the newest of its partition number and still count."""
_NO_MINUTE = -1


class Extent(NamedTuple):
    """The present range of a partition."""

    begin: int
    end: int
    """The offset that its next record will get."""


class OpenMinutes(Generic[Token]):
    """All open minutes. A token represents a record and releases it."""

    def __init__(self) -> None:
        self.positions: dict[TopicPartition, int] = {}
        """The offset after the newest record received, per partition."""
        self.late = 0
        """Records received after their minute was over: in no total."""
        self._newest_ns: dict[TopicPartition, int] = {}
        self._minutes: dict[tuple[str, int], MinuteSums] = {}
        self._partitions: dict[str, int] = {}
        self._published: dict[tuple[str, int], int] = {}
        """The newest published version of each open minute."""
        self._over_before_ns: dict[int, int] = defaultdict(int)
        """By partition number: minutes that start before this are over."""
        self._held: dict[TopicPartition, deque[tuple[int, int, Token]]] = defaultdict(deque)
        self._again: list[Token] = []

    def add(self, place: TopicPartition, offset: int, token: Token, message: SymbolEvent | None) -> None:
        """Add a record, once however often it arrives; None: it counts for nothing, but keeps its offset."""
        held = self._held[place]
        if offset < self.positions.get(place, 0):
            if not held or offset < held[0][0]:
                self._again.append(token)
            return
        self.positions[place] = offset + 1
        start_ns = _NO_MINUTE if message is None else minute_of(message.event_time_ns)
        held.append((offset, start_ns, token))
        if message is not None:
            self._newest_ns[place] = max(self._newest_ns.get(place, 0), message.event_time_ns)
            self._count(place.partition, offset, start_ns, message)

    def _count(self, partition: int, offset: int, start_ns: int, message: SymbolEvent) -> None:
        if start_ns < self._over_before_ns[partition]:
            self.late += 1
            return
        key = message.key
        minute = self._minutes.get((key, start_ns))
        if minute is None:
            minute = self._minutes[key, start_ns] = MinuteSums(message.venue, message.symbol, start_ns)
            self._partitions[key] = partition
        minute.add(offset, message)

    def advance(self, extents: Mapping[TopicPartition, Extent]) -> list[MinuteStatistics]:
        """Close minutes that are over, given the extents; returns totals changed since the last call."""
        for partition in {place.partition for place in extents}:
            passed_ns = self._passed_ns(partition, extents)
            over_ns = max(self._over_before_ns[partition], minute_of(max(0, passed_ns - GRACE_NS)))
            self._over_before_ns[partition] = over_ns
        changed = [
            (key, minute)
            for key, minute in self._minutes.items()
            if self._published.get(key) != minute.records
        ]
        self._published |= {key: minute.records for key, minute in changed}
        for key in [key for key in self._minutes if self._is_over(*key)]:
            del self._minutes[key], self._published[key]
        return [minute.total() for _, minute in changed]

    def _passed_ns(self, partition: int, extents: Mapping[TopicPartition, Extent]) -> int:
        """The time up to which every topic was read. One that was read to its end blocks none."""
        places = [place for place in extents if place.partition == partition]
        newest_ns = [self._newest_ns.get(place, 0) for place in places]
        behind_ns = [
            time_ns
            for place, time_ns in zip(places, newest_ns, strict=True)
            if self.positions.get(place, extents[place].begin) < extents[place].end
        ]
        return min(behind_ns, default=max(newest_ns))

    @property
    def newest_ns(self) -> int | None:
        """Time of the newest record received; None: there was none."""
        return max(self._newest_ns.values(), default=None)

    def _is_over(self, key: str, start_ns: int) -> bool:
        return start_ns < self._over_before_ns[self._partitions[key]]

    def let_go(self) -> list[Token]:
        """Tokens of records that need not be read again, once the totals of `advance` are safe.

        In each partition's order, and never its newest record: so a restart always reads one, and can tell a
        partition it has read nothing of from one with nothing left to read.
        """
        free, self._again = self._again, []
        for place, held in self._held.items():
            over_ns = self._over_before_ns[place.partition]
            while len(held) > 1 and held[0][1] < over_ns:
                free.append(held.popleft()[2])
        return free
