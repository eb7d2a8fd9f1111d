"""The market's websockets: depth, trades, best prices, by subscription."""

import orjson
from aiohttp import web

from sandbox.connections import Json, StreamConnection, connect
from sandbox.faults import Faults

BAD_FRAME = b'{"e":"depthUpdate","b":[["1'
SHUTDOWN = "!serverShutdown"


class MarketStreams:
    """All connections to `/ws` and `/stream`."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.connections: set[StreamConnection] = set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Streams are given in the path or by SUBSCRIBE."""
        socket = await connect(request)
        connection = StreamConnection(
            socket, is_combined="/stream" in request.path and "/ws" not in request.path
        )
        connection.names |= {name for name in request.query.get("streams", "").split("/") if name}
        await connection.serve(self.connections, self._answer)
        return socket

    @staticmethod
    def _answer(connection: StreamConnection, message: Json) -> None:
        names = set(message.get("params") or ())
        if message.get("method") == "SUBSCRIBE":
            connection.names |= names
        elif message.get("method") == "UNSUBSCRIBE":
            connection.names -= names
        listed = sorted(connection.names) if message.get("method") == "LIST_SUBSCRIPTIONS" else None
        connection.send(orjson.dumps({"result": listed, "id": message.get("id")}))

    def publish(self, name: str, event: Json) -> None:
        """Send a market event to the stream's subscribers."""
        body = orjson.dumps(event)
        for connection in tuple(self.connections):
            if name in connection.names:
                if self._faults.next(frozenset({"bad_frame"})) is not None:
                    connection.send(BAD_FRAME)
                _send(connection, name, body)

    def announce_shutdown(self, now_ms: int) -> None:
        """The server is about to shut down."""
        body = orjson.dumps({"e": "serverShutdown", "E": now_ms})
        for connection in tuple(self.connections):
            _send(connection, SHUTDOWN, body)


def _send(connection: StreamConnection, name: str, body: bytes) -> None:
    combined = b'{"stream":"%b","data":%b}' % (name.encode(), body)
    connection.send(combined if connection.is_combined else body)
