"""The queue of a feed: as it came while the engine keeps up; one book a symbol and fair turns when late."""

from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.book import BookState
from monitor_service.feeds.feed_queue import TAKEN_MAX, FeedQueue, merged

from schemas.market import FeedBook, FeedLag, FeedRefused, FeedTrade
from schemas.message import Event, SymbolEvent
from schemas.units import NS_PER_MS, NS_PER_S
from tests.kit.messages import BTC, T0, VENUE, feed_book, feed_instrument, feed_trade

ETH = "ETH/USDT"
LATE = T0 + 200 * NS_PER_MS


def filled(*events: SymbolEvent) -> FeedQueue:
    queue = FeedQueue(lag_ms_max=1_000)
    for event in events:
        queue.put(event)
    return queue


def books(events: Sequence[Event]) -> list[FeedBook]:
    return [event for event in events if isinstance(event, FeedBook)]


def lags(events: Sequence[Event]) -> list[FeedLag]:
    return [event for event in events if isinstance(event, FeedLag)]


def delta(number: int, bid: tuple[int, int], symbol: str = BTC, time_ns: int = T0) -> FeedBook:
    return feed_book(bids={bid[0]: bid[1]}, symbol=symbol, time_ns=time_ns, snapshot=False, sequence=number)


def test_while_the_engine_keeps_up_everything_leaves_as_it_came() -> None:
    events = [delta(1, (99, 1)), feed_trade(), delta(2, (99, 2)), delta(1, (99, 1), ETH)]
    queue = filled(*events)
    assert queue.pop_due(T0 - 1) == []
    assert queue.pop_due(T0 + NS_PER_MS) == events
    assert queue.head_ns is None


def test_when_it_is_late_the_newest_book_of_a_symbol_is_left_and_every_trade() -> None:
    trades = [feed_trade(trade_id=str(number)) for number in range(3)]
    queue = filled(delta(1, (99, 1)), trades[0], delta(2, (99, 5)), trades[1], delta(3, (98, 7)), trades[2])
    taken = queue.pop_due(LATE)
    assert [event for event in taken if isinstance(event, FeedTrade)] == trades
    (book,) = books(taken)
    assert (book.bid_prices, book.bid_sizes, book.sequence) == ((99, 98), (5, 7), 3)
    queue.put(delta(4, (97, 1), time_ns=LATE))
    assert books(queue.pop_due(LATE + 1))[0].sequence == 4  # no gap: what was merged counts as one


def test_a_change_of_terms_is_not_crossed() -> None:
    announced = feed_instrument()
    taken = filled(
        delta(1, (99, 1)), delta(2, (99, 2)), announced, delta(3, (990, 3)), delta(4, (990, 4))
    ).pop_due(LATE)
    assert [event if event is announced else books([event])[0].bid_sizes for event in taken] == [
        (2,),
        announced,
        (4,),
    ]


@pytest.mark.parametrize(("lost", "left"), [(None, [3]), ("book", [1, 3])])
def test_a_lost_level_is_no_lost_book(lost: Literal["book"] | None, left: list[int]) -> None:
    refused = FeedRefused(
        event_time_ns=T0, venue=VENUE, symbol=BTC, reason="off_tick", detail="price 1.5", event_type=lost
    )
    taken = filled(delta(1, (99, 1)), refused, delta(2, (99, 2)), delta(3, (99, 3))).pop_due(LATE)
    assert [book.bid_sizes[0] for book in books(taken)] == left
    assert refused in taken


def test_a_crowded_symbol_does_not_starve_quiet_ones() -> None:
    crowd = [feed_trade(trade_id=str(number)) for number in range(3 * TAKEN_MAX)]
    quiet = [delta(1, (99, 1), f"Q{number}/USDT") for number in range(99)]
    taken = filled(*crowd, *quiet).pop_due(LATE)
    assert {event.symbol for event in taken[:100]} == {BTC, *(each.symbol for each in quiet)}
    assert len(taken) == TAKEN_MAX


def test_a_symbol_that_waits_for_too_long_is_reported_before_its_data_and_its_end_after_it() -> None:
    crowd = [feed_trade(trade_id=str(number)) for number in range(TAKEN_MAX + 10)]
    queue = filled(*crowd, delta(1, (99, 1), ETH))
    now_ns = T0 + 1_500 * NS_PER_MS
    first = queue.pop_due(now_ns)
    assert isinstance(first[0], FeedLag)
    assert (first[0].symbol, first[0].left_ms, len(lags(first))) == (BTC, 1_500, 1)
    rest = queue.pop_due(now_ns + NS_PER_MS)
    assert isinstance(rest[-1], FeedLag)
    assert (rest[-1].symbol, rest[-1].left_ms) == (BTC, 0)


def test_a_feed_faster_than_the_engine_is_reported_once_a_second_and_so_is_its_end() -> None:
    queue, reports, number = filled(), [], 0
    for turn in range(50):
        now_ns = T0 + turn * 100 * NS_PER_MS
        for _ in range(90 if turn < 25 else 1):
            number += 1
            queue.put(delta(number, (99, number), time_ns=now_ns - 99 * NS_PER_MS))
        reports += lags(queue.pop_due(now_ns))
    assert [each.conflated > 0 for each in reports] == [True, True, True, False]
    assert sum(each.conflated for each in reports) <= 25 * 89
    assert reports[0].lag_ms == 99
    assert {each.left_ms for each in reports} == {0}


def test_few_updates_after_a_short_pause_are_no_overload() -> None:
    queue = filled(delta(1, (99, 1)), delta(2, (99, 2)))
    reports = lags(queue.pop_due(LATE))
    for number in range(3, 30):
        now_ns = LATE + number * 100 * NS_PER_MS
        queue.put(delta(number, (99, number), time_ns=now_ns))
        reports += lags(queue.pop_due(now_ns))
    assert reports == []


def test_what_the_feed_has_not_even_put_in_counts_as_waiting() -> None:
    taken = filled(delta(1, (99, 1))).pop_due(T0 + 3 * NS_PER_S, behind_ns=T0 + NS_PER_S)
    assert [(each.left_ms, each.symbol) for each in lags(taken)] == [(2_000, BTC)]


levels = st.dictionaries(st.integers(90, 99), st.integers(0, 3), max_size=4)
updates = st.lists(st.tuples(st.booleans(), levels, levels), min_size=1, max_size=12)


@given(updates, st.data())
def test_one_merged_update_has_the_effect_of_all(
    changes: list[tuple[bool, dict[int, int], dict[int, int]]], data: st.DataObject
) -> None:
    run = [
        feed_book(
            bids,
            {price + 10: size for price, size in asks.items()},
            snapshot=snapshot,
        )
        for snapshot, bids, asks in changes
    ]
    cut = data.draw(st.integers(0, len(run)))
    one, other = BookState(), BookState()
    for book in (one, other):
        book.accept(feed_book({98: 1}, {103: 1}, snapshot=True))
    for update in run:
        one.accept(update)
    for part in (run[:cut], run[cut:]):
        if part:
            other.accept(merged(part))
    assert (one.best_bids(30), one.best_asks(30), one.status) == (
        other.best_bids(30),
        other.best_asks(30),
        other.status,
    )


@pytest.mark.parametrize("count", [1, 7, 5_100])
def test_a_queue_that_nobody_takes_from_keeps_one_book(count: int) -> None:
    queue = filled(*(delta(number + 1, (99, number)) for number in range(count)))
    assert len(queue) <= 5_000
