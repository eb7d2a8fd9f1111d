"""Binance's websocket streams, decoded here: a third of ccxt's work for each message."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import orjson
import structlog

from chassis.exchanges import Client
from monitor_service.feeds.live.book_sync import BookSync, Difference
from monitor_service.feeds.live.sink import Sink
from schemas.deployment import Exchange
from schemas.units import NS_PER_MS

SYMBOLS_PER_CONNECTION = 200
STREAMS_PER_MESSAGE = 100
MESSAGE_INTERVAL_S = 0.25
"""The venue takes five messages a second of a connection."""
SILENCE_S_MAX = 10.0
SNAPSHOT_LEVELS = 500
SNAPSHOT_INTERVAL_S = 0.05
"""Weight 25 each: 100 symbols in five seconds, in less than half of a minute's weight."""
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STREAM_URLS = {
    "binance": "wss://stream.binance.com:9443/stream",
    "binanceusdm": "wss://fstream.binance.com/stream",
}

logger = structlog.get_logger()


class BinanceSource:
    """Keeps connections to all symbols, and their books in order."""

    def __init__(self, exchange: Exchange, client: Client, sink: Sink) -> None:
        self._client = client
        self._sink = sink
        self._is_futures = exchange.id == "binanceusdm"
        self._url = _STREAM_URLS[exchange.id] if exchange.url is None else _sandbox_url(exchange.url)
        self._by_id: dict[str, str] = {client.market_id(symbol): symbol for symbol in exchange.symbols}
        self._books = {symbol: BookSync(is_futures=self._is_futures) for symbol in exchange.symbols}
        self._wanted: asyncio.Queue[str] = asyncio.Queue()
        """Symbols that need a snapshot."""
        self._is_wanted: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        ids = list(self._by_id)
        groups = [ids[i : i + SYMBOLS_PER_CONNECTION] for i in range(0, len(ids), SYMBOLS_PER_CONNECTION)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._snapshots())
            for group in groups:
                tasks.create_task(self._keep(group))

    async def _keep(self, ids: Sequence[str]) -> None:
        """One connection, made again whenever it ends."""
        failures = 0
        while True:
            try:
                async with aiohttp.ClientSession() as session:
                    await self._follow(session, ids)
                reason = "the venue closed the connection"
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                reason = f"{type(error).__name__}: {error}"
            logger.warning("market_stream_broke", symbols=len(ids), because=reason)
            for market_id in ids:
                self._lose(self._by_id[market_id], reason)
            pause_s = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
            failures = failures + 1 if any(not self._books[self._by_id[i]].is_synced for i in ids) else 0
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311  so that not all come at once

    async def _follow(self, session: aiohttp.ClientSession, ids: Sequence[str]) -> None:
        async with session.ws_connect(self._url, heartbeat=SILENCE_S_MAX / 2, max_msg_size=0) as socket:
            subscribing = asyncio.create_task(self._subscribe(socket, ids))
            try:
                while True:
                    message = await socket.receive(timeout=SILENCE_S_MAX)
                    if message.type != aiohttp.WSMsgType.TEXT:
                        return
                    self.take(message.data)
            finally:
                subscribing.cancel()
                await asyncio.gather(subscribing, return_exceptions=True)

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse, ids: Sequence[str]) -> None:
        names = [f"{each.lower()}@{kind}" for each in ids for kind in ("depth@100ms", "trade")]
        for number, begin in enumerate(range(0, len(names), STREAMS_PER_MESSAGE), start=1):
            part = names[begin : begin + STREAMS_PER_MESSAGE]
            request = {"method": "SUBSCRIBE", "params": part, "id": number}
            await socket.send_str(orjson.dumps(request).decode())
            await asyncio.sleep(MESSAGE_INTERVAL_S)

    def take(self, frame: str | bytes) -> None:
        """One frame of a connection. What cannot be read is refused, and ends nothing."""
        try:
            message = orjson.loads(frame)
            event = message.get("data", message)
            kind = event.get("e")
            if kind == "depthUpdate":
                self._take_depth(event)
            elif kind == "trade":
                self._take_trade(event)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            self._sink.malformed(frame)

    def _take_trade(self, event: Mapping[str, Any]) -> None:
        symbol = self._by_id[event["s"]]
        side = "sell" if event["m"] else "buy"
        time_ns = int(event["T"]) * NS_PER_MS
        self._sink.trade(symbol, event["p"], event["q"], side, str(event["t"]), time_ns)  # type: ignore[arg-type]

    def _take_depth(self, event: Mapping[str, Any]) -> None:
        symbol = self._by_id[event["s"]]
        book = self._books[symbol]
        difference = Difference(event["U"], event["u"], event.get("pu"), event)
        verdict = book.see(difference)
        if verdict == "apply":
            self._apply(symbol, event)
        elif verdict == "gap":
            self._sink.gap(symbol, f"update {difference.first_id} does not follow the one before")
        if not book.is_synced:
            self._want(symbol)

    def _apply(self, symbol: str, event: Mapping[str, Any]) -> None:
        time_ns = int(event["E"]) * NS_PER_MS
        if not self._sink.book(symbol, event["b"], event["a"], time_ns, is_snapshot=False):
            self._books[symbol].lose()

    def _lose(self, symbol: str, reason: str) -> None:
        book = self._books[symbol]
        if book.is_synced:
            self._sink.gap(symbol, reason)
        book.lose()

    def _want(self, symbol: str) -> None:
        if symbol not in self._is_wanted:
            self._is_wanted.add(symbol)
            self._wanted.put_nowait(symbol)

    async def _snapshots(self) -> None:
        """Fetch snapshots one after another, so that the venue's weight lasts."""
        while True:
            symbol = await self._wanted.get()
            self._is_wanted.discard(symbol)
            if not self._books[symbol].is_synced:
                try:
                    await self._fetch(symbol)
                except Exception as error:
                    logger.warning("snapshot_failed", symbol=symbol, because=repr(error)[:300])
                    self._want(symbol)
                    await asyncio.sleep(1.0)
            await asyncio.sleep(SNAPSHOT_INTERVAL_S)

    async def _fetch(self, symbol: str) -> None:
        ask = self._client.fapiPublicGetDepth if self._is_futures else self._client.publicGetDepth
        snapshot = await ask({"symbol": self._client.market_id(symbol), "limit": SNAPSHOT_LEVELS})
        waiting = self._books[symbol].take_snapshot(int(snapshot["lastUpdateId"]))
        if waiting is None:  # older than what waits for it: the next update asks for another
            self._books[symbol].lose()
            return
        if not self._sink.book(symbol, snapshot["bids"], snapshot["asks"], None, is_snapshot=True):
            self._books[symbol].lose()
            return
        for difference in waiting:
            self._apply(symbol, difference.body)


def _sandbox_url(url: str) -> str:
    return url.replace("http", "ws", 1) + "/stream"
