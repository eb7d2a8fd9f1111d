"""`maker up`: the whole engine in one process, from a configuration to a summary."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import uvloop
from prometheus_client import REGISTRY

from chassis.bus.logfile import LogFileBus
from chassis.clock import EngineClock
from chassis.embedded import EmbeddedLoop
from chassis.errors import ConfigError
from chassis.gateway import gateway_server
from chassis.http_server import HttpServer
from chassis.installed import process_definitions
from chassis.metrics import EngineMetrics
from chassis.process import (
    AdapterContext,
    GatewayContext,
    HistorySource,
    Plant,
    PlantLatency,
    PlantProcess,
)
from chassis.restore import Restored, restore
from chassis.settings import code_version, config_hash
from chassis.shell import ProcessShell
from chassis.store import MemoryStore
from chassis.summary import RunFigures, summarise
from schemas.config import Config
from schemas.process import ConfigApplied
from schemas.units import NS_PER_MS, NS_PER_S

SIMULATED_START_NS = 1_704_067_200 * NS_PER_S
"""2024-01-01: where a synthetic market at speed max begins, so that a seed gives the same run every time."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is told beside its configuration."""

    for_s: float | None = None
    """Engine time after which to stop; None: until the feed ends or somebody stops it."""
    gateway: bool = True
    port_is_chosen: bool = False
    announce: Callable[[str], None] = print
    """Tells a person where the page is."""


class Engine:
    """All installed processes on one log."""

    def __init__(self, config: Config, options: RunOptions) -> None:
        self._config = config
        self._options = options
        self._store = MemoryStore()
        self._log_dir = _log_directory(config)
        self._bus = LogFileBus(self._log_dir)
        if self._bus.torn_tail.size_bytes:
            logger.warning(
                "log_tail_cut",
                log=str(self._log_dir),
                records_lost=self._bus.torn_tail.records,
                bytes_lost=self._bus.torn_tail.size_bytes,
            )
        self._shells = [
            ProcessShell(definition, config, self._bus, config.engine.digest_interval_inputs)
            for definition in process_definitions()
        ]
        start_ns = self._make_adapters()
        restored = self._restore(start_ns)
        self._clock = EngineClock(start_ns, config.feed.speed)
        self._loop = EmbeddedLoop(self._shells, self._bus, self._clock)
        if restored is not None:
            self._loop.continue_commands_from(restored.last_command_sequence)
        self._start_ns = start_ns
        self._drained = False
        self._url: str | None = None
        self._code: str | None = None

    def _make_adapters(self) -> int:
        """Give processes their adapters; the engine's time at its start, in nanoseconds."""
        now_ns = SIMULATED_START_NS if self._config.feed.speed == "max" else time.time_ns()
        now_ns = max(now_ns, self._bus.last_event_time_ns + 1)
        for shell in self._shells:
            if shell.definition.make_adapter is not None:
                context = AdapterContext(
                    self._config, shell.core, self._store, now_ns, now_ns=lambda: self._clock.now_ns
                )
                shell.adapter = shell.definition.make_adapter(context)
        if self._config.feed.kind == "recorded":
            dues = [shell.adapter.next_due_ns() for shell in self._shells if shell.adapter is not None]
            return min(due for due in dues if due is not None)
        return now_ns

    def _restore(self, start_ns: int) -> Restored | None:
        applied = ConfigApplied(
            event_time_ns=start_ns,
            process="*",
            code_version=code_version(),
            config_hash=config_hash(self._config),
            config=self._config,
        )
        restored = None
        if self._bus.last_event_time_ns:
            if self._bus.last_event_time_ns > start_ns:
                raise ConfigError(
                    f"{self._log_dir} ends later than this run would begin: "
                    "a recording is not run twice into one log; give another folder with --log"
                )
            restored = restore(self._log_dir, self._shells, applied)
            logger.info("restored", log=str(self._log_dir), records=restored.records)
        for shell in self._shells:
            shell.start(start_ns, applied.model_copy(update={"process": shell.name}), f"pid-{os.getpid()}")
        return restored

    async def run(self) -> dict[str, Any]:
        """Run until the end, cancel what stands at the venue, and answer with the summary."""
        gateway = self._gateway() if self._options.gateway else None
        metrics = self._metrics()
        REGISTRY.register(metrics)
        self._stop_on_signals()
        if gateway is not None:
            gateway.start()
            self._options.announce(self._page())
        _settle_garbage()
        self._clock.start(time.time_ns() if self._config.feed.kind == "live" else None)
        began_s = time.perf_counter()
        try:
            try:
                await self._loop.run(self._until_ns())
            finally:  # a feed that failed must not leave quotes at the venue either
                seconds = time.perf_counter() - began_s
                cancelled = await self._drain()
        finally:
            REGISTRY.unregister(metrics)
            self._loop.finish()
            await self._loop.close()
            await self._bus.close()
            if gateway is not None:
                await gateway.stop()
        return self._summary(seconds, cancelled)

    def _metrics(self) -> EngineMetrics:
        return EngineMetrics(
            code_version(),
            events=lambda: {shell.name: shell.inputs for shell in self._shells},
            published=self._bus.counts,
            denied=lambda: self._loop.denials,
            latency=self._loop.order_latency,
        )

    def _until_ns(self) -> int | None:
        if self._options.for_s is None:
            return None
        return self._start_ns + int(self._options.for_s * NS_PER_S)

    def _gateway(self) -> HttpServer:
        context = GatewayContext(
            config=self._config,
            store=self._store,
            send_control=self._loop.send_control,
            now_ns=lambda: self._clock.now_ns,
            version=code_version(),
            is_closing=lambda: server.is_closing,
            announce_code=self._announce_code,
            history=HistorySource(log_dir=self._log_dir.resolve()),
            plant=self._plant,
        )
        server = gateway_server(
            context,
            self._config.engine.port,
            host=self._config.process.gateway_host,
            port_is_chosen=self._options.port_is_chosen,
        )
        self._url = server.url
        return server

    def _announce_code(self, code: str) -> None:
        """Before the port is open there is no address yet: then it is told with the first announcement."""
        self._code = code
        if self._url is not None:
            self._options.announce(self._page())

    def _page(self) -> str:
        return f"{self._url}#code={self._code}" if self._code is not None else f"{self._url}"

    def _plant(self) -> Plant:
        now_ns = self._clock.now_ns
        latency = self._loop.order_latency
        p50_ms, p99_ms = latency.recent_percentiles_ms(50, 99)  # a run's are a million to sort
        return Plant(
            "one process",
            tuple(
                PlantProcess(
                    shell.name, shell.inputs, shell.sequences[0], (now_ns - shell.newest_ns) / NS_PER_MS
                )
                for shell in self._shells
            ),
            (PlantLatency("book to order", len(latency), p50_ms, p99_ms),),
        )

    def _stop_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):
                loop.add_signal_handler(name, self._loop.stop)

    async def _drain(self) -> int:
        """Cancel everything; the number of orders that the venue confirmed as cancelled."""
        before = self._loop.cancelled
        self._drained = await self._loop.drain()
        return self._loop.cancelled - before

    def _summary(self, seconds: float, cancelled: int) -> dict[str, Any]:
        latency = self._loop.order_latency
        figures = RunFigures(
            market_events=self._loop.market_events,
            seconds=seconds,
            log=self._log_dir,
            cancelled_at_end=cancelled,
            drained=self._drained,
            order_latency_p50_ms=latency.percentile_ms(50),
            order_latency_p99_ms=latency.percentile_ms(99),
        )
        return summarise(self._store, figures)


def _log_directory(config: Config) -> Path:
    if config.engine.log_dir is not None:
        return Path(config.engine.log_dir)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return Path("runs") / stamp


def _settle_garbage() -> None:
    """What exists at the start lives as long as the process: keep the collector from walking it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def run_engine(config: Config, options: RunOptions) -> dict[str, Any]:
    """Run the engine in a loop of its own and answer with its summary."""
    engine = Engine(config, options)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(engine.run())
