"""The live feed against the sandbox: what it asks counts, and in a ban it asks nothing."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.live.feed import LiveFeed

from runtime.exchange.request_budget import Purpose, Request, RequestBudget
from runtime.process.definition import AdapterContext
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.market import FeedBook, FeedRefused
from tests.servers.local import PATIENCE_S
from tests.servers.sandbox import SandboxServer

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
BAN_S = 3.0


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer()
    yield server
    server.stop()


class Following:
    """A feed whose events are taken as they come."""

    def __init__(self, url: str) -> None:
        self.config = Config.model_validate(
            {"feed": {"kind": "live"}, "exchange": {"symbols": list(SYMBOLS), "url": url}}
        )
        self.feed = LiveFeed(AdapterContext(self.config, MonitorCore(self.config), MemoryStore(), 0))
        self.news = asyncio.Event()
        self.events: list[Any] = []

    def snapshots(self) -> int:
        return sum(isinstance(event, FeedBook) and event.snapshot for event in self.events)

    def gaps(self) -> int:
        return sum(isinstance(event, FeedRefused) for event in self.events)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await self.news.wait()
                self.news.clear()
                while self.feed.next_due_ns() is not None and (taken := list(self.feed.poll_due(1 << 62))):
                    self.events += taken


def test_the_feed_counts_and_asks_nothing_in_a_ban(
    sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[Request, Purpose]] = []
    take = RequestBudget.acquire

    async def note(budget: RequestBudget, request: Request, purpose: Purpose) -> None:
        taken.append((request, purpose))
        await take(budget, request, purpose)

    monkeypatch.setattr(RequestBudget, "acquire", note)

    async def run() -> None:
        following = Following(sandbox.url)
        await following.feed.open(following.news.set)
        try:
            await following.until(lambda: following.snapshots() >= len(SYMBOLS))
            assert taken == [("markets", "feed"), *[("depth_500", "feed")] * len(SYMBOLS)]
            sandbox.arm("long_ban", seconds=BAN_S)
            sandbox.arm("kick_market_stream")
            await following.until(lambda: following.gaps() >= len(SYMBOLS))
            await following.until(lambda: following.snapshots() >= 2 * len(SYMBOLS))
        finally:
            following.feed.close()
            await following.feed.aclose()
        assert sandbox.call(lambda: sandbox.sandbox.limits.violations) == 1

    asyncio.run(run())
