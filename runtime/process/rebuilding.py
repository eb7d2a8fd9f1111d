"""Rebuilds the state of a process from its topics.

It uses the newest copy of the carried state and the traces after it, or without a copy all traces. Traces
name the consumed inputs in order, which amounts to a journal. Nothing is published here; the next start
replays the journal, passes the later outputs to the core, and begins a session.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.bus import TopicPartition
from runtime.errors import ConfigError, LogDamagedError, StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.windows import ends_of, newest_first, read_between
from runtime.kafka.wire import writer_of
from runtime.log.logfile import LoggedRecord
from runtime.process.all_traces import rebuild_from_traces
from runtime.process.carried_topic import newest_copy
from runtime.process.definition import ProcessDefinition
from runtime.process.input_source import STATE_TOPIC, TRACE_TOPIC
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX, Entry
from runtime.process.tail import PARTS_SUFFIX
from runtime.state.carried_file import CarriedState
from runtime.state.journal import JournalTurn
from runtime.state.standing import Standing
from runtime.text import iso_time
from schemas.carried.runtime import CarriedPart
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.message import Event
from schemas.process import ConfigApplied, Trace
from schemas.topics import BY_NAME

_MARKET_FEED = "market.feed"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The rebuilt state of a process."""

    carried: CarriedState
    turns: Sequence[JournalTurn]
    source: str
    """The starting point, for display."""
    copy_ns: int | None = None
    """Time of the copy used; None: no copy."""
    copy_bytes: int = 0
    traces: int = 0
    inputs: int = 0
    """Inputs already consumed; those of the turns are replayed at the next start."""
    until_ns: int | None = None
    """Time of the newest trace; None: no trace."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Inputs by topic that are gone but superseded by newer ones."""

    def report(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "source": self.source,
            "copy_time": None if self.copy_ns is None else iso_time(self.copy_ns),
            "copy_bytes": self.copy_bytes,
            "traces": self.traces,
            "inputs": self.inputs + sum(count for turn in self.turns for _, _, _, count in turn.runs),
            "until": None if self.until_ns is None else iso_time(self.until_ns),
            "skipped": dict(self.skipped),
        }


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """The rebuild of one process, which must be down."""

    kafka: Kafka
    definition: ProcessDefinition
    name: str
    outputs: Sequence[TopicPartition]
    """Its output partitions, including its trace and carried state."""

    async def find(self, bus: KafkaBus) -> Rebuilt:
        """Rebuild the state; raises StateRefusedError where the topics do not reach back far enough."""
        copy = await self._newest_copy(bus)
        try:
            if copy is not None:
                return await _CopyRebuild(self, bus, *copy).find()
            return await asyncio.to_thread(self._from_all, await ends_of(bus, self.outputs))
        except (ConfigError, LogDamagedError) as error:
            raise self._refusal(str(error)) from error

    def partition_for(self, topic: str) -> TopicPartition:
        """Its own partition of a topic about processes."""
        return next(tp for tp in self.outputs if tp.topic == topic)

    def _refusal(self, reason: str) -> StateRefusedError:
        return StateRefusedError(
            f"the topics do not contain enough to rebuild the state of {self.name}: {reason}. "
            f"`maker state rebuild {self.name} --anew` keeps only its sequence numbers; then `maker "
            "positions adopt` takes over the position that the venue states, and halts have to be repeated"
        )

    async def _newest_copy(self, bus: KafkaBus) -> tuple[CarriedState, int, int] | None:
        """The newest copy, with its time and size."""
        tp = self.partition_for(STATE_TOPIC)
        async for records in newest_first(bus, tp):
            own = (each for each in records if each.envelope.producer == self.name + PARTS_SUFFIX)
            found = newest_copy(decode(CarriedPart, each.payload) for each in own)
            if found is not None:
                return found
        return None

    async def numbers_only(self, bus: KafkaBus) -> Rebuilt:
        """An empty state with only the used sequence numbers, under the newest configuration."""
        numbers: dict[str, int] = {}
        applied: ConfigApplied | None = None
        for tp in self.outputs:
            async for records in newest_first(bus, tp, everything=tp.topic == STATE_TOPIC):
                own = [each for each in records if writer_of(each.envelope.producer) == self.name]
                for each in own:
                    producer = each.envelope.producer
                    numbers[producer] = max(numbers.get(producer, 0), each.envelope.sequence)
                    if each.envelope.type_name == ConfigApplied.type_name:
                        applied = decode(ConfigApplied, each.payload)
                if own and (tp.topic != TRACE_TOPIC or applied is not None):
                    break
        if applied is None:
            raise self._refusal("they contain no configuration of it")
        standing = self._standing(numbers, await ends_of(bus, self.outputs))
        return Rebuilt(CarriedState(applied, standing, (), is_rebuilt=True), (), "its sequence numbers only")

    def _standing(self, numbers: Mapping[str, int], ends: dict[TopicPartition, int]) -> Standing:
        name = self.name
        return Standing(
            inputs=0,
            sequence=numbers.get(name, 0),
            trace_sequence=numbers.get(name + TRACE_SUFFIX, 0),
            adapter_sequence=numbers.get(name + ADAPTER_SUFFIX, 0),
            positions={},
            newest={},
            end_offsets=ends,
            unconfirmed={},
            parts_sequence=numbers.get(name + PARTS_SUFFIX, 0),
        )

    def _from_all(self, ends: dict[TopicPartition, int]) -> Rebuilt:
        past = rebuild_from_traces(self.kafka, self.definition, self.name)
        life = past.end()
        standing = self._standing(past.highest, ends)
        standing.inputs, standing.positions = past.inputs, past.positions
        carried = CarriedState(life.in_force(), standing, life.carried(past.newest_ns), is_rebuilt=True)
        return Rebuilt(
            carried,
            past.untraced(),
            "all its traces",
            traces=past.traces,
            inputs=past.inputs,
            until_ns=past.newest_ns,
        )


@dataclass(slots=True)
class _CopyRebuild:
    """A rebuild from a copy and the traces after it."""

    rebuilding: Rebuilding
    bus: KafkaBus
    copy: CarriedState
    copy_ns: int
    copy_bytes: int
    external: dict[int, tuple[str, Event]] = field(default_factory=dict)
    """Adapter inputs with their topic, by sequence."""
    present: dict[TopicPartition, frozenset[int] | int] = field(default_factory=dict)
    """The existing offsets, or the first from which all exist."""
    lost: Counter[str] = field(default_factory=Counter)
    """Inputs that are gone, by topic."""

    async def find(self) -> Rebuilt:
        standing = self.copy.standing
        records = await self._own_records()
        traces, applied = self._traces(records)
        self._keep_external(records)
        await self._find_present([entry for trace in traces for entry in trace.entries])
        turns = [self._turn(trace) for trace in traces]
        lost = {topic: count for topic, count in self.lost.items() if count}
        needed = {topic: count for topic, count in lost.items() if not _is_renewed(topic)}
        if needed:
            raise LogDamagedError(
                f"since the copy of {iso_time(self.copy_ns)} it consumed records that no longer exist: "
                + ", ".join(f"{count} of {topic}" for topic, count in sorted(needed.items()))
            )
        carried = CarriedState(applied, standing, self.copy.messages, is_rebuilt=True)
        until_ns = traces[-1].event_time_ns if traces else None
        return Rebuilt(
            carried,
            [*turns, *self._untraced()],
            "the newest copy of its carried state, and its traces since",
            copy_ns=self.copy_ns,
            copy_bytes=self.copy_bytes,
            traces=len(traces),
            until_ns=until_ns,
            skipped=lost,
        )

    async def _own_records(self) -> list[LoggedRecord]:
        """Its traces and adapter inputs since the copy."""
        ends = self.copy.standing.end_offsets
        own = [
            tp
            for tp in self.rebuilding.outputs
            if tp.topic == TRACE_TOPIC or (BY_NAME[tp.topic].own_input and tp.topic != STATE_TOPIC)
        ]
        found = await read_between(self.bus, {tp: ends.get(tp, 0) for tp in own})
        trace = self.rebuilding.partition_for(TRACE_TOPIC)
        if found.begins[trace] > ends.get(trace, 0):
            raise LogDamagedError(f"its traces since the copy of {iso_time(self.copy_ns)} are deleted")
        return found.records

    def _traces(self, records: Iterable[LoggedRecord]) -> tuple[list[Trace], ConfigApplied]:
        """The traces in order, and the configuration of the newest session."""
        producer, after = self.rebuilding.name + TRACE_SUFFIX, self.copy.standing.trace_sequence
        own = sorted(
            (
                each
                for each in records
                if each.envelope.producer == producer and each.envelope.sequence > after
            ),
            key=lambda each: each.envelope.sequence,
        )
        applied = self.copy.applied
        for each in own:
            if each.envelope.type_name == ConfigApplied.type_name:
                begun = decode(ConfigApplied, each.payload)
                if begun.session_began_ns != applied.session_began_ns:
                    applied = begun
        is_trace = (each for each in own if each.envelope.type_name == Trace.type_name)
        return [decode(Trace, each.payload) for each in is_trace], applied

    def _keep_external(self, records: Iterable[LoggedRecord]) -> None:
        producer, after = self.rebuilding.name + ADAPTER_SUFFIX, self.copy.standing.adapter_sequence
        for each in records:
            if each.envelope.producer == producer and each.envelope.sequence > after:
                self.external[each.envelope.sequence] = (each.topic, each.decoded().message)

    async def _find_present(self, entries: Iterable[Entry]) -> None:
        """Find which inputs still exist: compaction leaves holes, retention cuts the beginning."""
        first: dict[TopicPartition, int] = {}
        last: dict[TopicPartition, int] = {}
        for source, partition, number, count in entries:
            if source in BY_NAME and not BY_NAME[source].own_input:
                tp = TopicPartition(source, partition)
                first.setdefault(tp, number)
                last[tp] = number + count
        compacted = {tp: number for tp, number in first.items() if BY_NAME[tp.topic].compacted}
        found = await read_between(self.bus, compacted, last)
        for tp in compacted:
            self.present[tp] = found.offsets(tp)
        others = [tp for tp in first if tp not in compacted]
        self.present |= (
            await read_between(self.bus, dict.fromkeys(others, 0), dict.fromkeys(others, 0))
        ).begins

    def _turn(self, trace: Trace) -> JournalTurn:
        runs: list[Entry] = []
        external: list[Event] = []
        for entry in trace.entries:
            source, partition, first, count = entry
            if source not in BY_NAME:
                runs.append(entry)  # injected
            elif source == STATE_TOPIC:
                continue  # the copy stands for what was carried
            elif BY_NAME[source].own_input:
                for number in range(first, first + count):
                    runs += self._received(source, number, external)
            else:
                runs += self._consumed(TopicPartition(source, partition), first, count)
        return JournalTurn(tuple(runs), tuple(external), trace.event_time_ns)

    def _received(self, source: str, number: int, external: list[Event]) -> list[Entry]:
        found = self.external.pop(number, None)
        if found is None:
            self.lost[source] += 1
            return []
        external.append(found[1])
        return [(source, 0, number, 1)]

    def _consumed(self, tp: TopicPartition, first: int, count: int) -> list[Entry]:
        present = self.present[tp]
        there = [
            number
            for number in range(first, first + count)
            if (number >= present if isinstance(present, int) else number in present)
        ]
        self.lost[tp.topic] += count - len(there)
        return [(*tp, number, 1) for number in there]

    def _untraced(self) -> Iterator[JournalTurn]:
        """Adapter inputs after the newest trace."""
        for number, (topic, event) in sorted(self.external.items()):
            yield JournalTurn(((topic, 0, number, 1),), (event,), None)


def _is_renewed(topic: str) -> bool:
    """Whether a newer message supersedes a lost one. Market data from a feed are outdated by then too."""
    return BY_NAME[topic].kind == "state" or topic == _MARKET_FEED
