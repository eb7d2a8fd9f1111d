"""When a new quote is worth its place in the queue."""

from typing import Any

import pytest
from quote_service.quoting.core.requoting import Standing, must_requote

from schemas.config import MarketMaking
from schemas.market import Book
from schemas.quoting import QuoteSide

OLD_BID, OLD_ASK = 100_000, 100_100
LOTS = 1_000


def book(bid: int | None = 100_049, ask: int | None = 100_051) -> Book:
    return Book(
        event_time_ns=1,
        venue="sim",
        symbol="SOL/USDT",
        status="live",
        bid_prices=() if bid is None else (bid,),
        bid_sizes=() if bid is None else (10,),
        ask_prices=() if ask is None else (ask,),
        ask_sizes=() if ask is None else (10,),
    )


def stands(price: int | None, lots: int = LOTS, because: str | None = None) -> QuoteSide:
    quoted = price is not None
    return QuoteSide(
        prices=(price,) if quoted else (),
        sizes=(lots,) if quoted else (),
        steps=(),
        not_quoting_because=because,
    )


def bid(
    wanted: int | None, lots: int = LOTS, reason: str | None = None, *, standing: QuoteSide | None = None
) -> Standing:
    return Standing(standing or stands(OLD_BID), wanted, lots, reason)


SAME_BID = bid(OLD_BID)
SAME_ASK = Standing(stands(OLD_ASK), OLD_ASK, LOTS, None)


def requotes(
    new_bid: Standing = SAME_BID, new_ask: Standing = SAME_ASK, seen: Book | None = None, **making: Any
) -> bool:
    return must_requote(new_bid, new_ask, seen or book(), MarketMaking.model_validate(making))


def test_the_same_quote_stands() -> None:
    assert not requotes()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_price_nearer_than_the_threshold_does_not_replace_the_standing_one(sign: int) -> None:
    """2 bps of 100,000 are 20 ticks."""
    assert not requotes(bid(OLD_BID + sign * 19))
    assert requotes(bid(OLD_BID + sign * 20))


def test_the_ask_is_judged_by_the_same_threshold() -> None:
    """2 bps of 100,100 are 20.02 ticks."""
    assert not requotes(new_ask=SAME_ASK._replace(price_ticks=OLD_ASK + 20))
    assert requotes(new_ask=SAME_ASK._replace(price_ticks=OLD_ASK + 21))


def test_without_a_threshold_every_new_price_replaces_and_the_same_one_does_not() -> None:
    assert requotes(bid(OLD_BID + 1), requote_threshold_bps=0)
    assert not requotes(requote_threshold_bps=0)


def test_the_threshold_counts_from_the_standing_price_so_that_a_drift_is_followed() -> None:
    """Each step is small; together they are not."""
    assert [requotes(bid(OLD_BID + drift)) for drift in (5, 10, 15, 20)] == [False, False, False, True]


@pytest.mark.parametrize(("lots", "replaced"), [(1_200, False), (1_201, True), (800, False), (799, True)])
def test_a_size_within_a_fifth_does_not_replace_the_standing_one(lots: int, replaced: bool) -> None:
    assert requotes(bid(OLD_BID, lots)) is replaced
    assert requotes(new_ask=SAME_ASK._replace(size_lots=lots)) is replaced


def test_a_side_that_goes_is_taken_away_at_once() -> None:
    assert requotes(bid(None, 0, "MAX_INVENTORY"))


def test_a_side_that_appears_is_quoted_at_once() -> None:
    assert requotes(bid(OLD_BID, standing=stands(None, because="MAX_INVENTORY")))


def test_a_side_that_stays_away_is_said_once_for_each_reason() -> None:
    away = stands(None, because="BOOK_STALE")
    assert not requotes(bid(None, 0, "BOOK_STALE", standing=away))
    assert requotes(bid(None, 0, "SHUTDOWN", standing=away))


@pytest.mark.parametrize(
    ("best_ask", "replaced"), [(OLD_BID + 1, False), (OLD_BID, True), (OLD_BID - 1, True)]
)
def test_a_bid_that_would_take_is_replaced_however_near_the_new_price_is(
    best_ask: int, replaced: bool
) -> None:
    assert requotes(bid(OLD_BID - 1), seen=book(OLD_BID - 2, best_ask)) is replaced


@pytest.mark.parametrize(
    ("best_bid", "replaced"), [(OLD_ASK - 1, False), (OLD_ASK, True), (OLD_ASK + 1, True)]
)
def test_an_ask_that_would_take_is_replaced_however_near_the_new_price_is(
    best_bid: int, replaced: bool
) -> None:
    new_ask = SAME_ASK._replace(price_ticks=OLD_ASK + 1)
    assert requotes(new_ask=new_ask, seen=book(best_bid, OLD_ASK + 2)) is replaced


def test_an_empty_book_is_crossed_by_nothing() -> None:
    assert not requotes(seen=book(None, None))
