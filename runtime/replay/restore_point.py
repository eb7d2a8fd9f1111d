"""The processes' state at the checkpoints beside a log, so that only later records need to be replayed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import structlog

from runtime.log.position import LogPosition, LogStanding
from runtime.process.runner import ProcessRunner
from runtime.replay.past_life import PastLife
from runtime.replay.trace_reader import ConfigStep, TraceStep
from runtime.state.checkpoint import Part, newest_standing
from runtime.state.snapshot import Snapshot
from schemas.process import ConfigApplied

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """One checkpoint part per process, as far as this code can use it."""

    sources_hash: str
    """Hash of this code."""
    parts: Mapping[str, Part]
    """Empty: no checkpoint; the log is read from its beginning."""
    snapshots: Mapping[str, Snapshot]
    """The exact state, in parts that this code wrote."""
    applied: Mapping[str, ConfigApplied]
    """The configuration with which the session of each part began."""

    @classmethod
    def of(cls, sources_hash: str, parts: Mapping[str, Part]) -> "RestorePoint":
        """Decode the parts; different code's snapshots are ignored."""
        found = {name: part.exact(sources_hash) for name, part in parts.items()}
        snapshots = {name: snapshot for name, snapshot in found.items() if snapshot is not None}
        applied = {
            name: snapshots[name].life.applied if name in snapshots else part.carried.applied
            for name, part in parts.items()
        }
        return cls(sources_hash, parts, snapshots, applied)

    @property
    def standing(self) -> LogStanding | None:
        """The state of the log's writer at the newest part."""
        return newest_standing(self.parts)

    @property
    def since(self) -> LogPosition | None:
        """The position from which the log has to be read."""
        positions = (part.log.position for part in self.parts.values())
        return min(positions, key=lambda position: position.records, default=None)

    def of_session(self, session_began_ns: int) -> "RestorePoint":
        """Without the parts of earlier sessions, whose processes start anew from the log."""
        return RestorePoint(
            self.sources_hash,
            self.parts,
            {
                name: snapshot
                for name, snapshot in self.snapshots.items()
                if self.applied[name].session_began_ns == session_began_ns
            },
            {
                name: applied
                for name, applied in self.applied.items()
                if applied.session_began_ns == session_began_ns
            },
        )

    def is_all_of(self, session_began_ns: int) -> bool:
        """Whether every process with a part is in this session."""
        began = {applied.session_began_ns for applied in self.applied.values()}
        return began == {session_began_ns} and self.applied.keys() == self.parts.keys()

    def can_resume(self) -> bool:
        """Whether this code wrote the parts of all processes that have started."""
        return self.snapshots.keys() == self.applied.keys()

    def restore(self, runner: ProcessRunner) -> None:
        """Restore the exact state of a process, where there is one."""
        snapshot = self.snapshots.get(runner.name)
        if snapshot is None:
            return
        runner.life.restore(snapshot.life)
        runner.continue_from(*snapshot.standing.counts)
        if snapshot.adapter is not None:
            runner.adapter = snapshot.adapter

    def restore_past(self, name: str, past: PastLife) -> bool:
        """Restore exact or carried state; false where the process has no part."""
        if name not in self.applied:
            return False
        snapshot = self.snapshots.get(name)
        if snapshot is not None:
            past.restore(self.applied[name], snapshot.life)
        else:
            past.restore_carried(self.parts[name].carried)
        return True

    def later(self, steps: Iterable[ConfigStep | TraceStep]) -> Iterator[ConfigStep | TraceStep]:
        """The steps of a log that the parts do not include."""
        for step in steps:
            if step.process not in self.applied or step.sequence > self._traced(step.process):
                yield step
            elif isinstance(step, TraceStep):
                for _ in step.inputs:
                    pass

    def _traced(self, process: str) -> int:
        return self.parts[process].carried.standing.trace_sequence
