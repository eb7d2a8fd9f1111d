"""The synthetic market: repeatable, sound, and with the habits of a real one."""

from collections import Counter
from itertools import pairwise
from statistics import fmean, pvariance
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_service.core.book import BookState
from monitor_service.core.monitor import MonitorCore
from monitor_service.feeds.synthetic import SyntheticFeed

from schemas.config import Config
from schemas.market import Book, FeedBook, FeedInstrument, FeedTrade, Refusal
from schemas.message import Event, SymbolEvent

S = 1_000_000_000
T0 = 1_700_000_000 * S
Symbols = dict[str, dict[str, Any]]


def config(symbols: Symbols | None = None, seed: int = 1) -> Config:
    """A config whose markets are those given, BTC/USDT and ETH/USDT as they come unless said otherwise."""
    chosen = symbols or {"BTC/USDT": {}, "ETH/USDT": {}}
    usual = {each: dict(terms) for each, terms in Config().feed.symbols.items()}
    return Config.model_validate(
        {
            "feed": {"seed": seed, "symbols": {each: usual[each] | chosen[each] for each in chosen}},
        }
    )


def run(feed: SyntheticFeed, seconds: float) -> list[SymbolEvent]:
    """All events of the first seconds, each taken when it is due."""
    events: list[SymbolEvent] = []
    due_ns = feed.next_due_ns()
    while due_ns is not None and due_ns <= T0 + seconds * S:
        for event in feed.poll_due(due_ns):
            assert isinstance(event, SymbolEvent)
            events.append(event)
        later_ns = feed.next_due_ns()
        assert later_ns is not None
        assert later_ns >= due_ns
        due_ns = later_ns
    return events


def market(seconds: float, symbols: Symbols | None = None, seed: int = 1) -> list[SymbolEvent]:
    return run(SyntheticFeed(config(symbols, seed), T0), seconds)


def btc(**terms: Any) -> Symbols:
    return {"BTC/USDT": terms}


def test_a_market_that_moves_once_a_minute_keeps_its_spread() -> None:
    """A whole day of it: the spread's memory is 5 s, so each update finds it forgotten."""
    sparse = market(86_400, btc(updates_per_s=1 / 60, trades_per_s=1 / 60))
    touches = [
        (min(book.ask_prices) - max(book.bid_prices)) / max(book.bid_prices)
        for book in sparse
        if isinstance(book, FeedBook) and book.snapshot
    ]
    usual = Config().feed.symbols["BTC/USDT"].spread_bps / 10_000
    assert len(touches) > 500
    assert usual / 5 < min(touches) <= max(touches) < usual * 10


def test_the_same_seed_gives_the_same_events() -> None:
    assert market(30, seed=5) == market(30, seed=5)


def test_another_seed_gives_other_events() -> None:
    assert market(10, seed=5) != market(10, seed=6)


def test_a_market_does_not_depend_on_the_others() -> None:
    together = [each for each in market(20) if each.symbol == "BTC/USDT"]
    assert together == market(20, btc())


def test_it_opens_with_every_instrument_and_its_whole_book() -> None:
    feed = SyntheticFeed(config(), T0)
    assert feed.next_due_ns() == T0
    opening = list(feed.poll_due(T0))
    assert [type(each) for each in opening] == [FeedInstrument, FeedBook, FeedInstrument, FeedBook]
    assert {each.event_time_ns for each in opening} == {T0}
    assert all(each.snapshot for each in opening if isinstance(each, FeedBook))


def test_an_event_is_not_taken_before_its_time() -> None:
    feed = SyntheticFeed(config(), T0)
    feed.poll_due(T0)
    due_ns = feed.next_due_ns()
    assert due_ns is not None
    assert list(feed.poll_due(due_ns - 1)) == []
    feed.on_event(Event(event_time_ns=T0))
    assert all(each.event_time_ns == due_ns for each in feed.poll_due(due_ns))
    feed.close()


def test_without_symbols_nothing_is_ever_due() -> None:
    feed = SyntheticFeed(Config.model_validate({"feed": {"symbols": {}}}), T0)
    assert feed.next_due_ns() is None
    assert list(feed.poll_due(T0)) == []


def test_times_of_a_market_rise_and_sequences_have_no_gap() -> None:
    events = market(90, btc())
    times = [each.event_time_ns for each in events]
    assert times == sorted(times)
    sequences = [each.sequence for each in events if isinstance(each, FeedBook)]
    assert sequences == list(range(1, len(sequences) + 1))


def test_trade_ids_are_used_once_and_differ_between_runs() -> None:
    ids = [each.trade_id for each in market(120, btc()) if isinstance(each, FeedTrade)]
    assert len(ids) == len(set(ids)) > 20
    later = run(SyntheticFeed(config(btc()), T0 - S), 120)
    assert not set(ids) & {each.trade_id for each in later if isinstance(each, FeedTrade)}


SEEDS = st.integers(0, 10_000)


@settings(max_examples=8)
@given(seed=SEEDS)
def test_no_seed_makes_a_crossed_book_or_a_refusal(seed: int) -> None:
    core = MonitorCore(config(seed=seed))
    for event in market(20, seed=seed):
        for said in core.on_event(event):
            assert not isinstance(said, Refusal)
            if isinstance(said, Book):
                assert said.status == "live"
                assert said.bid_prices[0] < said.ask_prices[0]


@pytest.mark.parametrize(
    "terms",
    [
        {"price": "0.5", "spread_bps": 300.0},
        {"price": "0.1", "trades_per_s": 50.0},
        {"volatility_bps": 50.0},
        {"spread_bps": 0.001},
        {"depth_notional": 0.001, "trades_per_s": 20.0},
        {"updates_per_s": 0.2, "trades_per_s": 5.0},
    ],
)
def test_extreme_markets_are_sound_too(terms: dict[str, Any]) -> None:
    book = BookState()
    for event in market(30, btc(**terms)):
        if isinstance(event, FeedBook):
            assert book.accept(event) is None
            assert book.status == "live"
        elif isinstance(event, FeedTrade):
            assert event.price_ticks > 0
            assert event.size_lots > 0


def test_each_snapshot_finds_the_book_as_it_says() -> None:
    book, compared = BookState(), 0
    for event in market(200, btc(updates_per_s=3.0)):
        if not isinstance(event, FeedBook):
            continue
        if event.snapshot and book.status != "building":
            assert book.best_bids(1_000)[0] == tuple(sorted(event.bid_prices, reverse=True))
            assert book.bids.sizes == dict(zip(event.bid_prices, event.bid_sizes, strict=True))
            assert book.asks.sizes == dict(zip(event.ask_prices, event.ask_sizes, strict=True))
            compared += 1
        assert book.accept(event) is None
    assert compared == 3, "one a minute"


@pytest.mark.parametrize("spread_bps", [4.0, 20.0, 50.0])
def test_the_spread_stays_around_its_setting(spread_bps: float) -> None:
    book, spreads, widths = BookState(), [], Counter[int]()
    for event in market(600, btc(spread_bps=spread_bps)):
        if isinstance(event, FeedBook):
            assert book.accept(event) is None
            bid, ask = book.bids.prices[-1], book.asks.prices[0]
            spreads.append((ask - bid) / (ask + bid) * 2 * 10_000)
            widths[ask - bid] += 1
    assert spread_bps / 2 < fmean(spreads) < spread_bps * 2
    assert len(widths) > 50, "it wanders, and does not jump between regimes alone"


def test_takers_trade_at_the_touch_of_their_side() -> None:
    book, sides = BookState(), Counter[str]()
    took_from: tuple[int, str] | None = None
    for event in market(300, btc()):
        if isinstance(event, FeedBook):
            book.accept(event)
            took_from = None
        elif isinstance(event, FeedTrade):
            assert event.side is not None
            sides[event.side] += 1
            if took_from is None:  # later prints of the same moment walk on from the touch
                best = book.asks.prices[0] if event.side == "buy" else book.bids.prices[-1]
                assert event.price_ticks == best
            took_from = (event.event_time_ns, event.side)
    assert min(sides["buy"], sides["sell"]) > 20


def trade_counts(seconds: int, window_s: int, seed: int) -> list[int]:
    """Takers in each window; the prints of one taker are one."""
    events = market(seconds, seed=seed, symbols=btc(trades_per_s=1.0, updates_per_s=1.0))
    arrivals = {each.event_time_ns for each in events if isinstance(each, FeedTrade)}
    counted = Counter((at_ns - T0) // (window_s * S) for at_ns in arrivals)
    return [counted[number] for number in range(seconds // window_s)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_takers_come_in_clusters(seed: int) -> None:
    counts = trade_counts(3_000, 10, seed)
    fano = pvariance(counts) / fmean(counts)
    assert fano > 1.5, "1 were arrivals that know nothing of each other"


def test_takers_come_about_as_often_as_configured() -> None:
    counts = trade_counts(3_000, 10, seed=1)
    assert fmean(counts) / 10 == pytest.approx(1.0, rel=0.25)


def test_a_taker_tends_to_the_side_of_the_one_before() -> None:
    by_time = {
        each.event_time_ns: each.side
        for each in market(2_000, btc(trades_per_s=1.0, updates_per_s=1.0))
        if isinstance(each, FeedTrade)
    }
    sides = list(by_time.values())
    same = sum(one == other for one, other in pairwise(sides))
    assert same / (len(sides) - 1) == pytest.approx(0.65, abs=0.05)
