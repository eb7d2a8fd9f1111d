"""The live feed: connects in the background, announces contracts, and passes on its source's events."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from monitor_service.feeds.live.binance import BinanceSource
from monitor_service.feeds.live.contracts import announce_market
from monitor_service.feeds.live.fee_rate import FeeRateWatch, fee_market
from monitor_service.feeds.live.sink import Sink
from monitor_service.feeds.live.unified import UnifiedSource
from monitor_service.feeds.started import NEVER_NS, Started, StartedSymbols, elsewhere
from runtime.config.known_symbols import check_known
from runtime.errors import ConfigError
from runtime.exchange.clients import make_client
from runtime.exchange.shared_budgets import shared_budget
from runtime.process.definition import AdapterContext
from runtime.text import nearest
from schemas.market import SymbolRemoved
from schemas.message import Event
from schemas.process import TopicLag

_RETRY_S = 2.0
_NATIVE = frozenset({"binance", "binanceusdm"})

logger = structlog.get_logger()


class LiveFeed:
    """A NetworkAdapter of the runtime."""

    def __init__(self, context: AdapterContext) -> None:
        self._config = context.config
        self._serves = context.serves
        exchange = context.config.exchange
        served = tuple(symbol for symbol in exchange.symbols if context.serves(f"{exchange.id}:{symbol}"))
        self._exchange = exchange.model_copy(update={"symbols": served})
        self._followed = dict.fromkeys(f"{exchange.id}:{symbol}" for symbol in served)
        self._started = StartedSymbols(context.carried, context.serves)
        self._source: BinanceSource | UnifiedSource | None = None
        """None: the exchange has not been reached yet."""
        self._now_ns = context.now_ns
        self._sink = Sink(self._exchange.id, context.now_ns, context.config.market_data.lag_ms_max)
        self._budget = shared_budget(self._exchange)
        self._client = make_client(self._exchange, budget=self._budget, purpose="feed")
        self._task: asyncio.Task[None] | None = None

    async def open(self, wake: Callable[[], None]) -> None:
        """Start connecting."""
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
        self._leave_out(self._started.removed())
        self._announce_all()
        check_known(self._config, [f"{self._exchange.id}:{symbol}" for symbol in self._client.markets])
        beside = [asyncio.create_task(self._refresh())]
        market = fee_market(self._config, self._client.markets)
        if market is not None and self._serves(f"{self._exchange.id}:{market.symbol}"):
            beside.append(asyncio.create_task(FeeRateWatch(market, self._client, self._sink).run()))
        self._source = self._make_source()
        self._follow_started()
        try:
            await self._source.run()
        finally:
            for task in beside:
                task.cancel()

    async def _refresh(self) -> None:
        """A venue changes filters while it trades; without an answer the announced ones stay."""
        while True:
            await asyncio.sleep(self._exchange.contracts_interval_s)
            try:
                await self._client.load_markets(True)
                self._announce_all()
            except Exception as error:
                logger.warning("contracts_unchanged", because=repr(error)[:300])

    def _announce_all(self) -> None:
        for key in self._followed:
            self._announce(key.partition(":")[2])

    def _announce(self, symbol: str) -> None:
        """Raises ConfigError for a symbol that cannot be followed."""
        market = self._client.markets.get(symbol)
        if market is None:
            known = nearest(symbol, self._client.markets)
            raise ConfigError(f"exchange.symbols: {self._exchange.id} has no {symbol}{known}")
        self._sink.announce(announce_market(market, self._config, self._now_ns()))

    def _leave_out(self, keys: Iterable[str]) -> None:
        """These are not followed, or no longer; their streams are closed."""
        for key in keys:
            if self._followed.pop(key, ...) is not ... and self._source is not None:
                self._source.leave(key.partition(":")[2])
        symbols = tuple(key.partition(":")[2] for key in self._followed)
        self._exchange = self._exchange.model_copy(update={"symbols": symbols})

    def _follow_started(self) -> None:
        """Open symbols that operators started beyond the configuration, or report why they cannot be."""
        for started in self._started.pop_new(self._followed):
            try:
                self._follow(started)
            except (ConfigError, LookupError, TypeError, ValueError) as error:  # for any market name
                because = str(error).removeprefix("exchange.symbols: ")
                self._sink.refuse(started.refused(self._now_ns(), because))

    def _follow(self, started: Started) -> None:
        because = elsewhere(started, self._exchange.id)
        if because is not None:
            raise ConfigError(because)
        self._announce(started.symbol)
        self._followed[started.key] = None
        if self._source is not None:
            self._source.follow(started.symbol)

    def _make_source(self) -> BinanceSource | UnifiedSource:
        if self._exchange.market_data == "native" and self._exchange.id in _NATIVE:
            return BinanceSource(self._exchange, self._client, self._sink, self._budget)
        config = self._config.model_copy(update={"exchange": self._exchange})
        return UnifiedSource(config, self._client, self._sink)

    @property
    def wants_commit(self) -> bool:
        """A feed has no effect on the outside."""
        return False

    def committed(self) -> None:
        """Nothing depends on it."""

    def on_event(self, event: Event) -> None:
        """A feed acts on symbols that operators start or remove."""
        if isinstance(event, SymbolRemoved):
            self._leave_out((event.key,))
        elif self._source is not None and self._started.may_follow(event):
            self._follow_started()

    def next_due_ns(self) -> int | None:
        """When the oldest event was received. Raises the error that ended the feed."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
        head_ns = self._sink.queue.head_ns
        return NEVER_NS if head_ns is None else head_ns

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """Events received up to then; when the engine is late, of every symbol its newest book."""
        return self._sink.queue.pop_due(now_ns)

    def lag(self, now_ns: int) -> TopicLag:
        """See MeasuresLag."""
        return self._sink.queue.lag(now_ns)

    def close(self) -> None:
        """Nothing more is passed on."""
        self._sink.queue.clear()

    async def aclose(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.close()
