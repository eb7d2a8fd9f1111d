"""Status reports of a process on Kafka, once per second and on changes.

They use a separate connection, independent of outbox, journal and turns, so that they delay no order and need
not be accounted for at a restart.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from runtime.kafka.bus import KafkaBus
from runtime.observability.disk import DiskWatch
from runtime.observability.metrics import WorkerMetrics
from runtime.observability.process_figures import ProcessFigures
from runtime.observability.redaction import redacted
from schemas.deployment import Kafka
from schemas.envelope import Envelope
from schemas.process import ProcessStatus
from schemas.topics import STATUS

STATUS_INTERVAL_S = 1.0
_POLL_S = 0.1
_FINAL_STATUS_S = 2.0

logger = structlog.get_logger()


def instance_name() -> str:
    """Identifies this process on this machine."""
    return f"{os.uname().nodename}-{os.getpid()}"


class Watched(Protocol):
    """A process that can report its status."""

    name: str
    metrics: WorkerMetrics

    @property
    def not_ready_because(self) -> str | None:
        """Why it is not ready."""

    @property
    def disk(self) -> DiskWatch:
        """The disk of its state."""

    @property
    def epoch(self) -> int:
        """Its claimed epoch; 0: none yet."""

    def figures(self) -> ProcessFigures:
        """Its current figures."""


def status_of(
    figures: ProcessFigures, version: str, because: str | None, inputs: int, published: int
) -> ProcessStatus:
    """The status message of current figures; `because` is the reason why it is not ready."""
    return ProcessStatus(
        event_time_ns=time.time_ns(),
        process=figures.process,
        instance=instance_name(),
        code_version=version,
        began_ns=figures.began_ns,
        session_began_ns=figures.session_began_ns,
        is_ready=figures.is_ready,
        because=because,
        inputs=inputs,
        published=published,
        newest_input_ns=figures.newest_input_ns,
        lag=tuple(lag for lag in figures.lag if lag.records),
        outbox_records=figures.outbox_records,
        outbox_age_ms=round(figures.outbox_age_ms, 3),
        halts=figures.halts,
    )


class StatusOf:
    """The status of a worker."""

    def __init__(
        self, worker: Watched, version: str, shards: int, store: Callable[[], str] | None = None
    ) -> None:
        """`store` is the status of the state store, if the process uses one."""
        self._worker = worker
        self._version = version
        self._shards = shards
        self._store = store

    def because(self) -> str | None:
        """Why the process is not ready."""
        return self._worker.not_ready_because

    def make(self) -> ProcessStatus | None:
        """The current status; None: it must not publish under its name yet."""
        worker = self._worker
        if not worker.epoch:
            return None
        counted = worker.metrics.inputs, worker.metrics.published.total()
        own = {
            "shards": self._shards,
            "epoch": worker.epoch,
            "store": None if self._store is None else self._store(),
            "disk": worker.disk.figures,
            "stages": worker.metrics.stages(),
        }
        found = status_of(worker.figures(), self._version, worker.not_ready_because, *counted)
        return found.model_copy(update=own)


class StatusPublisher:
    """Publishes a status on its topic until closed. An unavailable broker is retried."""

    def __init__(
        self,
        kafka: Kafka,
        make: Callable[[], ProcessStatus | None],
        because: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`because` is cheap and polled often: when it changes, the status is published at once."""
        self._kafka = kafka
        self._make = make
        self._because = because
        self._bus: KafkaBus | None = None
        self._task: asyncio.Task[None] | None = None
        self._published: tuple[float, str | None] = (float("-inf"), None)
        self._suffix = f"/status.{os.urandom(4).hex()}"
        """Unique to this instance: its numbering need not continue that of another."""
        self._sequence = 0

    def start(self) -> None:
        """Start, in a running event loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self, error: BaseException | None = None) -> None:
        """Publish that the process has ended, with the reason if it was not requested."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        status = self._make()
        if status is not None and self._bus is not None:
            because = None if error is None else redacted(str(error))[:500]
            self._publish(
                self._bus,
                status.model_copy(update={"has_ended": True, "is_ready": False, "because": because}),
            )
            await self._bus.outbox.settle(_FINAL_STATUS_S)  # it ends whether or not this is delivered
        await self._drop()

    async def _run(self) -> None:
        while True:
            try:
                await self._publish_status()
            except Exception as error:
                logger.warning("status_not_published", because=repr(error)[:300])
                await asyncio.sleep(STATUS_INTERVAL_S)
            await asyncio.sleep(_POLL_S)

    async def _publish_status(self) -> None:
        now_s, because = time.monotonic(), self._because()
        published_s, published_because = self._published
        if now_s - published_s < STATUS_INTERVAL_S and because == published_because:
            return
        bus = await self._connected()
        if bus.outbox.size:
            return  # the previous one is unconfirmed: a queue of them would be useless
        status = self._make()
        if status is not None:
            self._publish(bus, status)
            self._published = (now_s, because)

    async def _connected(self) -> KafkaBus:
        if self._bus is not None and self._bus.outbox.failure is not None:
            await self._drop()
        if self._bus is None:
            self._bus = KafkaBus(self._kafka)
        return self._bus

    def _publish(self, bus: KafkaBus, status: ProcessStatus) -> None:
        bus.epoch = status.epoch
        self._sequence += 1
        producer, now_ns = status.process + self._suffix, status.event_time_ns
        bus.publish(STATUS, Envelope(producer, self._sequence, None, now_ns, status.type_name), status)

    async def _drop(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            await bus.outbox.close()
