"""Halts the engine from its own machine without HTTP, sign-in or a free connection.

A Unix socket in a folder that only the engine's user may open. The request is one line of JSON; the response
is lines of JSON: the halt was accepted, then the progress of the mass cancel until the venue shows no order.
"""

import asyncio
import hashlib
import json
import os
import pwd
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from runtime.errors import ConfigError
from runtime.state.shared_memory import shared_file
from runtime.text import nearest
from schemas.control import Command
from schemas.message import ALL_SYMBOLS
from schemas.orders import KillReport

SUFFIX = ".halt"
_LINE_BYTES_MAX = 8_192
_REASON_LENGTH_MAX = 1_000
_ADDRESS_BYTES_MAX = 100
"""Longest address of a Unix socket in bytes; Linux has room for 107, others for 103."""
_PEER = struct.Struct("3i")
"""Process, user and group of the peer."""

logger = structlog.get_logger()
Answer = Mapping[str, Any]


def socket_of(log_dir: Path) -> Path | None:
    """Where the engine of a log folder listens; None where this user has no private folder."""
    name = hashlib.sha256(str(log_dir.resolve()).encode()).hexdigest()[:24]
    return shared_file(f"{name}{SUFFIX}")


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """The address to bind or connect to for a socket at `path`, which may exceed the length of an address.

    Raises FileNotFoundError where its folder does not exist.
    """
    if len(os.fsencode(path)) <= _ADDRESS_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class HaltSocket:
    """The engine's side of the socket."""

    def __init__(
        self,
        log_dir: Path,
        send: Callable[[Command], None],
        now_ns: Callable[[], int],
        keys: Callable[[], tuple[str, ...]],
    ) -> None:
        """`send` publishes a command; `keys`: each `venue:symbol` that is traded."""
        self._log_dir = log_dir
        self._path = socket_of(log_dir)
        self._send = send
        self._now_ns = now_ns
        self._keys = keys
        self._newest: dict[str, KillReport] = {}
        self._news: set[asyncio.Event] = set()
        self._server: asyncio.Server | None = None
        self.answers: dict[str, Callable[[dict[str, Any], str], Answer]] = {}
        """Handlers of the other requests from users of this machine, by request name."""

    async def start(self) -> None:
        """Listen. An engine that cannot runs without: its page and port can halt it too."""
        if self._path is None:
            return
        with suppress(FileNotFoundError):
            self._path.unlink()
        listening = socket.socket(socket.AF_UNIX)
        try:
            with address_of(self._path) as address:
                listening.bind(address)
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=_LINE_BYTES_MAX)
        except OSError as error:
            listening.close()
            logger.warning("no_halt_socket", path=str(self._path), because=str(error))

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is None or self._path is None:
            return
        self._server.close()
        await self._server.wait_closed()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def observe(self, report: KillReport) -> None:
        """Record the progress of a mass cancel."""
        self._newest[report.symbol] = report
        for news in self._news:
            news.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        news = asyncio.Event()
        self._news.add(news)
        try:
            line = await reader.readline()
            if not line:  # a probe whether an engine is here
                return
            request = json.loads(line)
            answer, symbol = self._accept(request if isinstance(request, dict) else {}, _user_of(writer))
            await _write(writer, answer)
            if symbol is not None:
                await self._follow(symbol, writer, news)
        except (ValueError, OSError) as error:
            logger.warning("halt_socket", because=repr(error)[:300])
        finally:
            self._news.discard(news)
            writer.close()

    def _accept(self, request: Answer, user: str) -> tuple[Answer, str | None]:
        """Send the requested halt; the response, and the symbol whose mass cancel is to be followed."""
        about = {"log": str(self._log_dir), "pid": os.getpid()}
        for name, answer in self.answers.items():
            if name in request:
                try:
                    return about | dict(answer(request[name], f"{user} at this machine")), None
                except ConfigError as refused:
                    return about | {"refused": str(refused)}, None
        if "symbol" not in request:
            return about, None
        venue, symbol = self._scope(str(request["symbol"]))
        if not venue:
            known = sorted({key.partition(":")[2] for key in self._keys()})
            return about | {"refused": f"no symbol is called {symbol!r}{nearest(symbol, known)}"}, None
        command = Command(
            event_time_ns=self._now_ns(),
            venue=venue,
            symbol=symbol,
            command_id=f"halt-{os.urandom(12).hex()}",
            action="halt",
            principal=f"{user} at this machine",
            reason=str(request.get("reason", ""))[:_REASON_LENGTH_MAX],
        )
        self._send(command)
        logger.warning("halt_by_socket", symbol=symbol, user=user, reason=command.reason)
        return about | {"accepted": command.command_id, "symbol": symbol}, symbol

    def _scope(self, symbol: str) -> tuple[str, str]:
        """Venue and symbol; no venue where it is not known."""
        if symbol == ALL_SYMBOLS:
            return ALL_SYMBOLS, ALL_SYMBOLS
        for key in self._keys():
            venue, _, known = key.partition(":")
            if symbol in {known, key}:
                return venue, known
        return "", symbol

    async def _follow(self, symbol: str, writer: asyncio.StreamWriter, news: asyncio.Event) -> None:
        """Report each change of the mass cancel until it is confirmed or the client is gone."""
        while True:
            report = self._newest.get(symbol)
            if report is not None and report.state != "none":
                await _write(writer, {"state": report.state, "open_orders": list(report.open_orders)})
                if report.state == "confirmed":
                    return
            news.clear()
            await news.wait()


def _user_of(writer: asyncio.StreamWriter) -> str:
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    user_id = _PEER.unpack(raw)[1]
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()
