"""Clients that nobody wants: connections that say nothing, or one byte at a time."""

import socket
import threading
from contextlib import suppress
from types import TracebackType

from tests.servers.local import PATIENCE_S

HALF = b"GET /api/v1/session HTTP/1.1\r\nhost: 127.0.0.1\r\n"


class Crowd:
    """Half-open requests, opened again when the server ends them, and some that drip."""

    def __init__(self, port: int, size: int, dripping: int = 20) -> None:
        self._place = ("127.0.0.1", port)
        self._size = size
        self._dripping = dripping
        self._sockets: list[socket.socket] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep)
        self.opened = 0
        """Connections so far, those that the server ended with them."""

    def __enter__(self) -> "Crowd":
        while len(self._sockets) < self._size:
            self._open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        for each in self._sockets:
            each.close()

    def _open(self) -> None:
        client = socket.create_connection(self._place, timeout=PATIENCE_S)
        client.setblocking(False)
        with suppress(OSError):
            client.send(HALF)
        self._sockets.append(client)
        self.opened += 1

    def _keep(self) -> None:
        """A byte each turn; whatever was ended is opened again."""
        while not self._ending.wait(0.05):
            for each in self._sockets[: self._dripping]:
                with suppress(OSError):
                    each.send(b"x")
            ended = [each for each in self._sockets if _has_ended(each)]
            for each in ended:
                each.close()
                self._sockets.remove(each)
                with suppress(OSError):
                    self._open()


def _has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
