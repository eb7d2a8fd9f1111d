"""Rebuilds a process from its first trace, where no copy of its carried state is on the topics."""

from collections import deque
from collections.abc import Iterable
from itertools import chain

from runtime.bus import TopicPartition
from runtime.kafka.history import KafkaLog
from runtime.kafka.wire import writer_of
from runtime.log.logfile import LoggedRecord
from runtime.process.definition import ProcessDefinition
from runtime.process.life import Life
from runtime.process.runner import ADAPTER_SUFFIX
from runtime.replay.past_life import PastLife
from runtime.replay.trace_reader import ConfigStep, TraceReader, TraceStep
from runtime.state.journal import JournalTurn
from schemas.deployment import Kafka
from schemas.topics import BY_NAME


class TraceRebuild:
    """The state rebuilt from all traces of a process."""

    def __init__(self, definition: ProcessDefinition, name: str) -> None:
        self.positions: dict[TopicPartition, int] = {}
        """The next offset of each consumed input partition."""
        self.traces = 0
        self.inputs = 0
        self.newest_ns = 0
        """Time of its newest trace."""
        self.highest: dict[str, int] = {}
        """The highest number that each of its producers has used."""
        self._name = name
        self._past = PastLife(definition, name, is_same_code=False)
        self._adapter = name + ADAPTER_SUFFIX
        self._external: deque[LoggedRecord] = deque()

    def end(self) -> Life:
        """Its life, with past outputs recollected; raises LogDamagedError where there is none."""
        return self._past.end()

    def untraced(self) -> list[JournalTurn]:
        """Inputs that its adapter received after the newest trace."""
        return [
            JournalTurn(((each.topic, 0, each.envelope.sequence, 1),), (each.decoded().message,), None)
            for each in self._external
        ]

    def observe(self, records: Iterable[LoggedRecord]) -> Iterable[LoggedRecord]:
        """Pass records on; adapter inputs are kept until a trace names them."""
        for record in records:
            producer = record.envelope.producer
            if writer_of(producer) == self._name:
                self.highest[producer] = max(self.highest.get(producer, 0), record.envelope.sequence)
            if producer == self._adapter:
                self._external.append(record)
            yield record

    def apply(self, step: ConfigStep | TraceStep) -> None:
        """Feed one step."""
        self._past.apply(step)
        if isinstance(step, TraceStep):
            self.traces += 1
            self.newest_ns = step.trace.event_time_ns
            for source, partition, first, count in step.trace.entries:
                self.inputs += count
                self._advance(source, partition, first + count)

    def _advance(self, source: str, partition: int, end: int) -> None:
        topic = BY_NAME.get(source)
        if topic is None:
            return  # injected
        if not topic.own_input:
            tp = TopicPartition(source, partition)
            self.positions[tp] = max(self.positions.get(tp, 0), end)
            return
        while self._external and self._external[0].envelope.sequence < end:
            self._external.popleft()


def rebuild_from_traces(config: Kafka, definition: ProcessDefinition, name: str) -> TraceRebuild:
    """Replay the topics from their beginning, however long that takes. Raises ConfigError where retention has
    deleted required records, LogDamagedError where there is no such process.
    """
    found = TraceRebuild(definition, name)
    with KafkaLog(config, (definition.name,)) as log:
        records = chain.from_iterable(log.batches())
        for step in TraceReader((name,)).steps(found.observe(records)):
            found.apply(step)
    return found
