"""One websocket client: messages are queued in order, and a client that does not read is disconnected."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from sandbox.accounts import Account

Json = Mapping[str, Any]
RESTART_CODE, DAY_OVER_CODE = 1001, 1000
_QUEUE_MAX = 10_000
PING_INTERVAL_S = 20.0


@dataclass(eq=False)
class StreamConnection:
    """A socket with its queue."""

    socket: web.WebSocketResponse
    names: set[str] = field(default_factory=set)
    """Market streams it has subscribed to."""
    is_combined: bool = False
    account: Account | None = None
    """The account whose events it has subscribed to."""
    subscription_id: int = -1
    silent_until_s: float = 0.0
    """A fault: until then, by the steady clock, no account event is sent."""
    released_s: float = 0.0
    """When the newest delayed event is due."""
    held_back: deque[bytes] = field(default_factory=deque)
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_QUEUE_MAX))

    def send(self, message: bytes) -> None:
        """Queue a message."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            asyncio.get_running_loop().create_task(self.socket.close(code=RESTART_CODE))

    def send_late(self, message: bytes, seconds: float) -> None:
        """Queue it later, but after everything queued already, even if the event loop is late."""
        loop = asyncio.get_running_loop()
        self.released_s = max(self.released_s, loop.time() + seconds)
        if self.released_s <= loop.time() and not self.held_back:
            self.send(message)
        else:
            self.held_back.append(message)
            loop.call_at(self.released_s, lambda: self.send(self.held_back.popleft()))

    async def serve(
        self, among: "set[StreamConnection]", answer: Callable[["StreamConnection", Json], None]
    ) -> None:
        """Until the client leaves or the connection is closed."""
        among.add(self)
        pump = asyncio.create_task(self._pump())
        try:
            async for message in self.socket:
                if message.type == WSMsgType.TEXT:
                    answer(self, _parsed(message.data))
        finally:
            among.discard(self)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self) -> None:
        while not self.socket.closed:
            message = await self.queue.get()
            await self.socket.send_str(message.decode())


async def connect(request: web.Request) -> web.WebSocketResponse:
    """Accept the websocket handshake."""
    socket = web.WebSocketResponse(heartbeat=PING_INTERVAL_S)
    await socket.prepare(request)
    return socket


async def close(connections: Iterable[StreamConnection], code: int = RESTART_CODE) -> None:
    """Close connections from the server side."""
    await asyncio.gather(
        *(connection.socket.close(code=code) for connection in tuple(connections)), return_exceptions=True
    )


def _parsed(data: str) -> Json:
    """A client's message; anything but a JSON object is an empty request."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}
