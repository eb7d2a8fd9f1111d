"""Replays journaled inputs to a group whose code may decide differently: nothing is published."""

from collections import deque

from runtime.bus import Record
from runtime.process.group import ProcessGroup
from runtime.process.runner import Entry
from runtime.process.state_check import ReplayedInputs
from schemas.message import Event
from schemas.process import Shutdown, Tick
from schemas.topics import TOPIC_OF


class SilentReplay:
    """Collects the outputs of each member, and delivers them to the others."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group
        self.outputs: dict[str, list[Event]] = {name: [] for name in group.names}
        """By member."""
        self._causes: set[str] = set()
        self._newest_injected_ns = 0

    def forget_outputs(self) -> None:
        """Ignore the outputs so far."""
        for outputs in self.outputs.values():
            outputs.clear()

    def replayed(self, runs: list[Entry], trace_sequence: int, lost: int) -> ReplayedInputs:
        """The inputs replayed from a journal after this trace, and the number of lost records."""
        members = frozenset(self._group.names)
        return ReplayedInputs(
            runs, frozenset(self._causes), self._newest_injected_ns, trace_sequence, lost, members
        )

    def feed(self, number: int, event: Event, cause: str | None) -> tuple[Event, ...]:
        """Feed one input to the member with this number; returns its outputs, which are not delivered."""
        if cause is not None:
            self._causes.add(cause)
        runner = self._group.runners[number]
        admitted = runner.life.admit(event)
        outputs = () if admitted is None else runner.life.decide(admitted, cause)
        self.outputs[runner.name] += outputs
        return outputs

    def _deliver(self, outputs: tuple[Event, ...]) -> None:
        queue = deque(outputs)
        while queue:
            event = queue.popleft()
            topic = TOPIC_OF[event.type_name]
            if topic in self._group.internal:
                for number in self._group.readers(topic):
                    queue.extend(self.feed(number, event, None))

    def consume(self, record: Record) -> None:
        """Consume a record of a topic."""
        for number in self._group.takers(record):
            self._deliver(self.feed(number, record.message, record.envelope.event_id))

    def inject(self, event: Tick | Shutdown, number: int) -> None:
        """Consume a tick or shutdown."""
        self._newest_injected_ns = max(self._newest_injected_ns, event.event_time_ns)
        self._deliver(self.feed(number, event, None))

    def external(self, event: Event) -> None:
        """Consume an adapter input; it is published to its topic if it is not there yet."""
        number = self._group.receiver(event)
        record = self._group.runners[number].journal(event)
        self._deliver(self.feed(number, event, record.envelope.event_id))

    def end_turn(self, trace_ns: int | None, *, is_last: bool) -> None:
        """Nothing: the predecessor has written the traces."""
