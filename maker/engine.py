"""`maker up`: the whole engine in one process, from a configuration to a summary."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
import uvloop
from prometheus_client import REGISTRY

from maker.asking import PeopleDesk
from maker.composition import HISTORY_COMMAND, process_definitions, status_of_store
from maker.flattening import Flatten, flatten_commands
from maker.gateway import gateway_server
from maker.halt_socket import HaltSocket
from maker.old_runs import remove_old_runs
from maker.one_process import figures_of, system_process
from maker.opening import LogOpening
from maker.positions import PositionDesk, ShowsHoldings
from maker.resuming import Resume, resume_commands, rule_document
from maker.run_folder import account_lock, run_folder, standing_folder
from maker.summary import RunFigures, summarise
from runtime.config.control_keys import verifier, with_keys
from runtime.errors import DependencyError, EngineError, LogLostError, OrdersLeftError, left_at_venue
from runtime.garbage import settle_garbage, uncollected
from runtime.http.server import HttpServer
from runtime.log.figures import size_once_closed
from runtime.log.keeper import LogKeeper
from runtime.log.logfile import LogFileBus
from runtime.observability.disk import DiskMetrics, DiskWatch
from runtime.observability.metrics import EngineMetrics
from runtime.observability.redaction import redacted
from runtime.process.checkpointing import Checkpointing
from runtime.process.definition import (
    GatewayContext,
    HistorySource,
    SystemStatus,
)
from runtime.process.embedded import EmbeddedLoop
from runtime.process.session import sources_of
from runtime.process.turn import DRAIN_LIMIT_NS
from runtime.replay.restore_point import RestorePoint
from runtime.signals import on_stop, stops_interrupt
from runtime.state.checkpoint import Checkpoints
from runtime.state.disk_room import check_room
from runtime.store.documents import MemoryStore, PulledStore
from runtime.version import code_version
from schemas.config import Config
from schemas.control import AccessEvent, Command, ControlEvent
from schemas.envelope import decode
from schemas.holdings import HoldingSeen
from schemas.message import ALL_SYMBOLS
from schemas.orders import KillReport
from schemas.topics import GATEWAY, ROUTER
from schemas.units import NS_PER_S
from schemas.views import ACCOUNT_DOCUMENT, AccountView

_UNTRADED_DRAIN_LIMIT_NS = 2 * NS_PER_S
"""Without market data nothing was sent, and the venue may not be reconciled: its orders of an earlier run are
cancelled otherwise.
"""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run beyond its configuration."""

    for_s: float | None = None
    """Engine time after which to stop; None: until the feed ends or the run is stopped."""
    gateway: bool = True
    port_is_chosen: bool = False
    announce: Callable[[str], None] = print
    """Reports the URL of the page to the operator."""


class Engine:
    """All installed processes over one log."""

    def __init__(self, config: Config, options: RunOptions) -> None:
        self._options = options
        self._store = MemoryStore() if options.gateway else PulledStore()
        self._log_dir = run_folder(config)
        if standing_folder(config) is None:
            remove_old_runs(self._log_dir.parent, config.engine.keep.runs)
        check_room(self._log_dir, config.engine.disk_free_mb_min, "the log")
        sources_hash = sources_of(process_definitions())
        restore_point = RestorePoint.of(sources_hash, Checkpoints(self._log_dir).newest())
        self._bus = LogFileBus(self._log_dir, standing=restore_point.standing)
        self._account_lock = account_lock(config)
        config, signer = with_keys(config, self._log_dir, signs=True)
        if self._bus.torn_tail.size_bytes:
            logger.warning(
                "log_tail_cut",
                log=str(self._log_dir),
                records_lost=self._bus.torn_tail.records,
                bytes_lost=self._bus.torn_tail.size_bytes,
            )
        opening = LogOpening(process_definitions(), config, self._bus, restore_point, self._store)
        self._config = opening.config
        self._runners = opening.runners
        self._clock = opening.clock
        self._start_ns = opening.start_ns
        self._disk = DiskWatch(self._log_dir, self._config.engine, settled=size_once_closed)
        self._loop = EmbeddedLoop(self._runners, self._bus, self._clock, signer, self._disk.stalls)
        self._loop.continue_commands_from(self._bus.last_sequences[GATEWAY])
        self._loop.deliver_first(opening.first)
        self._keeper = LogKeeper(self._log_dir, self._config.engine.keep)
        self._bus.on_segment_end = self._keeper.wake
        self._loop.is_log_behind = self._keeper.is_far_behind
        self._checkpointing = Checkpointing(self._bus, self._runners, sources_hash)
        self._loop.on_commit = self._checkpointing.committed
        self._halt_socket = HaltSocket(
            self._log_dir, self._loop.send_control, lambda: self._clock.now_ns, lambda: tuple(self._loop.keys)
        )
        self._loop.on_kill = self._halt_socket.observe
        for report in self._known_withdrawals():
            self._halt_socket.observe(report)
        send, keys = self._loop.send_control, self._loop.keys
        at_desk = (send, lambda: self._clock.now_ns, lambda: tuple(keys))
        self._halt_socket.answers = {
            "positions": PositionDesk(self._holdings, send, lambda: self._clock.now_ns).answer,
            "flatten": PeopleDesk(Flatten, flatten_commands, *at_desk).answer,
            "resume": PeopleDesk(Resume, resume_commands, *at_desk).answer,
            "rule": lambda request, user: rule_document(self._config),
            "status": lambda request, user: self._status(),
        }
        self._began_ns = time.time_ns()
        self._drained = False
        self._stopped = asyncio.Event()
        self._has_ended = False
        """The recording is over, and the page shows how it ended."""
        self._url: str | None = None
        self._code: str | None = None

    def _known_withdrawals(self) -> tuple[KillReport, ...]:
        """Mass cancels that a log as opened knows of: a halt that is repeated makes no new report."""
        document = self._store.get(ACCOUNT_DOCUMENT)
        return () if document is None else decode(AccountView, document).withdrawals

    def _status(self) -> dict[str, Any]:
        now_ns = self._clock.now_ns
        return status_of_store(self._store, self._system(), self._config, now_ns)

    def _holdings(self) -> list[HoldingSeen]:
        """Ledger and account of every symbol, as the router knows them now."""
        (router,) = (runner for runner in self._runners if runner.name == ROUTER)
        return router.core.holdings() if isinstance(router.core, ShowsHoldings) else []

    async def run(self) -> dict[str, Any]:
        """Run to the end, cancel all open orders and return the summary."""
        gateway = self._gateway() if self._options.gateway else None
        metrics = (self._metrics(), DiskMetrics(self._disk))
        for each in metrics:
            REGISTRY.register(each)
        self._stop_on_signals()
        if gateway is not None:
            gateway.start()
            self._options.announce(self._page())
        settle_garbage()
        self._clock.start(time.time_ns() if self._config.feed.kind == "live" else None)
        await self._halt_socket.start()
        watch = asyncio.create_task(self._disk.run(self._halt_for_disk))
        self._keeper.start()
        try:
            seconds, cpu_seconds, cancelled = await self._live()
            self._checkpointing.write()
            if gateway is not None and self._page_stays:
                await self._stay()
        finally:
            watch.cancel()
            for each in metrics:
                REGISTRY.unregister(each)
            await self._halt_socket.stop()
            self._checkpointing.close()
            self._keeper.stop()
            await self._loop.close()
            try:
                await self._bus.close()
            finally:
                if self._account_lock is not None:
                    self._account_lock.release()
                if gateway is not None:
                    await gateway.stop()
        return self._summary(seconds, cpu_seconds, cancelled)

    async def _live(self) -> tuple[float, float, int]:
        """Seconds, CPU seconds, and orders cancelled at the end. When the log is lost it stops deciding."""
        try:
            try:
                lived = await self._trade()
            except LogLostError:
                raise
            except BaseException:
                self._loop.finish()
                raise
            self._loop.finish()
        except LogLostError as lost:
            raise await self._loop.end_without_log(lost) from lost
        return lived

    async def _trade(self) -> tuple[float, float, int]:
        self._bus.commit()
        self._bus.sync()  # a disk that cannot be written is found before anything connects
        await self._loop.open()
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        try:
            await self._loop.run(self._until_ns())
        except LogLostError:
            raise
        except Exception as error:  # a failed feed must not leave quotes at the venue either
            if self._config.venue.kind != "simulated":  # the end takes its time: say why at once
                logger.error("engine_ends", because=redacted(str(error)))  # noqa: TRY400
            await self._drain(DRAIN_LIMIT_NS if self._loop.market_events else _UNTRADED_DRAIN_LIMIT_NS)
            if isinstance(error, EngineError):
                raise await self._ended_by(error) from error
            raise
        seconds, cpu_seconds = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        return seconds, cpu_seconds, await self._drain()

    async def _ended_by(self, error: EngineError) -> EngineError:
        if self._drained:
            return type(error)(f"{error}; {left_at_venue(drained=True)}")
        return await self._loop.end_undrained(error)

    @property
    def _page_stays(self) -> bool:
        """Whether the run ended by itself because its recording did."""
        is_whole = self._options.for_s is None and self._config.feed.kind == "recorded"
        return is_whole and not self._stopped.is_set()

    async def _stay(self) -> None:
        """Show the end of the recording, at its time, until a stop."""
        self._has_ended = True
        self._clock.stop()
        await self._halt_socket.stop()
        self._options.announce(f"{self._url}  The recording has ended: the page stays until Ctrl+C")
        await self._stopped.wait()

    def _send(self, event: ControlEvent) -> None:
        if not self._has_ended:
            self._loop.send_control(event)
        elif not isinstance(event, AccessEvent):  # people may still sign in to look
            raise DependencyError("the recording has ended: the engine takes no more commands")

    def _stop(self) -> None:
        self._stopped.set()
        self._loop.stop()

    def _halt_for_disk(self, because: str) -> None:
        """Halt while it can still be recorded: cancels everything and stays until an operator resumes."""
        self._loop.send_control(
            Command(
                event_time_ns=self._clock.now_ns,
                venue=ALL_SYMBOLS,
                symbol=ALL_SYMBOLS,
                command_id=f"halt-{os.urandom(12).hex()}",
                action="halt",
                principal="the watch of the disk",
                reason=because,
            )
        )

    def _metrics(self) -> EngineMetrics:
        return EngineMetrics(
            code_version(),
            events=lambda: {runner.name: runner.inputs for runner in self._runners},
            published=self._bus.counts,
            denied=lambda: self._loop.denials,
            latency=self._loop.order_latency,
            processes=lambda: [
                figures_of(runner, self._clock.now_ns, self._began_ns) for runner in self._runners
            ],
        )

    def _until_ns(self) -> int | None:
        if self._options.for_s is None:
            return None
        return self._start_ns + int(self._options.for_s * NS_PER_S)

    def _gateway(self) -> HttpServer:
        context = GatewayContext(
            config=self._config,
            store=self._store,
            send_control=self._send,
            now_ns=lambda: self._clock.now_ns,
            version=code_version(),
            is_ours=verifier(self._config),
            is_closing=lambda: server.is_closing,
            has_ended=lambda: self._has_ended,
            announce_code=self._announce_code,
            on_code_request=self._on_code_request,
            history=HistorySource(log_dir=self._log_dir.resolve()),
            history_command=HISTORY_COMMAND,
            system=self._system,
        )
        server = gateway_server(
            context,
            self._config.gateway.port,
            host=self._config.gateway.host,
            port_is_chosen=self._options.port_is_chosen,
        )
        self._url = server.url
        return server

    def _announce_code(self, code: str) -> None:
        """Before the port is open there is no address: the first announcement then carries the code."""
        self._code = code
        if self._url is not None:
            self._options.announce(self._page())

    @staticmethod
    def _on_code_request(announce_another: Callable[[], None]) -> None:
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, announce_another)

    def _page(self) -> str:
        return f"{self._url}#code={self._code}" if self._code is not None else f"{self._url}"

    def _system(self) -> SystemStatus:
        now_ns = self._clock.now_ns
        return SystemStatus(
            "one process",
            tuple(system_process(runner, now_ns, self._began_ns) for runner in self._runners),
            (self._loop.order_latency.stage("book to order"),),
            disk=self._disk.figures,
        )

    def _stop_on_signals(self) -> None:
        on_stop(self._stop)

    async def _drain(self, limit_ns: int = DRAIN_LIMIT_NS) -> int:
        """Cancel everything; returns the number of orders that the venue confirmed as cancelled."""
        before = self._loop.cancelled
        self._drained = await self._loop.drain(limit_ns)
        return self._loop.cancelled - before

    def _summary(self, seconds: float, cpu_seconds: float, cancelled: int) -> dict[str, Any]:
        latency = self._loop.order_latency
        figures = RunFigures(
            market_events=self._loop.market_events,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            log=self._log_dir,
            cancelled_at_end=cancelled,
            drained=self._drained,
            order_latency_p50_ms=latency.percentile_ms(50),
            order_latency_p99_ms=latency.percentile_ms(99),
            venue=self._config.venue,
        )
        return summarise(self._store, figures)


def run_engine(config: Config, options: RunOptions) -> dict[str, Any]:
    """Run the engine in its own event loop and return its summary.

    Raises OrdersLeftError where it is stopped while it still reads its log, and an exchange may hold orders
    of an earlier run.
    """
    try:
        with stops_interrupt(), uncollected():
            engine = Engine(config, options)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(engine.run())
    except KeyboardInterrupt:
        if config.venue.kind == "simulated":
            raise
        why = f"stopped before the start was complete; {left_at_venue(drained=False)}"
        raise OrdersLeftError(why) from None
