"""What a process is: a pure core, and perhaps an adapter that speaks with the outside.

A service registers a `ProcessDefinition` under the entry point group `market_making.processes`.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from chassis.store import StateStore
from schemas.config import Config
from schemas.control import ControlEvent
from schemas.deployment import Kafka
from schemas.message import Event


class Core(Protocol):
    """A process's decisions: a function of its inputs in order. No I/O, no clock, no randomness.

    State lives in attributes (dataclasses, dicts, lists, deques, numbers, strings, messages), so that the
    shell can digest it; iteration never depends on the order of a set.
    """

    def on_event(self, event: Event) -> tuple[Event, ...]:
        """The messages to publish because of `event`: a topic message, a Tick or a Shutdown.

        A ConfigApplied says that the process begins, also again after a Shutdown; nothing is published on it.
        """


class Adapter(Protocol):
    """What speaks with the outside: a feed, a venue, a state store.

    It sees what its process consumed and published (`on_event`), and offers external inputs. The shell
    journals those on the process's own-input topic before the core sees them, so a replay needs no adapter.
    """

    def on_event(self, event: Event) -> None:
        """The process consumed or published this. An intent must be acted on here and nowhere else."""

    def next_due_ns(self) -> int | None:
        """When the adapter next has external input; None: nothing is under way."""

    def take_due(self, now_ns: int) -> Iterable[Event]:
        """External inputs that are due at `now_ns`, in order of their time."""

    def close(self) -> None:
        """Give back what the adapter holds."""


@runtime_checkable
class NetworkAdapter(Adapter, Protocol):
    """An adapter with tasks of its own in the running event loop.

    What it receives it queues, with the time of receipt (`AdapterContext.now_ns`), and calls `wake`; the
    loop takes it from there by `next_due_ns` and `take_due`. What it sees in `on_event` it may act on only
    after `committed`.
    """

    async def open(self, wake: Callable[[], None]) -> None:
        """Begin; `wake` tells the loop that something is due. Returns at once: connecting takes its time."""

    @property
    def wants_commit(self) -> bool:
        """Does something that it has seen wait to be carried out?"""

    def committed(self) -> None:
        """All that it has seen is on disk: a crash from here on forgets nothing."""

    async def aclose(self) -> None:
        """End all tasks and connections, after `close`."""


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """What an adapter is made from."""

    config: Config
    core: Core
    store: StateStore
    start_time_ns: int
    """The engine's time at its start; a recorded feed begins at its own first event instead."""
    serves: Callable[[str], bool] = lambda key: True
    """Is a symbol (`venue:symbol`) served by this process? False for one of another shard."""
    now_ns: Callable[[], int] = time.time_ns
    """The engine's time now, nanoseconds UTC, which never goes back: the time of receipt of what comes in."""


@dataclass(frozen=True, slots=True)
class ProcessDefinition:
    """How a process is made. Its topics are those that schemas/topics.py gives its name."""

    name: str
    make_core: Callable[[Config], Core]
    tick_interval_ns: Callable[[Config], int | None]
    """None: the process needs no ticks."""
    make_adapter: Callable[[AdapterContext], Adapter] | None = None
    drained: Callable[[Core], bool] = lambda core: True
    """After a Shutdown: has the process nothing left at the venue?"""
    is_on_path: bool = False
    """Between book and order: its turns are closer together."""
    is_sharded: bool = False
    """Symbols do not touch each other in it, so that several of it can share them."""
    restores_adapter: Callable[[Config], bool] = lambda config: False
    """Is the adapter a simulation, whose state is a function of what it saw? A restart feeds it again."""


@dataclass(frozen=True, slots=True)
class HistorySource:
    """The topic log of `maker up`, or the topics on Kafka. It is handed to another process: plain data."""

    log_dir: Path | None = None
    kafka: Kafka | None = None


@dataclass(frozen=True, slots=True)
class PlantProcess:
    """A process of the engine, seen from the gateway."""

    name: str
    inputs: int
    published: int
    age_ms: float | None
    """Since it last did anything; None: it has not."""


@dataclass(frozen=True, slots=True)
class PlantLatency:
    """How long a stage takes, over the newest of its measurements."""

    name: str
    count: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Plant:
    """The state of the machinery."""

    shape: Literal["one process", "processes over Kafka"]
    processes: tuple[PlantProcess, ...] = ()
    latency: tuple[PlantLatency, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """What the HTTP application is made from (entry point group `market_making.gateways`)."""

    config: Config
    store: StateStore
    send_control: Callable[[ControlEvent], None]
    """Publishes what people want; returns before anything has acted on it."""
    now_ns: Callable[[], int]
    """The engine's time, nanoseconds UTC; in a recorded run the recording's."""
    version: str
    is_closing: Callable[[], bool] = lambda: False
    """The server is about to end: streams to clients end by themselves, so that it need not wait for them."""
    announce_code: Callable[[str], None] = lambda code: None
    """Tells the person at this machine the code that signs them in, once; called again when it was used."""
    history: HistorySource | None = None
    """Where the topics' past lies; None: nowhere, so that there is no history to show."""
    plant: Callable[[], Plant] = lambda: Plant("one process")
    """How the processes beside the gateway are, as far as it can tell."""
