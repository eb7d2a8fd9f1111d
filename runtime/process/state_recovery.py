"""Recovery of a group of processes: from its files, verified against its topics, or from the topics alone.

Lost, damaged, outdated or foreign files are refused: the operator decides, with `maker state rebuild`. A
process whose state is derived from others' messages is rebuilt automatically.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from runtime.bus import Record, TopicPartition
from runtime.errors import LogDamagedError, OffsetOutOfRangeError, StateRefusedError, left_at_venue
from runtime.kafka.bus import KafkaBus
from runtime.process.gaps import Gap, LostRecords
from runtime.process.group import ProcessGroup
from runtime.process.input_source import InputSource, Shard
from runtime.process.rebuilding import Rebuilding
from runtime.process.recovery import first_positions
from runtime.process.restoration import Restoration
from runtime.process.runner import ProcessRunner
from runtime.process.tail import Tail, has_published, read_tail
from runtime.process.turn_bus import TurnBus
from runtime.state.group_files import GroupFiles, GroupLeft
from runtime.state.standing import Standing
from runtime.state.state_files import Left, StateBeforeSessionsError
from schemas.config import Config
from schemas.topics import BY_NAME, ROUTER

logger = structlog.get_logger()
FenceState = dict[tuple[str, int, str], int]


@dataclass(frozen=True, slots=True)
class RecoveredState:
    """The recovered state."""

    source: InputSource
    inputs: int
    """Number of replayed inputs."""
    exact: frozenset[str]
    """The members whose state is exactly the previous one, under the same code."""
    parts_sequences: Mapping[str, int]
    """By member, the sequence of the newest published part of a carried state."""
    missed: Sequence[Record] = ()
    """What members published alone and others had not read by then."""
    ends: Mapping[TopicPartition, int] | None = None
    """The ends of those topics."""

    def missing(self, topics: Collection[str]) -> list[Gap | LostRecords]:
        """Records of these topics that no longer exist."""
        return [each for each in self.source.missing if each.partition.topic in topics]


@dataclass(frozen=True, slots=True)
class StateRecovery:
    """The recovery of one start."""

    config: Config
    shard: Shard
    bus: KafkaBus
    group: ProcessGroup
    turns: TurnBus
    files: GroupFiles
    name: str
    """Of the group."""
    outputs: Mapping[str, list[TopicPartition]]
    """By member."""

    async def run(self, hashes: Mapping[str, str]) -> RecoveredState:
        """Recover the state, `hashes` being those of the members' sources; raises StateRefusedError where the
        files do not match the topics.
        """
        is_view = all(definition.is_view for definition in self.group.definitions)
        try:
            return await self._from_files(hashes)
        except StateBeforeSessionsError as error:
            reason: Exception = error
        except (StateRefusedError, LogDamagedError, OffsetOutOfRangeError) as error:
            if not is_view:
                raise self._refused(error) from error
            reason = error
        return await self._from_topics(str(reason))

    async def _from_files(self, hashes: Mapping[str, str]) -> RecoveredState:
        left = self.files.load(hashes)
        for name, member in left.members.items():
            if member.standing is None and await has_published(self.bus, name, self.outputs[name]):
                raise StateRefusedError(
                    "it is empty, but the topics contain records that the process published"
                    if len(left.members) == 1
                    else f"there is none of {name}, but the topics contain records that it published"
                )
        return await self._from(left)

    async def _from_topics(self, reason: str) -> RecoveredState:
        """Of a process alone: one that shares its loop is rebuilt by an operator."""
        (runner,) = self.group.runners
        self.turns.drop()
        self.group.runs.drain()
        runner.runs.drain()
        definition, name = runner.definition, runner.name
        rebuilding = Rebuilding(self.config.kafka, definition, name, self.outputs[name])
        try:
            found = await rebuilding.find(self.bus)
        except StateRefusedError:
            if not definition.is_view:
                raise
            found = await rebuilding.numbers_only(self.bus)
        logger.warning("state_rebuilt", process=name, because=reason, **found.report())
        return await self._from(GroupLeft({name: Left(None, found.carried, ())}, found.turns))

    async def _from(self, left: GroupLeft) -> RecoveredState:
        standings = {
            name: member.standing for name, member in left.members.items() if member.standing is not None
        }
        tails = {name: await self._tail(name, standing) for name, standing in standings.items()}
        await self._check_ends(left, tails)
        starts = {runner.name: await self._start(runner, standings) for runner in self.group.runners}
        if len(starts) > 1:
            self.group.start_at(starts)
        self.group.heard = self._heard(standings)
        outside, inside = self._positions(starts)
        newest = _oldest(standings.values())
        known = {tp for standing in standings.values() for tp in standing.positions}
        missed: list[Record] = []
        ends: dict[TopicPartition, int] | None = None
        if left.were_alone and inside and standings:
            missed, ends = await self._read_missed(inside, newest, known)
        source = await InputSource.resumed(self.bus, self.shard, outside, newest, known)
        try:
            restoration = Restoration(self.bus, self.group, self.turns, source, tails)
            inputs = await restoration.run(left)
        except BaseException:
            await source.close()
            raise
        exact = () if source.lost else (name for name, each in left.members.items() if each.snapshot)
        parts = {
            name: max(tails[name].parts_sequence, standing.parts_sequence)
            for name, standing in standings.items()
        }
        return RecoveredState(source, inputs, frozenset(exact), parts, missed, ends)

    async def _tail(self, name: str, standing: Standing) -> Tail:
        ends = standing.end_offsets
        return await read_tail(self.bus, name, {tp: ends[tp] for tp in self.outputs[name] if tp in ends})

    async def _start(
        self, runner: ProcessRunner, standings: Mapping[str, Standing]
    ) -> dict[TopicPartition, int]:
        """Where a member continues to read."""
        partitions = self.shard.inputs(runner.definition.name)
        standing = standings.get(runner.name)
        if standing is None:
            return dict.fromkeys(partitions, 0)
        return await first_positions(self.bus, partitions, standing.positions)

    def _positions(
        self, starts: Mapping[str, Mapping[TopicPartition, int]]
    ) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """Where the group continues: the oldest position of its members; of topics from outside, and of
        those between members.
        """
        outside: dict[TopicPartition, int] = {}
        inside: dict[TopicPartition, int] = {}
        for start in starts.values():
            for tp, position in start.items():
                found = inside if tp.topic in self.group.internal else outside
                found[tp] = min(position, found.get(tp, position))
        return outside, inside

    def _heard(self, standings: Mapping[str, Standing]) -> FenceState:
        return {
            key: sequence
            for standing in standings.values()
            for key, sequence in standing.newest.items()
            if key[0] in self.group.internal
        }

    async def _read_missed(
        self,
        positions: Mapping[TopicPartition, int],
        newest: FenceState,
        known: Iterable[TopicPartition],
    ) -> tuple[list[Record], dict[TopicPartition, int]]:
        """The records between members, up to the end: nobody publishes there any more."""
        source = await InputSource.resumed(self.bus, self.shard, positions, newest, known)
        try:
            ends = await source.ends()
            records: list[Record] = []
            while any(source.positions[tp] < end for tp, end in ends.items()):
                records += await source.poll(self.config.process.poll_records_max, 0.5)
            return records, ends
        finally:
            await source.close()

    async def _check_ends(self, left: GroupLeft, tails: Mapping[str, Tail]) -> None:
        """Raises StateRefusedError where the journal names records beyond the end of their topics, and no
        topic contains any message of the group. All recreated topics are a reason, one is not.
        """
        named: dict[TopicPartition, int] = {}
        for topic, partition, first, count in (run for turn in left.turns for run in turn.runs):
            if topic in BY_NAME and not BY_NAME[topic].own_input:
                named[TopicPartition(topic, partition)] = first + count
        if named and not any(tail.records for tail in tails.values()):
            ends = await self._ends(named)
            if any(ends[tp] < end for tp, end in named.items()):
                await self._check_has_published()

    async def _ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        reader = self.bus.reader({})
        try:
            return await reader.end_offsets(partitions)
        finally:
            await reader.close()

    async def _check_has_published(self) -> None:
        for name, outputs in self.outputs.items():
            if await has_published(self.bus, name, outputs):
                return
        raise StateRefusedError(
            "its journal names records beyond the end of the topics, and they contain nothing that the "
            "process published: the topics were recreated, or the state belongs to others"
        )

    def _refused(self, error: Exception) -> StateRefusedError:
        holds_orders = any(definition.name == ROUTER for definition in self.group.definitions)
        at_venue = f"; {left_at_venue(drained=False)}" if holds_orders else ""
        return StateRefusedError(
            f"{self.files.directory} is not the latest state of {self.name}: {error}. Nothing was published "
            f"or sent, and nothing will be{at_venue}. {_remedy(self.group.names)}"
        )


def _remedy(names: Sequence[str]) -> str:
    if len(names) == 1:
        return (
            f"`maker state rebuild {names[0]} --dry-run` shows how the state can be rebuilt from the topics; "
            "without --dry-run it is rebuilt, and the process continues"
        )
    rebuilds = ", ".join(f"`maker state rebuild {name}`" for name in names)
    return (
        f"Each process goes on alone, with `maker run`, from its own state; {rebuilds} (with --dry-run: only "
        "shown) rebuild that from the topics. When all ran alone and were stopped, they can share a loop"
    )


def _oldest(standings: Iterable[Standing]) -> FenceState:
    """The newest sequences that all members know: what one of them has not read yet must be admitted."""
    every = list(standings)
    found: FenceState = {}
    for key in {key for standing in every for key in standing.newest}:
        tp = TopicPartition(key[0], key[1])
        readers = [standing for standing in every if tp in standing.positions]
        if all(key in standing.newest for standing in readers):
            found[key] = min(
                standing.newest[key] for standing in (readers or every) if key in standing.newest
            )
    return found
