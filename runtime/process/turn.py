"""One turn of a process, independent of transport and log.

Take due inputs, decide, record, act, publish: the drivers (the loop of the local log, and that of Kafka)
determine when, and where records go. Nothing is acted on before it is on disk.
"""

from collections.abc import Callable, Iterator

from runtime.bus import Record
from runtime.process.definition import NetworkAdapter
from runtime.process.runner import ProcessRunner
from schemas.process import Shutdown, Tick
from schemas.units import NS_PER_S

DRAIN_LIMIT_S = 30
"""Engine time that a shutdown waits for the venue to confirm the last cancel."""
DRAIN_LIMIT_NS = DRAIN_LIMIT_S * NS_PER_S


class Turn:
    """The turns of one process, around its runner."""

    def __init__(self, runner: ProcessRunner) -> None:
        self.runner = runner
        self.interval_ns = runner.tick_interval_ns
        self.next_tick_ns: int | None = None
        """None: it needs no ticks, or has not started."""

    @property
    def network(self) -> NetworkAdapter | None:
        """The adapter, if it has its own tasks."""
        return self.runner.adapter if isinstance(self.runner.adapter, NetworkAdapter) else None

    async def open(self, wake: Callable[[], None]) -> None:
        """Open the adapter. Raises RefusedError where a venue does not allow this account to trade."""
        if self.network is not None:
            await self.network.open(wake)

    def begin(self, first_tick_ns: int) -> None:
        """Start the ticks."""
        if self.interval_ns is not None:
            self.next_tick_ns = first_tick_ns

    def tick(self, now_ns: int) -> list[Record]:
        """Inject a tick; returns the records published in response."""
        if self.interval_ns is not None:
            self.next_tick_ns = now_ns + self.interval_ns
        return self.runner.inject(Tick(event_time_ns=now_ns))

    def adapter_due_ns(self) -> int | None:
        """When the adapter next has input."""
        return None if self.runner.adapter is None else self.runner.adapter.next_due_ns()

    def due_ns(self) -> int | None:
        """When the process is next due by itself."""
        dues = (self.next_tick_ns, self.adapter_due_ns())
        return min((due for due in dues if due is not None), default=None)

    def poll_due(self, now_ns: int) -> Iterator[tuple[Record, list[Record]]]:
        """Each due external input, journaled, with the records published in response."""
        if self.runner.adapter is not None:
            for event in self.runner.adapter.poll_due(now_ns):
                record = self.runner.journal(event)
                yield record, self.runner.consume(record)

    @property
    def wants_commit(self) -> bool:
        """Whether the adapter is waiting for a commit before it acts."""
        return self.network is not None and self.network.wants_commit

    def committed(self) -> None:
        """Decisions are on disk: the adapter acts on them."""
        if self.network is not None:
            self.network.committed()

    def end(self, now_ns: int) -> list[Record]:
        """Inject the shutdown; returns the records published in response."""
        return self.runner.inject(Shutdown(event_time_ns=now_ns))

    @property
    def is_drained(self) -> bool:
        """Whether nothing is left at the venue."""
        return self.runner.definition.drained(self.runner.core)

    def close_adapter(self) -> None:
        """Close the adapter."""
        if self.runner.adapter is not None:
            self.runner.adapter.close()

    async def close(self) -> None:
        """Stop the adapter's background tasks."""
        if self.network is not None:
            await self.network.aclose()
