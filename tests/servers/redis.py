"""A real Redis for tests: `REDIS_URL` names one that runs; else redis-server here; else a container."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers.kafka import docker_answers
from servers.local import CannotRunError, LocalProcess, free_port, until

IMAGE = "redis:7.4-alpine"


class RedisServer:
    """One redis-server that keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise CannotRunError("redis-server is missing: on Debian, apt install redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder]
        command += ["--save", "", "--appendonly", "no"]
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
            return link.recv(16).startswith(b"+PONG")
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
        until(lambda: is_answering(port), f"Redis answers at port {port}", 60)
        yield f"redis://127.0.0.1:{port}/0"
