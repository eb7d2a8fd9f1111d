"""The live feed: connects in the background, announces the contracts, and hands on what its source brings."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from chassis.errors import ConfigError
from chassis.exchanges import make_client
from chassis.process import AdapterContext
from chassis.text import nearest
from monitor_service.feeds.live.binance import BinanceSource
from monitor_service.feeds.live.contracts import announce_market
from monitor_service.feeds.live.sink import Sink
from monitor_service.feeds.live.unified import UnifiedSource
from schemas.message import Event

NEVER_NS = 1 << 62
_RETRY_S = 2.0
_TAKEN_MAX = 500
"""Events of one turn: what decides on them is not to wait for long."""
_NATIVE = frozenset({"binance", "binanceusdm"})

logger = structlog.get_logger()


class LiveFeed:
    """A NetworkAdapter of the chassis."""

    def __init__(self, context: AdapterContext) -> None:
        self._config = context.config
        exchange = context.config.exchange
        served = tuple(symbol for symbol in exchange.symbols if context.serves(f"{exchange.id}:{symbol}"))
        self._exchange = exchange.model_copy(update={"symbols": served})
        self._now_ns = context.now_ns
        self._sink = Sink(self._exchange.id, context.now_ns)
        self._client = make_client(self._exchange)
        self._task: asyncio.Task[None] | None = None

    async def open(self, wake: Callable[[], None]) -> None:
        """Begin to connect."""
        self._sink.wake = wake
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await self._client.load_markets()
                break
            except Exception as error:
                logger.warning("exchange_away", because=repr(error)[:300])
                await asyncio.sleep(_RETRY_S)
        self._announce_all()
        refreshing = asyncio.create_task(self._refresh())
        try:
            await self._source().run()
        finally:
            refreshing.cancel()

    async def _refresh(self) -> None:
        """A venue changes its filters while it trades; what was announced stays where it does not answer."""
        while True:
            await asyncio.sleep(self._exchange.contracts_interval_s)
            try:
                await self._client.load_markets(True)
                self._announce_all()
            except Exception as error:
                logger.warning("contracts_unchanged", because=repr(error)[:300])

    def _announce_all(self) -> None:
        for symbol in self._exchange.symbols:
            self._announce(symbol)

    def _announce(self, symbol: str) -> None:
        market = self._client.markets.get(symbol)
        if market is None:
            known = nearest(symbol, self._client.markets)
            raise ConfigError(f"exchange.symbols: {self._exchange.id} has no {symbol}{known}")
        self._sink.announce(announce_market(market, self._config, self._now_ns()))

    def _source(self) -> BinanceSource | UnifiedSource:
        if self._exchange.market_data == "native" and self._exchange.id in _NATIVE:
            return BinanceSource(self._exchange, self._client, self._sink)
        config = self._config.model_copy(update={"exchange": self._exchange})
        return UnifiedSource(config, self._client, self._sink)

    @property
    def wants_commit(self) -> bool:
        """A feed does nothing to the outside."""
        return False

    def committed(self) -> None:
        """Nothing waits for it."""

    def on_event(self, event: Event) -> None:
        """A feed hears nothing."""

    def next_due_ns(self) -> int | None:
        """When the oldest event came. Raises what ended the feed."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
        return self._sink.queue[0].event_time_ns if self._sink.queue else NEVER_NS

    def take_due(self, now_ns: int) -> Iterable[Event]:
        """Events received up to then."""
        taken: list[Event] = []
        queue = self._sink.queue
        while queue and queue[0].event_time_ns <= now_ns and len(taken) < _TAKEN_MAX:
            taken.append(queue.popleft())
        return taken

    def close(self) -> None:
        """Nothing more is handed on."""
        self._sink.queue.clear()

    async def aclose(self) -> None:
        """End the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.close()
