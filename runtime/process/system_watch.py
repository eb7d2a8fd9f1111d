"""Status of the processes on Kafka, from their own reports read directly from the broker.

A process counts as silent when it has not reported for some seconds, whatever its last report. The expected
processes follow from the configuration; the number of shards is taken from the shards' own reports.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from runtime.bus import Record, TopicPartition
from runtime.errors import DependencyError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import numbers_of
from runtime.kafka.reader import KafkaReader
from runtime.process.definition import SystemBroker, SystemProcess, SystemState, SystemStatus
from runtime.process.recovery import EPOCH_TOPIC
from schemas.config import Config
from schemas.process import EpochClaim, ProcessStatus, StageTime
from schemas.sharding import shards_of
from schemas.topics import BY_NAME, OFF_PATH, PROCESSES, STATUS
from schemas.units import NS_PER_MS, NS_PER_S

SILENT_NS = 3 * NS_PER_S
"""Three missing reports."""
_TAIL = 64
"""Records at the end of a partition that contain the latest report of every live process."""
_POLL_S = 0.25
_READ_LIMIT_S = 20.0
_RETRY_S = 1.0

logger = structlog.get_logger()


@dataclass(slots=True)
class _Starts:
    """Starts of a process, from its claims."""

    count: int = 0
    newest_ns: int = 0


class SystemStatusFold:
    """The latest reports, and the status derived from them at a given time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._reports: dict[str, ProcessStatus] = {}
        self._starts: dict[str, _Starts] = {}

    def apply(self, records: Iterable[Record]) -> None:
        """Apply records of the topics about processes, in order per process."""
        for record in records:
            message = record.message
            if isinstance(message, ProcessStatus):
                self._reports[message.process] = message
            elif isinstance(message, EpochClaim):
                starts = self._starts.setdefault(message.process, _Starts())
                starts.count += 1
                starts.newest_ns = max(starts.newest_ns, message.event_time_ns)

    def processes(self, now_ns: int) -> tuple[SystemProcess, ...]:
        """Every expected process, then others that are still alive."""
        named = [name for kind in (*PROCESSES, *OFF_PATH) for name in self._names(kind)]
        others = [
            name for name, report in self._reports.items() if name not in named and _is_alive(report, now_ns)
        ]
        return tuple(self._process(name, now_ns) for name in (*named, *sorted(others)))

    def stages(self, now_ns: int) -> tuple[StageTime, ...]:
        """Latencies measured by live processes, each under its name."""
        return tuple(
            stage.model_copy(update={"name": f"{report.process}: {stage.name}"})
            for name, report in sorted(self._reports.items())
            if _is_alive(report, now_ns)
            for stage in report.stages
        )

    def _names(self, kind: str) -> list[str]:
        of_kind = [report for name, report in self._reports.items() if name.partition(".")[0] == kind]
        newest = max(of_kind, key=lambda report: report.event_time_ns, default=None)
        shards = shards_of(self._config, kind) if newest is None else newest.shards
        return [kind] if shards == 1 else [f"{kind}.{number}" for number in range(shards)]

    def _process(self, name: str, now_ns: int) -> SystemProcess:
        report, starts = self._reports.get(name), self._starts.get(name)
        if report is not None:
            return _process_of(name, report, None if starts is None else starts.count, now_ns)
        if starts is None:
            return SystemProcess(name, "missing")
        age_ms = _age_ms(starts.newest_ns, now_ns)
        return SystemProcess(
            name, "silent", said_age_ms=age_ms, starts=starts.count, began_ns=starts.newest_ns
        )


def _is_alive(report: ProcessStatus, now_ns: int) -> bool:
    """A report from the future, by a clock set back since, does not count either."""
    return not report.has_ended and abs(now_ns - report.event_time_ns) <= SILENT_NS


def _state_of(report: ProcessStatus, now_ns: int) -> SystemState:
    if report.has_ended:
        return "ended"
    if not _is_alive(report, now_ns):
        return "silent"
    return "ok" if report.is_ready else "not_ready"


def _process_of(name: str, report: ProcessStatus, starts: int | None, now_ns: int) -> SystemProcess:
    state = _state_of(report, now_ns)
    return SystemProcess(
        name,
        state,
        because=None if state == "silent" else report.because,
        said_age_ms=_age_ms(report.event_time_ns, now_ns),
        inputs=report.inputs,
        published=report.published,
        age_ms=None if report.newest_input_ns is None else _age_ms(report.newest_input_ns, now_ns),
        lag=report.lag,
        outbox_records=report.outbox_records,
        outbox_age_ms=report.outbox_age_ms,
        starts=starts,
        began_ns=report.began_ns,
        session_began_ns=report.session_began_ns,
        code_version=report.code_version,
        instance=report.instance,
        store=report.store,
        disk=report.disk,
    )


def _age_ms(time_ns: int, now_ns: int) -> float:
    return round(max(0, now_ns - time_ns) / NS_PER_MS, 3)


class SystemWatch:
    """Reads status reports for as long as it lives; created inside a running event loop."""

    def __init__(
        self, config: Config, bus: KafkaBus, broker_failure: Callable[[], str | None] = lambda: None
    ) -> None:
        """`bus` publishes control messages. `broker_failure` is why the broker is unavailable, if it is."""
        self._bus = bus
        self._broker_failure = broker_failure
        self._partitions = [
            TopicPartition(topic, number)
            for topic in (STATUS, EPOCH_TOPIC)
            for number in numbers_of(BY_NAME[topic], config.kafka.partitions)
        ]
        self._config = config
        self._fold: SystemStatusFold | None = None
        """None: nothing has been read yet."""
        self._reading = SystemStatusFold(config)
        self._ends: dict[TopicPartition, int] = {}
        self._reader: KafkaReader | None = None
        self._answered_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start reading in the background."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._drop()

    def system(self) -> SystemStatus:
        """The current status; without processes until something has been read."""
        now_ns, fold, failure = time.time_ns(), self._fold, self._broker_failure()
        age_s = None if self._answered_s is None else time.monotonic() - self._answered_s
        return SystemStatus(
            "processes over Kafka",
            () if fold is None else fold.processes(now_ns),
            () if fold is None else fold.stages(now_ns),
            SystemBroker(
                "away" if failure is not None or age_s is None else "ok",
                None if age_s is None else round(age_s * 1e3, 3),
                self._bus.outbox.size,
                failure,
            ),
        )

    async def read_once(self) -> SystemStatus:
        """Read the topics once and return the status; raises DependencyError."""
        try:
            async with asyncio.timeout(_READ_LIMIT_S):
                await self._open()
                while self._fold is None:
                    await self._read()
            return self.system()
        except TimeoutError:
            raise DependencyError(
                f"the broker at {self._config.kafka.bootstrap} did not deliver the status of "
                f"processes within {_READ_LIMIT_S:g} s"
            ) from None
        finally:
            await self._drop()

    async def _run(self) -> None:
        while True:
            try:
                if self._reader is None:
                    await self._open()
                await self._read()
            except Exception as error:  # keep the status display working; the broker link logs the reason
                logger.debug("system_status_not_read", because=repr(error)[:300])
                await self._drop()
                await asyncio.sleep(_RETRY_S)

    async def _open(self) -> None:
        reader = self._reader = self._bus.reader({})
        begins = await reader.begin_offsets(self._partitions)
        self._ends = await reader.end_offsets(self._partitions)
        self._reading = SystemStatusFold(self._config)
        reader.seek({tp: self._first(tp, begin) for tp, begin in begins.items()})

    def _first(self, tp: TopicPartition, begin: int) -> int:
        return max(begin, self._ends[tp] - _TAIL) if tp.topic == STATUS else begin

    async def _read(self) -> None:
        """Read new records. Earlier results stay valid until as much has been read again."""
        reader = self._reader
        if reader is None:
            return
        self._reading.apply(await reader.poll(1_000, _POLL_S))
        if all(reader.positions[tp] >= end for tp, end in self._ends.items()):
            self._fold = self._reading
        if self._broker_failure() is None:
            self._answered_s = time.monotonic()

    async def _drop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
