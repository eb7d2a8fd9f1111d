"""Writes the state of a group: snapshots and journals to its disk, copies of the carried state to topics."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from runtime.bus import TopicPartition
from runtime.errors import LogLostError
from runtime.kafka.bus import KafkaBus
from runtime.process.carried_topic import CarriedTopic
from runtime.process.forked import TIME_SHARE, ForkedTask
from runtime.process.group import ProcessGroup
from runtime.process.input_source import STATE_TOPIC, InputSource
from runtime.process.runner import ProcessRunner
from runtime.state.appending import disk_must_take
from runtime.state.carried_file import CarriedState
from runtime.state.group_files import GroupFiles, MemberLife, MemberState
from runtime.state.journal import Journal
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from schemas.config import Config
from schemas.units import NS_PER_S

CARRIED_INTERVAL_NS = 30 * NS_PER_S
"""Interval of carried states for different code; also written at each start and stop."""

logger = structlog.get_logger()


class StateSaver:
    """Saves the state of a group at intervals."""

    journal: Journal

    def __init__(
        self, group: ProcessGroup, bus: KafkaBus, files: GroupFiles, config: Config, now_ns: Callable[[], int]
    ) -> None:
        self.copies = {name: CarriedTopic(name) for name in group.names}
        self._group, self._bus, self._files = group, bus, files
        self._config, self._now_ns = config, now_ns
        self._next_snapshot_ns = self._next_carried_ns = 0
        self._writing: asyncio.Task[tuple[Mapping[str, bytes], int]] | None = None
        self._outputs: Mapping[str, frozenset[TopicPartition]] = {}
        self._hashes: Mapping[str, str] = {}

    def begin(self, outputs: Mapping[str, list[TopicPartition]], hashes: Mapping[str, str]) -> None:
        """By member: its output partitions, and the hash of its sources."""
        self._outputs = {name: frozenset(own) for name, own in outputs.items()}
        self._hashes = hashes

    def is_due(self, now_ns: int) -> bool:
        """Whether the next snapshot is due; it must not contain inputs that are in no trace."""
        return now_ns >= self._next_snapshot_ns and self._writing is None

    def save(self, source: InputSource, *, last: bool = False) -> None:
        """Write the state now, and begin the next journal; at the end, give each member its own."""
        now_ns = self._now_ns()
        states = self._states(source, now_ns, with_carried=True)
        with disk_must_take(self._files.directory):
            self.journal = self._files.roll(states)
            if last:
                self._files.hand_over(states)
        self._publish({each.name: each.carried for each in states if each.carried}, now_ns, last=last)
        self._next_carried_ns = now_ns + CARRIED_INTERVAL_NS
        self._next_snapshot_ns = now_ns + self._interval_ns

    def begin_saving(self, source: InputSource) -> None:
        """Begin the next journal, and have a fork write the state as it is now. Requires an event loop.

        Where no process can be created this is tried again after the interval: the journal goes on.
        """
        now_ns = self._now_ns()
        with_carried = now_ns >= self._next_carried_ns
        self._next_snapshot_ns = now_ns + self._interval_ns
        lives = [self._life(runner) for runner in self._group.runners]
        stem = self._files.next_stem(lives)

        def write() -> None:
            self._files.write_aside(stem, self._states(source, now_ns, with_carried=with_carried))

        try:
            task = ForkedTask(write)
        except OSError as error:
            logger.warning("state_not_written", folder=str(self._files.directory), because=repr(error))
            return
        with disk_must_take(self._files.directory):
            self.journal = self._files.follow(stem, lives)
        if with_carried:
            self._next_carried_ns = now_ns + CARRIED_INTERVAL_NS
        self._writing = asyncio.create_task(asyncio.to_thread(self._complete, task, stem))

    def _complete(self, task: ForkedTask, stem: str) -> tuple[Mapping[str, bytes], int]:
        """In a thread: the carried states that were written, and the processor time that it took."""
        ended = task.wait()
        if ended.failure:
            raise LogLostError(f"{self._files.directory} has no newer state: {ended.failure}")
        with disk_must_take(self._files.directory):
            return self._files.complete(stem), ended.cost_ns

    def has_saved(self) -> bool:
        """Whether what `begin_saving` began has just ended; raises LogLostError where it failed."""
        if self._writing is None or not self._writing.done():
            return False
        writing, self._writing = self._writing, None
        carried, cost_ns = writing.result()
        now_ns = self._now_ns()
        self._next_snapshot_ns = max(self._next_snapshot_ns, now_ns + TIME_SHARE * cost_ns)
        self._publish(carried, now_ns)
        return True

    async def settle(self) -> None:
        """Return when nothing is being written; raises LogLostError where that failed."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))
            self.has_saved()

    async def close(self) -> None:
        """Return when nothing is being written, whether or not it was written."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    @property
    def _interval_ns(self) -> int:
        return int(self._config.process.snapshot_interval_s * NS_PER_S)

    def _publish(self, carried: Mapping[str, bytes], now_ns: int, *, last: bool = False) -> None:
        """Publish the copies of carried states that are due."""
        for name, state in carried.items():
            copies = self.copies[name]
            if last or copies.is_due(now_ns):
                for envelope, part in copies.messages(state, now_ns):
                    self._bus.publish(STATE_TOPIC, envelope, part)

    def _states(self, source: InputSource, now_ns: int, *, with_carried: bool) -> list[MemberState]:
        """The serialised state of each member."""
        return [self._state(runner, source, now_ns, with_carried) for runner in self._group.runners]

    def _state(
        self, runner: ProcessRunner, source: InputSource, now_ns: int, with_carried: bool
    ) -> MemberState:
        standing = self._standing(runner, source)
        adapter = runner.adapter if runner.definition.restores_adapter(self._config) else None
        snapshot = to_bytes(Snapshot(self._hashes[runner.name], standing, runner.life.state(), adapter))
        carried = _carried(runner, standing, now_ns) if with_carried else None
        return MemberState(*self._life(runner), snapshot, carried)

    def _life(self, runner: ProcessRunner) -> MemberLife:
        return MemberLife(runner.name, self._bus.epoch_of(runner.name), runner.life.session_began_ns)

    def _standing(self, runner: ProcessRunner, source: InputSource) -> Standing:
        """The member's own positions: it can go on alone from them."""
        name, group, ends = runner.name, self._group, self._bus.outbox.end_offsets()
        positions = {
            tp: group.position(name, tp, offset)
            for tp, offset in source.positions.items()
            if group.reads(name, tp.topic)
        }
        positions |= {tp: end for tp, end in ends.items() if group.hears(name, tp.topic)}
        newest = source.newest | group.heard if group.internal else source.newest
        own = self._outputs[name]
        return Standing(
            runner.inputs,
            *runner.sequences,
            positions=positions,
            newest={key: number for key, number in newest.items() if group.reads(name, key[0])},
            end_offsets={tp: end for tp, end in ends.items() if tp in own},
            unconfirmed={tp: records for tp, records in self._bus.outbox.unconfirmed().items() if tp in own},
            parts_sequence=self.copies[name].sequence,
        )


def _carried(runner: ProcessRunner, standing: Standing, now_ns: int) -> bytes:
    life = runner.life
    return CarriedState(life.in_force(), standing, life.carried(now_ns)).to_bytes()
