"""One connection of the HTTP server: strict parsing and deadlines.

A client with many silent or slow connections cannot lock out others: requests have deadlines, addresses have
a connection limit, and when all connections are taken a new one replaces the one silent longest. Connections
of signed-in users are dropped last.
"""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEADER_BYTES_MAX = 16 * 1024
STANDING = "standing"
"""Set by the application in the request state: 0 anonymous (also if unset), 1 signed in, 2 may halt."""
_LINGER_S = 1.0
"""After the server's own error response. A connection closed while data is arriving is reset, and a reset
discards the response before the client has read it.
"""
_BAD_LINE = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\n[ \t]")
_NAME_OF_LENGTH, _NAME_OF_CODING = b"content-length", b"transfer-encoding"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Connection limits and deadlines."""

    connections_max: int = 256
    connections_per_address_max: int = 128
    proxies: tuple[str, ...] = ()
    """Addresses or networks of trusted proxies, each used by many clients."""
    header_s_max: float = 10.0
    """From the first byte of a request, or from the connection, to the end of the header."""
    body_s_max: float = 20.0
    """From the end of the header to the end of the body."""
    unread_s_max: float = 30.0
    """Longest time a response may wait for a client that reads nothing."""


class StrictBuffer(ReceiveBuffer):
    """Receive buffer. Rejects bare line feeds and folded lines, which h11 accepts and proxies may read
    differently (request smuggling).
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused_with: HTTPStatus | None = None

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """The lines of a complete header; raises h11.LocalProtocolError for an invalid one."""
        end = self._data.find(b"\r\n\r\n")
        head = bytes(self._data) if end < 0 else bytes(self._data[: end + 4])
        if len(head) > HEADER_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if _BAD_LINE.search(head):
            self._refuse(HTTPStatus.BAD_REQUEST)
        lines = super().maybe_extract_lines()
        names = {bytes(line).partition(b":")[0].strip().lower() for line in lines or ()}
        if {_NAME_OF_LENGTH, _NAME_OF_CODING} <= names:
            self._refuse(HTTPStatus.BAD_REQUEST)
        return lines

    def _refuse(self, status: HTTPStatus) -> None:
        self.refused_with = status
        raise h11.LocalProtocolError("header", error_status_hint=status)


class Room(ServerState):
    """The connections of one server, and the eviction policy when all are taken."""

    def __init__(self, limits: HttpLimits) -> None:
        super().__init__()
        self.limits = limits
        self._count_of: Counter[str] = Counter()
        self._silent: dict[Connection, None] = {}
        """Silent anonymous connections, least recently active first."""
        self._silent_of: dict[str, dict[Connection, None]] = {}
        self._proxies: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, limits.proxies))

    def enter(self, newcomer: "Connection") -> bool:
        """Admit a connection, evicting another if necessary; False where none can be evicted."""
        address, limits = newcomer.address, self.limits
        self._count_of[address] += 1
        own_only = self._count_of[address] > limits.connections_per_address_max and not self._is_proxy(
            address
        )
        if own_only or len(self.connections) > limits.connections_max:
            found = self._who_gives_way(newcomer, own_only=own_only)
            if found is None:
                return False
            found.give_way()
        self.record(newcomer, is_silent=True)
        return True

    def _who_gives_way(self, newcomer: "Connection", *, own_only: bool) -> "Connection | None":
        silent = self._silent_of.get(newcomer.address, {}) if own_only else self._silent
        if silent:
            return next(iter(silent))  # constant time, however many there are
        crowd = {each for each in self.connections if isinstance(each, Connection) and each is not newcomer}
        if own_only:
            crowd = {each for each in crowd if each.address == newcomer.address}
        found = min(crowd, key=Connection.claim, default=None)
        return None if found is None or found.holds_its_place else found

    def record(self, connection: "Connection", *, is_silent: bool) -> None:
        """Record whether a connection is anonymous and silent."""
        self._silent.pop(connection, None)
        of_address = self._silent_of.get(connection.address, {})
        of_address.pop(connection, None)
        if is_silent:
            self._silent[connection] = None
            self._silent_of.setdefault(connection.address, of_address)[connection] = None
        elif not of_address:
            self._silent_of.pop(connection.address, None)

    def leave(self, connection: "Connection") -> None:
        """Remove a closed connection."""
        self.record(connection, is_silent=False)
        self._count_of[connection.address] -= 1
        if self._count_of[connection.address] <= 0:
            del self._count_of[connection.address]

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ip_address(address) in network for network in self._proxies)
        except ValueError:
            return False


class Connection(H11Protocol):
    """A connection with deadlines."""

    server_state: Room

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._buffer = self.conn._receive_buffer = StrictBuffer()  # h11 has no public way to replace it
        self._room = self.server_state
        self._limits = self._room.limits
        self._phase: object = None
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._is_rejected = False
        self._heard_at_s = self.loop.time()
        self._stood = 0

    @property
    def address(self) -> str:
        """The address of the peer."""
        return self.client[0] if self.client else ""

    @property
    def _standing(self) -> int:
        """The highest standing of any request on it."""
        sent: dict[str, Any] = {} if self.scope is None else self.scope["state"]
        return max(self._stood, int(sent.get(STANDING, 0)))

    @property
    def _is_busy(self) -> bool:
        """Whether a response is being sent to a client that reads it."""
        return self.cycle is not None and not self.cycle.response_complete and self._unread is None

    @property
    def holds_its_place(self) -> bool:
        """Whether it must not be evicted."""
        return self._standing > 0 and self._is_busy

    def claim(self) -> tuple[bool, int, float]:
        """Eviction order: the lowest is evicted first."""
        return self._is_busy, self._standing, self._heard_at_s

    def give_way(self) -> None:
        """Close, to make room for another."""
        self.connections.discard(self)
        self._room.record(self, is_silent=False)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        if self._room.enter(self):
            self._wait_for(h11.IDLE, self._limits.header_s_max)
        else:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection was closed."""
        self._wait_for(None)
        self.resume_writing()
        self._room.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Data of a request arrived; after an error response it is discarded."""
        if self._is_rejected or self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_busy:
            self._room.record(self, is_silent=False)
        self._watch()

    def on_response_complete(self) -> None:
        """A response was sent; the connection waits for the next request."""
        self._stood = self._standing
        self._heard_at_s = self.loop.time()
        self._room.record(self, is_silent=not self._stood)
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._wait_for(None)  # uvicorn's keep-alive timeout applies from here
        else:
            self._watch()

    def _watch(self) -> None:
        """Set the deadline for the current phase."""
        state, limits = self.conn.their_state, self._limits
        if state is self._phase:
            return
        if state is h11.IDLE:
            self._wait_for(state, limits.header_s_max)
        elif state is h11.SEND_BODY:
            self._wait_for(state, limits.body_s_max)
        else:
            self._wait_for(None)

    def _wait_for(self, phase: object, seconds: float = 0.0) -> None:
        self._phase = phase
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if phase is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self._reject(HTTPStatus.REQUEST_TIMEOUT)

    def pause_writing(self) -> None:
        """The client has stopped reading."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self._limits.unread_s_max, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Reject an invalid request."""
        self._reject(self._buffer.refused_with or HTTPStatus.BAD_REQUEST)

    def _reject(self, status: HTTPStatus) -> None:
        """Send an error response, then close once the client has, or after `_LINGER_S`."""
        self._wait_for(None)
        self._is_rejected = True
        self._answer(status)
        if self.cycle is not None:  # the application must not write after the end
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)

    def _answer(self, status: HTTPStatus) -> None:
        """Send a problem document, unless a response has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE, h11.ERROR):
            self.transport.write(_problem(status))


def _problem(status: HTTPStatus) -> bytes:
    """A response of the server itself, as a problem document."""
    code = status.name.lower()
    problem = {
        "type": f"urn:market-making:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": status.description or status.phrase,
        "code": code,
        "hint": "Send one complete HTTP/1.1 request with a header of at most 16 KiB.",
        "instance": "",
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
        "x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
