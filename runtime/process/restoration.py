"""Restores a group of processes on Kafka: exactly, or under different code from its carried state.

Under the same code the newest snapshot is loaded and the journaled inputs are replayed. Under different code
the carried state is loaded instead, and the core also recollects the later outputs: the new code may decide
differently, but orders sent by the old code exist all the same.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import structlog

from runtime.bus import TopicPartition
from runtime.errors import StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.outbox import OutboxRecord
from runtime.kafka.wire import read_headers
from runtime.process.definition import Recollects
from runtime.process.group import ProcessGroup
from runtime.process.input_source import InputSource
from runtime.process.recovery import JournalReplay, publish_unconfirmed
from runtime.process.runner import ADAPTER_SUFFIX, TRACE_SUFFIX, Entry, ProcessRunner
from runtime.process.silent_replay import SilentReplay
from runtime.process.state_check import ReplayedInputs, StateVerdict, check_state
from runtime.process.tail import Tail, digest_of
from runtime.process.turn_bus import TurnBus
from runtime.state.group_files import GroupLeft
from runtime.state.journal import JournalTurn
from runtime.state.state_files import Left
from schemas.message import Event
from schemas.orders import Fill, TradingStop
from schemas.process import ConfigApplied

REPUBLISHED = (Fill, TradingStop)
"""Messages that must not be lost; readers deduplicate them by key, so publishing them twice is harmless."""
NUMBERS_SKIPPED = 1_000_000
"""Sequence numbers skipped where recent outputs were deleted: a reused number would be ignored by readers."""

logger = structlog.get_logger()


@dataclass(slots=True)
class _Journaled:
    """What was replayed without comparing its outputs."""

    traced: dict[str, tuple[list[Entry], int]]
    """By member, the inputs replayed exactly before that are in no trace yet, and the sequence of the newest
    trace before the others."""
    exact: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """By member, digests of what it published because of those."""
    runs: list[Entry] = field(default_factory=list)
    """All inputs of the group, even lost ones."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """Replays the members' state, and publishes nothing before it is verified against the topics."""

    bus: KafkaBus
    group: ProcessGroup
    turns: TurnBus
    source: InputSource
    tails: Mapping[str, Tail]
    """By member; one without a state has none."""

    async def run(self, left: GroupLeft) -> int:
        """Restore from the state left behind; returns the number of inputs replayed. Raises StateRefusedError
        where it does not match the topics.
        """
        silent = SilentReplay(self.group)
        for number, runner in enumerate(self.group.runners):
            self._restore(runner, left.members[runner.name], silent, number)
        silent.forget_outputs()
        if any(member.carried is not None for member in left.members.values()):
            journaled = _Journaled({each.name: ([], each.sequences[1]) for each in self.group.runners})
            return await self._silently(left, silent, left.turns, journaled)
        return await self._exactly(left, silent)

    def _restore(self, runner: ProcessRunner, left: Left, silent: SilentReplay, number: int) -> None:
        if left.snapshot is not None:
            self._check_own(runner, left.snapshot.life.applied)
            runner.life.restore(left.snapshot.life)
            runner.continue_from(*left.snapshot.standing.counts)
            if left.snapshot.adapter is not None:
                runner.adapter = left.snapshot.adapter
        elif left.carried is not None:
            self._check_own(runner, left.carried.applied)
            runner.life.renew(left.carried.applied)
            runner.continue_from(*left.carried.standing.counts)
            for message in left.carried.messages:
                silent.feed(number, message, None)

    def _check_own(self, runner: ProcessRunner, applied: ConfigApplied | None) -> None:
        """The folder must be of this process."""
        name = None if applied is None else applied.process
        if name != runner.name:
            raise StateRefusedError(f"it is the state of {name}")

    async def _exactly(self, left: GroupLeft, silent: SilentReplay) -> int:
        """Replay the journal under the code that wrote it."""
        replay = JournalReplay(self.group, self.source)
        turns = iter(left.turns)
        for turn in turns:
            rest = await replay.run(turn)
            if rest is not None:
                topic, partition, first, _ = rest.runs[0]
                journaled = self._before_loss((topic, partition, first - 1, 1))
                later = chain((rest,), turns)
                return replay.inputs + await self._silently(left, silent, later, journaled)
        for name, tail in self.tails.items():
            check_state(tail, self._reproduced(left.members[name], tail)).check()
        self._publish_missing(left)
        return replay.inputs

    def _before_loss(self, lost: Entry) -> _Journaled:
        """What comes after a lost record is replayed as under different code."""
        self.group.settle()
        journaled = _Journaled({}, runs=[lost])
        for runner in self.group.runners:
            runs = self._trace_replayed(runner)
            journaled.traced[runner.name] = (runs, runner.sequences[1])
            if runner.name in self.tails:
                journaled.exact[runner.name] = self.turns.digests(self.tails[runner.name].records)
            if isinstance(runner.core, Recollects):
                runner.core.begin_recollection()
        return journaled

    def _trace_replayed(self, runner: ProcessRunner) -> list[Entry]:
        """Write a trace of the inputs not traced yet; if that trace had been written before, return them."""
        tail = self.tails.get(runner.name)
        if tail and f"{runner.name}{TRACE_SUFFIX}:{runner.sequences[1] + 1}" in tail.records:
            return list(runner.runs.drain())
        runner.write_trace(time.time_ns())
        return []

    async def _silently(
        self, left: GroupLeft, silent: SilentReplay, turns: Iterable[JournalTurn], journaled: _Journaled
    ) -> int:
        """Replay the journal with a core that may decide differently: it recollects what was published."""
        replay = JournalReplay(silent, self.source)
        for turn in turns:
            journaled.runs += turn.runs
            await replay.run_without_lost(turn)
        for number, runner in enumerate(self.group.runners):
            if runner.name in self.tails:
                replayed = self._replayed(silent, number, journaled)
                self._check_silent(left.members[runner.name], runner, replayed, journaled)
        self._publish_missing(left)
        for runner in self.group.runners:
            if runner.name in self.tails:
                self._recollect(runner, silent.outputs[runner.name], self.tails[runner.name])
        self.turns.release()
        return replay.inputs

    def _replayed(self, silent: SilentReplay, number: int, journaled: _Journaled) -> ReplayedInputs:
        runner = self.group.runners[number]
        traced, sequence = journaled.traced[runner.name]
        runs = [*traced, *self.group.runs_of(number, journaled.runs)]
        return silent.replayed(runs, sequence, self.source.lost_records)

    def _check_silent(
        self, left: Left, runner: ProcessRunner, replayed: ReplayedInputs, journaled: _Journaled
    ) -> None:
        tail = self.tails[runner.name]
        reproduced = self._reproduced(left, tail, only_external=True) | journaled.exact.get(runner.name, {})
        verdict = check_state(tail, reproduced, replayed)
        if left.carried is not None and left.carried.is_rebuilt and not verdict.different:
            _log_unexplained(runner.name, verdict)
            return
        verdict.check()

    def _reproduced(self, left: Left, tail: Tail, *, only_external: bool = False) -> dict[str, bytes]:
        """Digests of the messages that the state of a member accounts for, by event id."""
        standing = left.standing
        found = {} if standing is None else dict(_digests(standing.unconfirmed))
        if not only_external:
            found |= self.turns.digests(tail.records)
        return found | dict(self._external_digests(tail))

    def _external_digests(self, tail: Tail) -> Iterator[tuple[str, bytes]]:
        """Digests of adapter inputs. The journal has them complete, serialised by this process: a later
        release may have more fields or other secrets to redact. They are therefore compared by envelope only.
        """
        for envelope in self.turns.envelopes:
            published = tail.records.get(envelope.event_id)
            if published is not None and envelope.producer.endswith(ADAPTER_SUFFIX):
                yield envelope.event_id, published.digest if published.envelope == envelope else b""

    def _publish_missing(self, left: GroupLeft) -> None:
        """Publish messages that are on no topic yet."""
        published: set[str] = set()
        newest: dict[tuple[str, int, str], int] = {}
        for name, tail in self.tails.items():
            published |= tail.records.keys()
            newest |= tail.newest
            standing = left.members[name].standing
            if standing is not None:
                publish_unconfirmed(self.bus, standing.unconfirmed, tail.records.keys())
        self.turns.release(published, newest)

    def _recollect(self, runner: ProcessRunner, outputs: Iterable[Event], tail: Tail) -> None:
        """Pass on what was published, and publish, under new sequences, outputs for past inputs that must not
        be lost and were not published before.
        """
        if isinstance(runner.core, Recollects):
            runner.core.recollect(tail.past_outputs.messages())
        runner.skip_past(tail.records)
        if not tail.is_whole:
            runner.skip_to(*(number + NUMBERS_SKIPPED for number in runner.sequences))
        trades = tail.trades()
        for message in outputs:
            is_new = not isinstance(message, Fill) or (message.key, message.venue_trade_id) not in trades
            if isinstance(message, REPUBLISHED) and is_new:
                runner.publish(message)


def _log_unexplained(process: str, verdict: StateVerdict) -> None:
    logger.info("messages_after_rebuilt_state", process=process, messages=len(verdict.unexplained))


def _digests(unconfirmed: Mapping[TopicPartition, Iterable[OutboxRecord]]) -> Iterator[tuple[str, bytes]]:
    for records in unconfirmed.values():
        for fields in records:
            record = OutboxRecord(*fields)
            envelope, _ = read_headers(record.headers)
            yield envelope.event_id, digest_of(envelope, record.value or b"")
