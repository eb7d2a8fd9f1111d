"""Feeds a recorded log to the cores again, and compares what they say with what was recorded."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.bus.logfile import LoggedRecord, read_log
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

    definition: ProcessDefinition
    core: Core | None = None
    inputs: int = 0
    outputs: int = 0
    divergences: int = 0
    first: Divergence | None = None

    def configure(self, step: ConfigStep) -> None:
        """Build the core from the recorded configuration; a restart goes on with the core there is."""
        if self.core is None:
            self.core = self.definition.make_core(step.applied.config)
        self.core.on_event(step.applied)

    def run(self, step: TraceStep) -> None:
        """Feed the inputs of one trace, and compare outputs and state."""
        replayed = list(self._replay(step))
        for index in range(max(len(replayed), len(step.outputs))):
            recorded = step.outputs[index] if index < len(step.outputs) else None
            output = replayed[index] if index < len(replayed) else None
            self._compare(recorded, output)
        self._compare_state(step)

    def _replay(self, step: TraceStep) -> Iterator[tuple[Event, str | None]]:
        if self.core is None:
            raise LogDamagedError(f"{self.definition.name} has a trace before its configuration")
        for event, record in step.inputs:
            self.inputs += 1
            cause = None if record is None else record.envelope.event_id
            for output in self.core.on_event(event):
                yield output, cause

    def _compare(self, recorded: LoggedRecord | None, replayed: tuple[Event, str | None] | None) -> None:
        self.outputs += 1
        if recorded is not None and replayed is not None and _is_same(recorded, *replayed, self.outputs):
            return
        self.divergences += 1
        if self.first is None:
            self.first = _divergence(self.definition.name, self.outputs, recorded, replayed)

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
                self.definition.name, self.outputs, None, None, step.trace.event_time_ns, None, (difference,)
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


def replay(directory: Path, definitions: Sequence[ProcessDefinition]) -> list[ProcessReplay]:
    """Replay the given processes from a log; each result counts inputs, outputs and divergences."""
    replays = {definition.name: ProcessReplay(definition) for definition in definitions}
    walk = TraceWalk(tuple(replays))
    for step in walk.steps(read_log(directory)):
        if isinstance(step, ConfigStep):
            replays[step.process].configure(step)
        else:
            replays[step.process].run(step)
    return list(replays.values())
