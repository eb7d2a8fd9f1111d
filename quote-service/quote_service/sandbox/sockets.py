"""The websockets: market streams, and the API socket that carries the account's own stream."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from quote_service.sandbox.accounts import Account
from quote_service.sandbox.errors import VenueError
from quote_service.sandbox.faults import Faults

Json = Mapping[str, Any]
_QUEUE_MAX = 10_000
BAD_FRAME = b'{"e":"depthUpdate","b":[["1'
RESTART_CODE = 1001
PING_INTERVAL_S = 20.0


@dataclass(eq=False)
class Connection:
    """One client; what is sent waits in order, and a client that does not read is cut off."""

    socket: web.WebSocketResponse
    names: set[str] = field(default_factory=set)
    """Streams it has subscribed to."""
    is_combined: bool = False
    account: str | None = None
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_QUEUE_MAX))

    def send(self, message: bytes) -> None:
        """Queue a message."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            asyncio.get_running_loop().create_task(self.socket.close(code=RESTART_CODE))

    async def pump(self) -> None:
        """Send what is queued until the client goes."""
        while not self.socket.closed:
            message = await self.queue.get()
            await self.socket.send_str(message.decode())


def _parsed(data: str) -> Json:
    """A message of a client; what is no JSON object asks for nothing."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


class Sockets:
    """All connections of one kind each."""

    def __init__(
        self, faults: Faults, authenticate: Callable[[Mapping[str, str]], Account], now_ms: Callable[[], int]
    ) -> None:
        self._faults = faults
        self._authenticate = authenticate
        self._now_ms = now_ms
        self.market: set[Connection] = set()
        self.user: set[Connection] = set()

    async def serve_market(self, request: web.Request) -> web.WebSocketResponse:
        """`/ws`, `/stream`, with streams in the path or by SUBSCRIBE."""
        socket = web.WebSocketResponse(heartbeat=PING_INTERVAL_S)
        await socket.prepare(request)
        connection = Connection(socket, is_combined="/stream" in request.path and "/ws" not in request.path)
        connection.names |= {name for name in request.query.get("streams", "").split("/") if name}
        await self._serve(connection, self.market, self._market_message)
        return socket

    async def serve_api(self, request: web.Request) -> web.WebSocketResponse:
        """`/ws-api/v3`."""
        socket = web.WebSocketResponse(heartbeat=PING_INTERVAL_S)
        await socket.prepare(request)
        await self._serve(Connection(socket), self.user, self._api_message)
        return socket

    async def _serve(
        self, connection: Connection, among: set[Connection], answer: Callable[[Connection, Json], None]
    ) -> None:
        among.add(connection)
        pump = asyncio.create_task(connection.pump())
        try:
            async for message in connection.socket:
                if message.type == WSMsgType.TEXT:
                    answer(connection, _parsed(message.data))
        finally:
            among.discard(connection)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    @staticmethod
    def _market_message(connection: Connection, message: Json) -> None:
        names = set(message.get("params") or ())
        if message.get("method") == "SUBSCRIBE":
            connection.names |= names
        elif message.get("method") == "UNSUBSCRIBE":
            connection.names -= names
        listed = sorted(connection.names) if message.get("method") == "LIST_SUBSCRIPTIONS" else None
        connection.send(orjson.dumps({"result": listed, "id": message.get("id")}))

    def _api_message(self, connection: Connection, message: Json) -> None:
        answer: dict[str, Any] = {"id": message.get("id"), "status": 200, "rateLimits": []}
        try:
            answer["result"] = self._api_result(connection, message)
        except VenueError as error:
            answer |= {"status": error.status, "error": error.body}
        connection.send(orjson.dumps(answer))

    def _api_result(self, connection: Connection, message: Json) -> Json:
        method = message.get("method")
        if method == "userDataStream.subscribe.signature":
            params = {name: str(value) for name, value in message["params"].items()}
            connection.account = self._authenticate(params).name
            return {"subscriptionId": 0}
        if method == "time":
            return {"serverTime": self._now_ms()}
        if method == "ping":
            return {}
        raise VenueError(-1000, f"The sandbox does not know the method {method}.")

    def publish(self, name: str, event: Json) -> None:
        """Send a market event to who has subscribed to the stream."""
        body = orjson.dumps(event)
        combined = b'{"stream":"%b","data":%b}' % (name.encode(), body)
        for connection in tuple(self.market):
            if name in connection.names:
                if self._faults.next(frozenset({"bad_frame"})) is not None:
                    connection.send(BAD_FRAME)
                connection.send(combined if connection.is_combined else body)

    def tell(self, account: str, event: Json) -> None:
        """Send an event of an account to its own stream."""
        if event.get("x") == "TRADE" and self._faults.next(frozenset({"drop_fills"})) is not None:
            return
        body = orjson.dumps({"subscriptionId": 0, "event": event})
        copies = 2 if self._faults.next(frozenset({"duplicate_events"})) is not None else 1
        late = self._faults.next(frozenset({"late_events"}))
        is_bad = bool(self.user) and self._faults.next(frozenset({"bad_frame"})) is not None
        for connection in tuple(self.user):
            if connection.account == account:
                if is_bad:
                    connection.send(BAD_FRAME)
                for _ in range(copies):
                    if late is None:
                        connection.send(body)
                    else:
                        asyncio.get_running_loop().call_later(late.seconds, connection.send, body)

    async def kick(self, among: set[Connection]) -> None:
        """Close connections, as before a restart of the venue."""
        await asyncio.gather(
            *(connection.socket.close(code=RESTART_CODE) for connection in tuple(among)),
            return_exceptions=True,
        )
