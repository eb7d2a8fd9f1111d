"""Restores a process on Kafka: exactly, or under different code from its carried state.

Under the same code the newest snapshot is loaded and the journaled inputs are replayed. Under different code
the carried state is loaded instead, and the core also recollects the later outputs: the new code may decide
differently, but orders sent by the old code exist all the same.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import structlog

from runtime.bus import Record, TopicPartition
from runtime.errors import StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.outbox import OutboxRecord
from runtime.kafka.wire import read_headers
from runtime.process.definition import Recollects
from runtime.process.input_source import InputSource
from runtime.process.recovery import JournalReplay, publish_unconfirmed
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX, Entry, ProcessRunner
from runtime.process.state_check import ReplayedInputs, check_state
from runtime.process.tail import Tail, digest_of
from runtime.process.turn_bus import TurnBus
from runtime.state.carried_file import CarriedState
from runtime.state.journal import JournalTurn
from runtime.state.snapshot import Snapshot
from runtime.state.standing import Standing
from runtime.state.state_files import Left
from schemas.message import Event
from schemas.orders import Fill, TradingStop
from schemas.process import ConfigApplied, Shutdown, Tick

REPUBLISHED = (Fill, TradingStop)
"""Messages that must not be lost; readers deduplicate them by key, so publishing them twice is harmless."""
NUMBERS_SKIPPED = 1_000_000
"""Sequence numbers skipped where recent outputs were deleted: a reused number would be ignored by readers."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Restoration:
    """Replays a process's state, and publishes nothing before it is verified against the topics."""

    bus: KafkaBus
    runner: ProcessRunner
    turns: TurnBus
    source: InputSource
    tail: Tail

    async def run(self, left: Left) -> int:
        """Restore from the state left behind; returns the number of inputs replayed. Raises StateRefusedError
        where it does not match the topics.
        """
        if left.snapshot is not None:
            return await self._exactly(left.snapshot, left.turns)
        if left.carried is not None:
            return await self._carried(left.carried, left.turns)
        return 0

    async def _exactly(self, snapshot: Snapshot, journal: Iterable[JournalTurn]) -> int:
        """Restore from a snapshot of this code."""
        standing = snapshot.standing
        self._check_own(snapshot.life.applied)
        self.runner.life.restore(snapshot.life)
        self.runner.continue_from(*standing.counts)
        if snapshot.adapter is not None:
            self.runner.adapter = snapshot.adapter
        replay = JournalReplay(self.runner, self.source)
        turns = iter(journal)
        for turn in turns:
            rest = await replay.run(turn)
            if rest is not None:
                topic, partition, first, _ = rest.runs[0]
                lost = (topic, partition, first - 1, 1)
                return replay.inputs + await self._after_loss(standing, lost, chain((rest,), turns))
        reproduced = self.turns.digests(self.tail.records) | dict(self._external_digests())
        check_state(self.tail, dict(_digests(standing.unconfirmed)) | reproduced).check()
        self._publish_missing(standing)
        return replay.inputs

    async def _after_loss(self, standing: Standing, lost: Entry, journal: Iterable[JournalTurn]) -> int:
        """Continue after a lost record: the core recollects its later outputs, as under different code."""
        runs = self._trace_replayed()
        runs.append(lost)
        exact = self.turns.digests(self.tail.records)
        trace_sequence = self.runner.sequences[1]
        if isinstance(self.runner.core, Recollects):
            self.runner.core.begin_recollection()
        silent = SilentReplay(self.runner)
        inputs = await self._replay_silently(silent, journal, runs)
        replayed = silent.replayed(runs, trace_sequence, self.source.lost_records)
        reproduced = dict(_digests(standing.unconfirmed)) | dict(self._external_digests()) | exact
        check_state(self.tail, reproduced, replayed).check()
        self._publish_remaining(standing, silent)
        return inputs

    def _trace_replayed(self) -> list[Entry]:
        """Write a trace of the inputs not traced yet; if that trace had been written before, return them."""
        runner = self.runner
        if f"{runner.name}{TRACE_SUFFIX}:{runner.sequences[1] + 1}" in self.tail.records:
            return list(runner.runs.drain())
        runner.write_trace(time.time_ns())
        return []

    async def _replay_silently(
        self, silent: "SilentReplay", journal: Iterable[JournalTurn], runs: list[Entry]
    ) -> int:
        """Returns the number of inputs; all journaled inputs are added to `runs`, even lost ones."""
        replay = JournalReplay(silent, self.source)
        for turn in journal:
            runs += turn.runs
            await replay.run_without_lost(turn)
        return replay.inputs

    def _publish_remaining(self, standing: Standing, silent: "SilentReplay") -> None:
        self._publish_missing(standing)
        if isinstance(self.runner.core, Recollects):
            self.runner.core.recollect(self.tail.past_outputs.messages())
        self._republish(silent.outputs)

    async def _carried(self, state: CarriedState, journal: Iterable[JournalTurn]) -> int:
        """Restore from the carried state of different code."""
        standing = state.standing
        runner = self.runner
        self._check_own(state.applied)
        runner.life.renew(state.applied)
        self.runner.continue_from(*standing.counts)
        silent = SilentReplay(runner)
        for message in state.messages:
            silent.feed(message, None)
        silent.outputs.clear()
        runs: list[Entry] = []
        inputs = await self._replay_silently(silent, journal, runs)
        replayed = silent.replayed(runs, standing.trace_sequence, self.source.lost_records)
        self._check_carried(state, replayed)
        self._publish_remaining(standing, silent)
        return inputs

    def _check_own(self, applied: ConfigApplied | None) -> None:
        """The folder must be of this process."""
        name = None if applied is None else applied.process
        if name != self.runner.name:
            raise StateRefusedError(f"it is the state of {name}")

    def _check_carried(self, state: CarriedState, replayed: ReplayedInputs) -> None:
        reproduced = dict(_digests(state.standing.unconfirmed)) | dict(self._external_digests())
        verdict = check_state(self.tail, reproduced, replayed)
        if state.is_rebuilt and not verdict.different:
            count = len(verdict.unexplained)
            logger.info("messages_after_rebuilt_state", process=self.runner.name, messages=count)
            return
        verdict.check()

    def _external_digests(self) -> Iterator[tuple[str, bytes]]:
        """Digests of adapter inputs. The journal has them complete, serialised by this process: a later
        release may have more fields or other secrets to redact. They are therefore compared by envelope only.
        """
        for envelope in self.turns.envelopes:
            published = self.tail.records.get(envelope.event_id)
            if published is not None and envelope.producer.endswith(ADAPTER_SUFFIX):
                yield envelope.event_id, published.digest if published.envelope == envelope else b""

    def _publish_missing(self, standing: Standing) -> None:
        """Publish messages that are on no topic yet."""
        published = self.tail.records.keys()
        publish_unconfirmed(self.bus, standing.unconfirmed, published)
        self.turns.release(published, self.tail.newest)

    def _republish(self, outputs: Iterable[Event]) -> None:
        """Publish, under new sequences, outputs for past inputs that must not be lost and were not published
        before.
        """
        self.runner.skip_past(self.tail.records)
        if not self.tail.is_whole:
            self.runner.skip_to(*(number + NUMBERS_SKIPPED for number in self.runner.sequences))
        trades = self.tail.trades()
        for message in outputs:
            is_new = not isinstance(message, Fill) or (message.key, message.venue_trade_id) not in trades
            if isinstance(message, REPUBLISHED) and is_new:
                self.runner.publish(message)
        self.turns.release()


def _digests(unconfirmed: Mapping[TopicPartition, Iterable[OutboxRecord]]) -> Iterator[tuple[str, bytes]]:
    for records in unconfirmed.values():
        for fields in records:
            record = OutboxRecord(*fields)
            envelope, _ = read_headers(record.headers)
            yield envelope.event_id, digest_of(envelope, record.value or b"")


class SilentReplay:
    """Replays inputs without publishing: the core's outputs are collected here."""

    def __init__(self, runner: ProcessRunner) -> None:
        self._runner = runner
        self.outputs: list[Event] = []
        self._causes: set[str] = set()
        self._newest_injected_ns = 0

    def replayed(self, runs: list[Entry], trace_sequence: int, lost: int) -> ReplayedInputs:
        """The inputs replayed from a journal after this trace, and the number of lost records."""
        return ReplayedInputs(runs, frozenset(self._causes), self._newest_injected_ns, trace_sequence, lost)

    def feed(self, event: Event, cause: str | None) -> None:
        """Feed one input."""
        if cause is not None:
            self._causes.add(cause)
        life = self._runner.life
        admitted = life.admit(event)
        if admitted is not None:
            self.outputs += life.decide(admitted, cause)

    def consume(self, record: Record) -> None:
        """Consume a record of a topic."""
        self.feed(record.message, record.envelope.event_id)

    def inject(self, event: Tick | Shutdown) -> None:
        """Consume a tick or shutdown."""
        self._newest_injected_ns = max(self._newest_injected_ns, event.event_time_ns)
        self.feed(event, None)

    def external(self, event: Event) -> None:
        """Consume an adapter input; it is published to its topic if it is not there yet."""
        self.feed(event, self._runner.journal(event).envelope.event_id)

    def end_turn(self, trace_ns: int | None, *, is_last: bool) -> None:
        """Nothing: the predecessor has written the trace."""
