"""Feeds the inputs of a trace to a core as the live process did: for restart, replay and explanation."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runtime.log.logfile import LoggedRecord
from runtime.process.life import Life
from runtime.replay.trace_reader import ConsumedInput
from schemas.message import Event


class ProcessedInput(NamedTuple):
    """One input and its outputs."""

    event: Event
    """As recorded."""
    admitted: Event | None
    """As passed to the core; None: not passed on."""
    record: LoggedRecord | None
    """None for a tick."""
    outputs: tuple[Event, ...]

    @property
    def cause(self) -> str | None:
        """The event id that the outputs name as their cause."""
        return None if self.record is None else self.record.envelope.event_id


def feed(life: Life, inputs: Iterable[ConsumedInput]) -> Iterator[ProcessedInput]:
    """Feed the inputs of one trace, in order."""
    for event, record in inputs:
        admitted = life.admit(event)
        cause = None if record is None else record.envelope.event_id
        outputs = () if admitted is None else life.decide(admitted, cause)
        yield ProcessedInput(event, admitted, record, outputs)
