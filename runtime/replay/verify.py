"""Replays a recorded log through the cores and compares their outputs with the recording."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runtime.errors import ConfigError, LogDamagedError
from runtime.log.logfile import LoggedRecord, read_log
from runtime.process.definition import ProcessDefinition
from runtime.process.life import Life
from runtime.process.session import sources_of
from runtime.replay.feeding import feed
from runtime.replay.past_life import PastLife
from runtime.replay.restore_point import RestorePoint
from runtime.replay.start_points import DISORDER_NS, restore_point_before, start_text
from runtime.replay.trace_reader import ConfigStep, TraceReader, TraceStep
from runtime.state.snapshot import Snapshot
from schemas.envelope import Envelope, decode, encode
from schemas.market import Refusal
from schemas.message import Event
from schemas.process import ConfigApplied
from schemas.refusals import RefusalTally
from schemas.topics import TOPIC_OF


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One differing field; None on a side without the field."""

    path: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first output of a process that differs from the recording."""

    process: str
    sequence: int
    topic: str | None
    key: str | None
    event_time_ns: int | None
    cause: str | None
    fields: tuple[FieldDifference, ...]


@dataclass(slots=True)
class ReplayedSession:
    """The result of replaying one session."""

    began_ns: int
    applied: ConfigApplied
    outputs: int = 0
    divergences: int = 0
    first: Divergence | None = None


@dataclass(slots=True)
class ProcessReplay:
    """The replay of one process."""

    name: str
    """Name in the log: that of a shard differs from its definition's."""
    definition: ProcessDefinition
    life: Life | None = None
    sessions: list[ReplayedSession] = field(default_factory=list)
    """In the order of the log."""
    inputs: int = 0
    outputs: int = 0
    """Number compared."""
    made: int = 0
    """Sequence of the newest output."""
    divergences: int = 0
    first: Divergence | None = None
    from_ns: int | None = None
    """Earlier outputs are reproduced but not compared."""
    begins_ns: int | None = None
    """Time in the log at which it was restored and begun; None: at its first session."""
    begins_as: Literal["session", "snapshot", "carried"] = "session"
    """Starting state: empty; exact; or, under different code, the carried state without averages."""
    refused: RefusalTally = field(default_factory=RefusalTally)
    """Market events that the recorded outputs say were left out."""
    sources: Collection[str] = ()
    """Hashes of this code, besides that of the process alone: different code may keep different state, so
    that only outputs are compared."""

    def configure(self, step: ConfigStep) -> None:
        """Build the core from the recorded configuration; a restart continues with the existing core."""
        if self.life is None:
            self.life = Life(self.definition, self.name, step.applied.config)
        self.life.begin(step.applied)
        if not self.sessions or self.sessions[-1].began_ns != step.applied.session_began_ns:
            self.sessions.append(ReplayedSession(step.applied.session_began_ns, step.applied))
            self.made = step.applied.sequence_before or self.made  # older logs do not have it

    def start_from(self, restore_point: RestorePoint) -> None:
        """Start with the state of a checkpoint, if it has a part of this process."""
        past = PastLife(self.definition, self.name, is_same_code=True)
        if not restore_point.restore_past(self.name, past):
            return
        part = restore_point.parts[self.name]
        self.begins_as = "snapshot" if self.name in restore_point.snapshots else "carried"
        self._begin_as(
            past, restore_point.applied[self.name], part.carried.standing.sequence, part.log.event_time_ns
        )

    def resume(self, snapshot: Snapshot, time_ns: int) -> None:
        """Start with the exact state at a time, written by this code."""
        past = PastLife(self.definition, self.name, is_same_code=True)
        past.restore(snapshot.life.applied, snapshot.life)
        self.begins_as = "snapshot"
        self._begin_as(past, snapshot.life.applied, snapshot.standing.sequence, time_ns)

    def _begin_as(self, past: PastLife, applied: ConfigApplied, made: int, begins_ns: int) -> None:
        self.life, self.made, self.begins_ns = past.life, made, begins_ns
        self.sessions.append(ReplayedSession(applied.session_began_ns, applied))

    def run(self, step: TraceStep) -> None:
        """Feed the inputs of one trace and compare outputs and state."""
        replayed = list(self._replay(step))
        if self.from_ns is not None and step.trace.event_time_ns < self.from_ns:
            self.made += len(replayed)
            return
        for index in range(max(len(replayed), len(step.outputs))):
            recorded = step.outputs[index] if index < len(step.outputs) else None
            output = replayed[index] if index < len(replayed) else None
            self._compare(recorded, output)
        self._count_refused(step.outputs)
        self._compare_state(step)

    def _count_refused(self, outputs: Iterable[LoggedRecord]) -> None:
        for record in outputs:
            if record.envelope.type_name == Refusal.type_name:
                self.refused.apply(decode(Refusal, record.payload))

    def _replay(self, step: TraceStep) -> Iterator[tuple[Event, str | None]]:
        if self.life is None:
            raise LogDamagedError(f"{self.name} has a trace before its configuration")
        for fed in feed(self.life, step.inputs):
            self.inputs += 1
            for output in fed.outputs:
                yield output, fed.cause

    def _compare(self, recorded: LoggedRecord | None, replayed: tuple[Event, str | None] | None) -> None:
        self.outputs += 1
        self.sessions[-1].outputs += 1
        self.made += 1
        if recorded is not None and replayed is not None and _is_same(recorded, *replayed, self.made):
            return
        self._diverged(_divergence(self.name, self.made, recorded, replayed))

    def _diverged(self, divergence: Divergence) -> None:
        self.divergences += 1
        session = self.sessions[-1]
        session.divergences += 1
        session.first = session.first or divergence
        self.first = self.first or divergence

    def judged(self, sources: Collection[str]) -> list[ReplayedSession]:
        """The sessions that must agree: those of this code, identified by source hashes.

        Different code may have decided differently, which is no fault of the log. If no session is of this
        code, all are returned: the replay is then a what-if.
        """
        own = [session for session in self.sessions if session.applied.sources_hash in sources]
        return own or self.sessions

    @property
    def _is_this_code(self) -> bool:
        """Whether its state may be compared; also where the code is not recorded."""
        recorded = self.sessions[-1].applied.sources_hash
        return recorded in {"", *self.sources} or recorded == sources_of((self.definition,))

    def _compare_state(self, step: TraceStep) -> None:
        recorded = step.trace.state_digest
        if recorded is None or self.life is None or not self._is_this_code:
            return
        replayed = self.life.digest()
        if replayed != recorded:
            difference = FieldDifference("state_digest", recorded, replayed)
            time_ns = step.trace.event_time_ns
            self._diverged(Divergence(self.name, self.made, None, None, time_ns, None, (difference,)))


def _is_same(recorded: LoggedRecord, output: Event, cause: str | None, sequence: int) -> bool:
    envelope = Envelope(recorded.envelope.producer, sequence, cause, output.event_time_ns, output.type_name)
    return recorded.payload == encode(output) and recorded.envelope == envelope


def _divergence(
    process: str, sequence: int, recorded: LoggedRecord | None, replayed: tuple[Event, str | None] | None
) -> Divergence:
    output, cause = replayed or (None, None)
    before = None if recorded is None else _flat(recorded.payload, recorded.envelope)
    after = None
    if output is not None:
        envelope = Envelope(process, sequence, cause, output.event_time_ns, output.type_name)
        after = _flat(encode(output), envelope)
    topic = recorded.topic if recorded else TOPIC_OF[output.type_name] if output else None
    return Divergence(
        process,
        sequence,
        topic,
        recorded.key if recorded else output.key if output else None,
        recorded.envelope.event_time_ns if recorded else output.event_time_ns if output else None,
        recorded.envelope.cause if recorded else cause,
        _differences(before, after),
    )


def _flat(payload: bytes, envelope: Envelope) -> dict[str, Any]:
    fields = dict(_leaves("message", json.loads(payload)))
    return fields | {f"envelope.{name}": value for name, value in envelope._asdict().items()}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}", item)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(f"{path}[{index}]", item)
    else:
        yield path, value


def _differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> tuple[FieldDifference, ...]:
    if before is None or after is None:
        return (FieldDifference("message", before and "recorded", after and "replayed"),)
    names = list(before) + [name for name in after if name not in before]
    return tuple(
        FieldDifference(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def replay(
    records: Iterable[LoggedRecord],
    definitions: Mapping[str, ProcessDefinition],
    from_ns: int | None = None,
    to_ns: int | None = None,
    restore_point: RestorePoint | None = None,
    sources: Collection[str] = (),
) -> list[ProcessReplay]:
    """Replay processes, by their names in the log; each result counts inputs, outputs and divergences.

    Outputs are compared from `from_ns` on, and traces after `to_ns` are not replayed. `restore_point`: the
    processes' state before the first record; None: they start within the records. `sources`: see
    ProcessReplay.
    """
    replays = {
        name: ProcessReplay(name, definition, from_ns=from_ns, sources=sources)
        for name, definition in definitions.items()
    }
    if restore_point is not None:
        for each in replays.values():
            each.start_from(restore_point)
    return list(run(replays, records, to_ns).values())


def run(
    replays: dict[str, ProcessReplay], records: Iterable[LoggedRecord], to_ns: int | None
) -> dict[str, ProcessReplay]:
    """Feed the records to the replays, up to the last trace no later than `to_ns`."""
    for step in TraceReader(tuple(replays)).steps(records):
        if isinstance(step, ConfigStep):
            replays[step.process].configure(step)
        elif to_ns is None or step.trace.event_time_ns <= to_ns:
            replays[step.process].run(step)
        elif step.trace.event_time_ns > to_ns + DISORDER_NS:
            break
    return replays


def replay_log(
    directory: Path,
    definitions: Mapping[str, ProcessDefinition],
    sources_hash: str,
    from_ns: int | None = None,
    to_ns: int | None = None,
    *,
    watched: Callable[[Iterator[LoggedRecord]], Iterator[LoggedRecord]] = iter,
) -> list[ProcessReplay]:
    """Replay processes from a log on disk, starting at the latest usable checkpoint before `from_ns`.

    `sources_hash`: of the running code. `watched` wraps the iterator of records, to observe progress.
    """
    restore_point = restore_point_before(directory, sources_hash, definitions, from_ns)
    began, standing = start_text(directory), restore_point.standing
    if began and standing is not None and to_ns is not None and to_ns < standing.event_time_ns:
        raise ConfigError(f"nothing to replay before --to: {began}")
    records = watched(read_log(directory, restore_point.since))
    return replay(records, definitions, from_ns, to_ns, restore_point, (sources_hash,))
