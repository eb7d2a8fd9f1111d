"""The shell part of the process view-projector: it writes changed views to the state store."""

from time import monotonic_ns

from chassis.process import AdapterContext, Core, ProcessDefinition
from chassis.store import StateStore
from gateway_api.projector.core.views import ProjectorCore
from schemas.config import Config
from schemas.message import Event
from schemas.process import Shutdown
from schemas.topics import PROJECTOR
from schemas.units import NS_PER_MS

TICK_NS = 250 * NS_PER_MS
_WRITE_INTERVAL_NS = 10 * NS_PER_MS
"""Of the wall clock: a recording at full speed has thousands of events in it."""
_SYMBOLS_PER_WRITE = 10
"""A view takes 0.1 ms: no write may keep a loop that trades waiting for long. 100 symbols take 0.1 s."""


class ViewWriter:
    """Writes what changed, a little at a time, and all of it at the shutdown and at the end."""

    def __init__(self, core: ProjectorCore, store: StateStore) -> None:
        self._core = core
        self._store = store
        core.mark_all_dirty()
        self._write(None)  # what was restored, whole: a new writer replaces all that its predecessor wrote
        self._write_at_ns = 0

    def on_event(self, event: Event) -> None:
        """Any event may write, a shutdown does."""
        if isinstance(event, Shutdown):
            self._write(None)
        elif monotonic_ns() >= self._write_at_ns:
            self._write(_SYMBOLS_PER_WRITE)

    def next_due_ns(self) -> int | None:
        """Nothing comes from the store."""
        return None

    def take_due(self, now_ns: int) -> tuple[Event, ...]:
        """Nothing comes from the store."""
        return ()

    def close(self) -> None:
        """Write what the last tick left."""
        self._write(None)

    def _write(self, symbols_max: int | None) -> None:
        documents = self._core.take_dirty(symbols_max)
        if documents:
            self._store.put(documents)
        self._write_at_ns = monotonic_ns() + _WRITE_INTERVAL_NS


def _make_core(config: Config) -> Core:
    return ProjectorCore(config)


def _make_adapter(context: AdapterContext) -> ViewWriter:
    if not isinstance(context.core, ProjectorCore):
        raise TypeError(f"the view writer needs a ProjectorCore, not a {type(context.core).__name__}")
    return ViewWriter(context.core, context.store)


definition = ProcessDefinition(
    name=PROJECTOR,
    make_core=_make_core,
    tick_interval_ns=lambda config: TICK_NS,
    make_adapter=_make_adapter,
)
