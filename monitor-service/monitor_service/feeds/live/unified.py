"""Any exchange through ccxt: one task a symbol, so that a gap of one book concerns no other."""

import asyncio
from typing import Any

import structlog

from chassis.exchanges import Client
from monitor_service.feeds.live.sink import Sink
from schemas.config import Config
from schemas.units import NS_PER_MS

SILENCE_S_MAX = 30.0
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_TRADES_KEPT = 1_000

logger = structlog.get_logger()


class UnifiedSource:
    """Books as snapshots of the best levels whenever they change, and trades."""

    def __init__(self, config: Config, client: Client, sink: Sink) -> None:
        self._symbols = config.exchange.symbols
        self._levels = config.market_data.book_levels
        self._client = client
        self._sink = sink
        self._seen: dict[str, dict[str, None]] = {symbol: {} for symbol in self._symbols}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for symbol in self._symbols:
                tasks.create_task(self._keep(symbol, self._books))
                tasks.create_task(self._keep(symbol, self._trades))

    async def _keep(self, symbol: str, follow: Any) -> None:
        failures = 0
        while True:
            try:
                await follow(symbol)
            except Exception as error:
                logger.warning("market_stream_broke", symbol=symbol, because=repr(error)[:300])
                if follow == self._books:
                    self._sink.gap(symbol, repr(error)[:200])
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1

    async def _books(self, symbol: str) -> None:
        """ccxt changes its book in place, so what is kept is a copy."""
        before: Any = None
        while True:
            async with asyncio.timeout(SILENCE_S_MAX):
                book = await self._client.watch_order_book(symbol)
            best = ([level[:2] for level in book["bids"][: self._levels]],
                    [level[:2] for level in book["asks"][: self._levels]])  # fmt: skip
            if best != before:
                before = best
                time_ms = book.get("timestamp")
                time_ns = None if time_ms is None else int(time_ms) * NS_PER_MS
                self._sink.book(symbol, *best, time_ns, is_snapshot=True)

    async def _trades(self, symbol: str) -> None:
        while True:
            for trade in await self._client.watch_trades(symbol):
                self._take(symbol, trade)

    def _take(self, symbol: str, trade: Any) -> None:
        """ccxt hands out trades again that it has handed out before."""
        seen, trade_id = self._seen[symbol], str(trade["id"])
        if trade_id in seen:
            return
        seen[trade_id] = None
        if len(seen) > _TRADES_KEPT:
            del seen[next(iter(seen))]
        time_ns = None if trade.get("timestamp") is None else int(trade["timestamp"]) * NS_PER_MS
        self._sink.trade(symbol, trade["price"], trade["amount"], trade.get("side"), trade_id, time_ns)
