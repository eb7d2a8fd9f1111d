"""The runner side of view-projector: writes changed views to the state store."""

from collections.abc import Mapping
from time import monotonic_ns

from gateway_api.projector.core.views import ProjectorCore
from runtime.process.definition import AdapterContext, Core, ProcessDefinition
from runtime.store.documents import PulledStore
from schemas.carried.view import ViewCarried
from schemas.config import Config
from schemas.message import Event
from schemas.process import Shutdown
from schemas.topics import PROJECTOR
from schemas.units import NS_PER_MS

TICK_NS = 250 * NS_PER_MS
_WRITE_INTERVAL_NS = 10 * NS_PER_MS
"""Wall clock: a recording at full speed has thousands of events in this interval."""
_SYMBOLS_PER_WRITE = 10
"""A view takes 0.1 ms, and a write must not block a trading loop for long. 100 symbols take 0.1 s."""


class ViewWriter:
    """Writes changes in small batches, and everything at shutdown, unless the store pulls them."""

    def __init__(self, context: AdapterContext) -> None:
        self._context = context
        # the complete restored state: a new writer replaces its predecessor's views
        self._put(context.pop_all_documents())
        self._write_at_ns = 0
        self._is_pulled = isinstance(context.store, PulledStore)
        if isinstance(context.store, PulledStore):
            context.store.pull = context.pop_changed_documents

    def on_event(self, event: Event) -> None:
        """Any event may trigger a write; a shutdown and carried state always do."""
        if self._is_pulled:
            return
        if isinstance(event, Shutdown | ViewCarried):
            self._write(None)
        elif monotonic_ns() >= self._write_at_ns:
            self._write(_SYMBOLS_PER_WRITE)

    def next_due_ns(self) -> int | None:
        """No input comes from the store."""
        return None

    def poll_due(self, now_ns: int) -> tuple[Event, ...]:
        """No input comes from the store."""
        return ()

    def close(self) -> None:
        """Write remaining changes."""
        self._write(None)

    def _write(self, symbols_max: int | None) -> None:
        self._put(self._context.pop_changed_documents(symbols_max))
        self._write_at_ns = monotonic_ns() + _WRITE_INTERVAL_NS

    def _put(self, documents: Mapping[str, bytes]) -> None:
        if documents:
            self._context.store.put(documents)


def _make_core(config: Config) -> Core:
    return ProjectorCore(config)


definition = ProcessDefinition(
    name=PROJECTOR,
    make_core=_make_core,
    tick_interval_ns=lambda config: TICK_NS,
    make_adapter=ViewWriter,
    is_view=True,
)
