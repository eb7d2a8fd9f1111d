"""A trader at a sandbox exchange, with its requests and its streams."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp

from maker.composition import monitor_definition
from sandbox.server import Sandbox, SandboxAccount, SandboxOptions
from schemas.config import Config
from tests.servers.local import PATIENCE_S

KEY, SECRET, SECOND_KEY = "key", "secret", "second"
BTC = "BTC/USDT"
REST = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "price": "30000", "quantity": "0.01"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> int | None:
        return self.body.get("code") if isinstance(self.body, dict) else None


class Stream:
    """The account's stream, as one client reads it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def subscribe(self) -> Any:
        params = {"apiKey": KEY, "timestamp": str(time.time_ns() // 1_000_000)}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        signed = params | {"signature": _signature(text)}
        await self.socket.send_json(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": signed}
        )
        return await self._next(lambda message: "status" in message)

    async def _next(self, fits: Callable[[dict[str, Any]], bool]) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.socket.receive_json()
                if fits(message):
                    return message

    async def event(self, **wanted: Any) -> Any:
        """The next event that has these fields."""
        message = await self._next(lambda message: wanted.items() <= message.get("event", {}).items())
        return message["event"]

    async def close_code(self) -> int | None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.socket.closed:
                await self.socket.receive()
        return self.socket.close_code

    async def is_silent(self, seconds: float = 0.2) -> bool:
        """Does nothing come, though the socket answers?"""
        await self.socket.ping()
        try:
            async with asyncio.timeout(seconds):
                await self.socket.receive()
        except TimeoutError:
            return not self.socket.closed
        return False


def _signature(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


class Trader:
    """A client of one account."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession, url: str) -> None:
        self.sandbox = sandbox
        self._http = http
        self._url = url
        self.ahead_ms = 0

    async def ask(
        self, method: str, path: str, *, root: str = "/api/v3/", key: str = KEY, **params: str
    ) -> Answer:
        now_ms = time.time_ns() // 1_000_000 + self.ahead_ms
        text = urlencode(params | {"timestamp": str(now_ms)})
        url = f"{self._url}{root}{path}?{text}&signature={_signature(text)}"
        async with self._http.request(method, url, headers={"X-MBX-APIKEY": key}) as answer:
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, await answer.json() if is_json else None, answer.headers)

    async def place(self, **change: str) -> Answer:
        return await self.ask("POST", "order", **REST | change)

    async def control(self, path: str, **body: Any) -> Answer:
        async with self._http.post(f"{self._url}/sandbox/{path}", json=body) as answer:
            return Answer(answer.status, await answer.json(), answer.headers)

    async def arm(self, name: str, **how: Any) -> None:
        assert (await self.control("faults", name=name, **how)).status == 200

    async def clear(self) -> None:
        async with self._http.delete(f"{self._url}/sandbox/faults") as answer:
            assert answer.status == 200

    async def connect(self) -> Stream:
        stream = Stream(await self._http.ws_connect(f"{self._url}/ws-api/v3"))
        assert (await stream.subscribe())["status"] == 200
        return stream

    @property
    def account(self) -> Any:
        return self.sandbox.exchange.accounts[KEY]

    def live(self) -> Any:
        return self.account.live()


def trading(test: Callable[[Trader], Awaitable[None]]) -> None:
    """Run a test against an exchange of its own."""

    async def run() -> None:
        rich = dict.fromkeys(("USDT", "BTC", "ETH"), Decimal(1_000_000))
        account = SandboxAccount(KEY, SECRET, rich, more_keys={SECOND_KEY: SECRET})
        sandbox = Sandbox(Config(), SandboxOptions(accounts=(account,)), monitor_definition())
        url = await sandbox.start()
        try:
            async with aiohttp.ClientSession() as http:
                await test(Trader(sandbox, http, url))
        finally:
            await sandbox.stop()

    asyncio.run(run())
