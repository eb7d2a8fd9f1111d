"""An HTTP server inside a running event loop, which leaves signals to the engine."""

import asyncio
import errno
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
import uvicorn

from runtime.errors import DependencyError
from runtime.http.protocol import HEADER_BYTES_MAX, Connection, HttpLimits, Room

LOOPBACK = "127.0.0.1"
_GRACE_S = 2
_DESCRIPTORS_KEPT = 256
"""Descriptors reserved for venue, feed, log and disk."""


logger = structlog.get_logger()


class _Server(uvicorn.Server):
    """A server that leaves signals to the engine: the engine cancels its quotes before it ends."""

    def __init__(self, settings: uvicorn.Config, limits: HttpLimits) -> None:
        super().__init__(settings)
        self.server_state = Room(limits)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application for as long as the process runs."""

    def __init__(
        self,
        application: Any,
        port: int,
        *,
        host: str = LOOPBACK,
        port_is_chosen: bool,
        limits: HttpLimits | None = None,
        setting: str = "gateway.port",
    ) -> None:
        """Listen at once; `setting` is the key of the port.

        Raises DependencyError where an explicitly chosen port is in use.
        """
        limits = _within_descriptors(limits or HttpLimits())
        self._socket = _listen(host, port, port_is_chosen, setting)
        settings = uvicorn.Config(
            application,
            http=Connection,
            ws="none",
            log_config=None,
            log_level="error",  # clients must not be able to flood the log
            access_log=False,
            lifespan="auto",
            timeout_graceful_shutdown=_GRACE_S,
            server_header=False,
            proxy_headers=bool(limits.proxies),
            forwarded_allow_ips=list(limits.proxies),
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        )
        self._server = _Server(settings, limits)
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Its URL."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}/"

    @property
    def is_closing(self) -> bool:
        """True from `stop` on."""
        return self._server.should_exit

    def start(self) -> None:
        """Serve in the running loop."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        """Close connections and the port."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._socket.close()


def _within_descriptors(limits: HttpLimits) -> HttpLimits:
    """Limits reduced so that enough descriptors remain for everything else."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = max(allowed - _DESCRIPTORS_KEPT, allowed // 4)
    return replace(limits, connections_max=min(limits.connections_max, room))


def _listen(host: str, port: int, port_is_chosen: bool, setting: str) -> socket.socket:
    """A listening socket; a busy default port is replaced by a free one, a busy chosen port is an error."""
    option = f"--{setting.rpartition('.')[2].replace('_', '-')}"
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        if port_is_chosen or error.errno != errno.EADDRINUSE:
            listener.close()
            raise DependencyError(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another with {setting} or {option}"
            ) from error
        listener.bind((host, 0))
        logger.warning("port_in_use", port=port, instead=listener.getsockname()[1], setting=setting)
    listener.listen()
    return listener
