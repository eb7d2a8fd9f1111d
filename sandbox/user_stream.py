"""The API socket, which carries the account's own stream, and the faults that affect it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from sandbox.accounts import Account
from sandbox.connections import Json, StreamConnection, connect
from sandbox.errors import VenueError
from sandbox.faults import Faults
from sandbox.keys import Keys
from sandbox.limits import SOCKET_WEIGHT, Limits
from sandbox.market_streams import BAD_FRAME

_BALANCE_EVENTS = frozenset({"outboundAccountPosition", "balanceUpdate"})


class UserStream:
    """All connections to `/ws-api/v3`."""

    def __init__(self, faults: Faults, keys: Keys, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._faults = faults
        self._keys = keys
        self._limits = limits
        self._now_ms = now_ms
        self.connections: set[StreamConnection] = set()
        self.next_takes_s = 0.0
        """A fault: delay of the next connection."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A connection costs weight, and may be refused."""
        try:
            self._limits.spend(SOCKET_WEIGHT)
        except VenueError as error:
            return web.json_response(error.body, status=error.status, headers=error.headers)
        wait_s, self.next_takes_s = self.next_takes_s, 0.0
        await asyncio.sleep(wait_s)
        socket = await connect(request)
        await StreamConnection(socket).serve(self.connections, self._answer)
        return socket

    def _answer(self, connection: StreamConnection, message: Json) -> None:
        answer: dict[str, Any] = {"id": message.get("id"), "status": 200, "rateLimits": []}
        try:
            answer["result"] = self._result(connection, message)
        except VenueError as error:
            answer |= {"status": error.status, "error": error.body}
        connection.send(orjson.dumps(answer))

    def _result(self, connection: StreamConnection, message: Json) -> Json:
        method = message.get("method")
        if method == "userDataStream.subscribe.signature":
            self._limits.spend(SOCKET_WEIGHT)
            return self._subscribe(connection, message.get("params") or {})
        if method == "userDataStream.unsubscribe":
            self._limits.spend(SOCKET_WEIGHT)
            self.end(connection)
            return {}
        if method == "time":
            self._limits.spend(1)
            return {"serverTime": self._now_ms()}
        if method == "ping":
            self._limits.spend(1)
            return {}
        raise VenueError(-1000, f"The sandbox does not know the method {method}.")

    def _subscribe(self, connection: StreamConnection, given: Json) -> Json:
        params = {name: str(value) for name, value in given.items()}
        account = self._keys.authenticate(params).account
        if connection.account is account:
            raise VenueError(-2035, "User Data Stream subscription already active.")
        connection.account = account
        connection.subscription_id += 1
        return {"subscriptionId": connection.subscription_id}

    def publish(self, account: Account, event: Json) -> None:
        """Send an account's event to its own stream."""
        if self._is_dropped(event):
            return
        copies = 2 if self._faults.next(frozenset({"duplicate_events"})) is not None else 1
        late = self._faults.next(frozenset({"late_events"}))
        lag = self._faults.next(frozenset({"stream_lags"}))
        is_bad = bool(self.connections) and self._faults.next(frozenset({"bad_frame"})) is not None
        now_s = time.monotonic()
        for connection in tuple(self.connections):
            if connection.account is not account or now_s < connection.silent_until_s:
                continue
            if is_bad:
                connection.send(BAD_FRAME)
            body = orjson.dumps({"subscriptionId": connection.subscription_id, "event": event})
            for _ in range(copies):
                if late is None:
                    connection.send_late(body, 0.0 if lag is None else lag.seconds)
                else:
                    asyncio.get_running_loop().call_later(late.seconds, connection.send, body)

    def _is_dropped(self, event: Json) -> bool:
        if event.get("x") == "TRADE":
            return self._faults.next(frozenset({"drop_fills"})) is not None
        if event["e"] in _BALANCE_EVENTS:
            return self._faults.next(frozenset({"drop_balances"})) is not None
        return False

    def end(self, connection: StreamConnection) -> None:
        """End the subscription; the socket stays open, and silent."""
        if connection.account is not None:
            connection.account = None
            event = {"e": "eventStreamTerminated", "E": self._now_ms()}
            connection.send(orjson.dumps({"subscriptionId": connection.subscription_id, "event": event}))

    def silence(self, seconds: float) -> None:
        """Current connections stay open, but no account events are sent on them for this long."""
        until_s = time.monotonic() + seconds
        for connection in self.connections:
            connection.silent_until_s = until_s

    def announce_shutdown(self) -> None:
        """The server is about to shut down."""
        for connection in tuple(self.connections):
            connection.send(orjson.dumps({"event": {"e": "serverShutdown", "E": self._now_ms()}}))
