"""Process definitions: a pure core, and optionally an adapter to the outside.

A service provides a `ProcessDefinition`; the composition root selects it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from runtime.store.documents import StateStore
from runtime.store.timed import TimedStore
from schemas.config import Config
from schemas.control import ControlEvent
from schemas.deployment import Kafka
from schemas.message import Event
from schemas.process import DiskFigures, StageTime, TopicLag
from schemas.topics import BY_NAME


class Core(Protocol):
    """A process's decisions: a function of its inputs in order. No I/O, no clock, no randomness.

    State lives in attributes (dataclasses, dicts, lists, deques, numbers, strings, messages), so that the
    runner can digest it; iteration never depends on the order of a set.
    """

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The messages to publish because of `event`: a topic message, a Tick or a Shutdown.

        A ConfigApplied marks the start of the process, also after a Shutdown; it must not cause outputs.
        """


@runtime_checkable
class FailsClosed(Protocol):
    """A core that fails safe when one of its handlers raised midway."""

    def on_fault(self, event: Event) -> tuple[Event, ...]:
        """The messages to publish after a handler raised on `event` and its outputs were lost.

        The state of the event's symbol (of all symbols if it has none) may be half updated. Read as little of
        it as possible: if this raises too, the account halts.
        """


@runtime_checkable
class Carries(Protocol):
    """A core with state that must survive a change of code or configuration, see schemas.carried."""

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        """That state, in messages of the topic process.state, one for each symbol and perhaps one for all.

        A new core gets them through `on_event`, after its ConfigApplied and before everything else, and may
        answer as to any input. Then come the newest messages of the compacted state topics that the process
        reads (instruments, positions, risk states): those are carried for it.
        """


@runtime_checkable
class Recollects(Protocol):
    """A core that accepts its outputs under previous code, which may have decided differently."""

    def begin_recollection(self) -> None:
        """Its state is still exact, but that of the following inputs will not be: the orders open now were
        sent. Not called where the core has just received its carried state.
        """

    def recollect(self, outputs: Iterable[Event]) -> None:
        """Its OrderEvents and Fills since the carried state, or since a snapshot before `begin_recollection`,
        in order, after all inputs were replayed.

        An order unknown to it may be open at the venue; a published fill has been booked.
        """


@runtime_checkable
class KeepsDocuments(Protocol):
    """A core whose results are documents for the state store and not messages."""

    def mark_all_dirty(self) -> None:
        """All documents count as changed."""

    def pop_changed(self, symbols_max: int | None = None) -> dict[str, bytes]:
        """The documents changed since the last call, by name; they then count as written."""


class Adapter(Protocol):
    """The connection to the outside: a feed, a venue, a state store.

    It receives what its process consumed and published (`on_event`) and provides external inputs. The runner
    journals those on the process's own-input topic before the core receives them, so a replay needs no
    adapter.
    """

    def on_event(self, event: Event) -> None:
        """The process consumed or published this event. Intents must be acted on only here."""

    def next_due_ns(self) -> int | None:
        """When the adapter next has external input; None: nothing is pending."""

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """External inputs due at `now_ns`, in order of time."""

    def close(self) -> None:
        """Release the adapter's resources."""


@runtime_checkable
class NetworkAdapter(Adapter, Protocol):
    """An adapter with its own tasks in the event loop.

    It queues received data with the time of receipt (`AdapterContext.now_ns`) and calls `wake`; the loop
    takes them with `next_due_ns` and `poll_due`. Events from `on_event` may be acted on only after
    `committed`.
    """

    async def open(self, wake: Callable[[], None]) -> None:
        """Start; `wake` signals the loop that something is due. Returns before it is connected."""

    @property
    def wants_commit(self) -> bool:
        """Whether a received intent is waiting to be executed."""

    def committed(self) -> None:
        """Everything received is on disk and will survive a crash."""

    async def aclose(self) -> None:
        """Stop all tasks and connections, after `close`."""


@runtime_checkable
class MeasuresLag(Adapter, Protocol):
    """An adapter whose inputs do not wait for the engine: it knows how far the engine is behind."""

    def lag(self, now_ns: int) -> TopicLag:
        """The inputs that wait at `now_ns`, and for how long the first of them has."""


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What an adapter may know of its process: it never reaches into the core itself."""

    config: Config
    core: Core
    """For the methods below; adapters leave it alone."""
    store: StateStore
    start_time_ns: int
    """The engine's time at its start; a recorded feed begins at its own first event instead."""
    serves: Callable[[str], bool] = lambda key: True
    """Whether a symbol (`venue:symbol`) is served by this process; False for other shards."""
    now_ns: Callable[[], int] = time.time_ns
    """The engine's time now, nanoseconds UTC, which never runs backwards: the time of receipt of inputs."""
    ends_unexplained: bool = False
    """Whether the whole engine refuses to start if the account differs from the ledger. Over Kafka the other
    processes keep running: there the symbols halt."""

    def carried(self) -> tuple[Event, ...]:
        """The core's carried state: the messages that it would pass to another session."""
        return self.core.carried(self.now_ns()) if isinstance(self.core, Carries) else ()

    def pop_all_documents(self) -> dict[str, bytes]:
        """Every document of the core, for a store that may be empty."""
        if isinstance(self.core, KeepsDocuments):
            self.core.mark_all_dirty()
        return self.pop_changed_documents()

    def pop_changed_documents(self, symbols_max: int | None = None) -> dict[str, bytes]:
        """The core's documents changed since the last call, of at most `symbols_max` symbols."""
        return self.core.pop_changed(symbols_max) if isinstance(self.core, KeepsDocuments) else {}


@dataclass(frozen=True, slots=True)
class ProcessDefinition:
    """The definition of a process. Its topics are those of its name in schemas/topics.py."""

    name: str
    make_core: Callable[[Config], Core]
    tick_interval_ns: Callable[[Config], int | None]
    """None: the process needs no ticks."""
    make_adapter: Callable[[AdapterContext], Adapter] | None = None
    drained: Callable[[Core], bool] = lambda core: True
    """Whether, after a Shutdown, nothing of the process is left at the venue."""
    is_on_path: bool = False
    """On the path from book to order: its turns are more frequent."""
    is_view: bool = False
    """Its state is derived from others' messages: if lost, it is rebuilt automatically."""
    halts: Callable[[Core], int | None] = lambda core: None
    """Number of halts that only a resume ends; None: the process does not decide on halts."""
    restores_adapter: Callable[[Config], bool] = lambda config: False
    """Whether the adapter is a simulation: its state is a function of its inputs, which a restart replays."""

    def writes(self, topic: str) -> bool:
        """Whether it is the one writer of a topic."""
        return BY_NAME[topic].writer == self.name


@dataclass(frozen=True, slots=True)
class HistorySource:
    """The topic log of `maker up`, or the topics on Kafka. Plain data, as it is passed to another process."""

    log_dir: Path | None = None
    kafka: Kafka | None = None


SystemState = Literal["ok", "not_ready", "silent", "ended", "missing"]
"""silent: its status reports have stopped. ended: it was stopped, or reported why it ended. missing: it is
configured but has never reported.
"""


@dataclass(frozen=True, slots=True)
class SystemProcess:
    """A process of the engine, or one of its shards, as seen by the gateway."""

    name: str
    state: SystemState
    because: str | None = None
    """Why it is not ready, or ended."""
    said_age_ms: float | None = None
    """Time since its last status report; None: never. Its other figures are of that age."""
    inputs: int = 0
    published: int = 0
    age_ms: float | None = None
    """Time since its last input; None: no input."""
    lag: tuple[TopicLag, ...] = ()
    """Lag per topic with pending records."""
    outbox_records: int = 0
    outbox_age_ms: float = 0.0
    starts: int | None = None
    """Number of starts, as far back as known; None: not counted."""
    began_ns: int | None = None
    session_began_ns: int = 0
    code_version: str | None = None
    instance: str | None = None
    store: str | None = None
    """The state store as seen by it; None: it does not use one."""
    disk: DiskFigures | None = None
    """Disk of its state; None: not reported."""


@dataclass(frozen=True, slots=True)
class SystemBroker:
    """The broker as seen by the gateway."""

    state: Literal["ok", "away"]
    age_ms: float | None
    """Time since its last response; None: never."""
    unconfirmed: int
    """Unconfirmed control messages."""
    because: str | None = None
    """Why it is unavailable."""


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The status of the system."""

    shape: Literal["one process", "processes over Kafka"]
    processes: tuple[SystemProcess, ...] = ()
    latency: tuple[StageTime, ...] = ()
    broker: SystemBroker | None = None
    """None: the engine has none."""
    disk: DiskFigures | None = None
    """Disk of the log; None: not measured yet, or each process has its own."""


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """The context for building the HTTP application."""

    config: Config
    store: StateStore
    send_control: Callable[[ControlEvent], None]
    """Publishes a control message; returns before anything has acted on it.

    Raises DependencyError where the bus is unavailable, so that nothing acts on it much later.
    """
    now_ns: Callable[[], int]
    """The engine's time, nanoseconds UTC; in a recorded run the recording's."""
    version: str
    is_ours: Callable[[ControlEvent], bool] = lambda event: True
    """Whether one of our gateways signed a control message found in the state store."""
    is_closing: Callable[[], bool] = lambda: False
    """The server is about to stop: client streams end by themselves, so that it need not wait for them."""
    has_ended: Callable[[], bool] = lambda: False
    """The recording is over: time stands still, and no command is taken."""
    announce_code: Callable[[str], None] = lambda code: None
    """Reports a one-time sign-in code to the user of this machine; called again after each use."""
    on_code_request: Callable[[Callable[[], None]], None] = lambda announce_another: None
    """Registers the function that announces a new code when the user of this machine asks for one."""
    sessions: TimedStore | None = None
    """Session store shared by all gateways of the engine; None: there is only one gateway."""
    history: HistorySource | None = None
    """Source of the history; None: there is no history."""
    history_command: tuple[str, ...] = ()
    """Starts the history process."""
    system: Callable[[], SystemStatus] = lambda: SystemStatus("one process")
    """The status of the other processes, as known to the gateway."""
