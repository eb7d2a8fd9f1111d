"""Takes checkpoints while one loop drives all processes: at the start of a log segment or session, at the end
of the run, and every few seconds.

The state is written by a forked copy of this process: the loop is blocked only for the milliseconds of the
fork, and all parts refer to one place in the log.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns

import structlog

from runtime.log.logfile import LogFileBus
from runtime.log.position import LogStanding, segment_path
from runtime.log.segments import segment_begins
from runtime.process.forked import TIME_SHARE, Ended, ForkedTask
from runtime.process.runner import ProcessRunner
from runtime.state.carried_file import CarriedState
from runtime.state.checkpoint import Checkpoints, Part, text_digest
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from schemas.units import NS_PER_S

INTERVAL_NS = 3 * NS_PER_S
"""Real time between two checkpoints: later inputs are replayed after a kill."""

logger = structlog.get_logger()


class Checkpointing:
    """Checkpoints of the processes of one loop, on one log."""

    def __init__(self, bus: LogFileBus, runners: Sequence[ProcessRunner], sources_hash: str) -> None:
        self._bus = bus
        self._runners = tuple(runners)
        self._sources_hash = sources_hash
        self._engine = os.getpid()
        self._checkpoints = Checkpoints(bus.directory)
        self._writer: ForkedTask | None = None
        self._due_ns = 0
        self._segment = -1
        self._failure = ""
        """Why the newest checkpoint was not written; empty: it was."""

    def committed(self) -> None:
        """After a commit with nothing pending: take a due checkpoint."""
        segment = self._bus.segment
        if segment != self._segment:
            self._segment = segment
            self.write()
        elif self._has_written() and perf_counter_ns() >= self._due_ns:
            self.write()

    def write(self) -> None:
        """Take a checkpoint of every process at this place."""
        self.close()
        self._due_ns = perf_counter_ns() + INTERVAL_NS
        try:
            self._writer = ForkedTask(self._write)
        except OSError as error:
            self._failed(repr(error))

    def close(self) -> None:
        """Return when all checkpoints taken are on disk."""
        if self._writer is not None:
            self._conclude(self._writer.wait())

    def _has_written(self) -> bool:
        ended = None if self._writer is None else self._writer.ended()
        if ended is not None:
            self._conclude(ended)
        return self._writer is None

    def _conclude(self, ended: Ended) -> None:
        self._writer = None
        self._due_ns = max(self._due_ns, perf_counter_ns() + TIME_SHARE * ended.cost_ns)
        if ended.failure:
            self._failed(ended.failure)
        else:
            self._failure = ""

    def _failed(self, reason: str) -> None:
        """A missing checkpoint only makes the next start slower. Logged once per reason."""
        if reason == self._failure:
            return
        self._failure = reason
        logger.warning("checkpoint_not_written", log=str(self._bus.directory), because=reason)

    def _write(self) -> None:
        """A checkpoint must never be ahead of the log on disk."""
        directory, standing = self._bus.directory, self._bus.standing
        parts = [self._part(runner, standing) for runner in self._runners]
        _sync(directory, standing)
        digest = text_digest(directory, standing.position)
        for part in parts:
            self._check_engine()
            self._checkpoints.write(replace(part, text_digest=digest or ""))
        self._check_engine()
        self._checkpoints.prune(segment_begins(directory))

    def _check_engine(self) -> None:
        """Once the parent engine is dead, the folder may belong to another engine or be gone."""
        if os.getppid() != self._engine:
            raise _EngineGoneError

    def _part(self, runner: ProcessRunner, log: LogStanding) -> Part:
        life = runner.life
        standing = Standing(runner.inputs, *runner.sequences, {}, {}, {}, {})
        applied = life.in_force()
        carried = CarriedState(applied, standing, life.carried(log.event_time_ns))
        is_simulation = runner.definition.restores_adapter(applied.config)
        adapter = runner.adapter if is_simulation else None
        snapshot = Snapshot(self._sources_hash, standing, life.state(), adapter)
        return Part(runner.name, log, carried, to_bytes(snapshot), "")


class _EngineGoneError(Exception):
    """The engine was killed while its fork was writing."""


def _sync(directory: Path, log: LogStanding) -> None:
    try:
        file = os.open(segment_path(directory, log.position.segment), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # compressed since, which confirms it
    try:
        os.fdatasync(file)
    finally:
        os.close(file)
