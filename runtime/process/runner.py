"""Runs a process around its core: restore, consume, decide, publish, trace."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Protocol

import structlog

from runtime.bus import UNKNOWN_OFFSET, Record
from runtime.observability.redaction import redacted
from runtime.process.definition import Adapter, Core, MeasuresLag, ProcessDefinition
from runtime.process.life import CHECKED, Life
from schemas.config import Config
from schemas.envelope import Envelope, decode, encode
from schemas.market import FeedRefused
from schemas.message import Event
from schemas.numbers import shortened
from schemas.orders import VenueReport, VenueStatus
from schemas.process import HEARD, ConfigApplied, EpochClaim, Shutdown, Tick, TopicLag, Trace
from schemas.topics import TOPIC_OF, TOPICS

logger = structlog.get_logger()

ADAPTER_SUFFIX = "/adapter"
"""Suffix of the producer name of journaled adapter inputs."""
TRACE_SUFFIX = "/trace"
"""Suffix of the producer name of messages about the process itself."""


Entry = tuple[str, int, int, int]
"""(source, partition, first, count), see schemas.process.Trace."""
_OWN_INPUTS = frozenset(topic.name for topic in TOPICS if topic.own_input)


class Publisher(Protocol):
    """The target of a runner's messages."""

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        """The record of the message."""


class InputRuns:
    """The consumed inputs of a process, in order, as runs."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._topic = ""
        self._next = (0, 0)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, record: Record) -> None:
        """Add a consumed record. An external input, or a record heard in memory, is identified by sequence:
        its offset may be unknown.
        """
        topic = record.topic
        partition, number = record.partition, record.offset
        if topic in _OWN_INPUTS:
            partition, number = 0, record.envelope.sequence
        elif number == UNKNOWN_OFFSET:
            topic, number = HEARD + topic, record.envelope.sequence
        if topic == self._topic and (partition, number) == self._next:
            _, _, first, count = self._entries[-1]
            self._entries[-1] = (topic, partition, first, count + 1)
        else:
            self._entries.append((topic, partition, number, 1))
            self._topic = topic
        self._next = (partition, number + 1)

    def add_injected(self, event: Tick | Shutdown, member: int = 0) -> None:
        """Add an injected tick or shutdown; in a group, of the member with this number."""
        self._entries.append((event.type_name, member, event.event_time_ns, 1))
        self._topic = ""

    def drain(self) -> tuple[Entry, ...]:
        """Everything since the last `drain`, adjacent runs joined."""
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
        return tuple(joined)


_FREE_TEXT: Mapping[type[Event], str] = {VenueReport: "reason", VenueStatus: "reason", FeedRefused: "detail"}
"""Third-party text in adapter inputs: error messages of exchanges quote our requests."""


def _without_secrets(event: Event) -> Event:
    name = _FREE_TEXT.get(type(event))
    text = None if name is None else getattr(event, name)
    if not text or name is None:
        return event
    harmless = redacted(text)
    return event if harmless == text else event.model_copy(update={name: harmless})


def highest_sequences(name: str, event_ids: Iterable[str]) -> dict[str, int]:
    """The highest sequence used by each producer of a process."""
    found: dict[str, int] = {}
    pattern = re.compile(re.escape(name) + r"(/\w+)?:(\d+)")
    for event_id in event_ids:
        match = pattern.fullmatch(event_id)
        if match:
            producer = name + (match[1] or "")
            found[producer] = max(found.get(producer, 0), int(match[2]))
    return found


class ProcessRunner:
    """One process on a bus.

    Every input goes through `consume` or `inject`, which trace it; every output is published with an envelope
    that a replay can reproduce.
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
        self.life = Life(definition, self.name, config)
        self.adapter: Adapter | None = None
        self.inputs = 0
        self.newest_ns = 0
        """Time of the latest input."""
        self._bus = bus
        self.tick_interval_ns = definition.tick_interval_ns(config)
        self._digest_interval_inputs = digest_interval_inputs
        self._digest_at = digest_interval_inputs
        self.runs = InputRuns()
        self._sequence = 0
        self._trace_sequence = 0
        self._adapter_sequence = 0

    def start(self, now_ns: int, applied: ConfigApplied, instance: str) -> None:
        """Claim the process's topics and pass the configuration, the first input, to the core."""
        claim = EpochClaim(event_time_ns=now_ns, process=self.name, instance=instance)
        self._publish_about_self(claim)
        self.begin(applied)

    def begin(self, applied: ConfigApplied) -> None:
        """Publish the configuration and code in use, and pass them to the core."""
        applied = applied.model_copy(update={"sequence_before": self._sequence})
        self._publish_about_self(applied)
        self.life.begin(applied)

    def adopt(self, carried: Iterable[Event]) -> list[Record]:
        """Pass the carried state to the core of a new session; returns the records published for it.

        Each message is passed as a replay will read it: in memory a 0 may stand for the 0.0 of the log.
        """
        read = (decode(type(event), encode(event)) for event in carried)
        return [output for event in read for output in self.consume(self.journal(event))]

    def adapter_lag(self, now_ns: int) -> tuple[TopicLag, ...]:
        """What waits in the adapter, where it measures that."""
        return (self.adapter.lag(now_ns),) if isinstance(self.adapter, MeasuresLag) else ()

    @property
    def core(self) -> Core:
        """The current core."""
        return self.life.core

    @property
    def sequences(self) -> tuple[int, int, int]:
        """Sequences of the newest output, message about itself, and external input."""
        return self._sequence, self._trace_sequence, self._adapter_sequence

    def skip_to(self, sequence: int, trace_sequence: int, adapter_sequence: int) -> None:
        """Skip sequences up to these: the predecessor published more than it traced."""
        self._sequence = max(self._sequence, sequence)
        self._trace_sequence = max(self._trace_sequence, trace_sequence)
        self._adapter_sequence = max(self._adapter_sequence, adapter_sequence)

    def skip_past(self, event_ids: Iterable[str]) -> None:
        """Skip the sequences of these event ids."""
        highest = highest_sequences(self.name, event_ids)
        self.skip_to(
            highest.get(self.name, 0),
            highest.get(self.name + TRACE_SUFFIX, 0),
            highest.get(self.name + ADAPTER_SUFFIX, 0),
        )

    def publish(self, message: Event) -> Record:
        """Publish a message not caused by an input of this session."""
        return self._publish(message, None)

    def external(self, event: Event) -> list[Record]:
        """Replay an adapter input: it is journaled again. A simulation produces it itself. Returns the
        records published in response.
        """
        if self.adapter is not None:
            for _ in self.adapter.poll_due(event.event_time_ns):
                pass
        return self.consume(self.journal(event))

    def continue_from(self, sequence: int, trace_sequence: int, adapter_sequence: int, inputs: int) -> None:
        """Continue the numbering of the log, after its inputs were replayed."""
        self._sequence = sequence
        self._trace_sequence = trace_sequence
        self._adapter_sequence = adapter_sequence
        self.inputs = inputs
        self._digest_at = inputs + self._digest_interval_inputs

    def continue_after(self, newest: Mapping[str, int]) -> None:
        """Continue after the newest sequence of each producer in a log."""
        self.continue_from(
            newest.get(self.name, 0),
            newest.get(self.name + TRACE_SUFFIX, 0),
            newest.get(self.name + ADAPTER_SUFFIX, 0),
            self.inputs,
        )

    def consume(self, record: Record) -> list[Record]:
        """Pass a record to the core; returns the records published in response."""
        self.runs.add(record)
        return self._decide(record.message, record.envelope.event_id)

    def inject(self, event: Tick | Shutdown) -> list[Record]:
        """Pass a tick or shutdown to the core; it is traced but on no topic."""
        self.runs.add_injected(event)
        return self._decide(event, None)

    def journal(self, event: Event) -> Record:
        """Publish an adapter input, with secrets redacted, before the core receives it."""
        event = _without_secrets(event)
        self._adapter_sequence += 1
        envelope = Envelope(
            self.name + ADAPTER_SUFFIX, self._adapter_sequence, None, event.event_time_ns, event.type_name
        )
        return self._bus.publish(TOPIC_OF[event.type_name], envelope, event)

    def _decide(self, event: Event, cause: str | None) -> list[Record]:
        self.inputs += 1
        self.newest_ns = event.event_time_ns
        if type(event) in CHECKED:
            admitted = self.life.admit(event)
            if admitted is None:
                return []
            event = admitted
        outputs = self.life.decide(event, cause)
        adapter = self.adapter
        if adapter is not None:
            self.show_adapter(event)
        if not outputs:
            return []
        records = [self._publish(output, cause) for output in outputs]
        if adapter is not None:
            for output in outputs:
                adapter.on_event(output)
        return records

    def show_adapter(self, event: Event) -> None:
        """Pass an input to the adapter. An input that it cannot handle is skipped; an intent that it cannot
        execute ends the process instead: orders must not stay open without anything to cancel them.
        """
        if self.adapter is None:
            return
        try:
            self.adapter.on_event(event)
        except MemoryError:
            raise
        except Exception as error:
            with suppress(OSError, ValueError):
                logger.error(  # noqa: TRY400  a stack trace with all its values does not belong in the log
                    "adapter_refused",
                    process=self.name,
                    message=event.type_name,
                    error=shortened(repr(error)),
                )

    def _publish(self, output: Event, cause: str | None) -> Record:
        self._sequence += 1
        type_name = output.type_name
        envelope = Envelope(self.name, self._sequence, cause, output.event_time_ns, type_name)
        return self._bus.publish(TOPIC_OF[type_name], envelope, output)

    def write_trace(self, now_ns: int, *, final: bool = False) -> None:
        """Publish the inputs consumed since the last trace, with a state digest at intervals."""
        if not self.runs:
            return
        digest = None
        if final or self.inputs >= self._digest_at:
            digest = self.life.digest()
            self._digest_at = self.inputs + self._digest_interval_inputs
        trace = Trace(
            event_time_ns=now_ns,
            process=self.name,
            entries=self.runs.drain(),
            last_output_sequence=self._sequence,
            state_digest=digest,
        )
        self._publish_about_self(trace)

    def _publish_about_self(self, event: Event) -> None:
        self._trace_sequence += 1
        producer = self.name + TRACE_SUFFIX
        envelope = Envelope(producer, self._trace_sequence, None, event.event_time_ns, event.type_name)
        self._bus.publish(TOPIC_OF[event.type_name], envelope, event)
