"""The figures of the processes that share a loop: each reports its own status, as if it were alone."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from runtime.bus import Record
from runtime.kafka.bus import KafkaBus
from runtime.kafka.wire import writer_of
from runtime.observability.disk import DiskWatch
from runtime.observability.metrics import EngineMetrics, WorkerMetrics
from runtime.observability.process_figures import ProcessFigures
from runtime.process.group import ProcessGroup
from runtime.process.input_source import InputSource
from runtime.process.runner import ProcessRunner
from schemas.message import Event

ORDERS = "order.event"


class Loop(Protocol):
    """What runs the processes."""

    not_ready_because: str | None
    disk: DiskWatch

    @property
    def source(self) -> InputSource:
        """Their inputs."""


class MemberFigures:
    """The figures of one process."""

    def __init__(self, loop: Loop, group: ProcessGroup, number: int, bus: KafkaBus) -> None:
        self._loop, self._group, self._bus = loop, group, bus
        self._runner: ProcessRunner = group.runners[number]
        self.name = self._runner.name
        self.metrics = WorkerMetrics()

    @property
    def not_ready_because(self) -> str | None:
        """None: it is ready."""
        return self._loop.not_ready_because

    @property
    def disk(self) -> DiskWatch:
        """The disk of its state."""
        return self._loop.disk

    @property
    def epoch(self) -> int:
        """The claimed epoch; 0: none yet."""
        return self._bus.epoch_of(self.name)

    def figures(self) -> ProcessFigures:
        """Its current figures. The outbox is one for all that share the loop."""
        runner, outbox = self._runner, self._bus.outbox
        now_ns = time.time_ns()
        lag = self._loop.source.lag(now_ns)
        return ProcessFigures(
            self.name,
            is_ready=self.not_ready_because is None,
            began_ns=self.metrics.began_ns,
            session_began_ns=runner.life.session_began_ns,
            newest_input_ns=self.metrics.newest_input_ns,
            lag=[
                *(each for each in lag if self._group.reads(self.name, each.topic)),
                *runner.adapter_lag(now_ns),
            ],
            outbox_records=outbox.size,
            outbox_age_ms=outbox.age_ms(),
            halts=runner.definition.halts(runner.core),
        )


class WorkerFigures:
    """The figures of all of them."""

    def __init__(self, loop: Loop, group: ProcessGroup, bus: KafkaBus) -> None:
        self._group = group
        self.members: Sequence[MemberFigures] = [
            MemberFigures(loop, group, number, bus) for number in range(len(group.runners))
        ]

    def record_consumed(self, records: Sequence[Record], now_ns: int) -> None:
        """Count records consumed from topics."""
        if len(self.members) == 1:
            self.members[0].metrics.record_consumed(records, now_ns)
            return
        for member in self.members:
            own = [record for record in records if self._group.reads(member.name, record.topic)]
            member.metrics.record_consumed(own, now_ns)

    def record_input(self, event: Event) -> None:
        """Count an adapter input."""
        self.members[self._group.receiver(event)].metrics.record_input(event)

    def record_outputs(self, records: Sequence[Record], now_ns: int) -> None:
        """Count published records, and those that other members heard."""
        if len(self.members) == 1:
            self.members[0].metrics.record_outputs(records, now_ns)
            return
        by_writer: dict[str, list[Record]] = {member.name: [] for member in self.members}
        for record in records:
            by_writer[writer_of(record.envelope.producer)].append(record)
        for member in self.members:
            member.metrics.record_outputs(by_writer[member.name], now_ns)
        heard = [record for record in records if record.topic in self._group.internal]
        self.record_consumed(heard, now_ns)

    def record_turn(self, seconds: float) -> None:
        """Record the duration of a turn."""
        for member in self.members:
            member.metrics.turns.observe(seconds)

    def collector(self, version: str) -> EngineMetrics:
        """All of them as one Prometheus collector."""
        every = [member.metrics for member in self.members]
        sends = (each for each in zip(self._group.definitions, every, strict=True) if each[0].writes(ORDERS))
        _, of_orders = next(sends, (None, every[0]))
        return EngineMetrics(
            version,
            events=lambda: {member.name: member.metrics.inputs for member in self.members},
            published=lambda: _sum(each.published for each in every),
            denied=lambda: _sum(each.denials for each in every),
            latency=of_orders.order_latency,
            processes=lambda: [member.figures() for member in self.members],
            turns=every[0].turns,
        )


def _sum(counts: Iterable[Counter[str]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
