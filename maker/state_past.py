"""The state of a process on Kafka, in its folder and on its topics, and how it is rebuilt."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

from maker.composition import process_definition
from runtime.errors import ConfigError, LogDamagedError, StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.process.definition import ProcessDefinition
from runtime.process.input_source import Shard
from runtime.process.rebuilding import Rebuilding, Rebuilt
from runtime.process.recovery import claim_epoch, raise_barriers
from runtime.process.session import sources_of
from runtime.process.status import instance_name
from runtime.state.state_files import StateFiles
from runtime.text import iso_time
from schemas.config import Config
from schemas.sharding import shards_of

_SHARD = re.compile(r"(.+)\.(\d{1,6})")


class PastProcess:
    """A process that is down: its folder is locked until `close`. Raises RefusedError where it runs."""

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self._config = config
        self._definition, self._shard = _named(name, config)
        self.folder = Path(config.process.state_dir) / name
        self._files = StateFiles(self.folder)

    def close(self) -> None:
        """Release the folder, so that the process can start."""
        self._files.close()

    def shown(self) -> dict[str, Any]:
        """The contents of the folder, and the result of a rebuild from topics."""
        return {"process": self.name, "folder": self._in_folder(), "topics": self.plan(anew=False)}

    def plan(self, *, anew: bool) -> dict[str, Any]:
        """What `rebuild` would do; nothing is written or published."""
        try:
            found = asyncio.run(self._find(anew=anew, claims=False))[1]
        except StateRefusedError as error:
            return {"refused_because": str(error)}
        return found.report()

    def rebuild(self, *, anew: bool) -> dict[str, Any]:
        """Claim the topics, which fences out any other process, and write a state for the next start."""
        epoch, found = asyncio.run(self._find(anew=anew, claims=True))
        aside = self._files.replace(epoch, found.carried, found.turns)
        return found.report() | {"folder": str(self.folder), "was_moved_to": str(aside)}

    def _in_folder(self) -> dict[str, Any]:
        names = self._files.names()
        about: dict[str, Any] = {"path": str(self.folder), "files": len(names)}
        try:
            left = self._files.load(sources_of((self._definition,)))
            turns = sum(1 for _ in left.turns)
        except LogDamagedError as error:
            return about | {"refused_because": str(error)}
        if left.standing is None:
            return about | {"holds": "nothing"}
        applied = left.carried.applied if left.carried is not None else None
        if left.snapshot is not None:
            applied = left.snapshot.life.applied
        return about | {
            "holds": "a snapshot of this code"
            if left.snapshot is not None
            else "carried over from different code",
            "process": None if applied is None else applied.process,
            "session": None if applied is None else iso_time(applied.session_began_ns),
            "inputs": left.standing.inputs,
            "turns_after_it": turns,
        }

    async def _find(self, *, anew: bool, claims: bool) -> tuple[int, Rebuilt]:
        outputs = self._shard.all_outputs(self._definition.name, self.name)
        bus = KafkaBus(self._config.kafka)
        try:
            epoch = 0
            if claims:
                now_ns = time.time_ns()
                newest = self._files.newest_epoch
                epoch = await claim_epoch(bus, self.name, instance_name(), now_ns, outputs, newest)
                await raise_barriers(bus, self.name, outputs, now_ns)
            rebuilding = Rebuilding(self._config.kafka, self._definition, self.name, outputs)
            return epoch, await (rebuilding.numbers_only(bus) if anew else rebuilding.find(bus))
        finally:
            await bus.close()


def _named(name: str, config: Config) -> tuple[ProcessDefinition, Shard]:
    match = _SHARD.fullmatch(name)
    definition = process_definition(name if match is None else match[1])
    shards = shards_of(config, definition.name)
    if (match is None) != (shards == 1) or (match is not None and int(match[2]) >= shards):
        raise ConfigError(
            f"process.shards is {config.process.shards}: {definition.name} is "
            + (
                f"named without a number, not {name!r}"
                if shards == 1
                else f"named {definition.name}.0 and so on"
            )
        )
    number = 0 if match is None else int(match[2])
    return definition, Shard(config.kafka.partitions, shards, number)
