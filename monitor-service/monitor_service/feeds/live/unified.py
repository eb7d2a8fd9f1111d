"""Any exchange through ccxt: one task per symbol, so that a gap in one book affects no other."""

import asyncio
from typing import Any

import structlog

from monitor_service.feeds.live.sink import Sink
from runtime.backoff import Backoff
from runtime.exchange.clients import Client
from schemas.config import Config
from schemas.units import NS_PER_MS

SILENCE_S_MAX = 30.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_TRADES_KEPT = 1_000

logger = structlog.get_logger()


class UnifiedSource:
    """Books as snapshots of the best levels on every change, and trades."""

    def __init__(self, config: Config, client: Client, sink: Sink) -> None:
        self._levels = config.market_data.book_levels
        self._client = client
        self._sink = sink
        self._trade_ids: dict[str, dict[str, None]] = {symbol: {} for symbol in config.exchange.symbols}
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[str, list[asyncio.Task[None]]] = {}
        """By symbol."""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for symbol in self._trade_ids:
                self._begin(symbol, tasks)

    def follow(self, symbol: str) -> None:
        """Follow one more symbol."""
        self._trade_ids[symbol] = {}
        if self._tasks is not None:
            self._begin(symbol, self._tasks)

    def _begin(self, symbol: str, tasks: asyncio.TaskGroup) -> None:
        streams = (self._books, self._trades)
        self._running[symbol] = [tasks.create_task(self._keep(symbol, each)) for each in streams]

    def leave(self, symbol: str) -> None:
        """Close a symbol's streams."""
        del self._trade_ids[symbol]
        for task in self._running.pop(symbol, ()):
            task.cancel()
        if self._tasks is not None:
            self._tasks.create_task(self._unsubscribe(symbol))

    async def _unsubscribe(self, symbol: str) -> None:
        """Where the exchange can end a subscription; nothing reads it in any case."""
        for name, end in (
            ("unWatchOrderBook", self._client.un_watch_order_book),
            ("unWatchTrades", self._client.un_watch_trades),
        ):
            if self._client.has.get(name):
                try:
                    await end(symbol)
                except Exception as error:
                    logger.warning("stream_not_closed", symbol=symbol, because=repr(error)[:300])

    async def _keep(self, symbol: str, follow: Any) -> None:
        backoff = Backoff(_BACKOFF_S)
        while True:
            try:
                await follow(symbol, backoff)
            except Exception as error:
                logger.warning("market_stream_broke", symbol=symbol, because=repr(error)[:300])
                if follow == self._books:
                    self._sink.gap(symbol, repr(error)[:200])
                await asyncio.sleep(backoff.next_s())

    async def _books(self, symbol: str, backoff: Backoff) -> None:
        """ccxt updates its book in place, so a copy is kept."""
        before: Any = None
        while True:
            async with asyncio.timeout(SILENCE_S_MAX):
                book = await self._client.watch_order_book(symbol)
            backoff.works()
            best = ([level[:2] for level in book["bids"][: self._levels]],
                    [level[:2] for level in book["asks"][: self._levels]])  # fmt: skip
            if best != before:
                before = best
                time_ms = book.get("timestamp")
                time_ns = None if time_ms is None else int(time_ms) * NS_PER_MS
                self._sink.book(symbol, *best, time_ns, is_snapshot=True)

    async def _trades(self, symbol: str, backoff: Backoff) -> None:
        while True:
            trades = await self._client.watch_trades(symbol)
            backoff.works()
            for trade in trades:
                self._receive(symbol, trade)

    def _receive(self, symbol: str, trade: Any) -> None:
        """ccxt may return trades that it has returned before."""
        known_ids, trade_id = self._trade_ids[symbol], str(trade["id"])
        if trade_id in known_ids:
            return
        known_ids[trade_id] = None
        if len(known_ids) > _TRADES_KEPT:
            del known_ids[next(iter(known_ids))]
        time_ns = None if trade.get("timestamp") is None else int(trade["timestamp"]) * NS_PER_MS
        self._sink.trade(symbol, trade["price"], trade["amount"], trade.get("side"), trade_id, time_ns)
