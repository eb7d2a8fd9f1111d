"""Ids at the venue, the meaning of its errors, its count of our requests."""

import asyncio
import re

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.core.client_ids import client_order_id, id_prefix
from quote_service.routing.venues.exchange.budget import RequestBudget
from quote_service.routing.venues.exchange.ids import OrderKey, WireIds
from quote_service.routing.venues.exchange.outcomes import (
    HeldBackError,
    NoAnswerError,
    OrderGoneError,
    ReplacementRefusedError,
    RequestRefusedError,
    classified,
)

from schemas.message import Side
from schemas.venues import VENUES, VenueId

KEY = "binance:BTC/USDT"


@given(
    side=st.sampled_from(["buy", "sell"]),
    level=st.integers(0, 9),
    count=st.integers(1, 36**5 - 1),
    revision=st.integers(0, 36**3 - 1),
)
def test_an_id_at_the_venue_says_whose_order_it_is(side: Side, level: int, count: int, revision: int) -> None:
    ids = WireIds("mm", with_revision=True)
    ids.learn(KEY)
    ours = client_order_id(id_prefix(KEY), side, level, count)
    wire = ids.to_wire(ours, revision)
    assert ids.from_wire(wire) == OrderKey(KEY, ours, revision)
    assert ids.is_own(wire)
    assert not WireIds("zz", with_revision=True).is_own(wire)


@pytest.mark.parametrize("venue_id", list(VENUES))
def test_every_venue_takes_our_ids(venue_id: VenueId) -> None:
    venue = VENUES[venue_id]
    with_revision = venue.amend == "replace"
    wire = WireIds("mm", with_revision=with_revision).to_wire(
        client_order_id(id_prefix(KEY), "sell", 9, 36**5 - 1), 36**3 - 1
    )
    assert len(wire) <= venue.client_id_length_max
    assert re.fullmatch(rf"[A-Za-z0-9{re.escape(venue.client_id_letters)}]+", wire)


@pytest.mark.parametrize(
    "wire", ["", "mm", "x-TKT5PX2F0123456789abcdef", "mm1a2b3cb0", "mm1a2b3cb0X5 ", "mmZZZZZZb0X5"]
)
def test_what_is_not_ours_is_not_taken_for_ours(wire: str) -> None:
    assert not WireIds("mm", with_revision=True).is_own(wire)


def message(code: int, text: str = "") -> str:
    return f'binance {{"code":{code},"msg":"{text}"}}'


@pytest.mark.parametrize(
    ("error", "meaning", "reason"),
    [
        (
            ccxt.OrderImmediatelyFillable(message(-2010, "would immediately match")),
            RequestRefusedError,
            "POST_ONLY",
        ),
        (ccxt.InsufficientFunds(message(-2010, "insufficient")), RequestRefusedError, "INSUFFICIENT_BALANCE"),
        (ccxt.InvalidOrder(message(-2010, "Duplicate order sent.")), NoAnswerError, "NO_ANSWER"),
        (ccxt.InvalidOrder(message(-2010, "not permitted")), RequestRefusedError, "VENUE_REFUSED"),
        (ccxt.OrderNotFound(message(-2011, "Unknown order sent.")), OrderGoneError, "NOT_AT_VENUE"),
        (
            ccxt.OrderNotFound(message(-2011, "This action is disabled on this account.")),
            RequestRefusedError,
            "ACCOUNT_REFUSED",
        ),
        (ccxt.OrderNotFound(message(-2013)), OrderGoneError, "NOT_AT_VENUE"),
        (ccxt.BadRequest(message(-1013, "Filter failure: NOTIONAL")), RequestRefusedError, "FILTER"),
        (ccxt.InvalidNonce(message(-1021)), RequestRefusedError, "CLOCK"),
        (ccxt.DDoSProtection(message(-1003)), HeldBackError, "RATE_LIMIT"),
        (ccxt.DDoSProtection(message(-2015)), RequestRefusedError, "ACCOUNT_REFUSED"),
        (ccxt.RateLimitExceeded(message(-1003)), HeldBackError, "RATE_LIMIT"),
        (ccxt.OperationFailed(message(-1006)), NoAnswerError, "NO_ANSWER"),
        (ccxt.RequestTimeout(message(-1007)), NoAnswerError, "NO_ANSWER"),
        (ccxt.ExchangeNotAvailable("503"), NoAnswerError, "NO_ANSWER"),
        (ccxt.BadResponse(message(-2021)), ReplacementRefusedError, "VENUE_REFUSED"),
        (ccxt.BadResponse(message(-2022)), ReplacementRefusedError, "VENUE_REFUSED"),
        (ccxt.BadResponse("no JSON"), NoAnswerError, "NO_ANSWER"),
        (ccxt.AuthenticationError(message(-1022)), RequestRefusedError, "ACCOUNT_REFUSED"),
        (KeyError("orderId"), NoAnswerError, "NO_ANSWER"),
        (TimeoutError(), NoAnswerError, "NO_ANSWER"),
        (OSError("reset"), NoAnswerError, "NO_ANSWER"),
    ],
)
def test_only_the_venues_own_word_is_a_refusal(
    error: Exception, meaning: type[Exception], reason: str
) -> None:
    found = classified(error)
    assert type(found) is meaning
    assert found.reason == reason


class Clock:
    def __init__(self) -> None:
        self.now_s = 6_000.0

    def __call__(self) -> float:
        return self.now_s


def test_cancels_may_use_what_orders_and_queries_may_not() -> None:
    clock = Clock()
    budget = RequestBudget(VENUES["binance"], 1.0, clock)
    assert budget.may_send(3_600, "query")
    assert not budget.may_send(1, "query")
    assert budget.may_send(1_500, "order")
    assert not budget.may_send(1, "order")
    assert budget.may_send(900, "cancel")
    assert not budget.may_send(1, "cancel")
    assert budget.wait_s(1, "cancel") == pytest.approx(60)
    clock.now_s += 60
    assert budget.may_send(1, "query")


def test_the_venues_own_count_is_believed() -> None:
    clock = Clock()
    budget = RequestBudget(VENUES["binance"], 1.0, clock)
    budget.see(200, {"X-MBX-USED-WEIGHT-1M": "5999"})
    assert not budget.may_send(1, "order")
    assert budget.may_send(1, "cancel")


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True)])
def test_nothing_goes_out_before_the_venue_wants_to_hear_again(status: int, banned: bool) -> None:
    clock = Clock()
    budget = RequestBudget(VENUES["binance"], 1.0, clock)
    budget.see(status, {"Retry-After": "7"})
    assert budget.is_banned == banned
    assert not budget.may_send(1, "cancel")
    assert budget.wait_s(1, "cancel") == pytest.approx(7)
    clock.now_s += 7
    assert budget.may_send(1, "cancel")


def test_a_venue_that_counts_no_weight_is_held_back_by_its_word_alone() -> None:
    budget = RequestBudget(VENUES["okx"], 1.0, Clock())
    assert all(budget.may_send(100, "query") for _ in range(1_000))
    asyncio.run(budget.take(100, "query"))
