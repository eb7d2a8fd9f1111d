"""The life of a process around its core: restore, consume, hand to the core, publish, trace."""

from typing import Protocol

from chassis.bus.base import Record
from chassis.digest import state_digest
from chassis.process import Adapter, Core, ProcessDefinition
from schemas.config import Config
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.process import ConfigApplied, EpochClaim, Shutdown, Tick, Trace
from schemas.topics import TOPIC_OF, TOPICS

ADAPTER_SUFFIX = "/adapter"
"""What an adapter received is journaled under its process's name with this suffix."""
TRACE_SUFFIX = "/trace"
"""What a process says about itself is published under its name with this suffix."""


Entry = tuple[str, int, int, int]
"""(source, partition, first, count), see schemas.process.Trace."""
_OWN_INPUTS = frozenset(topic.name for topic in TOPICS if topic.own_input)


class Publisher(Protocol):
    """Where a shell puts what its process says."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """The record of the message."""


class InputRuns:
    """What a process consumed, in order, as runs."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._topic = ""
        self._next = (0, 0)
        self._marked = 0

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, record: Record) -> None:
        """A record was consumed. An external input is told by its sequence: its offset may not be known."""
        topic = record.topic
        partition, number = record.partition, record.offset
        if topic in _OWN_INPUTS:
            partition, number = 0, record.envelope.sequence
        if topic == self._topic and (partition, number) == self._next:
            _, _, first, count = self._entries[-1]
            self._entries[-1] = (topic, partition, first, count + 1)
        else:
            self._entries.append((topic, partition, number, 1))
            self._topic = topic
        self._next = (partition, number + 1)

    def add_injected(self, event: Tick | Shutdown) -> None:
        """Time or the end was injected."""
        self._entries.append((event.type_name, 0, event.event_time_ns, 1))
        self._topic = ""

    def mark(self) -> tuple[Entry, ...]:
        """What was added since the last mark; what comes next begins a new run."""
        added = tuple(self._entries[self._marked :])
        self._marked = len(self._entries)
        self._topic = ""
        return added

    def take(self) -> tuple[Entry, ...]:
        """Everything since the last `take`, adjacent runs joined."""
        joined: list[Entry] = []
        for entry in self._entries:
            topic, partition, first, count = entry
            before = joined[-1] if joined else ("", 0, 0, 0)
            if before[:2] == (topic, partition) and before[2] + before[3] == first:
                joined[-1] = (topic, partition, before[2], before[3] + count)
            else:
                joined.append(entry)
        self._entries.clear()
        self._topic = ""
        self._marked = 0
        return tuple(joined)


class ProcessShell:
    """One process on a bus.

    Every input goes through `consume` or `inject`, which trace it; every output is published with an
    envelope that a replay can make again.
    """

    def __init__(
        self,
        definition: ProcessDefinition,
        config: Config,
        bus: Publisher,
        digest_interval_inputs: int,
        name: str | None = None,
    ) -> None:
        self.definition = definition
        self.name = name or definition.name
        self.core: Core = definition.make_core(config)
        self.adapter: Adapter | None = None
        self.inputs = 0
        self.newest_ns = 0
        """Time of the newest input."""
        self._on_event = self.core.on_event
        self._bus = bus
        self.tick_interval_ns = definition.tick_interval_ns(config)
        self._digest_interval_inputs = digest_interval_inputs
        self._digest_at = digest_interval_inputs
        self.runs = InputRuns()
        self._sequence = 0
        self._trace_sequence = 0
        self._adapter_sequence = 0

    def start(self, now_ns: int, applied: ConfigApplied, instance: str) -> None:
        """Claim the process's topics, and give the core its configuration, the first of its inputs."""
        claim = EpochClaim(event_time_ns=now_ns, process=self.name, instance=instance)
        self._publish_about_self(claim)
        self.begin(applied)

    def begin(self, applied: ConfigApplied) -> None:
        """Say under which configuration and code the process goes on, and tell its core."""
        self._publish_about_self(applied)
        self.configure(applied)

    def restore(self, core: Core) -> None:
        """Go on with a core from a snapshot."""
        self.core = core
        self._on_event = core.on_event

    @property
    def sequences(self) -> tuple[int, int, int]:
        """Of the newest output, the newest message about itself, the newest external input."""
        return self._sequence, self._trace_sequence, self._adapter_sequence

    def skip_to(self, sequence: int, trace_sequence: int, adapter_sequence: int) -> None:
        """Use no number up to these again: a process before this one said more than it left a trace of."""
        self._sequence = max(self._sequence, sequence)
        self._trace_sequence = max(self._trace_sequence, trace_sequence)
        self._adapter_sequence = max(self._adapter_sequence, adapter_sequence)

    def configure(self, applied: ConfigApplied) -> None:
        """Tell the core that its process begins, anew after a restart. It answers nothing to that."""
        outputs = self.core.on_event(applied)
        if outputs:
            raise RuntimeError(f"{self.name} published {outputs[0].type_name} because of its configuration")

    def continue_from(self, sequence: int, trace_sequence: int, adapter_sequence: int, inputs: int) -> None:
        """Go on counting where the log ends, after its inputs were fed to the core again."""
        self._sequence = sequence
        self._trace_sequence = trace_sequence
        self._adapter_sequence = adapter_sequence
        self.inputs = inputs
        self._digest_at = inputs + self._digest_interval_inputs

    def consume(self, record: Record) -> list[Record]:
        """Hand a record to the core; the records that it published because of it."""
        self.runs.add(record)
        return self._decide(record.message, record.envelope.event_id)

    def inject(self, event: Tick | Shutdown) -> list[Record]:
        """Hand injected time or the end to the core; it is in the trace and on no topic."""
        self.runs.add_injected(event)
        return self._decide(event, None)

    def journal(self, event: Event) -> Record:
        """Publish what the adapter received, before the core sees it."""
        self._adapter_sequence += 1
        envelope = Envelope(
            self.name + ADAPTER_SUFFIX, self._adapter_sequence, None, event.event_time_ns, event.type_name
        )
        return self._bus.publish(TOPIC_OF[event.type_name], envelope, event)

    def _decide(self, event: Event, cause: str | None) -> list[Record]:
        self.inputs += 1
        self.newest_ns = event.event_time_ns
        outputs = self._on_event(event)
        adapter = self.adapter
        if adapter is not None:
            adapter.on_event(event)
        if not outputs:
            return []
        records = [self._publish(output, cause) for output in outputs]
        if adapter is not None:
            for output in outputs:
                adapter.on_event(output)
        return records

    def _publish(self, output: Event, cause: str | None) -> Record:
        self._sequence += 1
        type_name = output.type_name
        envelope = Envelope(self.name, self._sequence, cause, output.event_time_ns, type_name)
        return self._bus.publish(TOPIC_OF[type_name], envelope, output)

    def write_trace(self, now_ns: int, *, final: bool = False) -> None:
        """Publish what was consumed since the last trace, with a state digest now and then."""
        if not self.runs:
            return
        digest = None
        if final or self.inputs >= self._digest_at:
            digest = state_digest(self.core)
            self._digest_at = self.inputs + self._digest_interval_inputs
        trace = Trace(
            event_time_ns=now_ns,
            process=self.name,
            entries=self.runs.take(),
            last_output_sequence=self._sequence,
            state_digest=digest,
        )
        self._publish_about_self(trace)

    def _publish_about_self(self, event: Event) -> None:
        self._trace_sequence += 1
        producer = self.name + TRACE_SUFFIX
        envelope = Envelope(producer, self._trace_sequence, None, event.event_time_ns, event.type_name)
        self._bus.publish(TOPIC_OF[event.type_name], envelope, event)
