"""`maker run PROCESS`: runs one process on Kafka."""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from maker.children import check_shards
from maker.composition import HISTORY_COMMAND, WORKERS, process_definition
from maker.gateway import gateway_server
from maker.signed import publisher
from runtime.config.control_keys import verifier, with_keys
from runtime.config.signatures import Signer
from runtime.errors import ConfigError, DependencyError
from runtime.garbage import settle_garbage
from runtime.http.server import HttpServer
from runtime.kafka.broker import BrokerLink
from runtime.kafka.bus import KafkaBus
from runtime.observability.disk import DiskMetrics
from runtime.process.definition import GatewayContext, HistorySource, ProcessDefinition
from runtime.process.health import application
from runtime.process.lifeline import on_loss
from runtime.process.startup import run_until_stopped
from runtime.process.status import StatusOf, StatusPublisher
from runtime.process.system_watch import SystemWatch
from runtime.process.turn import DRAIN_LIMIT_S
from runtime.process.worker import Worker
from runtime.signals import on_stop
from runtime.state.disk_room import check_room
from runtime.state.folder_lock import FolderLock
from runtime.state.private_files import make_folder
from runtime.store.documents import MemoryStore
from runtime.version import code_version
from schemas.config import Config
from schemas.control import AccessEvent, ControlEvent
from schemas.sharding import shards_of
from schemas.topics import GATEWAY, PATH, PATH_PROCESSES, PROCESSES, PROJECTOR

_ORDINAL = re.compile(r"-(\d+)$")

logger = structlog.get_logger()


def shard_of(name: str, config: Config) -> int | None:
    """Which shard this process is; None: it serves all symbols."""
    process = config.process
    if shards_of(config, name) == 1:
        return None
    shard = process.shard
    if shard is None:
        match = _ORDINAL.search(socket.gethostname())
        if match is None:
            raise ConfigError(
                f"process.shards is {process.shards}, and the host name {socket.gethostname()!r} does not "
                "end in a number: set process.shard"
            )
        shard = int(match[1])
    if shard >= process.shards:
        raise ConfigError(f"process.shard is {shard}, but there are {process.shards}, counted from 0")
    return shard


def run_process(name: str, config: Config) -> None:
    """Run one process in its own event loop until it is stopped."""
    lock = _alone(name, config)
    try:
        _run(name, config)
    finally:
        if lock is not None:
            lock.release()


def _alone(name: str, config: Config) -> FolderLock | None:
    """The lock of a process without state, which shares a state folder with others; its pod has none."""
    state = Path(config.process.state_dir)
    if name in (*PROCESSES, PATH) or not os.access(state, os.W_OK):
        return None
    make_folder(state / name)
    return FolderLock(state / name, f"the output of {name}")


def _run(name: str, config: Config) -> None:
    if name in WORKERS:
        WORKERS[name](config)
        return
    if name != GATEWAY:  # which keeps no state and may have no writable disk
        check_room(Path(config.process.state_dir), config.engine.disk_free_mb_min, "the state")
    config, signer = with_keys(config, Path(config.process.state_dir), signs=name == GATEWAY)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(_run_gateway(config, signer) if name == GATEWAY else _run_worker(name, config))


def _definitions(name: str, config: Config) -> tuple[ProcessDefinition, ...]:
    if name != PATH:
        return (process_definition(name),)
    check_shards(name, config)
    return tuple(process_definition(each) for each in PATH_PROCESSES)


async def _run_worker(name: str, config: Config) -> None:
    definitions = _definitions(name, config)
    shard = shard_of(name, config)
    process = config.process.model_copy(update={"shard": shard})
    config = config.model_copy(update={"process": process})  # cores know their part of the account
    store = link = None
    if name == PROJECTOR:
        from runtime.store.redis_documents import RedisWriter  # noqa: PLC0415  0.2 s to import

        store = RedisWriter(
            config.redis,
            epoch=lambda: (
                worker.members[0].epoch if worker.is_started else 0
            ),  # old views stay until new ones are complete
            is_current=lambda: worker.not_ready_because is None,
        )
        link = store.link
    worker = Worker(definitions, config, store or MemoryStore(), shard, name)
    registry = CollectorRegistry()
    registry.register(worker.figures.collector(code_version()))
    registry.register(DiskMetrics(worker.disk))
    health = HttpServer(
        application(worker, registry),
        config.process.health_port,
        host=config.process.health_host,
        port_is_chosen=config.process.health_port != 0,
        setting="process.health_port",
    )
    health.start()
    shards = config.process.shards if shard is not None else 1
    statuses = [StatusOf(member, code_version(), shards, link) for member in worker.members]
    publishers = [StatusPublisher(config.kafka, status.make, status.because) for status in statuses]
    for each in publishers:
        each.start()
    if store is not None:
        store.start()
    logger.info("serving_health", process=worker.name, url=health.url, pid=os.getpid())
    on_stop(worker.stop)
    on_loss(worker.stop)
    settle_garbage()
    ended: Exception | None = None
    try:
        await worker.run()
    except Exception as error:
        ended = error
        raise
    finally:
        await asyncio.gather(*(each.close(ended) for each in publishers))
        if store is not None:
            await store.close()
        await health.stop()


async def _run_gateway(config: Config, signer: Signer | None) -> None:
    from runtime.store.redis_documents import RedisMirror  # noqa: PLC0415
    from runtime.store.redis_timed import RedisTimedStore  # noqa: PLC0415

    link = BrokerLink(config.kafka, GATEWAY)
    bus = KafkaBus(config.kafka, wait_for_broker=link.wait_until_available)
    store = RedisMirror(config.redis)
    system = SystemWatch(config, bus, lambda: link.reason)
    stopped = asyncio.Event()
    publish = publisher(signer, f"{GATEWAY}/{os.urandom(4).hex()}", 0)

    def send(event: ControlEvent) -> None:
        if link.reason is not None and not isinstance(event, AccessEvent):  # may be delivered late
            raise DependencyError(f"it would not be received: {link.reason}")
        publish(bus.publish, event, time.time_ns())

    context = GatewayContext(
        config=config,
        store=store,
        send_control=send,
        now_ns=time.time_ns,
        version=code_version(),
        is_ours=verifier(config),
        is_closing=lambda: server.is_closing,
        announce_code=lambda code: logger.info(
            "sign_in_code", code=code, valid_minutes=10, another=f"kill -USR1 {os.getpid()}"
        ),
        on_code_request=_on_usr1,
        sessions=RedisTimedStore(config.redis),
        history=HistorySource(kafka=config.kafka),
        history_command=HISTORY_COMMAND,
        system=system.system,
    )
    server = gateway_server(context, config.gateway.port, host=config.gateway.host, port_is_chosen=True)
    store.start()
    system.start()
    server.start()
    logger.info("serving_gateway", url=server.url)
    on_stop(stopped.set)
    on_loss(stopped.set)
    try:
        await run_until_stopped(stopped, link.monitor())
    finally:
        await server.stop()
        await system.close()
        await store.close()
        unconfirmed = await bus.outbox.settle(DRAIN_LIMIT_S)
        await bus.outbox.close()
    if unconfirmed:
        raise DependencyError(
            f"the broker has not confirmed {unconfirmed} requests, and nothing has acted on them: "
            "check the state and try again"
        )


def _on_usr1(announce_another: Callable[[], None]) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, announce_another)
