"""Writes the state of a group: snapshots and journals to its disk, copies of the carried state to topics."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.process.carried_topic import CarriedTopic
from runtime.process.group import ProcessGroup
from runtime.process.input_source import STATE_TOPIC, InputSource
from runtime.process.runner import ProcessRunner
from runtime.state.appending import disk_must_take
from runtime.state.carried_file import CarriedState
from runtime.state.group_files import GroupFiles, MemberState
from runtime.state.journal import Journal
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from schemas.config import Config
from schemas.units import NS_PER_S

CARRIED_INTERVAL_NS = 30 * NS_PER_S
"""Interval of carried states for different code; also written at each start and stop."""
CARRIED_SHARE = 400
"""Largest share of time spent on it, as turns wait for it."""


class _Saved(NamedTuple):
    runner: ProcessRunner
    standing: Standing
    snapshot: bytes


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
        self._outputs: Mapping[str, frozenset[TopicPartition]] = {}
        self._hashes: Mapping[str, str] = {}

    def begin(self, outputs: Mapping[str, list[TopicPartition]], hashes: Mapping[str, str]) -> None:
        """By member: its output partitions, and the hash of its sources."""
        self._outputs = {name: frozenset(own) for name, own in outputs.items()}
        self._hashes = hashes

    def is_due(self, now_ns: int) -> bool:
        """Whether the next snapshot is due; it must not contain inputs that are in no trace."""
        return now_ns >= self._next_snapshot_ns

    def save(self, source: InputSource, *, last: bool = False) -> None:
        """Write the state, and begin the next journal; at the end, give each member its own."""
        now_ns = self._now_ns()
        saved = [self._of(runner, source) for runner in self._group.runners]
        carried: dict[str, bytes] = {}
        if last or now_ns >= self._next_carried_ns:
            carried = {each.runner.name: _carried(each, now_ns) for each in saved}
            took_ns = self._now_ns() - now_ns
            self._next_carried_ns = now_ns + max(CARRIED_INTERVAL_NS, CARRIED_SHARE * took_ns)
        states = [self._serialised(each, carried) for each in saved]
        with disk_must_take(self._files.directory):
            self.journal = self._files.roll(states)
            if last:
                self._files.hand_over(states)
        for name, state in carried.items():
            copies = self.copies[name]
            if last or copies.is_due(now_ns):
                for envelope, part in copies.messages(state, now_ns):
                    self._bus.publish(STATE_TOPIC, envelope, part)
        self._next_snapshot_ns = now_ns + int(self._config.process.snapshot_interval_s * NS_PER_S)

    def _of(self, runner: ProcessRunner, source: InputSource) -> _Saved:
        standing = self._standing(runner, source)
        adapter = runner.adapter if runner.definition.restores_adapter(self._config) else None
        snapshot = Snapshot(self._hashes[runner.name], standing, runner.life.state(), adapter)
        return _Saved(runner, standing, to_bytes(snapshot))

    def _serialised(self, saved: _Saved, carried: Mapping[str, bytes]) -> MemberState:
        name = saved.runner.name
        began_ns = saved.runner.life.session_began_ns
        return MemberState(name, self._bus.epoch_of(name), began_ns, saved.snapshot, carried.get(name))

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


def _carried(saved: _Saved, now_ns: int) -> bytes:
    life = saved.runner.life
    return CarriedState(life.in_force(), saved.standing, life.carried(now_ns)).to_bytes()
