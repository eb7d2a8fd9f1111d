"""Verifies processes by replaying them from their topics, and reports how far back the topics reach."""

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.lanes import Lanes
from runtime.kafka.layout import recorded_partitions
from runtime.kafka.past import TRACES, KnownPast, ProcessPast
from runtime.kafka.reader import PAST, Fence, KafkaReader
from runtime.log.logfile import LoggedRecord
from runtime.process.definition import ProcessDefinition
from runtime.process.names import kind_of
from runtime.process.runner import TRACE_SUFFIX
from runtime.process.session import sources_of
from runtime.replay.reach import Reach, check_proved
from runtime.replay.verify import ProcessReplay, run
from runtime.state.kept_snapshots import Kept, KeptSnapshots, snapshot_of
from runtime.state.snapshot import Snapshot
from schemas.deployment import Kafka
from schemas.envelope import decode
from schemas.process import EpochClaim

_CLAIMS = "process.epoch"


class TopicsPast:
    """The contents of a broker's topics when opened, by process; a context manager."""

    def __init__(self, config: Kafka) -> None:
        self._config = config
        self._runner = asyncio.Runner()
        self._reader: KafkaReader
        self._begins: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._known: dict[str, KnownPast] = {}

    def __enter__(self) -> "TopicsPast":
        """Connect, and find topic offsets and processes; raises ConfigError, DependencyError."""
        try:
            self._runner.run(self._open())
        except BaseException:
            self._runner.close()
            raise
        return self

    async def _open(self) -> None:
        self._reader = self._new_reader()
        try:
            every = list(recorded_partitions(self._config.partitions))
            self._reader.seek(dict.fromkeys(every, 0))
            self._begins = await self._reader.begin_offsets(every)
            traces = [tp for tp in every if tp.topic == TRACES]
            first = await self._reader.end_offsets(traces)  # before the others: traces follow what they name
            self._ends = await self._reader.end_offsets(every) | first
            self._known = await self._find_processes()
        except BaseException:
            await self._reader.close()
            raise

    def _new_reader(self) -> KafkaReader:
        return KafkaBus(self._config).reader({}, checks_owners=False, fetching=PAST)

    async def _find_processes(self) -> dict[str, KnownPast]:
        """Processes by their claims; where those are deleted, by the oldest trace of a partition."""
        claimed: dict[KnownPast, list[int]] = {}
        claims = self._non_empty(_CLAIMS)
        lanes = self._lanes(claims)
        for tp in claims:
            while (record := await lanes.next(tp)) is not None:
                claim = decode(EpochClaim, record.payload)
                known = KnownPast(claim.process, TopicPartition(TRACES, tp.partition))
                claimed.setdefault(known, []).append(claim.event_time_ns)
        unclaimed = [tp for tp in self._non_empty(TRACES) if tp not in {each.traces for each in claimed}]
        lanes = self._lanes(unclaimed)
        for tp in unclaimed:
            if (record := await lanes.next(tp)) is not None:
                claimed[KnownPast(record.envelope.producer.removesuffix(TRACE_SUFFIX), tp)] = []
        return {
            known.name: replace(known, claimed_ns=tuple(sorted(times))) for known, times in claimed.items()
        }

    def _non_empty(self, topic: str) -> list[TopicPartition]:
        """The partitions of a topic that contain records."""
        return [tp for tp, end in self._ends.items() if tp.topic == topic and self._begins[tp] < end]

    def _lanes(self, opened: Iterable[TopicPartition] = ()) -> Lanes:
        """Lanes with a new fence; the given partitions are opened at their beginning."""
        self._reader.fence = Fence()
        lanes = Lanes(self._reader, self._begins, self._ends)
        lanes.open({tp: self._begins[tp] for tp in opened}, is_fenced=True)
        return lanes

    def processes(self, kinds: Container[str]) -> list[str]:
        """The names of the processes of these kinds that are on the topics, each shard separately."""
        return sorted(name for name in self._known if kind_of(name) in kinds)

    def of(
        self, name: str, from_ns: int | None = None, start: "SnapshotStart | None" = None
    ) -> "PastRecords":
        """A process's past from a snapshot, or from the session that was running at `from_ns`, or from the
        oldest complete session.
        """
        return PastRecords(self._runner, self._runner.run(self._past(name)), from_ns, start)

    async def _past(self, name: str) -> ProcessPast:
        return ProcessPast(self._known[name], self._lanes(), self._config.partitions)

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._runner.run(self._reader.close())
        self._runner.close()


class SnapshotStart(NamedTuple):
    """A snapshot from within a session, from which a replay starts."""

    snapshot: Snapshot
    time_ns: int


class PastRecords:
    """A process's past, outside any event loop. Read one at a time, since they share a reader."""

    def __init__(
        self, runner: asyncio.Runner, past: ProcessPast, from_ns: int | None, start: SnapshotStart | None
    ) -> None:
        self._runner = runner
        self._past = past
        self._from_ns = from_ns
        self._start = start

    @property
    def reach(self) -> Reach:
        """The verifiable span, as far as it has been read."""
        return self._past.reach

    @property
    def whole(self) -> range:
        """Offsets of the traces since the start of the oldest complete session."""
        return self._past.whole

    def records(self, to_ns: int | None = None) -> Iterator[LoggedRecord]:
        """Each trace, preceded by the records that it needs, up to a time."""
        if self._start is None:
            self._runner.run(self._past.start(self._from_ns))
        else:
            self._runner.run(self._past.start_from(self._start.snapshot.standing, self._start.time_ns))
        while batch := self._runner.run(self._past.batch()):
            if to_ns is not None and batch[-1].envelope.event_time_ns > to_ns:
                return
            yield from batch


@dataclass(frozen=True, slots=True)
class Proof:
    """A replay, and the span that could be replayed."""

    replay: ProcessReplay
    reach: Reach


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a replay."""

    process: str
    number: int
    """Number of the process, from 1."""
    of: int
    time_ns: int
    """Time of the newest replayed trace."""


def prove(
    config: Kafka,
    definitions: Mapping[str, ProcessDefinition],
    from_ns: int | None = None,
    to_ns: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    state_dir: Path | None = None,
) -> list[Proof]:
    """Replay processes and compare their outputs, each from its oldest complete session, or, where none is,
    from its oldest snapshot kept in `state_dir`. `definitions` are by kind.

    Raises ConfigError, DependencyError, LogDamagedError.
    """
    found = []
    with TopicsPast(config) as topics:
        names = topics.processes(definitions)
        for number, name in enumerate(names, start=1):
            progress = partial(Progress, name, number, len(names))
            kept = [] if state_dir is None else KeptSnapshots(state_dir / name, config.replay_hours).all()
            definition = definitions[kind_of(name)]
            proofs = (
                _prove(
                    topics,
                    ProcessReplay(name, definition, from_ns=from_ns),
                    start,
                    to_ns,
                    partial(_report, on_progress, progress),
                )
                for start in _starts(kept, sources_of((definition,)), from_ns)
            )
            first = next(proofs)
            found.append(first if first.reach.is_proved else next(filter(_is_proved, proofs), first))
    return found


def _is_proved(proof: Proof) -> bool:
    return proof.reach.is_proved


def _starts(kept: list[Kept], sources_hash: str, from_ns: int | None) -> Iterator[SnapshotStart | None]:
    """Possible starting points of a replay, the best first; None: the start of a session."""
    before = [each for each in kept if from_ns is not None and each.time_ns <= from_ns][-1:]
    yield from _of_this_code(before, sources_hash)
    yield None
    yield from _of_this_code((each for each in kept if each not in before), sources_hash)


def _of_this_code(kept: Iterable[Kept], sources_hash: str) -> Iterator[SnapshotStart]:
    for each in kept:
        snapshot = snapshot_of(each, sources_hash)
        if snapshot is not None:
            yield SnapshotStart(snapshot, each.time_ns)


def _report(
    on_progress: Callable[[Progress], None], progress: Callable[[int], Progress], time_ns: int
) -> None:
    on_progress(progress(time_ns))


def _prove(
    topics: TopicsPast,
    replayed: ProcessReplay,
    start: SnapshotStart | None,
    to_ns: int | None,
    on_trace: Callable[[int], None],
) -> Proof:
    if start is not None:
        replayed.resume(*start)
    past = topics.of(replayed.name, replayed.from_ns, start)
    run({replayed.name: replayed}, _with_progress(past.records(to_ns), on_trace), to_ns)
    return Proof(replayed, past.reach)


def whole_traces(config: Kafka, kinds: Container[str]) -> dict[str, range]:
    """By process, the offsets of the traces that can be replayed; raises ConfigError where there are none."""
    found = {}
    with TopicsPast(config) as topics:
        for name in topics.processes(kinds):
            past = topics.of(name)
            for _ in past.records():
                pass  # reading determines the reach
            check_proved([past.reach])
            found[name] = past.whole
    return found


def _with_progress(
    records: Iterator[LoggedRecord], on_trace: Callable[[int], None]
) -> Iterator[LoggedRecord]:
    for record in records:
        yield record
        if record.topic == TRACES:
            on_trace(record.envelope.event_time_ns)
