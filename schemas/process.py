"""The life of processes: starts, injected ticks, the trace of what was consumed, the fence."""

from typing import ClassVar

from schemas.config import Config
from schemas.message import Event


class ProcessEvent(Event):
    """A fact about one process; its key is the process's name."""

    process: str

    @property
    def key(self) -> str:
        """The process's name: its own partition of process.trace."""
        return self.process


class Tick(Event):
    """Time passed. Injected by the shell at the process's interval and recorded in its trace."""

    type_name: ClassVar[str] = "tick"


class Shutdown(Event):
    """The process is asked to end: the order router cancels everything. Recorded in the trace."""

    type_name: ClassVar[str] = "shutdown"


class ConfigApplied(ProcessEvent):
    """The first input of every process: its configuration, whole, and the code that runs it."""

    type_name: ClassVar[str] = "process.config.v1"

    code_version: str
    config_hash: str
    config: Config


class Trace(ProcessEvent):
    """What a process consumed since its last trace, in the order it consumed it.

    Each entry is (source, partition, first offset, count): a run of records of a topic. For external inputs
    (`own_input` in schemas/topics.py) it is (topic, 0, first sequence of the process's adapter, count): they
    are consumed before their offset is known. For the sources `tick` and `shutdown` the third number is the
    injected time in nanoseconds.
    """

    type_name: ClassVar[str] = "process.trace.v1"

    entries: tuple[tuple[str, int, int, int], ...]
    last_output_sequence: int
    """Sequence of the newest message that the process published before this trace."""
    state_digest: str | None = None
    """Digest of the core's state after the entries, at intervals."""


class SettingApplied(ProcessEvent):
    """A process took over a changed setting, or refused to."""

    type_name: ClassVar[str] = "process.setting.v1"

    change_id: str
    setting_key: str
    value: str
    """In force now: the wanted one, or the one before where it was refused."""
    refused_because: str | None = None


class EpochClaim(ProcessEvent):
    """A process claims to be the one writer of its topics; the record's offset is its epoch."""

    type_name: ClassVar[str] = "process.epoch.v1"

    instance: str
