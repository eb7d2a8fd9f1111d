"""Process life cycle: starts, injected ticks, the trace of consumed inputs, the writer's fence."""

from collections.abc import Iterable
from copy import deepcopy
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from schemas.config import Config
from schemas.message import Event, SymbolEvent


class ProcessEvent(Event):
    """A fact about one process; its key is the process's name."""

    process: str

    @property
    def key(self) -> str:
        """The process's name: its own partition of process.trace."""
        return self.process


class Tick(Event):
    """Time passed. Injected by the process runner at the process's interval and recorded in its trace."""

    type_name: ClassVar[str] = "tick"


class Shutdown(Event):
    """The process is asked to end: the order router cancels everything. Recorded in the trace."""

    type_name: ClassVar[str] = "shutdown"


class LiveValue(BaseModel):
    """A setting changed while the engine ran: it applies until the file's value changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    setting_key: str
    value: str
    file_value: str
    """The file's value at the time of the change."""
    account_value: str = ""
    """Of one symbol's limit: the file's account-wide value at that time. Empty in older records."""


class ControlRefused(SymbolEvent):
    """Given to a core in place of a control message with an invalid signature. On no topic: it follows
    from the message and the keys in force, in a replay too.
    """

    type_name: ClassVar[str] = "control.refused"

    what: str
    """The message's type and action."""
    claimed: str
    """The claimed sender."""
    because: str
    more: int = 0
    """How many others were refused since the last one that a core received."""


class ConfigApplied(ProcessEvent):
    """The first input of every process: its complete configuration, and the code that runs it."""

    type_name: ClassVar[str] = "process.config.v1"

    code_version: str
    config_hash: str
    """Of the file's configuration, without live changes."""
    config: Config
    """In force: with the live changes that still apply."""
    session_began_ns: int = 0
    """Names the session: the span under one code and one configuration. 0: before there were sessions."""
    sources_hash: str = ""
    """Of the source files that the process's decisions depend on; empty: unknown."""
    sequence_before: int = 0
    """Sequence of the newest message that the process had published by then."""
    live_settings: tuple[LiveValue, ...] = ()
    """Live changes from before this session that still apply."""

    @field_validator("config", mode="wrap")
    @classmethod
    def _of_any_release(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Config:
        """Keys that a later release added are left out: this release still reads it after a rollback."""
        try:
            config: Config = validate(value)
        except ValidationError as error:
            unknown = [each["loc"] for each in error.errors() if each["type"] == "extra_forbidden"]
            if not unknown:
                raise
            config = validate(_without(value, unknown))
        return config


def _without(value: dict[str, Any], keys: Iterable[tuple[int | str, ...]]) -> dict[str, Any]:
    """A copy of a tree without some of its keys."""
    pruned = deepcopy(value)
    for *path, last in keys:
        section: Any = pruned
        for part in path:
            section = section[part]
        del section[last]
    return pruned


HEARD = "heard:"
"""Prefix of the source of trace entries for messages delivered in memory."""


class Trace(ProcessEvent):
    """Inputs that a process consumed since its last trace, in order.

    Each entry is (source, partition, first offset, count): a run of records of a topic. For external inputs
    (`own_input` in schemas/topics.py) it is (topic, 0, first sequence of the process's adapter, count): they
    are consumed before their offset is known. For the sources `tick` and `shutdown` the third number is the
    injected time in nanoseconds. For a source `heard:TOPIC` it is the first sequence of the topic's writer:
    the two shared an operating-system process, and the message was delivered before it had an offset.
    """

    type_name: ClassVar[str] = "process.trace.v1"

    entries: tuple[tuple[str, int, int, int], ...]
    last_output_sequence: int
    """Sequence of the newest message that the process published before this trace."""
    state_digest: str | None = None
    """Digest of the core's state after the entries, at intervals."""


class SettingApplied(ProcessEvent):
    """A process applied a changed setting, or refused it."""

    type_name: ClassVar[str] = "process.setting.v1"

    change_id: str
    setting_key: str
    value: str
    """In force now: the requested value, or the previous one where it was refused."""
    refused_because: str | None = None


class AdjustmentApplied(ProcessEvent):
    """inventory-service applied a ledger change other than a trade, or refused it. Event."""

    type_name: ClassVar[str] = "process.adjustment.v1"

    venue: str
    symbol: str
    change_id: str
    """Of the control.adjustment or the order.account.change."""
    size_change: Decimal
    """Signed; in base units of a spot contract, in contracts of a derivative, as `position`."""
    price: Decimal | None = None
    position: Decimal | None = None
    """Held now, in whole lots; None: unknown symbol."""
    base_change: Decimal = Decimal(0)
    """Increase of holdings, in base units: may differ from `size_change` where contracts changed too."""
    mid: Decimal | None = None
    """Price at which it was valued, so that it earned nothing; None: the first mid values it."""
    refused_because: str | None = None


class MessageFault(ProcessEvent):
    """A process failed on a message, possibly midway through a handler. Event.

    risk-service halts the symbol (`*`: the account) until an operator resumes it.
    """

    type_name: ClassVar[str] = "process.fault.v1"

    venue: str
    symbol: str
    message_type: str
    """Wire type of the message."""
    topic: str | None
    """Where it is; None: time, which is on no topic."""
    event_id: str | None
    error: str
    """Type of the exception; where it was raised is in the process's own log."""
    detail: str = ""
    """For a number out of scale: field, value and bound."""


class EpochClaim(ProcessEvent):
    """A process claims to be the one writer of its topics; the record's offset is its epoch."""

    type_name: ClassVar[str] = "process.epoch.v1"

    instance: str


class TopicLag(BaseModel):
    """A process's lag on one topic that it reads."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    topic: str
    records: int
    """Records waiting."""
    age_ms: float
    """Age of the newest consumed record, or for a feed of the oldest waiting event; 0 without lag."""


class DiskFigures(BaseModel):
    """The disk under a folder that must be written before anything is done, as last checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    folder: str
    free_bytes: int
    used_bytes: int
    """By the folder's files."""
    growth_bytes_per_day: float | None = None
    """Growth of those over the last hour, net of retention; None before a minute has passed."""
    days_left: float | None = None
    """Days until the disk is full at that growth; None: unknown, or no growth."""
    is_nearly_full: bool = False
    """Free space is below engine.disk_free_mb_min."""


class StageTime(BaseModel):
    """Duration of a stage, over its newest measurements."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str
    count: int
    p50_ms: float | None
    p99_ms: float | None


class ProcessStatus(ProcessEvent):
    """A process's own status, published once a second and on change. State.

    For operators and dashboards only: no process reads it, and no decision depends on it. A process that
    publishes nothing any more is silent, whatever its last status.
    """

    type_name: ClassVar[str] = "process.status.v1"

    instance: str
    """Host and process id."""
    shards: int = 1
    """How many processes of its kind its configuration has."""
    code_version: str
    began_ns: int
    """When this instance started."""
    session_began_ns: int = 0
    """Of the session it continues; 0: not known yet, or the process has none."""
    epoch: int = 0
    """The epoch it claimed; 0: it needs none."""
    is_ready: bool
    because: str | None = None
    """Why it is not ready."""
    has_ended: bool = False
    """Its last status, at its end."""
    inputs: int = 0
    """Records consumed since it started."""
    published: int = 0
    """Records published since it started."""
    newest_input_ns: int | None = None
    """Time of the newest record consumed; None: none yet."""
    lag: tuple[TopicLag, ...] = ()
    """For each topic with records waiting."""
    outbox_records: int = 0
    """Published records that the broker has not confirmed."""
    outbox_age_ms: float = 0.0
    """Of the oldest of them."""
    halts: int | None = None
    """Halts in force, including the account's; None: it does not decide about halts."""
    store: str | None = None
    """The state store as it sees it, live or why not; None: it does not use one."""
    disk: DiskFigures | None = None
    """Under its state; None: not checked yet, or it keeps none."""
    stages: tuple[StageTime, ...] = ()
