"""Binance's streams: the rule of sequences, frames that nobody can read, recordings whole and with holes."""

import asyncio
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.live.binance import BinanceSource
from monitor_service.feeds.live.book_sync import BookSync, Difference
from monitor_service.feeds.live.sink import Sink

from runtime.exchange.request_budget import RequestBudget
from schemas.config import Config
from schemas.deployment import ExchangeSettings
from schemas.market import Book, FeedBook, FeedInstrument, FeedRefused, FeedTrade, Refusal
from schemas.venues import VENUES, VenueId
from tests.kit.messages import feed_instrument

SYMBOL = "BTC/USDT"
EXCHANGE = ExchangeSettings(symbols=(SYMBOL,))


class Client:
    """Answers a question for a snapshot with the one at hand."""

    def __init__(self) -> None:
        self.snapshot: dict[str, Any] = {"lastUpdateId": 100, "bids": [["9.9", "1"]], "asks": [["10.1", "2"]]}

    def market_id(self, symbol: str) -> str:
        return symbol.replace("/", "").split(":")[0]

    async def publicGetDepth(self, query: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  its name in ccxt
        return self.snapshot

    fapiPublicGetDepth = publicGetDepth  # noqa: N815


class Feed:
    """A source without a connection: frames are given by hand."""

    def __init__(self, venue: VenueId = "binance", tick: str = "0.1", lot: str = "0.001") -> None:
        self.now_ns = 1
        self.client = Client()
        self.sink = Sink(venue, lambda: self.now_ns, 1_000)
        self.sink.announce(
            feed_instrument(SYMBOL, venue=venue, tick_size=Decimal(tick), lot_size=Decimal(lot), time_ns=1)
        )
        exchange = EXCHANGE.model_copy(update={"id": venue})
        self.budget = RequestBudget(VENUES[venue], 1.0)
        self.source = BinanceSource(exchange, self.client, self.sink, self.budget)
        self.core = MonitorCore(Config())

    def depth(self, first: int, last: int, **more: Any) -> None:
        event = {"e": "depthUpdate", "E": 5, "s": "BTCUSDT", "U": first, "u": last} | more
        self.source.receive(json.dumps({"b": [["9.9", "3"]], "a": []} | event))

    def apply_snapshot(self) -> None:
        asyncio.run(self.source._fetch(SYMBOL))

    def events(self) -> list[Any]:
        taken = list(self.sink.queue)
        self.sink.queue.clear()
        return taken

    def books(self) -> list[Book]:
        outputs = [output for event in self.events() for output in self.core.on_event(event)]
        return [output for output in outputs if isinstance(output, Book)]


def test_updates_are_kept_until_the_snapshot_and_old_ones_are_dropped() -> None:
    feed = Feed()
    feed.depth(95, 98)
    feed.depth(99, 103)
    feed.depth(104, 104)
    assert [type(event) for event in feed.events()] == [FeedInstrument]
    feed.apply_snapshot()
    found = feed.events()
    assert [(event.snapshot, event.sequence) for event in found] == [(True, 1), (False, 2), (False, 3)]
    assert found[1].bid_prices == (99,)
    assert found[1].bid_sizes == (3_000,)


def test_a_gap_stops_the_book_until_a_new_snapshot() -> None:
    feed = Feed()
    feed.depth(101, 101)
    feed.apply_snapshot()
    assert [book.status for book in feed.books()][-1] == "live"
    feed.depth(103, 103)
    assert [book.status for book in feed.books()] == ["gapped"]
    feed.depth(104, 104)
    assert feed.books() == []
    feed.client.snapshot = feed.client.snapshot | {"lastUpdateId": 103}
    feed.apply_snapshot()
    assert [book.status for book in feed.books()][-1] == "live"


def test_a_snapshot_that_is_older_than_what_waits_is_not_used() -> None:
    feed = Feed()
    feed.depth(150, 151)
    feed.apply_snapshot()
    assert feed.books() == []


@pytest.mark.parametrize(
    "frame", ["", "{", "[1, 2]", "7", '{"e":"depthUpdate"}', '{"e":"trade","s":"XXX"}', "\\x00"]
)
def test_a_frame_that_nobody_can_read_is_refused_and_ends_nothing(frame: str) -> None:
    feed = Feed()
    feed.depth(101, 101)
    feed.apply_snapshot()
    feed.books()
    feed.source.receive(frame)
    assert [event.reason for event in feed.events() if isinstance(event, FeedRefused)] == ["malformed"]
    feed.depth(102, 102)
    assert [book.status for book in feed.books()] == ["live"]


def test_a_price_off_the_tick_costs_that_level_as_in_a_recording() -> None:
    feed = Feed()
    feed.depth(101, 101)
    feed.apply_snapshot()
    feed.books()
    feed.depth(102, 102, b=[["9.95", "1"], ["9.8", "3"]])
    outputs = [output for event in feed.events() for output in feed.core.on_event(event)]
    (book,) = (each for each in outputs if isinstance(each, Book))
    assert (book.status, book.bid_prices) == ("live", (99, 98))
    refused = [each for each in outputs if isinstance(each, Refusal)]
    assert [(each.reason, each.detail) for each in refused] == [
        ("off_tick", "price '9.95' is not a multiple of 0.1, a level left out")
    ]


def test_a_core_that_is_behind_costs_no_memory_and_no_book() -> None:
    feed = Feed()
    feed.depth(101, 101)
    feed.apply_snapshot()
    for number in range(102, 20_102):
        feed.depth(number, number, b=[["9.9", str(number)]])
    waiting = feed.events()
    assert len(waiting) <= 5_000
    last = waiting[-1]
    assert isinstance(last, FeedBook)
    assert last.bid_sizes[-1] == 20_101_000


def test_a_symbol_that_is_left_ends_and_its_late_frames_are_ignored() -> None:
    feed = Feed()
    feed.depth(101, 101)
    feed.apply_snapshot()
    feed.events()
    feed.source.leave("BTC/USDT")
    feed.depth(102, 102, b=[["9.95", "1"]])
    assert feed.events() == []


@given(
    sizes=st.lists(st.integers(1, 5), min_size=3, max_size=30),
    snapshot_at=st.integers(0, 20),
    lost=st.none() | st.integers(1, 29),
)
def test_spot_a_book_is_synced_exactly_while_nothing_is_missing(
    sizes: list[int], snapshot_at: int, lost: int | None
) -> None:
    book = BookSync(is_futures=False)
    last_id, applied_to = 1_000, None
    for index, size in enumerate(sizes):
        difference = Difference(last_id + 1, last_id + size, None, None)
        last_id += size
        if index != lost:
            verdict = book.advance(difference)
            assert (verdict == "gap") == (applied_to is not None and applied_to + 1 != difference.first_id)
            applied_to = difference.last_id if verdict == "apply" else None
        if index == snapshot_at:
            waiting = book.apply_snapshot(last_id)
            assert waiting == []
            applied_to = last_id
    assert book.is_synced == (applied_to is not None)


def frames(path: Path) -> Iterator[tuple[int, str]]:
    with gzip.open(path, "rt") as file:
        for line in file:
            received_ns, _, text = line.partition(" ")
            yield int(received_ns), text


RAW = (
    ("binance_spot/btcusdt_*.gz", "binance", "0.01", "0.00001"),
    ("binance_usdm/btcusdt_20240808.gz", "binanceusdm", "0.1", "0.001"),
)


class Replayed:
    """A recording through the decoder and the core, with some of its depth updates left out."""

    def __init__(
        self, paths: list[Path], venue: VenueId, tick: str, lot: str, lost: frozenset[int] = frozenset()
    ) -> None:
        feed = Feed(venue, tick, lot)
        self.statuses: list[str] = []
        self.refused: list[str] = []
        self.trades = 0
        self.agreed = self.differed = 0
        depths = 0
        last_id = 0
        best: tuple[Decimal, Decimal] | None = None
        for received_ns, text in chain.from_iterable(map(frames, paths)):
            feed.now_ns = received_ns
            message = json.loads(text)
            event = message.get("data", message)
            if "lastUpdateId" in event:
                feed.client.snapshot = event
                feed.apply_snapshot()
            elif event.get("e") == "depthUpdate":
                depths += 1
                last_id = event["u"]
                if depths not in lost:
                    feed.source.receive(text)
            elif event.get("e") == "trade":
                feed.source.receive(text)
            for output in self._outputs(feed):
                self.statuses.append(output.status)
                if output.status == "live":
                    best = (Decimal(output.bid_prices[0]), Decimal(output.ask_prices[0]))
            if event.get("u") == last_id and "A" in event and best is not None:
                self._compare(event, best, Decimal(tick))

    def _outputs(self, feed: Feed) -> list[Book]:
        books = []
        for event in feed.events():
            self.trades += isinstance(event, FeedTrade)
            if isinstance(event, FeedRefused):
                self.refused.append(event.reason)
            books += [output for output in feed.core.on_event(event) if isinstance(output, Book)]
        return books

    def _compare(self, ticker: dict[str, Any], best: tuple[Decimal, Decimal], tick: Decimal) -> None:
        stated = (Decimal(ticker["b"]) / tick, Decimal(ticker["a"]) / tick)
        if stated == best:
            self.agreed += 1
        else:
            self.differed += 1


@pytest.mark.recorded
@pytest.mark.slow
@pytest.mark.parametrize(("name", "venue", "tick", "lot"), RAW)
def test_a_recorded_day_has_no_gap_and_its_best_prices_are_the_venues(
    recordings: Path, name: str, venue: VenueId, tick: str, lot: str
) -> None:
    paths = sorted((recordings.parent / "raw").glob(name))
    run = Replayed(paths, venue, tick, lot)
    assert run.refused == []
    assert len(run.statuses) > 500
    assert set(run.statuses) == {"live"}
    assert run.trades > 500
    assert run.differed == 0


@pytest.mark.recorded
@pytest.mark.slow
def test_a_hole_in_a_recorded_day_is_found_at_the_next_update(recordings: Path) -> None:
    path = recordings.parent / "raw" / "binance_spot" / "btcusdt_20240808.gz"
    run = Replayed([path], "binance", "0.01", "0.00001", lost=frozenset({300}))
    assert run.refused == ["delta_after_gap"]
    assert run.statuses[-1] == "gapped"
    assert len(run.statuses) < 320


@given(
    sizes=st.lists(st.integers(1, 5), min_size=4, max_size=30),
    joined=st.integers(0, 29),
    switched=st.integers(0, 29),
    is_futures=st.booleans(),
    merges=st.booleans(),
)
def test_a_second_connection_takes_over_without_a_hole(
    sizes: list[int], joined: int, switched: int, is_futures: bool, merges: bool
) -> None:
    """It began when the first still worked; on spot its updates may begin and end elsewhere."""
    book = BookSync(is_futures=is_futures)
    first_id, updates = 101, []
    for size in sizes:
        updates.append(Difference(first_id, first_id + size - 1, first_id - 1, None))
        first_id += size
    book.apply_snapshot(100)
    book.advance(Difference(95, 100, 94, None))
    switched = 1 + switched % (len(updates) - 2)
    joined %= switched + 1
    assert all(book.advance(update) == "apply" for update in updates[:switched])
    kept = updates[joined:]
    if merges and not is_futures:
        pairs = zip(kept[::2], kept[1::2], strict=False)
        kept = [Difference(one.first_id, two.last_id, None, None) for one, two in pairs]
    assert book.reaches(kept[0].first_id)
    book.rejoin()
    verdicts = [book.advance(update) for update in kept]
    assert "gap" not in verdicts
    assert book.is_synced
    assert verdicts == sorted(verdicts, reverse=True)  # old ones first, then all of the others
    assert not book.reaches(kept[-1].last_id + 2)


def test_two_connections_bring_a_trade_once_and_one_that_broke_forgets_what_it_had() -> None:
    feed = Feed()
    trade = {"e": "trade", "s": "BTCUSDT", "t": 7, "p": "10.0", "q": "1", "m": True, "T": 5}
    feed.source.receive(json.dumps(trade))
    feed.source.receive(json.dumps(trade))
    feed.source.receive(json.dumps(trade | {"t": 8}))
    assert [event.trade_id for event in feed.events() if isinstance(event, FeedTrade)] == ["7", "8"]
    feed.source.lose(["BTCUSDT"], "broke")
    feed.source.receive(json.dumps(trade | {"t": 3}))
    assert [event.trade_id for event in feed.events() if isinstance(event, FeedTrade)] == ["3"]


def test_what_another_connection_begins_with_is_read_from_its_frames() -> None:
    feed = Feed()
    feed.depth(101, 103)
    feed.apply_snapshot()
    frame = json.dumps({"data": {"e": "depthUpdate", "s": "BTCUSDT", "U": 105, "u": 106}})
    assert feed.source.first_ids(frame) == {SYMBOL: 105}
    assert feed.source.first_ids('{"e": "trade"}') == feed.source.first_ids("[") == {}
    assert not feed.source.overlaps({SYMBOL: 105})
    assert feed.source.overlaps({SYMBOL: 104})


def test_a_refused_connection_holds_back_every_request_for_as_long_as_the_venue_says() -> None:
    feed = Feed()
    assert feed.source.observe_refusal(404, {}) == 0
    assert feed.source.observe_refusal(418, {"Retry-After": "30"}) == pytest.approx(30, abs=1)
    assert not feed.budget.may_send("cancel", "cancel")
