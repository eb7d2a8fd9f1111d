"""The worker on Faust; docs/adr/0007 says why it is isolated here.

Faust reads, manages the group's offsets and calls back; totals are computed in the neighbouring modules.
"""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic, time_ns
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from monitor_service.streams.faust_app import make_app
from monitor_service.streams.minute import COUNTED
from monitor_service.streams.open_minutes import Extent, OpenMinutes
from monitor_service.streams.watch import Watch, check_memory
from runtime.bus import TopicPartition
from runtime.errors import EngineError
from runtime.http.server import HttpServer
from runtime.kafka.broker import BrokerLink
from runtime.kafka.bus import KafkaBus
from runtime.kafka.client import BROKER_ERRORS
from runtime.kafka.reader import Fence, RawRecord
from runtime.kafka.wire import BARRIER_TYPE, read_headers
from runtime.log.logfile import LoggedRecord
from runtime.observability.process_figures import ProcessCollector, ProcessFigures
from runtime.process.health import application
from runtime.process.lifeline import on_loss
from runtime.process.startup import background, open_unless_stopped
from runtime.process.status import StatusPublisher, status_of
from runtime.signals import on_stop
from runtime.version import code_version
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.envelope import Envelope, decode
from schemas.message import SymbolEvent
from schemas.numbers import check_scale, shortened
from schemas.process import ProcessStatus, TopicLag
from schemas.statistics import MinuteStatistics
from schemas.topics import STATISTICS, TOPIC_OF
from schemas.units import NS_PER_MS

SAY_INTERVAL_S = 10.0
"""Interval at which changed totals are published."""
LATE_INTERVAL_S = 60.0
"""Interval at which records that arrive too late are logged."""
_STOP_LIMIT_S = 5.0
"""Whatever is not acknowledged by then is read again after the next start."""
_TYPES = {model.type_name: model for model in COUNTED}

logger = structlog.get_logger()


class StatisticsWorker:
    """Receives records from Faust and publishes totals. Created inside a running event loop."""

    def __init__(self, config: Kafka) -> None:
        self.app = make_app(config)
        self._config = config
        self._link = BrokerLink(config, STATISTICS)
        self._bus = KafkaBus(config, wait_for_broker=self._link.wait_until_available)
        self._minutes: OpenMinutes[Any] = OpenMinutes()
        self._fence = Fence()
        self._watch = Watch()
        self._producer = f"{STATISTICS}/{os.urandom(4).hex()}"
        self._sequence = 0
        self._late = 0
        self._late_said_s = float("-inf")
        self._began_ns = time_ns()
        self._extents_seen: dict[TopicPartition, Extent] = {}
        self._teller = StatusPublisher(config, self._status)
        names = [config.topic_prefix + TOPIC_OF[name] for name in _TYPES]
        source = self.app.topic(*names, key_type=None, value_type=None, allow_empty=True)
        self.app.agent(source, concurrency=1)(self._consume)
        self.app.timer(SAY_INTERVAL_S)(self._publish_due)

    async def _consume(self, stream: Any) -> None:
        """Faust would log an error, acknowledge the record and continue; here it ends the worker."""
        try:
            async for event in stream.noack().events():
                self._count(event)
        except Exception as error:
            await self.app.crash(error)
            raise

    def _count(self, event: Any) -> None:
        message = event.message
        place = self._place(message)
        decoded = self._decoded(place, message)
        message.value = message.headers = None  # it is held for long, only to be acknowledged
        self._minutes.add(place, message.offset, message, decoded)

    def _place(self, place: Any) -> TopicPartition:
        return TopicPartition(place.topic.removeprefix(self._config.topic_prefix), place.partition)

    def _decoded(self, place: TopicPartition, message: Any) -> SymbolEvent | None:
        if message.offset < self._minutes.positions.get(place, 0):
            return None
        try:
            envelope, stamp = read_headers(message.headers)
            logged = LoggedRecord(*place, message.offset, "", envelope, message.value or b"")
            if envelope.type_name == BARRIER_TYPE or not self._fence.admits(RawRecord(logged, stamp)):
                return None
            decoded: SymbolEvent = decode(_TYPES[envelope.type_name], logged.payload)
            check_scale(decoded)
        except (KeyError, ValueError, IndexError, TypeError, ValidationError) as error:
            logger.warning("unreadable", place=place, offset=message.offset, error=shortened(repr(error)))
            return None
        return decoded

    async def _publish_due(self) -> None:
        if self._link.reason is not None:
            self._watch = Watch()  # nothing advances without a broker
            return
        try:
            extents = self._extents_seen = await self._extents()
        except BROKER_ERRORS as error:
            logger.debug("no_extents", error=repr(error))  # the link reports why
            return
        self._watch.check(self._minutes.positions, extents, monotonic())
        check_memory()
        totals = self._minutes.advance(extents)
        for total in totals:
            self._publish(total)
        await self._bus.flush()
        free = self._minutes.let_go()
        for message in free:
            message.ack(self.app.consumer)
        if free:
            await self.app.consumer.commit()
        self._record_late()

    def _record_late(self) -> None:
        late = self._minutes.late
        if late > self._late and monotonic() - self._late_said_s > LATE_INTERVAL_S:
            logger.warning("late", records=late - self._late)
            self._late, self._late_said_s = late, monotonic()

    async def _extents(self) -> dict[TopicPartition, Extent]:
        consumer = self.app.consumer
        assigned = sorted(consumer.assignment())
        if not assigned:
            return {}
        begins = await consumer.earliest_offsets(*assigned)
        ends = await consumer.highwaters(*assigned)
        return {self._place(place): Extent(begins[place], ends[place]) for place in assigned}

    def _publish(self, total: MinuteStatistics) -> None:
        self._sequence += 1
        envelope = Envelope(self._producer, self._sequence, None, total.event_time_ns, total.type_name)
        self._bus.publish(TOPIC_OF[total.type_name], envelope, total)

    @property
    def last_turn_s(self) -> float:
        """Now: it is called in the very loop whose liveness it reports."""
        return monotonic()

    @property
    def is_started(self) -> bool:
        """Does it have its partitions?"""
        return bool(self._extents_seen)

    @property
    def awaits_repair(self) -> bool:
        """Never: it stores nothing that could be damaged."""
        return False

    @property
    def not_ready_because(self) -> str | None:
        """None: it accepts records."""
        return self._link.reason or (None if self.is_started else "waiting for its partitions")

    def figures(self) -> ProcessFigures:
        """Its state, for external monitoring."""
        outbox = self._bus.outbox
        return ProcessFigures(
            STATISTICS,
            is_ready=self.not_ready_because is None,
            began_ns=self._began_ns,
            session_began_ns=0,
            newest_input_ns=self._minutes.newest_ns,
            lag=tuple(self._lag(time_ns())),
            outbox_records=outbox.size,
            outbox_age_ms=outbox.age_ms(),
        )

    def _lag(self, now_ns: int) -> Iterator[TopicLag]:
        waiting: Counter[str] = Counter()
        for place, extent in self._extents_seen.items():
            waiting[place.topic] += max(0, extent.end - self._minutes.positions.get(place, extent.begin))
        newest_ns = self._minutes.newest_ns
        age_ms = 0.0 if newest_ns is None else max(0, now_ns - newest_ns) / NS_PER_MS
        for topic, records in waiting.items():
            yield TopicLag(topic=topic, records=records, age_ms=age_ms if records else 0.0)

    def _status(self) -> ProcessStatus:
        """Its state, for operators. It claims no epoch: its records are distinguished by version."""
        taken = sum(self._minutes.positions.values())
        return status_of(self.figures(), code_version(), self.not_ready_because, taken, self._sequence)

    async def run(self, stopped: asyncio.Event) -> None:
        """Serve until `stopped` is set.

        Waits for a broker that is away. Raises ConfigError where its topics do not match, and EngineError
        where Faust has crashed.
        """
        try:
            if await open_unless_stopped(self._link.wait_until_available(), stopped, self._link):
                self._teller.start()
                async with background(self._link.monitor()):
                    await self._serve(stopped)
        finally:
            await self._bus.outbox.settle(_STOP_LIMIT_S)  # what is not published is not acknowledged
            await self._bus.outbox.close()

    async def _serve(self, stopped: asyncio.Event) -> None:
        waits = [asyncio.create_task(wait) for wait in (stopped.wait(), self._run_app())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        reason = self.app.crash_reason
        await self._teller.close(reason)
        threading.excepthook = _record_thread
        with suppress(Exception):
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self.app.stop()
        if reason is not None:
            raise EngineError(f"{STATISTICS} cannot continue: {reason}") from reason

    async def _run_app(self) -> None:
        """Until Faust ends; its start waits for a group coordinator, however long that takes."""
        await self.app.start()
        await self.app.wait_until_stopped()


def _record_thread(crash: threading.ExceptHookArgs) -> None:
    """Without a broker, Faust's reader thread fails on exit; it ends anyway."""
    logger.debug("thread_failed", error=repr(crash.exc_value))


async def _serve(config: Config) -> None:
    stopped = asyncio.Event()
    on_stop(stopped.set)
    on_loss(stopped.set)
    worker, registry = StatisticsWorker(config.kafka), CollectorRegistry()
    registry.register(ProcessCollector(worker.figures))
    port = config.process.health_port
    health = HttpServer(
        application(worker, registry),
        port,
        host=config.process.health_host,
        port_is_chosen=port != 0,
        setting="process.health_port",
    )
    health.start()
    logger.info("serving_health", process=STATISTICS, url=health.url, pid=os.getpid())
    try:
        await worker.run(stopped)
    finally:
        await health.stop()


def run_streams(config: Config) -> None:
    """Serve until told to stop; raises EngineError on failure, for a supervisor to see."""
    asyncio.run(_serve(config))
