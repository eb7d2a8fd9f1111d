"""Reads from its topics what a process consumed and published, from a session start to its newest trace.

A replay can start where a session did, since its first inputs are the carried state. Where retention or
compaction has deleted records that a session needs, the next session is tried. The topics may grow meanwhile:
only records present at the opening are read, and those that no trace names are merely counted.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace

from runtime.bus import TopicPartition
from runtime.kafka.lanes import DeletedRecordsError, Lanes, PendingRecordsError
from runtime.kafka.layout import is_owner, numbers_of
from runtime.log.logfile import LoggedRecord
from runtime.process.names import in_shard_of, kind_of
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX
from runtime.replay.reach import Reach
from runtime.state.standing import Standing
from schemas.envelope import decode
from schemas.process import HEARD, ConfigApplied, Trace
from schemas.topics import BY_NAME, TOPICS, Topic
from schemas.units import NS_PER_S

TRACES = "process.trace"
CARRIED = "process.state"
_EARLIER_NS = 60 * NS_PER_S
"""Messages published after a snapshot are at most this much older than its file."""


@dataclass(frozen=True, slots=True)
class KnownPast:
    """A process known by its epoch claims."""

    name: str
    traces: TopicPartition
    claimed_ns: tuple[int, ...] = ()
    """Start times of its instances, oldest first."""


class ProcessPast:
    """The past of one process, read forward once."""

    def __init__(self, known: KnownPast, lanes: Lanes, partitions: int) -> None:
        self.reach = Reach(known.name)
        self._known = known
        self._lanes = lanes
        self._partitions = partitions
        self._kind = kind_of(known.name)
        self._published_upto = 0
        """Sequence of the newest message counted by a trace or published before the session."""
        self._consumed_upto: dict[TopicPartition, int] = {}
        self._is_complete = False
        """Whether all records of the session so far are available."""
        self.whole = range(0)
        """Offsets of the traces since the start of the oldest complete session."""
        self._is_finished = False
        self._since_ns = 0
        """Where its session, or the snapshot, begins."""
        self._traced_before = 0
        """Sequence of the newest trace that the starting snapshot includes."""

    async def start_from(self, standing: Standing, time_ns: int) -> None:
        """Start from a snapshot within a session, taken at that time."""
        since_ns = time_ns - _EARLIER_NS
        await self._seek(since_ns)
        await self._open_outputs(since_ns)
        self._traced_before, self._published_upto = standing.trace_sequence, standing.sequence
        self._is_complete = True
        self.reach = replace(self.reach, from_ns=time_ns, is_of_snapshot=True)

    async def start(self, from_ns: int | None) -> None:
        """Start at the session that was running at a time, or at the oldest claim."""
        claims = self._known.claimed_ns
        candidates = claims[: bisect_right(claims, from_ns)] if from_ns is not None else ()
        for claimed_ns in reversed(candidates):
            await self._seek(claimed_ns)
            if await self._starts_session(claimed_ns):
                await self._seek(claimed_ns)
                return
        if claims:
            await self._seek(claims[0])
        else:
            await self._seek(0)

    async def _seek(self, time_ns: int, at_least: int = 0) -> None:
        tp = self._known.traces
        found = await self._lanes.offsets_since([tp], time_ns)
        self._lanes.close_all()
        self._lanes.open({tp: max(found[tp], at_least)}, is_fenced=True)

    async def _starts_session(self, claimed_ns: int) -> bool:
        """Whether the instance with this claim started a new session."""
        while (record := await self._next_own()) is not None:
            if record.envelope.event_time_ns >= claimed_ns and _is_config(record):
                return _is_session_start(decode(ConfigApplied, record.payload))
        return False

    async def batch(self) -> list[LoggedRecord]:
        """The next trace or configuration, preceded by the records that it needs; empty at the end."""
        while not self._is_finished:
            record = await self._next_own()
            if record is None:
                break
            found = await self._configured(record) if _is_config(record) else await self._traced(record)
            if found:
                self._extend_whole(record.offset)
                return found
        self._count_untraced()
        return []

    def _extend_whole(self, offset: int) -> None:
        self.whole = range(self.whole.start if self.whole else offset, offset + 1)

    async def _next_own(self) -> LoggedRecord | None:
        while (record := await self._next()) is not None:
            envelope = record.envelope
            is_own = envelope.producer == self._known.name + TRACE_SUFFIX
            if is_own and envelope.sequence > self._traced_before:
                return record
        return None

    async def _next(self) -> LoggedRecord | None:
        try:
            return await self._lanes.next(self._known.traces)
        except DeletedRecordsError as error:
            self._mark_incomplete(str(error))
            await self._skip_to_claim(self.reach.traced_ns)
            return None if self._is_finished else await self._next()

    async def _configured(self, record: LoggedRecord) -> list[LoggedRecord]:
        applied = decode(ConfigApplied, record.payload)
        if _is_session_start(applied):
            await self._start_session(applied)
        elif not self._is_complete:
            return await self._skip_session(applied.event_time_ns)
        self._published_upto = max(self._published_upto, applied.sequence_before)
        return [record]

    async def _skip_session(self, time_ns: int) -> list[LoggedRecord]:
        if self.reach.because is None:
            self._mark_incomplete("the start of its session is no longer in process.trace")
        return await self._skip_to_claim(time_ns)

    async def _start_session(self, applied: ConfigApplied) -> None:
        claims = self._known.claimed_ns
        index = bisect_right(claims, applied.event_time_ns)
        since_ns = claims[index - 1] if index else applied.event_time_ns
        self._lanes.close_all(self._known.traces)
        await self._open_outputs(since_ns)
        if not self._is_complete:
            self.whole = range(0)
        self._is_complete = True
        if self.reach.from_ns is None or self.reach.until_ns is not None:
            self.reach = replace(
                self.reach, from_ns=applied.event_time_ns, until_ns=None, is_of_snapshot=False
            )

    async def _open_outputs(self, since_ns: int) -> None:
        self._since_ns = since_ns
        outputs = [tp for topic in TOPICS if self._publishes_to(topic) for tp in self._partitions_of(topic)]
        self._lanes.open(await self._lanes.offsets_since(outputs, since_ns), is_fenced=True)

    async def _traced(self, record: LoggedRecord) -> list[LoggedRecord]:
        time_ns = record.envelope.event_time_ns
        if not self._is_complete:
            return await self._skip_session(time_ns)
        trace = decode(Trace, record.payload)
        try:
            needed, has_all = await self._needed(trace)
        except DeletedRecordsError as error:
            self._mark_incomplete(str(error))
            return await self._skip_to_claim(time_ns)
        if not has_all and self._next_claim(time_ns) is None:
            self._is_finished = True  # the rest is in flight, and so is everything after it
            return []
        self._advance(trace)
        return [*needed, record]

    def _advance(self, trace: Trace) -> None:
        self.reach = replace(self.reach, traced_ns=trace.event_time_ns)
        self._published_upto = max(self._published_upto, trace.last_output_sequence)
        for source, partition, first, count in trace.entries:
            topic = BY_NAME.get(source)
            if topic is not None and not topic.own_input:
                self._consumed_upto[TopicPartition(source, partition)] = first + count

    async def _needed(self, trace: Trace) -> tuple[list[LoggedRecord], bool]:
        """The inputs and outputs of a trace, and whether they are complete."""
        found: list[LoggedRecord] = []
        has_all = True
        for need in self._needs(trace):
            try:
                found += await need
            except PendingRecordsError as pending:
                found += pending.found
                has_all = False
        return found, has_all

    def _needs(self, trace: Trace) -> Iterator[Awaitable[list[LoggedRecord]]]:
        name = self._known.name
        for source, partition, first, count in trace.entries:
            if source.startswith(HEARD):
                yield self._heard(TopicPartition(source.removeprefix(HEARD), partition), first, count)
                continue
            topic = BY_NAME.get(source)
            if topic is None:
                continue  # injected: on no topic
            if topic.own_input:
                partitions = self._partitions_of(topic)
                yield self._lanes.published(partitions, name + ADAPTER_SUFFIX, first, first + count - 1)
            else:
                yield self._lanes.consumed(TopicPartition(source, partition), first, count)
        if trace.last_output_sequence > self._published_upto:
            outputs = [tp for topic in TOPICS if self._carries(topic) for tp in self._partitions_of(topic)]
            yield self._lanes.published(outputs, name, self._published_upto + 1, trace.last_output_sequence)

    async def _heard(self, tp: TopicPartition, first: int, count: int) -> list[LoggedRecord]:
        """What was delivered in memory, by the sequences of the topic's one writer."""
        if not self._lanes.is_open(tp):
            self._lanes.open(await self._lanes.offsets_since([tp], self._since_ns), is_fenced=True)
        writer = in_shard_of(self._known.name, BY_NAME[tp.topic].writer)
        return await self._lanes.published([tp], writer, first, first + count - 1)

    def _carries(self, topic: Topic) -> bool:
        return topic.carries_outputs_of(self._kind) and not topic.own_input

    def _publishes_to(self, topic: Topic) -> bool:
        return topic.carries_outputs_of(self._kind) or topic.name == CARRIED

    def _partitions_of(self, topic: Topic) -> list[TopicPartition]:
        """The partitions of its own messages: in a divided topic its part, except in an imported log."""
        is_imported = not is_owner(self._known.traces, self._known.name, self._partitions)
        numbers = numbers_of(topic, self._partitions, None if is_imported else self._kind)
        return [TopicPartition(topic.name, number) for number in numbers]

    def _next_claim(self, time_ns: int) -> int | None:
        claims = self._known.claimed_ns
        index = bisect_right(claims, time_ns)
        return claims[index] if index < len(claims) else None

    def _mark_incomplete(self, because: str) -> None:
        """Part of the past cannot be verified."""
        reach = self.reach
        began_ns = reach.from_ns if reach.until_ns is None else None
        is_proved = began_ns is not None and reach.traced_ns >= began_ns
        self.reach = replace(
            reach,
            from_ns=began_ns if is_proved else None,
            until_ns=reach.traced_ns if is_proved else None,
            because=because,
        )
        self._is_complete = False

    async def _skip_to_claim(self, time_ns: int) -> list[LoggedRecord]:
        """Continue at the next start of the process, where a new session may start."""
        claimed_ns = self._next_claim(time_ns)
        if claimed_ns is None:
            self._is_finished = True
        else:
            await self._seek(claimed_ns, self._lanes.next_of(self._known.traces))
        return []

    def _count_untraced(self) -> None:
        ends = self._lanes.ends
        untraced = sum(max(0, ends[tp] - upto) for tp, upto in self._consumed_upto.items())
        self.reach = replace(self.reach, not_traced=untraced)


def _is_config(record: LoggedRecord) -> bool:
    return record.envelope.type_name == ConfigApplied.type_name


def _is_session_start(applied: ConfigApplied) -> bool:
    """Whether it starts a session, and is no restart within one. Before sessions existed: the first start."""
    if applied.session_began_ns == 0:
        return applied.sequence_before == 0
    return applied.session_began_ns == applied.event_time_ns
