"""Reads a recorded log in the order in which given processes consumed it.

The basis of replay, restart and `maker why`: a process's trace lists the records it consumed, in order, and
the ticks between them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from runtime.errors import LogDamagedError
from runtime.log.logfile import LoggedRecord
from runtime.process.names import in_shard_of, kind_of
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX
from schemas.envelope import decode
from schemas.message import Event
from schemas.process import HEARD, ConfigApplied, Shutdown, Tick, Trace
from schemas.topics import BY_NAME, TOPICS, Topic

_INJECTED: dict[str, type[Tick | Shutdown]] = {Tick.type_name: Tick, Shutdown.type_name: Shutdown}


_Place = tuple[str, int, int]
"""A record's identity in a trace: (topic, partition, offset), or (adapter, 0, sequence) if external."""


class ConsumedInput(NamedTuple):
    """One input of a process; `record` is None for a tick."""

    event: Event
    record: LoggedRecord | None


@dataclass(frozen=True, slots=True)
class TraceStep:
    """What a process consumed and published between two of its traces."""

    process: str
    inputs: Iterator[ConsumedInput]
    """Must be exhausted before the next step is read."""
    outputs: list[LoggedRecord]
    """Published since its previous trace, in order."""
    trace: Trace
    sequence: int
    """The trace's sequence number."""


@dataclass(frozen=True, slots=True)
class ConfigStep:
    """A process started with a configuration."""

    process: str
    applied: ConfigApplied
    sequence: int
    """In the same sequence as traces."""


@dataclass(slots=True)
class _Held:
    """A record that some process may still consume."""

    record: LoggedRecord
    event: Event | None = None


@dataclass(slots=True)
class _HeldPartition:
    """The records of one partition that some process may still consume; each consumes in order."""

    positions: dict[str, int]
    """By reader (see `_reader`), the number after the newest one consumed."""
    records: dict[int, _Held] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    """By sequence of the topic's one writer, or of its shard that serves this partition, the number of its
    record here."""

    def hold(self, number: int, record: LoggedRecord) -> None:
        """Add the next record."""
        self.records[number] = _Held(record)
        if kind_of(record.envelope.producer) == BY_NAME[record.topic].writer:
            self.numbers[record.envelope.sequence] = number

    def consume(self, reader: str, number: int) -> _Held | None:
        """The record with a number; records that all readers have passed are dropped."""
        found = self.records.get(number)
        self.positions[reader] = number + 1
        low = min(self.positions.values())
        while self.records and (first := next(iter(self.records))) < low:
            self.numbers.pop(self.records.pop(first).record.envelope.sequence, None)
        return found


@dataclass(slots=True)
class TraceReader:
    """Reads a log for some processes; buffers only records that they may still consume.

    A shard is named `<kind>.<shard>` in the log.
    """

    processes: tuple[str, ...]
    _held: dict[tuple[str, int], _HeldPartition] = field(default_factory=dict)
    _outputs: dict[str, list[LoggedRecord]] = field(default_factory=dict)
    _readers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _published_before: dict[str, int] = field(default_factory=dict)
    """By process, the newest output sequence before its start: earlier outputs are in no trace."""

    def __post_init__(self) -> None:
        self._outputs = {process: [] for process in self.processes}
        self._readers = {
            topic.name: tuple(
                _reader(name, topic) for name in self.processes if kind_of(name) in topic.readers
            )
            for topic in TOPICS
        }

    def steps(self, records: Iterable[LoggedRecord]) -> Iterator[ConfigStep | TraceStep]:
        """The steps of the given processes, in log order."""
        for record in records:
            producer = record.envelope.producer
            if record.topic == "process.trace":
                process = producer.removesuffix(TRACE_SUFFIX)
                if process in self._outputs:
                    yield self._step(process, record)
                continue
            if producer in self._outputs:
                self._outputs[producer].append(record)
            self._hold(record)

    def _hold(self, record: LoggedRecord) -> None:
        readers = self._readers[record.topic]
        topic, partition, number = _place(record)
        if topic != record.topic:
            readers = (topic,) if topic.removesuffix(ADAPTER_SUFFIX) in self._outputs else ()
        if readers:
            held = self._held.get((topic, partition))
            if held is None:
                held = self._held[topic, partition] = _HeldPartition(dict.fromkeys(readers, 0))
            held.hold(number, record)

    def _step(self, process: str, record: LoggedRecord) -> ConfigStep | TraceStep:
        if record.envelope.type_name == ConfigApplied.type_name:
            applied = decode(ConfigApplied, record.payload)
            self._published_before[process] = applied.sequence_before
            return ConfigStep(process, applied, record.envelope.sequence)
        trace = decode(Trace, record.payload)
        last = trace.last_output_sequence
        before = self._published_before.get(process, 0)
        published = (output for output in self._outputs[process] if output.envelope.sequence > before)
        outputs = sorted(published, key=lambda output: output.envelope.sequence)
        count = bisect_right(outputs, last, key=lambda output: output.envelope.sequence)
        self._outputs[process] = outputs[count:]
        inputs = self._inputs(process, trace)
        return TraceStep(process, inputs, outputs[:count], trace, record.envelope.sequence)

    def _inputs(self, process: str, trace: Trace) -> Iterator[ConsumedInput]:
        for source, partition, first, count in trace.entries:
            injected = _INJECTED.get(source)
            if injected is not None:
                yield ConsumedInput(injected(event_time_ns=first), None)
                continue
            if source.startswith(HEARD):
                yield from self._heard(
                    process, source.removeprefix(HEARD), partition, range(first, first + count)
                )
                continue
            topic = BY_NAME[source]
            place = process + ADAPTER_SUFFIX if topic.own_input else source
            reader = place if topic.own_input else _reader(process, topic)
            for number in range(first, first + count):
                yield self._consume((place, partition, number), reader)

    def _heard(self, process: str, topic: str, partition: int, sequences: range) -> Iterator[ConsumedInput]:
        """Messages delivered in memory, named by their sequences."""
        reader = _reader(process, BY_NAME[topic])
        held = self._held.get((topic, partition))
        for sequence in sequences:
            number = None if held is None else held.numbers.get(sequence)
            if number is None:
                writer = in_shard_of(process, BY_NAME[topic].writer)
                raise LogDamagedError(
                    f"the log lacks message {sequence} of {writer} on {topic} partition {partition}, "
                    f"which {reader} consumed"
                )
            yield self._consume((topic, partition, number), reader)

    def _consume(self, place: _Place, reader: str) -> ConsumedInput:
        source, partition, number = place
        records = self._held.get((source, partition))
        held = None if records is None else records.consume(reader, number)
        if held is None:
            raise LogDamagedError(
                f"the log lacks number {number} of {source} partition {partition}, which {reader} consumed"
            )
        if held.event is None:
            held.event = held.record.decoded().message
        return ConsumedInput(held.event, held.record)


def _reader(process: str, topic: Topic) -> str:
    """Who consumes a topic: one reader per kind where shards divide it by symbol, else each process."""
    return kind_of(process) if topic.key == "symbol" else process


def _place(record: LoggedRecord) -> _Place:
    if BY_NAME[record.topic].own_input:
        return record.envelope.producer, 0, record.envelope.sequence
    return record.topic, record.partition, record.offset
