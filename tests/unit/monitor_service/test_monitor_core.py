"""The core of monitor-service: which market facts follow from what a feed said."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.monitor import MonitorCore

from schemas.config import Config
from schemas.market import (
    Book,
    FeedBook,
    FeedInstrument,
    FeedRefused,
    FeedTrade,
    Instrument,
    Refusal,
    Trade,
    VenueFilters,
)
from schemas.message import Event, Side
from schemas.process import Tick
from schemas.signals import Signal

S = 1_000_000_000
MS = 1_000_000
T0 = 1_000 * S
BTC = "BTC/USDT"
ETH = "ETH/USDT"
BIDS = {99: 5, 98: 7}
ASKS = {101: 5, 102: 7}
M = TypeVar("M", bound=Event)


def instrument(time_ns: int = T0, symbol: str = BTC, **fields: Any) -> FeedInstrument:
    facts: dict[str, Any] = {
        "tick_size": Decimal(1),
        "lot_size": Decimal(1),
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "reporting_rate": Decimal(1),
    }
    return FeedInstrument(event_time_ns=time_ns, venue="sim", symbol=symbol, **{**facts, **fields})


def book(
    time_ns: int,
    bids: Mapping[int, int] | None = None,
    asks: Mapping[int, int] | None = None,
    *,
    snapshot: bool = False,
    sequence: int | None = None,
    symbol: str = BTC,
) -> FeedBook:
    bids, asks = bids or {}, asks or {}
    return FeedBook(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        snapshot=snapshot,
        sequence=sequence,
        bid_prices=tuple(bids),
        bid_sizes=tuple(bids.values()),
        ask_prices=tuple(asks),
        ask_sizes=tuple(asks.values()),
    )


def opening(time_ns: int = T0, symbol: str = BTC) -> FeedBook:
    return book(time_ns, BIDS, ASKS, snapshot=True, sequence=1, symbol=symbol)


def trade(
    time_ns: int,
    trade_id: str = "t1",
    *,
    price: int = 101,
    lots: int = 3,
    side: Side | None = "buy",
    symbol: str = BTC,
) -> FeedTrade:
    return FeedTrade(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        price_ticks=price,
        size_lots=lots,
        side=side,
        trade_id=trade_id,
    )


def refused(time_ns: int, event_type: Any, symbol: str = BTC) -> FeedRefused:
    return FeedRefused(
        event_time_ns=time_ns,
        venue="sim",
        symbol=symbol,
        reason="off_tick",
        detail="file line 7: price 1.5",
        event_type=event_type,
    )


def core(*symbols: str, **sections: dict[str, Any]) -> MonitorCore:
    """A core to which the symbols were announced."""
    made = MonitorCore(Config.model_validate(sections))
    for symbol in symbols or (BTC,):
        made.on_event(instrument(symbol=symbol))
    return made


def open_core(*symbols: str, **sections: dict[str, Any]) -> MonitorCore:
    """The same, with a live book each."""
    made = core(*symbols, **sections)
    for symbol in symbols or (BTC,):
        made.on_event(opening(symbol=symbol))
    return made


def only(kind: type[M], messages: Iterable[Event]) -> M:
    (found,) = [each for each in messages if isinstance(each, kind)]
    return found


def reason(messages: Iterable[Event]) -> str:
    return only(Refusal, messages).reason


def test_an_instrument_is_published_as_it_was_announced() -> None:
    announced = instrument(tick_size=Decimal("0.1"), inferred=("fees",))
    (said,) = MonitorCore(Config()).on_event(announced)
    assert isinstance(said, Instrument)
    assert dict(said) == dict(announced)


def test_a_repeated_announcement_keeps_the_book() -> None:
    made = open_core()
    (said,) = made.on_event(instrument(T0 + S))
    assert isinstance(said, Instrument)
    assert only(Book, made.on_event(book(T0 + S, {99: 6}, sequence=2))).status == "live"


def test_other_fees_and_filters_are_told_and_keep_the_book() -> None:
    made = open_core()
    filters = VenueFilters(size_max=Decimal(9))
    (said,) = made.on_event(instrument(T0 + S, maker_fee_bps=Decimal(2), filters=filters))
    assert isinstance(said, Instrument)
    assert (said.filters, said.maker_fee_bps, said.event_time_ns) == (filters, 2, T0 + S)
    assert only(Book, made.on_event(book(T0 + S, {99: 6}, sequence=2))).status == "live"


def test_other_terms_of_an_instrument_empty_its_book() -> None:
    made = open_core()
    said = made.on_event(instrument(T0 + S, tick_size=Decimal("0.5"), version=2))
    assert only(Instrument, said).version == 2
    emptied = only(Book, said)
    assert (emptied.status, emptied.bid_prices, emptied.instrument_version) == ("building", (), 2)
    assert only(Signal, said).mid_half_ticks is None
    assert reason(made.on_event(book(T0 + S, {99: 6}, sequence=2))) == "delta_before_snapshot"


def test_a_snapshot_makes_a_live_book_with_its_features() -> None:
    said = core().on_event(opening())
    live, signal = only(Book, said), only(Signal, said)
    assert (live.status, live.bid_prices, live.bid_sizes) == ("live", (99, 98), (5, 7))
    assert (live.ask_prices, live.ask_sizes) == ((101, 102), (5, 7))
    assert (signal.mid_half_ticks, signal.spread_ticks, signal.weighted_mid_ticks) == (200, 2, 100.0)
    assert (signal.bid_depth_lots, signal.ask_depth_lots, signal.imbalance) == (12, 12, 0.0)
    assert signal.volatility_per_sqrt_s is None
    assert not signal.volatility_ready
    assert signal.book_time_ns == T0


def test_the_signal_goes_out_before_the_book_that_it_describes() -> None:
    made = core()
    said = made.on_event(opening())
    assert [type(each) for each in said] == [Signal, Book]
    said = made.on_event(book(T0 + S, {99: 0, 90: 1}, sequence=2))
    assert [type(each) for each in said] == [Signal, Book]
    assert only(Signal, said).mid_half_ticks == 199


def test_books_are_cut_to_the_configured_levels_and_depth_to_its_own() -> None:
    made = core(market_data={"book_levels": 3, "depth_levels": 2})
    bids = {100 - each: each for each in range(1, 9)}
    asks = {100 + each: 10 * each for each in range(1, 9)}
    said = made.on_event(book(T0, bids, asks, snapshot=True))
    assert only(Book, said).bid_prices == (99, 98, 97)
    assert only(Book, said).ask_sizes == (10, 20, 30)
    assert (only(Signal, said).bid_depth_lots, only(Signal, said).ask_depth_lots) == (3, 30)


def test_mp4_imbalance_of_the_published_depth() -> None:
    bids = {100 - each: 10 * (each + 1) for each in range(5)}
    asks = dict(zip(range(101, 106), (30, 20, 10, 5, 5), strict=True))
    said = core().on_event(book(T0, bids, asks, snapshot=True))
    assert only(Signal, said).imbalance == pytest.approx(0.363636364, abs=1e-9)


def test_a_delta_before_the_first_snapshot_is_refused_without_a_book() -> None:
    (refusal,) = core().on_event(book(T0, {99: 1}, sequence=1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "delta_before_snapshot"


def test_a_gap_is_refused_once_said_and_mended_by_a_snapshot() -> None:
    made = open_core()
    said = made.on_event(book(T0 + MS, {99: 9}, sequence=3))
    assert reason(said) == "delta_after_gap"
    assert "sequence 3 after 1" in only(Refusal, said).detail
    assert only(Book, said).status == "gapped"
    assert only(Signal, said).book_status == "gapped"
    (refusal,) = made.on_event(book(T0 + 2 * MS, {99: 9}, sequence=4))
    assert isinstance(refusal, Refusal)
    assert only(Book, made.on_event(opening(T0 + 3 * MS))).status == "live"


def test_an_old_sequence_is_refused_and_the_book_stays() -> None:
    (refusal,) = open_core().on_event(book(T0 + MS, {99: 9}, sequence=1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "old_sequence"


def test_a_snapshot_replaces_the_book_and_its_sequence() -> None:
    made = open_core()
    said = made.on_event(book(T0 + MS, {50: 1}, {52: 1}, snapshot=True, sequence=40))
    assert only(Book, said).bid_prices == (50,)
    assert only(Book, made.on_event(book(T0 + MS, {51: 1}, sequence=41))).bid_prices == (51, 50)


@pytest.mark.parametrize(
    ("bids", "asks", "status"),
    [({103: 1}, {}, "crossed"), ({101: 1}, {}, "locked"), ({}, {101: 0, 102: 0}, "one_sided")],
)
def test_an_unsound_book_is_said_at_once_and_keeps_the_last_sound_mid(
    bids: dict[int, int], asks: dict[int, int], status: str
) -> None:
    made = open_core()
    said = made.on_event(book(T0 + MS, bids, asks, sequence=2))
    assert only(Book, said).status == status
    signal = only(Signal, said)
    assert (signal.book_status, signal.mid_half_ticks, signal.spread_ticks) == (status, 200, 2)


def test_an_empty_side_is_the_utmost_imbalance() -> None:
    said = core().on_event(book(T0, BIDS, {}, snapshot=True))
    assert only(Signal, said).imbalance == 1.0
    assert only(Signal, said).mid_half_ticks is None


def test_a_silent_book_goes_stale_by_a_tick_and_comes_back_with_an_update() -> None:
    made = open_core()
    assert not [each for each in made.on_event(Tick(event_time_ns=T0 + 10 * S)) if isinstance(each, Book)]
    said = made.on_event(Tick(event_time_ns=T0 + 10 * S + 1))
    assert only(Book, said).status == "stale"
    assert only(Signal, said).book_status == "stale"
    again = made.on_event(Tick(event_time_ns=T0 + 10 * S + 250 * MS))
    assert not [each for each in again if isinstance(each, Book)], "it is said once"
    said = made.on_event(book(T0 + 11 * S, {99: 6}, sequence=2))
    assert only(Book, said).status == "live"


def test_trades_do_not_keep_a_book_fresh() -> None:
    made = open_core()
    made.on_event(trade(T0 + 9 * S))
    assert only(Book, made.on_event(Tick(event_time_ns=T0 + 11 * S))).status == "stale"


def test_a_gapped_book_stays_gapped_however_old_it_grows() -> None:
    made = open_core()
    made.on_event(book(T0 + MS, {99: 9}, sequence=3))
    said = made.on_event(Tick(event_time_ns=T0 + 60 * S))
    assert {each.book_status for each in said if isinstance(each, Signal)} <= {"gapped"}
    assert not [each for each in said if isinstance(each, Book)]


def test_a_tick_says_nothing_of_a_symbol_without_a_book() -> None:
    assert core().on_event(Tick(event_time_ns=T0 + 60 * S)) == ()


def test_an_unchanged_signal_is_said_again_within_a_second() -> None:
    made, told = open_core(), [T0]
    for number in range(1, 33):
        for each in made.on_event(Tick(event_time_ns=T0 + number * 250 * MS)):
            assert isinstance(each, Signal)
            told.append(each.event_time_ns)
    assert max(later - before for before, later in pairwise(told)) <= S
    assert len(told) < 20, "but not on every tick"


def test_a_small_change_waits_for_the_interval() -> None:
    made = open_core()
    soon = made.on_event(book(T0 + 50 * MS, {99: 50}, sequence=2))
    assert [type(each) for each in soon] == [Book]
    later = made.on_event(book(T0 + 150 * MS, {99: 51}, sequence=3))
    assert [type(each) for each in later] == [Signal, Book]


def test_a_mid_that_moves_far_is_said_at_once() -> None:
    made = open_core()
    said = made.on_event(book(T0 + MS, {99: 0}, sequence=2))
    assert only(Signal, said).mid_half_ticks == 199


def test_one_sided_flow_is_said_at_once() -> None:
    made = open_core()
    said = made.on_event(trade(T0 + MS, side="sell"))
    assert [type(each) for each in said] == [Trade, Signal]
    assert only(Signal, said).flow_imbalance == -1.0
    assert only(Signal, said).flow_volume_lots == 3.0


def test_a_little_behind_is_taken_at_the_newest_time() -> None:
    made = open_core()
    made.on_event(book(T0 + 2 * S, {99: 6}, sequence=2))
    taken = only(Book, made.on_event(book(T0 + S, {99: 8}, sequence=3)))
    assert taken.event_time_ns == T0 + 2 * S
    assert taken.bid_sizes[0] == 8
    assert only(Trade, made.on_event(trade(T0 + S))).event_time_ns == T0 + 2 * S


def test_a_delta_far_behind_is_refused_and_loses_the_book() -> None:
    made = open_core()
    made.on_event(book(T0 + 2 * S, {99: 6}, sequence=2))
    said = made.on_event(book(T0 + S - 1, {99: 8}, sequence=3))
    assert reason(said) == "time_backwards"
    assert only(Book, said).status == "gapped"
    assert all(each.event_time_ns == T0 + 2 * S for each in said)


def test_a_snapshot_far_behind_is_refused_and_the_book_stays() -> None:
    made = open_core()
    made.on_event(book(T0 + 2 * S, {99: 6}, sequence=2))
    (refusal,) = made.on_event(book(T0 + S - 1, {1: 1}, {2: 1}, snapshot=True))
    assert isinstance(refusal, Refusal)
    assert only(Book, made.on_event(book(T0 + 2 * S, {99: 7}, sequence=3))).status == "live"


def test_a_trade_far_behind_is_refused_and_the_book_stays() -> None:
    made = open_core()
    made.on_event(book(T0 + 2 * S, {99: 6}, sequence=2))
    (refusal,) = made.on_event(trade(T0 + S - 1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "time_backwards"
    assert "1000 ms" in refusal.detail


def test_ticks_ahead_of_the_feed_do_not_make_its_events_late() -> None:
    made = open_core()
    made.on_event(Tick(event_time_ns=T0 + 5 * S))
    said = made.on_event(book(T0 + S, {99: 6}, sequence=2))
    assert only(Book, said).status == "live"
    assert only(Book, said).event_time_ns == T0 + 5 * S, "nothing is said at an earlier time"


@pytest.mark.parametrize("event", [opening(symbol="XRP/USDT"), trade(T0, symbol="XRP/USDT")])
def test_an_unknown_symbol_is_refused(event: Event) -> None:
    said = core().on_event(event)
    assert reason(said) == "unknown_symbol"
    assert only(Refusal, said).symbol == "XRP/USDT"


def test_a_trade_is_said_once() -> None:
    made = open_core()
    said = only(Trade, made.on_event(trade(T0 + MS, "a")))
    assert (said.price_ticks, said.size_lots, said.side, said.trade_id) == (101, 3, "buy", "a")
    (refusal,) = made.on_event(trade(T0 + 2 * MS, "a"))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "duplicate_trade"
    assert only(Trade, made.on_event(trade(T0 + 3 * MS, "b"))).trade_id == "b"


def test_a_repeated_trade_id_counts_once_in_the_flow() -> None:
    made = open_core()
    made.on_event(trade(T0, "a", lots=4))
    made.on_event(trade(T0, "a", lots=4))
    said = made.on_event(trade(T0 + S, "b", lots=4, side="sell"))
    assert only(Signal, said).flow_volume_lots < 8


@pytest.mark.parametrize(("fields", "expected"), [({"price": 0}, "bad_price"), ({"lots": 0}, "bad_size")])
def test_a_trade_without_price_or_size_is_refused(fields: dict[str, Any], expected: str) -> None:
    assert reason(open_core().on_event(trade(T0, **fields))) == expected


def test_a_refused_trade_does_not_use_up_its_id() -> None:
    made = open_core()
    made.on_event(trade(T0, "a", lots=0))
    assert only(Trade, made.on_event(trade(T0, "a"))).size_lots == 3


def test_a_book_update_lost_in_the_feed_is_a_gap() -> None:
    made = open_core()
    said = made.on_event(refused(T0 + MS, "book"))
    assert reason(said) == "off_tick"
    assert only(Refusal, said).detail == "file line 7: price 1.5"
    assert only(Book, said).status == "gapped"


@pytest.mark.parametrize("event_type", ["trade", None])
def test_a_trade_lost_in_the_feed_leaves_the_book(event_type: str | None) -> None:
    (refusal,) = open_core().on_event(refused(T0 + MS, event_type))
    assert isinstance(refusal, Refusal)


def test_a_refusal_of_no_known_symbol_is_passed_on() -> None:
    assert only(Refusal, core().on_event(refused(T0, None, symbol="*"))).symbol == "*"


def test_a_refusal_of_one_symbol_leaves_the_others() -> None:
    bad: list[Event] = [
        book(T0 + MS, {99: 1}, sequence=9),
        book(T0 + MS, {-5: 1}, sequence=2),
        trade(T0 + MS, lots=0),
        refused(T0 + MS, "book"),
        book(T0 - 5 * S, {99: 1}, sequence=2),
    ]
    good: list[Event] = [
        book(T0 + MS, {99: 6}, sequence=2, symbol=ETH),
        trade(T0 + MS, symbol=ETH),
        book(T0 + 2 * MS, {99: 0}, sequence=3, symbol=ETH),
        trade(T0 + 2 * MS, "t2", symbol=ETH),
        book(T0 + 3 * MS, {97: 1}, sequence=4, symbol=ETH),
    ]
    disturbed, alone = open_core(BTC, ETH), open_core(ETH)
    for wrong, right in zip(bad, good, strict=True):
        assert any(isinstance(each, Refusal) for each in disturbed.on_event(wrong))
        assert disturbed.on_event(right) == alone.on_event(right)


def test_events_that_are_not_the_markets_are_passed_over() -> None:
    assert open_core().on_event(Event(event_time_ns=T0)) == ()


LEVELS = st.dictionaries(st.integers(1, 20), st.integers(0, 5), max_size=4)
FEED_EVENTS = st.lists(
    st.one_of(
        st.builds(
            book,
            st.integers(T0, T0 + 3 * S),
            LEVELS,
            LEVELS,
            snapshot=st.booleans(),
            sequence=st.none() | st.integers(1, 9),
        ),
        st.builds(trade, st.integers(T0, T0 + 3 * S), st.sampled_from("abcdef"), price=st.integers(0, 20)),
        st.builds(refused, st.integers(T0, T0 + 3 * S), st.sampled_from(["book", "trade", None])),
        st.builds(lambda at: Tick(event_time_ns=at), st.integers(T0, T0 + 30 * S)),
    ),
    max_size=30,
)


@given(events=FEED_EVENTS)
def test_whatever_a_feed_says_no_live_book_has_its_bid_at_its_ask(events: list[Event]) -> None:
    made, newest_ns = core(), 0
    for event in events:
        for each in made.on_event(event):
            assert each.event_time_ns >= newest_ns or isinstance(each, Refusal)
            newest_ns = max(newest_ns, each.event_time_ns)
            if isinstance(each, Book) and each.status == "live":
                assert each.bid_prices[0] < each.ask_prices[0]
                assert min(each.bid_sizes + each.ask_sizes) > 0


@given(events=FEED_EVENTS)
def test_a_trade_id_is_never_said_twice(events: list[Event]) -> None:
    made = core()
    said = [each.trade_id for event in events for each in made.on_event(event) if isinstance(each, Trade)]
    assert len(said) == len(set(said))


@given(changes=st.lists(st.tuples(LEVELS, LEVELS), max_size=15))
def test_repeated_updates_change_nothing(changes: list[tuple[dict[int, int], dict[int, int]]]) -> None:
    once, twice = open_core(), open_core()
    for number, (bids, asks) in enumerate(changes, start=2):
        delta = book(T0 + number * MS, bids, asks, sequence=number)
        assert twice.on_event(delta) == once.on_event(delta)
        (refusal,) = twice.on_event(delta)
        assert isinstance(refusal, Refusal)
        assert refusal.reason == "old_sequence"
