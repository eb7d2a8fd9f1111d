"""When a new quote is worth its place in the queue."""

from typing import Any

import pytest
from quote_service.quoting.draft import QuoteDraft
from quote_service.quoting.ladder.levels import DraftSide
from quote_service.quoting.requote import SideMemory, merge, stands

from schemas.config import Config
from schemas.market import Book
from schemas.quoting import QuoteSide
from tests.kit import messages as kit

OLD_BID, OLD_ASK = 100_000, 100_100
LOTS = 1_000


def book(bid: int | None = 100_049, ask: int | None = 100_051) -> Book:
    return kit.book(bid, ask, size=10, levels=1)


def standing_side(price: int | None, lots: int = LOTS, because: str | None = None) -> QuoteSide:
    return kit.quote_side(() if price is None else ((price, lots),), because)


def draft(
    price: int | None, lots: int = LOTS, reason: str | None = None, *, limit: bool = False
) -> DraftSide:
    return DraftSide(() if price is None else (price,), () if price is None else (lots,), reason, limit)


SAME_BID, SAME_ASK = draft(OLD_BID), draft(OLD_ASK)
STANDING_BID, STANDING_ASK = standing_side(OLD_BID), standing_side(OLD_ASK)


def requotes(
    bid: DraftSide = SAME_BID,
    ask: DraftSide = SAME_ASK,
    *,
    standing: QuoteSide = STANDING_BID,
    seen: Book | None = None,
    **making: Any,
) -> bool:
    """Whether a draft replaces the standing target; `standing` is its bid."""
    target = kit.target(bid=standing, ask=STANDING_ASK)
    config = Config.model_validate({"market_making": making})
    sides = merge(target, QuoteDraft(bid, ask, None), seen, (SideMemory(), SideMemory()), 1, config)
    return not (stands(target.bid, sides[0]) and stands(target.ask, sides[1]))


def test_the_same_quote_stands() -> None:
    assert not requotes()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_price_nearer_than_the_threshold_does_not_replace_the_standing_one(sign: int) -> None:
    """2 bps of 100,000 are 20 ticks."""
    assert not requotes(draft(OLD_BID + sign * 19))
    assert requotes(draft(OLD_BID + sign * 20))


def test_the_ask_is_judged_by_the_same_threshold() -> None:
    """2 bps of 100,100 are 20.02 ticks."""
    assert not requotes(ask=draft(OLD_ASK + 20))
    assert requotes(ask=draft(OLD_ASK + 21))


def test_without_a_threshold_every_new_price_replaces_and_the_same_one_does_not() -> None:
    assert requotes(draft(OLD_BID + 1), requote_threshold_bps=0)
    assert not requotes(requote_threshold_bps=0)


def test_the_threshold_counts_from_the_standing_price_so_that_a_drift_is_followed() -> None:
    """Each step is small; together they are not."""
    assert [requotes(draft(OLD_BID + drift)) for drift in (5, 10, 15, 20)] == [False, False, False, True]


@pytest.mark.parametrize(("lots", "replaced"), [(1_200, False), (1_201, True), (800, False), (799, True)])
def test_a_size_within_a_fifth_does_not_replace_the_standing_one(lots: int, replaced: bool) -> None:
    assert requotes(draft(OLD_BID, lots)) is replaced
    assert requotes(ask=draft(OLD_ASK, lots)) is replaced


def test_a_side_that_goes_is_taken_away_at_once() -> None:
    assert requotes(draft(None, 0, "MAX_INVENTORY"))


def test_a_side_that_appears_is_quoted_at_once() -> None:
    assert requotes(standing=standing_side(None, because="MAX_INVENTORY"))


def test_a_side_that_stays_away_is_said_once_for_each_reason() -> None:
    away = standing_side(None, because="BOOK_STALE")
    assert not requotes(draft(None, 0, "BOOK_STALE"), standing=away)
    assert requotes(draft(None, 0, "SHUTDOWN"), standing=away)


@pytest.mark.parametrize(
    ("best_ask", "replaced"), [(OLD_BID + 1, False), (OLD_BID, True), (OLD_BID - 1, True)]
)
def test_a_bid_that_would_take_is_replaced_however_near_the_new_price_is(
    best_ask: int, replaced: bool
) -> None:
    assert requotes(draft(OLD_BID - 1), seen=book(OLD_BID - 2, best_ask)) is replaced


@pytest.mark.parametrize(
    ("best_bid", "replaced"), [(OLD_ASK - 1, False), (OLD_ASK, True), (OLD_ASK + 1, True)]
)
def test_an_ask_that_would_take_is_replaced_however_near_the_new_price_is(
    best_bid: int, replaced: bool
) -> None:
    assert requotes(ask=draft(OLD_ASK + 1), seen=book(best_bid, OLD_ASK + 2)) is replaced


@pytest.mark.parametrize("seen", [None, book(None, None)])
def test_what_is_not_in_a_book_is_not_crossed(seen: Book | None) -> None:
    assert not requotes(seen=seen)


def test_more_than_is_allowed_never_stays_standing() -> None:
    """A size that was cut to a limit is followed down at once, and up only beyond the tolerance."""
    assert requotes(draft(OLD_BID, LOTS - 1, limit=True))
    assert not requotes(draft(OLD_BID, LOTS + 1, limit=True))
    assert not requotes(draft(OLD_BID, LOTS - 1))
