"""Recovery of a process: from its folder, verified against its topics, or from the topics alone.

A lost, damaged, outdated or foreign folder is refused: the operator decides, with `maker state rebuild`. A
process whose state is derived from others' messages is rebuilt automatically.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import structlog

from runtime.bus import TopicPartition
from runtime.errors import LogDamagedError, OffsetOutOfRangeError, StateRefusedError, left_at_venue
from runtime.kafka.bus import KafkaBus
from runtime.process.definition import ProcessDefinition
from runtime.process.input_source import InputSource, Shard
from runtime.process.rebuilding import Rebuilding
from runtime.process.recovery import first_positions
from runtime.process.restoration import Restoration
from runtime.process.runner import ProcessRunner
from runtime.process.tail import Tail, has_published, read_tail
from runtime.process.turn_bus import TurnBus
from runtime.state.state_files import Left, StateBeforeSessionsError, StateFiles
from schemas.config import Config
from schemas.topics import BY_NAME, ROUTER

logger = structlog.get_logger()


class RecoveredState(NamedTuple):
    """The recovered state."""

    source: InputSource
    inputs: int
    """Number of replayed inputs."""
    is_exact: bool
    """Whether it is exactly the previous state, under the same code."""
    parts_sequence: int
    """Sequence of the newest published part of a carried state."""


@dataclass(frozen=True, slots=True)
class StateRecovery:
    """The recovery of one start."""

    config: Config
    definition: ProcessDefinition
    shard: Shard
    bus: KafkaBus
    runner: ProcessRunner
    turns: TurnBus
    files: StateFiles
    outputs: list[TopicPartition]

    async def run(self, sources_hash: str) -> RecoveredState:
        """Recover the state; raises StateRefusedError where the folder does not match the topics."""
        try:
            return await self._from_folder(sources_hash)
        except StateBeforeSessionsError as error:
            reason: Exception = error
        except (StateRefusedError, LogDamagedError, OffsetOutOfRangeError) as error:
            if not self.definition.is_view:
                raise self._refused(error) from error
            reason = error
        return await self._from_topics(str(reason))

    async def _from_folder(self, sources_hash: str) -> RecoveredState:
        left = self.files.load(sources_hash)
        if left.standing is None and await has_published(self.bus, self.runner.name, self.outputs):
            raise StateRefusedError("it is empty, but the topics contain records that the process published")
        return await self._from(left)

    async def _from_topics(self, reason: str) -> RecoveredState:
        self.turns.drop()
        self.runner.runs.drain()
        rebuilding = Rebuilding(self.config.kafka, self.definition, self.runner.name, self.outputs)
        try:
            found = await rebuilding.find(self.bus)
        except StateRefusedError:
            if not self.definition.is_view:
                raise
            found = await rebuilding.numbers_only(self.bus)
        logger.warning("state_rebuilt", process=self.runner.name, because=reason, **found.report())
        return await self._from(Left(None, found.carried, found.turns))

    async def _from(self, left: Left) -> RecoveredState:
        standing = left.standing
        partitions = self.shard.inputs(self.definition.name)
        if standing is None:
            source = await InputSource.resumed(self.bus, self.shard, dict.fromkeys(partitions, 0))
            return RecoveredState(source, 0, False, 0)
        ends = standing.end_offsets
        tail = await read_tail(
            self.bus, self.runner.name, {tp: ends[tp] for tp in self.outputs if tp in ends}
        )
        left = await self._checked(left, tail)
        positions = await first_positions(self.bus, partitions, standing.positions)
        source = await InputSource.resumed(
            self.bus, self.shard, positions, standing.newest, standing.positions
        )
        try:
            inputs = await Restoration(self.bus, self.runner, self.turns, source, tail).run(left)
        except BaseException:
            await source.close()
            raise
        is_exact = left.snapshot is not None and not source.lost
        return RecoveredState(source, inputs, is_exact, _parts(tail, standing.parts_sequence))

    async def _checked(self, left: Left, tail: Tail) -> Left:
        """Raises StateRefusedError where the journal names records beyond the end of their topics, and no
        topic contains any message of the process. All recreated topics are a reason, one is not.
        """
        turns = tuple(left.turns)
        named: dict[TopicPartition, int] = {}
        for topic, partition, first, count in (run for turn in turns for run in turn.runs):
            if topic in BY_NAME and not BY_NAME[topic].own_input:
                named[TopicPartition(topic, partition)] = first + count
        if named and not tail.records:
            ends = await self._ends(named)
            if any(ends[tp] < end for tp, end in named.items()):
                await self._check_has_published()
        return replace(left, turns=turns)

    async def _ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        reader = self.bus.reader({})
        try:
            return await reader.end_offsets(partitions)
        finally:
            await reader.close()

    async def _check_has_published(self) -> None:
        if not await has_published(self.bus, self.runner.name, self.outputs):
            raise StateRefusedError(
                "its journal names records beyond the end of the topics, and they contain nothing that the "
                "process published: the topics were recreated, or the state belongs to others"
            )

    def _refused(self, error: Exception) -> StateRefusedError:
        name = self.runner.name
        at_venue = f"; {left_at_venue(drained=False)}" if self.definition.name == ROUTER else ""
        return StateRefusedError(
            f"{self.files.directory} is not the latest state of {name}: {error}. Nothing was published or "
            f"sent, and nothing will be{at_venue}. `maker state rebuild {name} --dry-run` shows how the "
            "state can be rebuilt from the topics; without --dry-run it is rebuilt, and the process continues"
        )


def _parts(tail: Tail, sequence: int) -> int:
    return max(tail.parts_sequence, sequence)
