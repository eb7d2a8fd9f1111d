"""Binance's websocket streams, decoded here: a third of ccxt's work per message."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import structlog

from monitor_service.feeds.live.book_sync import BookSync, Difference
from monitor_service.feeds.live.lines import Lines
from monitor_service.feeds.live.sink import Sink
from runtime.exchange.clients import Client
from runtime.exchange.request_budget import RequestBudget
from schemas.deployment import ExchangeSettings
from schemas.units import NS_PER_MS

SYMBOLS_PER_CONNECTION = 200
SNAPSHOT_LEVELS = 500
SNAPSHOT_INTERVAL_S = 0.05
"""A snapshot weighs 25: 100 symbols in five seconds use less than half of a minute's weight."""
_RETRY_S = 1.0
_STREAM_URLS = {
    "binance": "wss://stream.binance.com:9443/stream",
    "binanceusdm": "wss://fstream.binance.com/stream",
}

logger = structlog.get_logger()


class BinanceSource:
    """Maintains connections to all symbols, and their books in sequence."""

    def __init__(self, exchange: ExchangeSettings, client: Client, sink: Sink, budget: RequestBudget) -> None:
        """`client` charges its requests' weight to `budget`."""
        self._client = client
        self._sink = sink
        self._budget = budget
        self._is_futures = exchange.id == "binanceusdm"
        self._url = _STREAM_URLS[exchange.id] if exchange.url is None else _sandbox_url(exchange.url)
        self._by_id: dict[str, str] = {}
        self._left: set[str] = set()
        """Ids of symbols that are no longer followed: frames of them may still arrive."""
        self._books: dict[str, BookSync] = {}
        self._tasks: asyncio.TaskGroup | None = None
        for symbol in exchange.symbols:
            self._add(symbol)
        self._snapshots_due: asyncio.Queue[str] = asyncio.Queue()
        """Symbols that need a snapshot."""
        self._requested: set[str] = set()
        self._groups: dict[str, _Group] = {}
        """By the venue's id of a symbol: the connection that it is on."""
        self._trade_ids: dict[str, int] = {}
        """The newest trade of each symbol: overlapping connections may deliver the same."""

    async def run(self) -> None:
        """Until cancelled."""
        ids = list(self._by_id)
        groups = [ids[i : i + SYMBOLS_PER_CONNECTION] for i in range(0, len(ids), SYMBOLS_PER_CONNECTION)]
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._snapshots())
            for group in groups:
                self._connect(group, tasks)

    def follow(self, symbol: str) -> None:
        """Follow one more symbol on its own connection, leaving existing ones undisturbed."""
        market_id = self._add(symbol)
        if self._tasks is not None:
            self._connect((market_id,), self._tasks)

    def _connect(self, market_ids: Sequence[str], tasks: asyncio.TaskGroup) -> None:
        group = _Group(self, market_ids, self._url)
        self._groups |= dict.fromkeys(market_ids, group)
        group.task = tasks.create_task(group.run())

    def leave(self, symbol: str) -> None:
        """Close a symbol's streams; the others on its connection go on."""
        market_id = self._client.market_id(symbol)
        self._left.add(market_id)
        del self._by_id[market_id], self._books[symbol]
        self._trade_ids.pop(symbol, None)
        group = self._groups.pop(market_id, None)
        if group is not None:
            group.leave(market_id)

    def _add(self, symbol: str) -> str:
        market_id: str = self._client.market_id(symbol)
        self._by_id[market_id] = symbol
        self._left.discard(market_id)
        self._books[symbol] = BookSync(is_futures=self._is_futures)
        return market_id

    def receive(self, frame: str | bytes) -> None:
        """One frame of a connection. An unreadable one is refused, and ends nothing."""
        try:
            message = orjson.loads(frame)
            event = message.get("data", message)
            kind = event.get("e")
            if event.get("s") in self._left:
                return
            if kind == "depthUpdate":
                self._apply_depth(event)
            elif kind == "trade":
                self._apply_trade(event)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            self._sink.malformed(frame)

    def _apply_trade(self, event: Mapping[str, Any]) -> None:
        symbol, trade_id = self._by_id[event["s"]], int(event["t"])
        if trade_id <= self._trade_ids.get(symbol, -1):
            return
        self._trade_ids[symbol] = trade_id
        side = "sell" if event["m"] else "buy"
        time_ns = int(event["T"]) * NS_PER_MS
        self._sink.trade(symbol, event["p"], event["q"], side, str(event["t"]), time_ns)  # type: ignore[arg-type]

    def _apply_depth(self, event: Mapping[str, Any]) -> None:
        symbol = self._by_id[event["s"]]
        book = self._books[symbol]
        difference = Difference(event["U"], event["u"], event.get("pu"), event)
        verdict = book.advance(difference)
        if verdict == "apply":
            self._apply(symbol, event)
        elif verdict == "gap":
            self._sink.gap(symbol, f"update {difference.first_id} does not follow the one before")
        if not book.is_synced:
            self._request_snapshot(symbol)

    def _apply(self, symbol: str, event: Mapping[str, Any]) -> None:
        time_ns = int(event["E"]) * NS_PER_MS
        if not self._sink.book(symbol, event["b"], event["a"], time_ns, is_snapshot=False):
            self._books[symbol].lose()

    def first_ids(self, frame: str) -> dict[str, int]:
        """By symbol, the first update in a frame, which is not applied yet."""
        try:
            message = orjson.loads(frame)
            event = message.get("data", message)
            return {self._by_id[event["s"]]: int(event["U"])} if event.get("e") == "depthUpdate" else {}
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            return {}

    def overlaps(self, first_ids: Mapping[str, int]) -> bool:
        """Would updates that start with these continue the books without a gap?"""
        books = ((self._books.get(symbol), first_id) for symbol, first_id in first_ids.items())
        return all(book is None or book.reaches(first_id) for book, first_id in books)

    def rejoin(self, market_ids: Sequence[str]) -> None:
        """These symbols' next updates come from another connection."""
        for market_id in market_ids:
            self._books[self._by_id[market_id]].rejoin()

    def lose(self, market_ids: Sequence[str], reason: str) -> None:
        """No more updates arrive for these."""
        for market_id in market_ids:
            symbol = self._by_id[market_id]
            book = self._books[symbol]
            if book.is_synced:
                self._sink.gap(symbol, reason)
            book.lose()
            self._trade_ids.pop(symbol, None)

    def observe_refusal(self, status: int, headers: Mapping[str, str]) -> float:
        """The venue refused a connection: all requests pause for as long as it demands."""
        if status in {418, 429}:
            self._budget.observe(status, headers)
        return self._budget.blocked_s()

    def _request_snapshot(self, symbol: str) -> None:
        if symbol not in self._requested:
            self._requested.add(symbol)
            self._snapshots_due.put_nowait(symbol)

    async def _snapshots(self) -> None:
        """Fetch snapshots one by one, to stay within the venue's weight limit."""
        while True:
            symbol = await self._snapshots_due.get()
            self._requested.discard(symbol)
            book = self._books.get(symbol)
            if book is not None and not book.is_synced:
                try:
                    await self._fetch(symbol)
                except Exception as error:
                    logger.warning("snapshot_failed", symbol=symbol, because=repr(error)[:300])
                    self._request_snapshot(symbol)
                    await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(SNAPSHOT_INTERVAL_S)

    async def _fetch(self, symbol: str) -> None:
        ask = self._client.fapiPublicGetDepth if self._is_futures else self._client.publicGetDepth
        snapshot = await ask({"symbol": self._client.market_id(symbol), "limit": SNAPSHOT_LEVELS})
        if symbol not in self._books:
            return  # removed meanwhile
        waiting = self._books[symbol].apply_snapshot(int(snapshot["lastUpdateId"]))
        if waiting is None:  # older than the queued updates: the next one requests another
            self._books[symbol].lose()
            return
        if not self._sink.book(symbol, snapshot["bids"], snapshot["asks"], None, is_snapshot=True):
            self._books[symbol].lose()
            return
        for difference in waiting:
            self._apply(symbol, difference.body)


class _Group:
    """The symbols of one connection."""

    def __init__(self, source: BinanceSource, market_ids: Sequence[str], url: str) -> None:
        self._source = source
        self._market_ids = list(market_ids)
        self._lines = Lines(url, _streams(market_ids), self)
        self.task: asyncio.Task[None] | None = None
        self.receive = source.receive
        self.first_ids = source.first_ids
        self.overlaps = source.overlaps
        self.observe_refusal = source.observe_refusal

    async def run(self) -> None:
        """Until cancelled."""
        await self._lines.run()

    def leave(self, market_id: str) -> None:
        """Receive no more of a symbol; without any, the connection is closed."""
        self._market_ids.remove(market_id)
        if self._market_ids:
            self._lines.drop(_streams((market_id,)))
        elif self.task is not None:
            self.task.cancel()

    def rejoin(self) -> None:
        """The next updates come from another connection."""
        self._source.rejoin(self._market_ids)

    def lose(self, reason: str) -> None:
        """No more updates arrive."""
        self._source.lose(self._market_ids, reason)


def _streams(market_ids: Iterable[str]) -> list[str]:
    return [f"{each.lower()}@{kind}" for each in market_ids for kind in ("depth@100ms", "trade")]


def _sandbox_url(url: str) -> str:
    return url.replace("http", "ws", 1) + "/stream"
