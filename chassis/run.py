"""`maker run PROCESS`: one process on Kafka, from a configuration to its end."""

import asyncio
import gc
import os
import re
import signal
import socket
import time
from collections.abc import Callable

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from chassis.bus.kafka.bus import KafkaBus
from chassis.errors import ConfigError
from chassis.gateway import gateway_server
from chassis.health import application
from chassis.http_server import HttpServer
from chassis.installed import process_definition, tool
from chassis.process import GatewayContext, HistorySource, Plant
from chassis.settings import code_version
from chassis.store import MemoryStore
from chassis.worker import Worker
from schemas.config import Config
from schemas.control import ControlEvent
from schemas.envelope import Envelope
from schemas.topics import GATEWAY, OFF_PATH, PROJECTOR, TOPIC_OF

_ORDINAL = re.compile(r"-(\d+)$")

logger = structlog.get_logger()


def shard_of(config: Config) -> int | None:
    """Which shard this process is; None: it serves all symbols."""
    process = config.process
    if process.shards == 1:
        return None
    shard = process.shard
    if shard is None:
        match = _ORDINAL.search(socket.gethostname())
        if match is None:
            raise ConfigError(
                f"process.shards is {process.shards}, and the host name {socket.gethostname()!r} ends in no "
                "number: say which shard this is with process.shard"
            )
        shard = int(match[1])
    if shard >= process.shards:
        raise ConfigError(f"process.shard is {shard}, but there are {process.shards}, counted from 0")
    return shard


def run_process(name: str, config: Config) -> None:
    """Run one process in a loop of its own until it is told to stop."""
    if name in OFF_PATH:
        tool("market_making.workers", name)(config)
        return
    runner = _run_gateway if name == GATEWAY else _run_worker
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(runner(name, config))


async def _run_worker(name: str, config: Config) -> None:
    definition = process_definition(name)
    shard = shard_of(config) if definition.is_sharded else None
    store = None
    if name == PROJECTOR:
        from chassis.redis_store import RedisWriter  # noqa: PLC0415  a fifth of a second, for it alone

        store = RedisWriter(
            config.redis,
            epoch=lambda: worker.epoch if worker.is_started else 0,  # older views stand until these are whole
            is_current=lambda: worker.not_ready_because is None,
        )
    worker = Worker(definition, config, store or MemoryStore(), shard)
    registry = CollectorRegistry()
    registry.register(worker.metrics.collector(code_version()))
    health = HttpServer(
        application(worker, registry),
        config.process.health_port,
        host=config.process.health_host,
        port_is_chosen=config.process.health_port != 0,
    )
    health.start()
    if store is not None:
        store.start()
    logger.info("serving_health", process=worker.name, url=health.url, pid=os.getpid())
    _on_signals(worker.stop)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        await worker.run()
    finally:
        if store is not None:
            await store.close()
        await health.stop()


async def _run_gateway(name: str, config: Config) -> None:
    from chassis.redis_store import RedisMirror  # noqa: PLC0415

    bus = KafkaBus(config.kafka)
    store = RedisMirror(config.redis)
    stopped = asyncio.Event()
    sequence = 0
    producer = f"{name}/{os.urandom(4).hex()}"

    def send(event: ControlEvent) -> None:
        nonlocal sequence
        sequence += 1
        stamped = event.model_copy(update={"event_time_ns": time.time_ns()})
        envelope = Envelope(producer, sequence, None, stamped.event_time_ns, stamped.type_name)
        bus.publish(TOPIC_OF[stamped.type_name], envelope, stamped)

    context = GatewayContext(
        config=config,
        store=store,
        send_control=send,
        now_ns=time.time_ns,
        version=code_version(),
        is_closing=lambda: server.is_closing,
        announce_code=lambda code: logger.info("sign_in_code", code=code),
        history=HistorySource(kafka=config.kafka),
        plant=lambda: Plant("processes over Kafka"),
    )
    server = gateway_server(
        context, config.engine.port, host=config.process.gateway_host, port_is_chosen=True
    )
    store.start()
    server.start()
    logger.info("serving_gateway", url=server.url)
    _on_signals(stopped.set)
    await stopped.wait()
    await server.stop()
    await store.close()
    await bus.close()


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
