"""The source for any exchange, over OKX as it was recorded: ccxt itself reads the messages."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import ccxt.pro
import pytest
from monitor_service.feeds.live.contracts import announce_market
from monitor_service.feeds.live.sink import Sink
from monitor_service.feeds.live.unified import UnifiedSource

from schemas.config import Config
from schemas.market import FeedBook, FeedRefused, FeedTrade
from tests.conftest import RECORDINGS
from tests.servers.local import PATIENCE_S

FOLDER = RECORDINGS.parent / "raw" / "ws"
SYMBOL, LEVELS = "BTC/USDT", 20
CONFIG = Config.model_validate({"feed": {"kind": "live"}, "exchange": {"id": "okx", "symbols": [SYMBOL]}})
Levels = dict[Decimal, Decimal]

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"{FOLDER} is not there")


def recorded(channel: str) -> Iterator[dict[str, Any]]:
    """Messages of a channel, in order."""
    with gzip.open(FOLDER / "OKX.ws.1.0.gz", "rt") as lines:
        for line in lines:
            _, _, body = line.partition(": ")
            message = json.loads(body) if body.startswith("{") else {}
            about = message.get("arg") or {}
            if (about.get("channel"), about.get("instId")) == (channel, "BTC-USDT") and "data" in message:
                yield message


class Replayed(ccxt.pro.okx):  # type: ignore[misc]
    """ccxt's own class; its websocket is the recording."""

    def begin(self, books: list[dict[str, Any]]) -> None:
        with gzip.open(FOLDER / "OKX.0.gz", "rt") as lines:
            spot = next(line for line in lines if "instType=SPOT" in line)
        self.set_markets(self.parse_markets(json.loads(spot.partition(": ")[2])["data"]))
        self.books, self.tape = iter(books), recorded("trades")
        self.ended = asyncio.Event()

    async def _next(self, messages: Iterator[dict[str, Any]]) -> None:
        message = next(messages, None)
        if message is None:
            self.ended.set()
            await asyncio.Event().wait()
        client = self.client("wss://recorded")
        client.subscriptions[f"books:{SYMBOL}"] = True
        self.handle_message(client, message)
        if client.rejections:  # where ccxt puts what it found wrong with a message
            raise client.rejections.popitem()[1]

    async def watch_order_book(self, symbol: str, *_: Any) -> Any:
        await self._next(self.books)
        return self.orderbooks[symbol]

    async def watch_trades(self, symbol: str, *_: Any) -> Any:
        await self._next(self.tape)
        return list(self.trades[symbol])


def followed(books: list[dict[str, Any]]) -> list[Any]:
    """All that the source brings, from the first message to the last."""

    async def run() -> list[Any]:
        client = Replayed()
        client.begin(books)
        sink = Sink("okx", lambda: 0, 1_000)
        sink.announce(announce_market(client.market(SYMBOL), CONFIG, 0))
        following = asyncio.create_task(UnifiedSource(CONFIG, client, sink).run())
        await asyncio.wait_for(client.ended.wait(), PATIENCE_S)
        await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await client.close()
        return list(sink.queue)

    return asyncio.run(run())


def best(levels: Levels, *, is_bid: bool) -> list[tuple[int, int]]:
    """In ticks of 0.1 and lots of 0.00000001."""
    ordered = sorted(levels.items(), reverse=is_bid)[:LEVELS]
    return [(int(price / Decimal("0.1")), int(size / Decimal("0.00000001"))) for price, size in ordered]


def rebuilt(messages: list[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """The best levels after each message, by the plainest reading of the protocol."""
    sides: dict[str, Levels] = {"bids": {}, "asks": {}}
    for message in messages:
        if message["action"] == "snapshot":
            sides = {"bids": {}, "asks": {}}
        for name, levels in sides.items():
            for price, size, *_ in message["data"][0][name]:
                if Decimal(size):
                    levels[Decimal(price)] = Decimal(size)
                else:
                    levels.pop(Decimal(price), None)
        yield best(sides["bids"], is_bid=True), best(sides["asks"], is_bid=False)


def test_books_are_those_of_the_recording() -> None:
    messages = list(recorded("books"))
    expected: list[tuple[Any, Any]] = []
    for state in rebuilt(messages):
        if not expected or expected[-1] != state:
            expected.append(state)
    seen = [event for event in followed(messages) if isinstance(event, FeedBook)]
    found = [
        (
            list(zip(event.bid_prices, event.bid_sizes, strict=True)),
            list(zip(event.ask_prices, event.ask_sizes, strict=True)),
        )
        for event in seen
    ]
    assert len(expected) > 50
    assert found == expected
    assert all(event.snapshot for event in seen)


def test_each_trade_comes_once_with_the_takers_side() -> None:
    trades = [event for event in followed(list(recorded("books"))) if isinstance(event, FeedTrade)]
    raw = [trade for message in recorded("trades") for trade in message["data"]]
    assert [trade.trade_id for trade in trades] == [each["tradeId"] for each in raw]
    assert [trade.side for trade in trades] == [each["side"] for each in raw]
    assert [trade.exchange_time_ns for trade in trades] == [int(each["ts"]) * 10**6 for each in raw]


def test_a_book_that_lost_an_update_is_a_gap() -> None:
    """The recording is older than OKX's sequence numbers: it gets the ones that it would have today."""
    messages = list(islice(recorded("books"), 6))
    for number, message in enumerate(messages):
        message["data"][0] |= {"seqId": number, "prevSeqId": number - 1}
    assert not any(isinstance(event, FeedRefused) for event in followed(messages))
    del messages[4]
    events = followed(messages)
    assert [event.event_type for event in events if isinstance(event, FeedRefused)] == ["book"]
    assert "InvalidNonce" in next(event for event in events if isinstance(event, FeedRefused)).detail
