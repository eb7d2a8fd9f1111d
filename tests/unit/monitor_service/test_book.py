"""The order book: what enters it, what it says of itself, and that it equals a plain dictionary."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.book import BookState

from schemas.market import BookStatus, FeedBook
from tests.kit.messages import feed_book

Levels = Mapping[int, int]


def status_of(book: BookState) -> BookStatus:
    """Read anew: `accept` changes it."""
    return book.status


def book_of(bids: Levels, asks: Levels, sequence: int | None = 1) -> BookState:
    book = BookState()
    assert book.accept(feed_book(bids, asks, snapshot=True, sequence=sequence)) is None
    return book


def live_book(sequence: int | None = 1) -> BookState:
    return book_of({99: 5, 98: 7}, {101: 4, 102: 6}, sequence)


def test_before_any_update_the_book_is_being_built() -> None:
    assert BookState().status == "building"


def test_best_levels_come_best_first_whatever_order_they_arrived_in() -> None:
    book = book_of({98: 7, 99: 5, 97: 1}, {103: 9, 101: 4, 102: 6})
    assert book.best_bids(2) == ((99, 98), (5, 7))
    assert book.best_asks(2) == ((101, 102), (4, 6))
    assert book.best_bids(50) == ((99, 98, 97), (5, 7, 1))


@pytest.mark.parametrize(
    ("bids", "asks", "status"),
    [
        ({99: 1}, {100: 1}, "live"),
        ({100: 1}, {100: 1}, "locked"),
        ({101: 1}, {100: 1}, "crossed"),
        ({99: 1}, {}, "one_sided"),
        ({}, {100: 1}, "one_sided"),
        ({}, {}, "one_sided"),
        ({99: 0}, {100: 1}, "one_sided"),
    ],
)
def test_status_follows_from_the_best_prices(bids: Levels, asks: Levels, status: BookStatus) -> None:
    assert book_of(bids, asks).status == status


def test_a_delta_sets_replaces_and_removes_levels() -> None:
    book = live_book()
    assert book.accept(feed_book({98: 0, 97: 3}, {101: 9}, sequence=2)) is None
    assert book.best_bids(9) == ((99, 97), (5, 3))
    assert book.best_asks(9) == ((101, 102), (9, 6))
    assert book.sequence == 2


def test_removing_a_level_that_is_not_there_is_harmless() -> None:
    book = live_book()
    assert book.accept(feed_book({50: 0}, {500: 0}, sequence=2)) is None
    assert book.best_bids(9) == ((99, 98), (5, 7))
    assert status_of(book) == "live"


def test_a_crossed_book_is_live_again_when_the_crossing_level_goes() -> None:
    book = live_book()
    assert book.accept(feed_book({105: 1}, sequence=2)) is None
    assert status_of(book) == "crossed"
    assert book.accept(feed_book({105: 0}, sequence=3)) is None
    assert status_of(book) == "live"


def test_a_delta_before_the_first_snapshot_is_refused() -> None:
    book = BookState()
    assert book.accept(feed_book({99: 1}, sequence=1)) == "delta_before_snapshot"
    assert status_of(book) == "building"
    assert book.best_bids(9) == ((), ())


def test_a_gap_distrusts_the_book_until_the_next_snapshot() -> None:
    book = live_book(sequence=1)
    assert book.accept(feed_book({99: 9}, sequence=3)) == "delta_after_gap"
    assert status_of(book) == "gapped"
    assert book.accept(feed_book({99: 9}, sequence=2)) == "delta_after_gap"
    assert book.accept(feed_book({99: 9}, sequence=4)) == "delta_after_gap"
    assert book.best_bids(9) == ((99, 98), (5, 7)), "nothing of what was refused went in"
    assert book.accept(feed_book({90: 1}, {91: 1}, snapshot=True, sequence=10)) is None
    assert status_of(book) == "live"
    assert book.accept(feed_book({89: 1}, sequence=11)) is None


@pytest.mark.parametrize("sequence", [0, 1])
def test_an_old_sequence_is_refused_and_changes_nothing(sequence: int) -> None:
    book = live_book(sequence=1)
    assert book.accept(feed_book({99: 77}, sequence=sequence)) == "old_sequence"
    assert status_of(book) == "live"
    assert book.best_bids(1) == ((99,), (5,))
    assert book.sequence == 1


def test_a_repeated_delta_changes_nothing() -> None:
    book = live_book()
    delta = feed_book({99: 0, 97: 2}, {101: 1}, sequence=2)
    assert book.accept(delta) is None
    before = (book.best_bids(9), book.best_asks(9), book.status, book.sequence)
    assert book.accept(delta) == "old_sequence"
    assert (book.best_bids(9), book.best_asks(9), book.status, book.sequence) == before


def test_without_sequence_numbers_each_delta_follows_what_came_before() -> None:
    book = live_book(sequence=None)
    assert book.accept(feed_book({99: 8})) is None
    assert book.accept(feed_book({99: 9}, sequence=7)) is None
    assert book.accept(feed_book({99: 10})) is None
    assert book.sequence == 7
    assert book.accept(feed_book({99: 11}, sequence=9)) == "delta_after_gap"


def test_a_snapshot_resets_levels_and_sequence_even_to_a_lower_one() -> None:
    book = live_book(sequence=100)
    assert book.accept(feed_book({50: 1}, {51: 2}, snapshot=True, sequence=3)) is None
    assert book.best_bids(9) == ((50,), (1,))
    assert book.best_asks(9) == ((51,), (2,))
    assert book.accept(feed_book({49: 1}, sequence=4)) is None


@pytest.mark.parametrize("price", [0, -3])
def test_a_price_that_is_not_positive_loses_the_book(price: int) -> None:
    book = live_book()
    assert book.accept(feed_book({price: 1}, sequence=2)) == "bad_price"
    assert status_of(book) == "gapped"


def test_sizes_that_do_not_match_their_prices_lose_the_book() -> None:
    book = live_book()
    torn = feed_book({97: 1}, sequence=2).model_copy(update={"bid_sizes": (1, 2)})
    assert book.accept(torn) == "malformed"
    assert status_of(book) == "gapped"


def test_an_unsound_snapshot_before_any_other_leaves_the_book_being_built() -> None:
    book = BookState()
    assert book.accept(feed_book({-1: 1}, {2: 1}, snapshot=True)) == "bad_price"
    assert status_of(book) == "building"


def test_a_stale_book_judges_itself_anew_on_the_next_update() -> None:
    book = live_book()
    book.status = "stale"
    assert book.accept(feed_book({99: 6}, sequence=2)) is None
    assert status_of(book) == "live"


def test_the_exchange_time_is_that_of_the_newest_update_taken() -> None:
    book = live_book()
    assert book.accept(feed_book({99: 6}, sequence=2, exchange_time_ns=42)) is None
    assert book.accept(feed_book({99: 6}, sequence=2, exchange_time_ns=43)) == "old_sequence"
    assert book.exchange_time_ns == 42


LEVELS = st.dictionaries(st.integers(1, 30), st.integers(0, 5), max_size=6)
CHANGES = st.lists(st.tuples(LEVELS, LEVELS), max_size=25)


def applied(levels: dict[int, int], changes: Levels) -> dict[int, int]:
    merged = levels | dict(changes)
    return {price: size for price, size in merged.items() if size}


@given(bids=LEVELS, asks=LEVELS, changes=CHANGES)
def test_deltas_applied_equal_a_dictionary_rebuilt(
    bids: dict[int, int], asks: dict[int, int], changes: list[tuple[dict[int, int], dict[int, int]]]
) -> None:
    book = book_of(bids, asks)
    expected_bids, expected_asks = applied({}, bids), applied({}, asks)
    for number, (bid_changes, ask_changes) in enumerate(changes, start=2):
        assert book.accept(feed_book(bid_changes, ask_changes, sequence=number)) is None
        expected_bids, expected_asks = (
            applied(expected_bids, bid_changes),
            applied(expected_asks, ask_changes),
        )
        prices, sizes = book.best_bids(100)
        assert list(zip(prices, sizes, strict=True)) == sorted(expected_bids.items(), reverse=True)
        prices, sizes = book.best_asks(100)
        assert list(zip(prices, sizes, strict=True)) == sorted(expected_asks.items())


ANY_UPDATE = st.builds(
    feed_book,
    LEVELS,
    LEVELS,
    snapshot=st.booleans(),
    sequence=st.none() | st.integers(1, 12),
)


@given(updates=st.lists(ANY_UPDATE, max_size=30))
def test_no_update_makes_a_live_book_whose_bid_reaches_its_ask(updates: list[FeedBook]) -> None:
    book = BookState()
    for each in updates:
        book.accept(each)
        if book.status == "live":
            (bid,), (ask,) = book.best_bids(1)[0], book.best_asks(1)[0]
            assert bid < ask


@given(updates=st.lists(ANY_UPDATE, max_size=20))
def test_a_refused_update_leaves_every_level_as_it_was(updates: list[FeedBook]) -> None:
    book = BookState()
    for each in updates:
        before = (book.best_bids(100), book.best_asks(100))
        if book.accept(each) is not None:
            assert (book.best_bids(100), book.best_asks(100)) == before
