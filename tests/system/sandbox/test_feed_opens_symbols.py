"""The live feed against the sandbox: people start a symbol that the configuration does not list."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.live.feed import LiveFeed

from runtime.process.definition import AdapterContext
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.control import Command
from schemas.market import Book, FeedInstrument, FeedRefused, Trade
from schemas.message import Event, SymbolEvent
from tests.servers.local import PATIENCE_S
from tests.servers.sandbox import SandboxServer


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer()
    yield server
    server.stop()


class Following:
    """A feed of BTC alone with its core, as a runner has them."""

    def __init__(self, url: str, core: MonitorCore | None = None, **exchange: Any) -> None:
        about = {"symbols": ["BTC/USDT"], "url": url, **exchange}
        config = Config.model_validate({"feed": {"kind": "live"}, "exchange": about})
        self.core = core or MonitorCore(config)
        self.feed = LiveFeed(AdapterContext(config, self.core, MemoryStore(), 0))
        self.news = asyncio.Event()
        self.inputs: list[SymbolEvent] = []
        self.outputs: list[Event] = []

    def start(self, symbol: str, command_id: str = "c-1") -> None:
        said = Command(
            event_time_ns=1,
            venue="binance",
            symbol=symbol,
            command_id=command_id,
            action="start",
            principal="ann",
            reason="",
        )
        self.core.on_event(said)
        self.feed.on_event(said)

    def is_live(self, symbol: str) -> bool:
        books = [each for each in self.outputs if isinstance(each, Book) and each.symbol == symbol]
        return bool(books) and books[-1].status == "live"

    def has_trade(self, symbol: str) -> bool:
        return any(isinstance(each, Trade) and each.symbol == symbol for each in self.outputs)

    def refused(self) -> list[FeedRefused]:
        return [each for each in self.inputs if isinstance(each, FeedRefused) and each.command_id]

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await self.news.wait()
                self.news.clear()
                while taken := list(self.feed.poll_due(1 << 62)):
                    for event in taken:
                        assert isinstance(event, SymbolEvent)
                        self.inputs.append(event)
                        self.outputs += self.core.on_event(event)


def run(following: Following, test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await following.feed.open(following.news.set)
        try:
            await test()
        finally:
            following.feed.close()
            await following.feed.aclose()

    asyncio.run(whole())


def test_a_symbol_that_the_exchange_has_is_followed_beside_the_others(sandbox: SandboxServer) -> None:
    following = Following(sandbox.url)

    async def test() -> None:
        await following.until(lambda: following.is_live("BTC/USDT"))
        following.start("ETH/USDT")
        await following.until(lambda: following.is_live("ETH/USDT"))
        await following.until(lambda: following.has_trade("ETH/USDT"))
        assert not [each for each in following.inputs if isinstance(each, FeedRefused)]  # BTC has no gap

    run(following, test)


def test_one_that_is_started_before_the_exchange_was_reached_is_followed_from_the_beginning(
    sandbox: SandboxServer,
) -> None:
    following = Following(sandbox.url)
    following.start("SOL/USDT")

    async def test() -> None:
        await following.until(lambda: following.is_live("SOL/USDT") and following.is_live("BTC/USDT"))

    run(following, test)


def test_one_that_it_does_not_have_is_refused_with_the_nearest_name(sandbox: SandboxServer) -> None:
    following = Following(sandbox.url)

    async def test() -> None:
        await following.until(lambda: following.is_live("BTC/USDT"))
        following.start("ETHH/USDT", "c-7")
        await following.until(lambda: bool(following.refused()))
        (refused,) = following.refused()
        assert refused.command_id == "c-7"
        assert "did you mean 'ETH/USDT'?" in refused.detail
        following.start("ETH/USDT", "c-8")
        await following.until(lambda: following.is_live("ETH/USDT"))

    run(following, test)


def test_a_feed_that_begins_again_follows_what_the_core_still_wants(sandbox: SandboxServer) -> None:
    first = Following(sandbox.url)
    first.start("ETH/USDT")
    second = Following(sandbox.url, first.core)

    async def test() -> None:
        await second.until(lambda: second.is_live("ETH/USDT"))
        announced = [each.symbol for each in second.inputs if isinstance(each, FeedInstrument)]
        assert announced == ["BTC/USDT", "ETH/USDT"]

    run(second, test)
