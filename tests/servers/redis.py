"""A real Redis for tests: `REDIS_URL` names one that runs; else redis-server here; else a container."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from runtime.store.documents import StateStore
from runtime.store.redis_documents import RedisMirror, RedisWriter
from schemas.deployment import Redis
from tests.servers.kafka import docker_answers
from tests.servers.local import PATIENCE_S, CannotRunError, LocalProcess, free_port, until

IMAGE = "redis:7.4-alpine"


class RedisServer:
    """One redis-server that keeps nothing on disk."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise CannotRunError("redis-server is missing: on Debian, apt install redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command: list[str | Path] = [
            program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            folder,
        ]
        command += ["--save", "", "--appendonly", "no"]
        command += [] if password is None else ["--requirepass", password]
        self.process = LocalProcess(command, folder / "redis.log")

    def start(self) -> None:
        """Start it, empty; returns when it answers."""
        self.process.start()

        def answers() -> bool:
            self.process.check_running()
            return is_answering(self.port)

        until(answers, f"Redis answers at {self.url}")


def is_answering(port: int) -> bool:
    """Does a Redis answer a PING there?"""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


@contextmanager
def shared_redis(folder: Path) -> Iterator[str]:
    """The URL of a Redis that many tests share; raises CannotRunError."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
    elif docker_answers() and shutil.which("redis-server") is None:
        with _container() as url:
            yield url
    else:
        server = RedisServer(folder)
        server.start()
        try:
            yield server.url
        finally:
            server.process.kill()


@contextmanager
def _container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    port = free_port()
    with DockerContainer(IMAGE).with_bind_ports(6379, port):
        until(lambda: is_answering(port), f"Redis answers at port {port}")
        yield f"redis://127.0.0.1:{port}/0"


async def eventually(condition: Callable[[], bool], what: str, limit_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; raises AssertionError, naming it, after `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {limit_s} s: {what}") from None


@asynccontextmanager
async def redis_stores(config: Redis, epoch: int = 1) -> AsyncIterator[tuple[RedisWriter, RedisMirror]]:
    """The two ends of a store in Redis."""
    async with writer_of(config, epoch) as writer, mirror_of(config) as mirror:
        yield writer, mirror


@asynccontextmanager
async def writer_of(config: Redis, epoch: int = 1) -> AsyncIterator[RedisWriter]:
    """A writer of this epoch."""
    writer = RedisWriter(config, lambda: epoch)
    writer.start()
    try:
        yield writer
    finally:
        await writer.close()


@asynccontextmanager
async def mirror_of(config: Redis) -> AsyncIterator[RedisMirror]:
    """A reader."""
    mirror = RedisMirror(config)
    mirror.start()
    try:
        yield mirror
    finally:
        await mirror.close()


def all_of(store: StateStore) -> dict[str, bytes | None]:
    """Every document of a store."""
    return {name: store.get(name) for name in store.names("")}
