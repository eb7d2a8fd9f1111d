"""Walks a recorded log in the order in which chosen processes consumed it.

Replay, restart and `maker why` all stand on this: a process's trace says which records it consumed, in
which order, and where ticks came between.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from chassis.bus.logfile import LoggedRecord
from chassis.shell import ADAPTER_SUFFIX, TRACE_SUFFIX
from schemas.envelope import decode
from schemas.message import Event
from schemas.process import ConfigApplied, Shutdown, Tick, Trace
from schemas.topics import BY_NAME, TOPICS

_INJECTED: dict[str, type[Tick | Shutdown]] = {Tick.type_name: Tick, Shutdown.type_name: Shutdown}


_Place = tuple[str, int, int]
"""How a trace names a record: (topic, partition, offset), or (adapter, 0, sequence) for an external input."""


class ConsumedInput(NamedTuple):
    """One input of a process; `record` is None for injected time."""

    event: Event
    record: LoggedRecord | None


@dataclass(frozen=True, slots=True)
class TraceStep:
    """What one process consumed and published up to one of its traces."""

    process: str
    inputs: Iterator[ConsumedInput]
    """To be exhausted before the walk goes on."""
    outputs: list[LoggedRecord]
    """What it published since its trace before, in order."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class ConfigStep:
    """A process began, with a configuration."""

    process: str
    applied: ConfigApplied


@dataclass(slots=True)
class _Held:
    """A record that some process has yet to consume."""

    record: LoggedRecord
    readers_left: int
    event: Event | None = None


@dataclass(slots=True)
class TraceWalk:
    """A walk over a log for some processes; holds only what they have not consumed yet."""

    processes: tuple[str, ...]
    _held: dict[_Place, _Held] = field(default_factory=dict)
    _outputs: dict[str, list[LoggedRecord]] = field(default_factory=dict)
    _reader_counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._outputs = {process: [] for process in self.processes}
        self._reader_counts = {
            topic.name: sum(process in topic.readers for process in self.processes) for topic in TOPICS
        }

    def steps(self, records: Iterable[LoggedRecord]) -> Iterator[ConfigStep | TraceStep]:
        """The steps of the chosen processes, in the log's order."""
        for record in records:
            producer = record.envelope.producer
            if record.topic == "process.trace":
                process = producer.removesuffix(TRACE_SUFFIX)
                if process in self._outputs:
                    yield self._step(process, record)
                continue
            if producer in self._outputs:
                self._outputs[producer].append(record)
            readers = self._reader_counts.get(record.topic, 0)
            if readers:
                self._held[_place(record)] = _Held(record, readers)

    def _step(self, process: str, record: LoggedRecord) -> ConfigStep | TraceStep:
        if record.envelope.type_name == ConfigApplied.type_name:
            return ConfigStep(process, decode(ConfigApplied, record.payload))
        trace = decode(Trace, record.payload)
        outputs = self._outputs[process]
        self._outputs[process] = []
        return TraceStep(process, self._inputs(process, trace), outputs, trace)

    def _inputs(self, process: str, trace: Trace) -> Iterator[ConsumedInput]:
        for source, partition, first, count in trace.entries:
            injected = _INJECTED.get(source)
            if injected is not None:
                yield ConsumedInput(injected(event_time_ns=first), None)
                continue
            place = process + ADAPTER_SUFFIX if BY_NAME[source].own_input else source
            for number in range(first, first + count):
                yield self._consume((place, partition, number))

    def _consume(self, place: _Place) -> ConsumedInput:
        held = self._held[place]
        if held.event is None:
            held.event = held.record.decoded().message
        held.readers_left -= 1
        if not held.readers_left:
            del self._held[place]
        return ConsumedInput(held.event, held.record)


def _place(record: LoggedRecord) -> _Place:
    if BY_NAME[record.topic].own_input:
        return record.envelope.producer, 0, record.envelope.sequence
    return record.topic, record.partition, record.offset
