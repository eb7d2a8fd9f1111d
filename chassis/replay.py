"""Feeds a recorded log to the cores again, and compares what they say with what was recorded."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chassis.bus.logfile import LoggedRecord
from chassis.digest import state_digest
from chassis.errors import LogDamagedError
from chassis.process import Core, ProcessDefinition
from chassis.tracewalk import ConfigStep, TraceStep, TraceWalk
from schemas.envelope import Envelope, encode
from schemas.message import Event
from schemas.topics import TOPIC_OF


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field that differs; a side that lacks the field holds None."""

    path: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first place where a process said something else than in the recording."""

    process: str
    sequence: int
    topic: str | None
    key: str | None
    event_time_ns: int | None
    cause: str | None
    fields: tuple[FieldDifference, ...]


@dataclass(slots=True)
class ProcessReplay:
    """The replay of one process."""

    name: str
    """In the log: a shard's name differs from its definition's."""
    definition: ProcessDefinition
    core: Core | None = None
    inputs: int = 0
    outputs: int = 0
    """How many were compared."""
    made: int = 0
    """Number of the newest output."""
    divergences: int = 0
    first: Divergence | None = None
    from_ns: int | None = None
    """What was said before is made again, but not compared."""

    def configure(self, step: ConfigStep) -> None:
        """Build the core from the recorded configuration; a restart goes on with the core there is."""
        if self.core is None:
            self.core = self.definition.make_core(step.applied.config)
        self.core.on_event(step.applied)

    def run(self, step: TraceStep) -> None:
        """Feed the inputs of one trace, and compare outputs and state."""
        replayed = list(self._replay(step))
        if self.from_ns is not None and step.trace.event_time_ns < self.from_ns:
            self.made += len(replayed)
            return
        for index in range(max(len(replayed), len(step.outputs))):
            recorded = step.outputs[index] if index < len(step.outputs) else None
            output = replayed[index] if index < len(replayed) else None
            self._compare(recorded, output)
        self._compare_state(step)

    def _replay(self, step: TraceStep) -> Iterator[tuple[Event, str | None]]:
        if self.core is None:
            raise LogDamagedError(f"{self.name} has a trace before its configuration")
        for event, record in step.inputs:
            self.inputs += 1
            cause = None if record is None else record.envelope.event_id
            for output in self.core.on_event(event):
                yield output, cause

    def _compare(self, recorded: LoggedRecord | None, replayed: tuple[Event, str | None] | None) -> None:
        self.outputs += 1
        self.made += 1
        if recorded is not None and replayed is not None and _is_same(recorded, *replayed, self.made):
            return
        self.divergences += 1
        if self.first is None:
            self.first = _divergence(self.name, self.made, recorded, replayed)

    def _compare_state(self, step: TraceStep) -> None:
        recorded = step.trace.state_digest
        if recorded is None or self.core is None:
            return
        replayed = state_digest(self.core)
        if replayed == recorded:
            return
        self.divergences += 1
        if self.first is None:
            difference = FieldDifference("state_digest", recorded, replayed)
            self.first = Divergence(
                self.name, self.made, None, None, step.trace.event_time_ns, None, (difference,)
            )


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
) -> list[ProcessReplay]:
    """Replay processes, by their names in the log; each result counts inputs, outputs and divergences.

    Compared is what was said from `from_ns` on, and nothing is replayed that a trace after `to_ns` names.
    """
    replays = {
        name: ProcessReplay(name, definition, from_ns=from_ns) for name, definition in definitions.items()
    }
    for step in TraceWalk(tuple(replays)).steps(records):
        if isinstance(step, ConfigStep):
            replays[step.process].configure(step)
        elif to_ns is None or step.trace.event_time_ns <= to_ns:
            replays[step.process].run(step)
    return list(replays.values())
