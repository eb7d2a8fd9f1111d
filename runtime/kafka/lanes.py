"""Reads partitions forward in parallel, each from the first needed offset, and buffers requested records."""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from time import monotonic

from runtime.bus import TopicPartition
from runtime.errors import DependencyError, LogDamagedError, OffsetOutOfRangeError
from runtime.kafka.reader import KafkaReader, RawRecord
from runtime.log.logfile import LoggedRecord
from schemas.topics import BY_NAME
from schemas.units import NS_PER_MS

_FETCHED_MAX = 1_000_000
"""Everything that has been received."""
_LOW = 200
"""A partition with fewer buffered records is fetched along with others."""
_FETCH_S = 5.0
_EMPTY_FETCHES_MAX = 12
_SKIPPED_MAX = 10_000
"""More unneeded records than this are skipped with a seek instead of being read."""
ARRIVAL_LIMIT_S = 3.0
"""A trace may arrive before its inputs and outputs, which are in flight at the same time."""
_POLL_INTERVAL_S = 0.05


class DeletedRecordsError(Exception):
    """Retention or compaction has deleted required records."""


class PendingRecordsError(Exception):
    """Required records are not on the topics, at least not yet."""

    def __init__(self, what: str, found: list[LoggedRecord]) -> None:
        """`found` are those that are."""
        super().__init__(what)
        self.found = found


class Lanes:
    """A queue of records for each partition of a reader."""

    def __init__(
        self,
        reader: KafkaReader,
        begins: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        arrival_limit_s: float = ARRIVAL_LIMIT_S,
    ) -> None:
        """`begins` and `ends` are the broker's offsets."""
        self.begins = dict(begins)
        self.ends = dict(ends)
        self._reader = reader
        self._arrival_limit_s = arrival_limit_s
        self._queues: dict[TopicPartition, deque[LoggedRecord]] = {}
        self._fenced: set[TopicPartition] = set()
        """Here the fence decides which records count; elsewhere a trace, which named them, did."""
        self._starts: dict[TopicPartition, int] = {}
        self._compacted: set[TopicPartition] = set()
        """Partitions with missing offsets between records, which compaction has deleted."""

    def open(self, starts: Mapping[TopicPartition, int], *, is_fenced: bool) -> None:
        """Read partitions from these offsets on."""
        positions = {tp: max(offset, self.begins[tp]) for tp, offset in starts.items()}
        for tp in positions:
            self._queues[tp] = deque()
        self._compacted -= positions.keys()
        self._starts |= positions
        self._fenced |= set(positions) if is_fenced else set()
        self._reader.jump(positions)

    def is_open(self, tp: TopicPartition) -> bool:
        """Whether a partition is being read."""
        return tp in self._queues

    def close_all(self, kept: TopicPartition | None = None) -> None:
        """Close all partitions, or all but one, and reset their fences."""
        self._queues = {tp: queue for tp, queue in self._queues.items() if tp == kept}
        self._fenced &= self._queues.keys()
        newest = self._reader.fence.newest
        for closed in [each for each in newest if each[:2] != kept]:
            del newest[closed]

    async def offsets_since(
        self, partitions: Iterable[TopicPartition], time_ns: int
    ) -> dict[TopicPartition, int]:
        """The first offset of each partition at or after a time; its end where there is none."""
        times_ms = dict.fromkeys(partitions, time_ns // NS_PER_MS)
        found = await self._reader.offsets_at(times_ms) if times_ms else {}
        return {tp: max(found.get(tp, self.ends[tp]), self.begins[tp]) for tp in times_ms}

    async def next(self, tp: TopicPartition) -> LoggedRecord | None:
        """The next record of an open partition; None at its end."""
        queue = self._queues[tp]
        while not queue:
            if self._is_at_end(tp):
                return None
            await self._fetch([tp])
        record = queue.popleft()
        return record if record.offset < self.ends[tp] else None

    async def consumed(self, tp: TopicPartition, first: int, count: int) -> list[LoggedRecord]:
        """Consecutive records named by a trace. Raises DeletedRecordsError, PendingRecordsError."""
        self._check_retained(tp, first)
        self._seek(tp, first)
        queue = self._queues[tp]
        found: list[LoggedRecord] = []
        while len(found) < count:
            while queue and queue[0].offset < first:
                queue.popleft()
            while queue and len(found) < count and queue[0].offset == first + len(found):
                found.append(queue.popleft())
            if len(found) == count:
                break
            missing = first + len(found)
            if queue or self._reader.positions[tp] > missing:
                raise _missing_offset(tp, missing)
            if not self._is_at_end(tp):
                await self._fetch([tp])
            elif not await self._wait_for_more([tp], monotonic() + self._arrival_limit_s):
                raise PendingRecordsError(f"{_named(tp)} has no offset {missing}", found)
        return found

    def _check_retained(self, tp: TopicPartition, first: int) -> None:
        if first < self.begins[tp]:
            raise DeletedRecordsError(
                f"retention has deleted {_named(tp)} up to offset {self.begins[tp]}, but {first} is needed"
            )

    def _seek(self, tp: TopicPartition, first: int) -> None:
        queue = self._queues.get(tp)
        if queue is None or first < self.next_of(tp) or first > self._reader.positions[tp] + _SKIPPED_MAX:
            self.open({tp: first}, is_fenced=False)

    def next_of(self, tp: TopicPartition) -> int:
        """The offset of the next record of an open partition."""
        queue = self._queues[tp]
        return queue[0].offset if queue else self._reader.positions[tp]

    async def published(
        self, partitions: Collection[TopicPartition], producer: str, first: int, last: int
    ) -> list[LoggedRecord]:
        """The records of a producer with these sequences, on any of the given open partitions, in order.

        Raises DeletedRecordsError, PendingRecordsError where a sequence is missing.
        """
        found: dict[int, LoggedRecord] = {}
        limit_s: float | None = None
        while True:
            for tp in partitions:
                self._collect(tp, producer, range(first, last + 1), found)
            if len(found) == last - first + 1:
                return [found[sequence] for sequence in sorted(found)]
            empty = [tp for tp in partitions if not self._queues[tp]]
            unread = [tp for tp in empty if not self._is_at_end(tp)]
            if unread:
                await self._fetch(unread)
                continue
            limit_s = limit_s or monotonic() + self._arrival_limit_s
            if not await self._wait_for_more(empty, limit_s):
                missing = next(sequence for sequence in range(first, last + 1) if sequence not in found)
                self._check_not_deleted(partitions, f"message {missing} of {producer}")
                raise PendingRecordsError(
                    f"message {missing} of {producer} is on no topic", list(found.values())
                )

    def _collect(
        self, tp: TopicPartition, producer: str, sequences: range, found: dict[int, LoggedRecord]
    ) -> None:
        queue = self._queues[tp]
        while queue and (
            queue[0].envelope.producer != producer or queue[0].envelope.sequence < sequences.stop
        ):
            record = queue.popleft()
            if record.envelope.producer == producer and record.envelope.sequence >= sequences.start:
                found[record.envelope.sequence] = record

    def _check_not_deleted(self, partitions: Iterable[TopicPartition], what: str) -> None:
        for tp in partitions:
            if 0 < self.begins[tp] == self._starts[tp]:
                raise DeletedRecordsError(
                    f"{what} no longer exists: retention has deleted {_named(tp)} up to offset "
                    f"{self.begins[tp]}"
                )
        for tp in partitions:
            if tp in self._compacted:
                raise DeletedRecordsError(
                    f"{what} no longer exists: compaction has deleted part of {_named(tp)}"
                )

    async def _wait_for_more(self, partitions: Collection[TopicPartition], limit_s: float) -> bool:
        """Whether one of the partitions receives records before the time limit."""
        while partitions and monotonic() < limit_s:
            ends = await self._reader.end_offsets(partitions)
            if any(ends[tp] > self.ends[tp] for tp in partitions):
                self.ends |= ends
                return True
            await asyncio.sleep(_POLL_INTERVAL_S)
        return False

    def _is_at_end(self, tp: TopicPartition) -> bool:
        return self._reader.positions[tp] >= self.ends[tp]

    async def _fetch(self, partitions: Collection[TopicPartition]) -> None:
        """Fetch more of the given partitions, and of open ones with few buffered records."""
        empty_fetches = 0
        while empty_fetches < _EMPTY_FETCHES_MAX:
            low = [tp for tp, queue in self._queues.items() if len(queue) < _LOW and not self._is_at_end(tp)]
            self._reader.fetch_only({*low, *partitions})
            before = dict(self._reader.positions)
            expected = dict(before)
            try:
                raw = await self._reader.poll_raw(_FETCHED_MAX, _FETCH_S)
            except OffsetOutOfRangeError as error:
                raise DeletedRecordsError(f"during the read, {error}") from error
            for item in raw:
                self._accept(item, expected)
            if any(self._reader.positions[tp] > before[tp] for tp in partitions):
                return
            empty_fetches = 0 if raw else empty_fetches + 1
        tp = next(iter(partitions))
        raise DependencyError(f"the broker returns no more records of {_named(tp)} before its end")

    def _accept(self, item: RawRecord, expected: dict[TopicPartition, int]) -> None:
        tp = TopicPartition(item.logged.topic, item.logged.partition)
        if item.logged.offset > expected[tp] and BY_NAME[tp.topic].compacted:
            self._compacted.add(tp)
        expected[tp] = item.logged.offset + 1
        queue = self._queues.get(tp)
        if queue is not None and (tp not in self._fenced or self._reader.admits(item)):
            queue.append(item.logged)


def _missing_offset(tp: TopicPartition, offset: int) -> Exception:
    if BY_NAME[tp.topic].compacted:
        return DeletedRecordsError(f"compaction has deleted offset {offset} of {_named(tp)}")
    return LogDamagedError(f"{_named(tp)} lacks offset {offset}, which was consumed")


def _named(tp: TopicPartition) -> str:
    return f"{tp.topic} partition {tp.partition}"
