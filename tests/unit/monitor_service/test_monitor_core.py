"""The core of monitor-service: which market facts follow from what a feed said."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.monitor import MonitorCore

from schemas.config import Config
from schemas.market import (
    Book,
    FeedLag,
    Instrument,
    MarketLag,
    Refusal,
    Trade,
    VenueFilters,
)
from schemas.message import Event
from schemas.process import Shutdown, Tick
from schemas.signals import Signal
from tests.kit.messages import BTC, MS, T0, VENUE, S, config_applied, feed_book, feed_instrument, feed_trade
from tests.unit.monitor_service.monitor_cores import BIDS, core, only, open_core, opening, reason, refused


def test_an_instrument_is_published_as_it_was_announced() -> None:
    announced = feed_instrument(tick_size=Decimal("0.1"), inferred=("fees",))
    (said,) = MonitorCore(Config()).on_event(announced)
    assert isinstance(said, Instrument)
    assert dict(said) == dict(announced)


def test_a_repeated_announcement_keeps_the_book() -> None:
    made = open_core()
    (said,) = made.on_event(feed_instrument(time_ns=T0 + S))
    assert isinstance(said, Instrument)
    assert only(Book, made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + S))).status == "live"


def test_other_fees_and_filters_are_told_and_keep_the_book() -> None:
    made = open_core()
    filters = VenueFilters(size_max=Decimal(9))
    (said,) = made.on_event(feed_instrument(maker_fee_bps=Decimal(2), filters=filters, time_ns=T0 + S))
    assert isinstance(said, Instrument)
    assert (said.filters, said.maker_fee_bps, said.event_time_ns) == (filters, Decimal(2), T0 + S)
    assert only(Book, made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + S))).status == "live"


def test_other_terms_of_an_instrument_empty_its_book() -> None:
    made = open_core()
    said = made.on_event(feed_instrument(tick_size=Decimal("0.5"), version=2, time_ns=T0 + S))
    assert only(Instrument, said).version == 2
    emptied = only(Book, said)
    assert (emptied.status, emptied.bid_prices, emptied.instrument_version) == ("building", (), 2)
    assert only(Signal, said).mid_half_ticks is None
    assert reason(made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + S))) == "delta_before_snapshot"


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
    said = made.on_event(feed_book({99: 0, 90: 1}, sequence=2, time_ns=T0 + S))
    assert [type(each) for each in said] == [Signal, Book]
    assert only(Signal, said).mid_half_ticks == 199


def test_books_are_cut_to_the_configured_levels_and_depth_to_its_own() -> None:
    made = core(market_data={"book_levels": 3, "depth_levels": 2})
    bids = {100 - each: each for each in range(1, 9)}
    asks = {100 + each: 10 * each for each in range(1, 9)}
    said = made.on_event(feed_book(bids, asks, snapshot=True))
    assert only(Book, said).bid_prices == (99, 98, 97)
    assert only(Book, said).ask_sizes == (10, 20, 30)
    assert (only(Signal, said).bid_depth_lots, only(Signal, said).ask_depth_lots) == (3, 30)


@pytest.mark.case("MP4")
def test_imbalance_of_the_published_depth() -> None:
    bids = {100 - each: 10 * (each + 1) for each in range(5)}
    asks = dict(zip(range(101, 106), (30, 20, 10, 5, 5), strict=True))
    said = core().on_event(feed_book(bids, asks, snapshot=True))
    assert only(Signal, said).imbalance == pytest.approx(0.363636364, abs=1e-9)


def test_a_delta_before_the_first_snapshot_is_refused_without_a_book() -> None:
    (refusal,) = core().on_event(feed_book({99: 1}, sequence=1))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "delta_before_snapshot"


def test_a_gap_is_refused_once_said_and_mended_by_a_snapshot() -> None:
    made = open_core()
    said = made.on_event(feed_book({99: 9}, sequence=3, time_ns=T0 + MS))
    assert reason(said) == "delta_after_gap"
    assert "sequence 3 after 1" in only(Refusal, said).detail
    assert only(Book, said).status == "gapped"
    assert only(Signal, said).book_status == "gapped"
    (refusal,) = made.on_event(feed_book({99: 9}, sequence=4, time_ns=T0 + 2 * MS))
    assert isinstance(refusal, Refusal)
    assert only(Book, made.on_event(opening(T0 + 3 * MS))).status == "live"


def test_an_old_sequence_is_refused_and_the_book_stays() -> None:
    (refusal,) = open_core().on_event(feed_book({99: 9}, sequence=1, time_ns=T0 + MS))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "old_sequence"


def test_a_snapshot_replaces_the_book_and_its_sequence() -> None:
    made = open_core()
    said = made.on_event(feed_book({50: 1}, {52: 1}, snapshot=True, sequence=40, time_ns=T0 + MS))
    assert only(Book, said).bid_prices == (50,)
    assert only(Book, made.on_event(feed_book({51: 1}, sequence=41, time_ns=T0 + MS))).bid_prices == (51, 50)


@pytest.mark.parametrize(
    ("bids", "asks", "status"),
    [({103: 1}, {}, "crossed"), ({101: 1}, {}, "locked"), ({}, {101: 0, 102: 0}, "one_sided")],
)
def test_an_unsound_book_is_said_at_once_and_keeps_the_last_sound_mid(
    bids: dict[int, int], asks: dict[int, int], status: str
) -> None:
    made = open_core()
    said = made.on_event(feed_book(bids, asks, sequence=2, time_ns=T0 + MS))
    assert only(Book, said).status == status
    signal = only(Signal, said)
    assert (signal.book_status, signal.mid_half_ticks, signal.spread_ticks) == (status, 200, 2)


def test_an_empty_side_is_the_utmost_imbalance() -> None:
    said = core().on_event(feed_book(BIDS, {}, snapshot=True))
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
    said = made.on_event(feed_book({99: 6}, sequence=2, time_ns=T0 + 11 * S))
    assert only(Book, said).status == "live"


def test_trades_do_not_keep_a_book_fresh() -> None:
    made = open_core()
    made.on_event(feed_trade(time_ns=T0 + 9 * S))
    assert only(Book, made.on_event(Tick(event_time_ns=T0 + 11 * S))).status == "stale"


def test_a_gapped_book_stays_gapped_however_old_it_grows() -> None:
    made = open_core()
    made.on_event(feed_book({99: 9}, sequence=3, time_ns=T0 + MS))
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
    soon = made.on_event(feed_book({99: 50}, sequence=2, time_ns=T0 + 50 * MS))
    assert [type(each) for each in soon] == [Book]
    later = made.on_event(feed_book({99: 51}, sequence=3, time_ns=T0 + 150 * MS))
    assert [type(each) for each in later] == [Signal, Book]


def test_the_end_tells_the_mid_that_waits_for_the_interval() -> None:
    """And no other: profit is marked at the last book."""
    made = open_core()
    made.on_event(feed_book({99_990: 5}, {100_010: 5}, snapshot=True, sequence=2))
    assert made.on_event(Shutdown(event_time_ns=T0 + MS)) == ()
    [waits] = made.on_event(feed_book({99_991: 5}, sequence=3, time_ns=T0 + 50 * MS))
    assert isinstance(waits, Book)
    told = only(Signal, made.on_event(Shutdown(event_time_ns=T0 + 51 * MS)))
    assert told.mid_half_ticks == waits.bid_prices[0] + waits.ask_prices[0]


@pytest.mark.parametrize("told_by", ["trades", "ticks"])
def test_volatility_falls_between_books_too(told_by: str) -> None:
    """A move of the mid, then 9 s with the same book: the same as if it had been told again."""
    by_books, other = open_core(), open_core()
    for made in (by_books, other):
        made.on_event(feed_book({99_990: 5}, {100_010: 5}, snapshot=True, sequence=2, time_ns=T0 + S))
        made.on_event(feed_book({99_991: 5}, sequence=3, time_ns=T0 + 2 * S))
    for second in range(3, 12):
        time_ns = T0 + second * S
        by_books.on_event(feed_book({90_000: second}, sequence=second + 1, time_ns=time_ns))
        by_trade = feed_trade(trade_id=str(second), time_ns=time_ns)
        other.on_event(by_trade if told_by == "trades" else Tick(event_time_ns=time_ns))
    [key] = by_books._symbols
    expected, found = by_books.signal_of(key), other.signal_of(key)
    assert expected is not None
    assert found is not None
    assert found.volatility_per_sqrt_s == pytest.approx(expected.volatility_per_sqrt_s)
    assert found.robust_volatility_per_sqrt_s == expected.robust_volatility_per_sqrt_s


def test_a_mid_that_moves_far_is_said_at_once() -> None:
    made = open_core()
    said = made.on_event(feed_book({99: 0}, sequence=2, time_ns=T0 + MS))
    assert only(Signal, said).mid_half_ticks == 199


def test_one_sided_flow_is_said_at_once() -> None:
    made = open_core()
    said = made.on_event(feed_trade(lots=3, side="sell", time_ns=T0 + MS))
    assert [type(each) for each in said] == [Trade, Signal]
    assert only(Signal, said).flow_imbalance == -1.0
    assert only(Signal, said).flow_volume_lots == 3.0


def test_events_that_are_not_the_markets_are_passed_over() -> None:
    assert open_core().on_event(Event(event_time_ns=T0)) == ()


LEVELS = st.dictionaries(st.integers(1, 20), st.integers(0, 5), max_size=4)
FEED_EVENTS = st.lists(
    st.one_of(
        st.builds(
            feed_book,
            LEVELS,
            LEVELS,
            snapshot=st.booleans(),
            sequence=st.none() | st.integers(1, 9),
            time_ns=st.integers(T0, T0 + 3 * S),
        ),
        st.builds(
            feed_trade,
            st.integers(0, 20),
            st.just(3),
            trade_id=st.sampled_from("abcdef"),
            time_ns=st.integers(T0, T0 + 3 * S),
        ),
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
        delta = feed_book(bids, asks, sequence=number, time_ns=T0 + number * MS)
        assert twice.on_event(delta) == once.on_event(delta)
        (refusal,) = twice.on_event(delta)
        assert isinstance(refusal, Refusal)
        assert refusal.reason == "old_sequence"


def test_a_book_that_newer_data_has_overtaken_is_lagging_until_it_is_caught_up() -> None:
    made = open_core()
    late = FeedLag(event_time_ns=T0 + MS, venue=VENUE, symbol=BTC, lag_ms=1_500, left_ms=1_500)
    said = made.on_event(late)
    assert only(Book, said).status == "lagging"
    assert only(Signal, said).book_status == "lagging"
    assert only(MarketLag, said).left_ms == 1_500
    update = feed_book({100: 5}, sequence=2, time_ns=T0 + 2 * MS)
    assert only(Book, made.on_event(update)).status == "lagging"
    caught_up = late.model_copy(update={"left_ms": 900, "event_time_ns": T0 + 3 * MS})
    assert only(Book, made.on_event(caught_up)).status == "live"
    made.on_event(late)
    made.on_event(config_applied())  # whatever waited for the process before is gone
    assert only(Book, made.on_event(feed_book({100: 6}, sequence=3, time_ns=T0 + 4 * MS))).status == "live"
