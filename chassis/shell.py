"""The life of a process around its core: restore, consume, hand to the core, publish, trace."""

from chassis.bus.base import LocalBus, Record
from chassis.digest import state_digest
from chassis.process import Adapter, Core, ProcessDefinition
from schemas.config import Config
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.process import ConfigApplied, EpochClaim, Shutdown, Tick, Trace
from schemas.topics import TOPIC_OF

ADAPTER_SUFFIX = "/adapter"
"""What an adapter received is journaled under its process's name with this suffix."""
TRACE_SUFFIX = "/trace"
"""What a process says about itself is published under its name with this suffix."""


class ProcessShell:
    """One process on a local bus.

    Every input goes through `consume` or `inject`, which trace it; every output is published with an
    envelope that a replay can make again.
    """

    def __init__(
        self, definition: ProcessDefinition, config: Config, bus: LocalBus, digest_interval_inputs: int
    ) -> None:
        self.definition = definition
        self.name = definition.name
        self.core: Core = definition.make_core(config)
        self.adapter: Adapter | None = None
        self.inputs = 0
        self._on_event = self.core.on_event
        self._bus = bus
        self.tick_interval_ns = definition.tick_interval_ns(config)
        self._digest_interval_inputs = digest_interval_inputs
        self._digest_at = digest_interval_inputs
        self._entries: list[tuple[str, int, int, int]] = []
        self._run_topic = ""
        self._run_next_offset = 0
        self._sequence = 0
        self._trace_sequence = 0
        self._adapter_sequence = 0

    def start(self, now_ns: int, applied: ConfigApplied, instance: str) -> None:
        """Claim the process's topics, and give the core its configuration, the first of its inputs."""
        claim = EpochClaim(event_time_ns=now_ns, process=self.name, instance=instance)
        self._publish_about_self(claim)
        self._publish_about_self(applied)
        self.configure(applied)

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
        offset = record.offset
        if record.topic == self._run_topic and offset == self._run_next_offset:
            topic, partition, first, count = self._entries[-1]
            self._entries[-1] = (topic, partition, first, count + 1)
        else:
            self._entries.append((record.topic, record.partition, offset, 1))
            self._run_topic = record.topic
        self._run_next_offset = offset + 1
        return self._decide(record.message, record.envelope.event_id)

    def inject(self, event: Tick | Shutdown) -> list[Record]:
        """Hand injected time or the end to the core; it is in the trace and on no topic."""
        self._entries.append((event.type_name, 0, event.event_time_ns, 1))
        self._run_topic = ""
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
        if not self._entries:
            return
        digest = None
        if final or self.inputs >= self._digest_at:
            digest = state_digest(self.core)
            self._digest_at = self.inputs + self._digest_interval_inputs
        trace = Trace(
            event_time_ns=now_ns,
            process=self.name,
            entries=tuple(self._entries),
            last_output_sequence=self._sequence,
            state_digest=digest,
        )
        self._publish_about_self(trace)
        self._entries.clear()
        self._run_topic = ""

    def _publish_about_self(self, event: Event) -> None:
        self._trace_sequence += 1
        producer = self.name + TRACE_SUFFIX
        envelope = Envelope(producer, self._trace_sequence, None, event.event_time_ns, event.type_name)
        self._bus.publish(TOPIC_OF[event.type_name], envelope, event)
