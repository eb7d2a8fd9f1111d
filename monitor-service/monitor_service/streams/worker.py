"""The Faust worker, the one module that imports faust; docs/adr/0007 says why it stands here alone.

Faust reads, keeps the group's place and calls; totals and their records are the affair of the modules beside.
"""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir
from time import monotonic
from typing import Any

import faust
import structlog
from pydantic import ValidationError

from chassis.bus.base import TopicPartition
from chassis.bus.kafka.bus import KafkaBus
from chassis.bus.kafka.client import connection
from chassis.bus.kafka.reader import Fence, RawRecord
from chassis.bus.kafka.wire import BARRIER_TYPE, read_headers
from chassis.bus.logfile import LoggedRecord
from chassis.errors import EngineError
from monitor_service.streams.minute import COUNTED
from monitor_service.streams.open_minutes import Extent, OpenMinutes
from monitor_service.streams.watch import Watch, check_memory
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.envelope import Envelope, decode
from schemas.message import SymbolEvent
from schemas.statistics import MinuteStatistics
from schemas.topics import STATISTICS, TOPIC_OF

SAY_INTERVAL_S = 2.0
"""Totals that changed are said this often."""
_SESSION_S = 10.0
_STOP_LIMIT_S = 5.0
"""What it has not acknowledged by then is read again after the next start."""
_A_DAY_S = 86_400.0
_TYPES = {model.type_name: model for model in COUNTED}

logger = structlog.get_logger()


def make_app(config: Kafka) -> Any:
    """A Faust app without tables, web server, leader topic or pickled values, delivering at least once."""
    group = f"{config.topic_prefix}{STATISTICS}"
    return faust.App(
        group,
        broker=[f"kafka://{address}" for address in config.bootstrap.split(",")],
        broker_credentials=_credentials(config),
        processing_guarantee="at_least_once",
        store="memory://",
        datadir=Path(gettempdir()) / group,  # it makes one, and leaves it empty
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=group,
        broker_session_timeout=_SESSION_S,
        broker_heartbeat_interval=_SESSION_S / 4,
        broker_rebalance_timeout=_SESSION_S,
        # Records are held for a minute and more, and the newest of an idle topic for ever: no livelock.
        broker_commit_livelock_soft_timeout=_A_DAY_S,
        stream_wait_empty=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
    )


def _credentials(config: Kafka) -> Any:
    settings = connection(config)
    context = settings.get("ssl_context")
    if config.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings["sasl_plain_username"],
            password=settings["sasl_plain_password"],
            mechanism=settings["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)


class StatisticsWorker:
    """Takes records from Faust and says totals. Made inside a running event loop."""

    def __init__(self, config: Kafka) -> None:
        self.app = make_app(config)
        self._config = config
        self._bus = KafkaBus(config)
        self._minutes: OpenMinutes[Any] = OpenMinutes()
        self._fence = Fence()
        self._watch = Watch()
        self._producer = f"{STATISTICS}/{os.urandom(4).hex()}"
        self._sequence = 0
        self._late = 0
        names = [config.topic_prefix + TOPIC_OF[name] for name in _TYPES]
        source = self.app.topic(*names, key_type=None, value_type=None, allow_empty=True)
        self.app.agent(source, concurrency=1)(self._consume)
        self.app.timer(SAY_INTERVAL_S)(self._say)

    async def _consume(self, stream: Any) -> None:
        """Faust would log an error, count its record as done and go on; here it ends the worker."""
        try:
            async for event in stream.noack().events():
                self._take(event)
        except Exception as error:
            await self.app.crash(error)
            raise

    def _take(self, event: Any) -> None:
        message = event.message
        place = self._place(message)
        decoded = self._decoded(place, message)
        message.value = message.headers = None  # it is held for long, and only to be acknowledged
        self._minutes.take(place, message.offset, message, decoded)

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
            return decode(_TYPES[envelope.type_name], logged.payload)
        except (KeyError, ValueError, IndexError, TypeError, ValidationError) as error:
            logger.warning("unreadable", place=place, offset=message.offset, error=repr(error))
            return None

    async def _say(self) -> None:
        extents = await self._extents()
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
        if self._minutes.late > self._late:
            logger.warning("late", records=self._minutes.late - self._late)
            self._late = self._minutes.late

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

    async def run(self, stopped: asyncio.Event) -> None:
        """Serve until `stopped` is set.

        Raises DependencyError where no broker answers, and EngineError where Faust has crashed.
        """
        await self._bus.end_offset(TopicPartition(TOPIC_OF[MinuteStatistics.type_name]))
        waits = [asyncio.create_task(wait) for wait in (stopped.wait(), self._run_app())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        reason = self.app.crash_reason
        with suppress(Exception):
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self.app.stop()
        if reason is not None:
            raise EngineError(f"{STATISTICS} cannot go on: {reason}") from reason
        await self._bus.close()

    async def _run_app(self) -> None:
        """Until Faust ends; its start waits for a group coordinator, for as long as there is none."""
        await self.app.start()
        await self.app.wait_until_stopped()


async def _serve(config: Config) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await StatisticsWorker(config.kafka).run(stopped)


def run_streams(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; raises EngineError where it cannot go on, for a supervisor to see."""
    asyncio.run(_serve(config))
