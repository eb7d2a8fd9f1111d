"""Ids at the venue, the meaning of its errors, its count of our requests."""

import re

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.orders.client_ids import TAKER_LEVEL, client_order_id, id_prefix
from quote_service.routing.venues.exchange.ids import OrderKey, VenueClientIds
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
    level=st.integers(0, 9) | st.just(TAKER_LEVEL),
    count=st.integers(1, 36**5 - 1),
    revision=st.integers(0, 36**3 - 1),
)
def test_an_id_at_the_venue_says_whose_order_it_is(side: Side, level: int, count: int, revision: int) -> None:
    ids = VenueClientIds("mm", with_revision=True)
    ids.add_symbol(KEY)
    ours = client_order_id(id_prefix(KEY), side, level, count)
    venue_order = ids.to_venue(ours, revision)
    assert ids.from_venue(venue_order) == OrderKey(KEY, ours, revision)
    assert ids.is_own(venue_order)
    assert not VenueClientIds("zz", with_revision=True).is_own(venue_order)


@pytest.mark.parametrize("venue_id", list(VENUES))
def test_every_venue_takes_our_ids(venue_id: VenueId) -> None:
    venue = VENUES[venue_id]
    with_revision = venue.amend == "replace"
    venue_order = VenueClientIds("mm", with_revision=with_revision).to_venue(
        client_order_id(id_prefix(KEY), "sell", 9, 36**5 - 1), 36**3 - 1
    )
    assert len(venue_order) <= venue.client_id_length_max
    assert re.fullmatch(rf"[A-Za-z0-9{re.escape(venue.client_id_letters)}]+", venue_order)


@pytest.mark.parametrize(
    "venue_order", ["", "mm", "x-TKT5PX2F0123456789abcdef", "mm1a2b3cb0", "mm1a2b3cb0X5 ", "mmZZZZZZb0X5"]
)
def test_what_is_not_ours_is_not_taken_for_ours(venue_order: str) -> None:
    assert not VenueClientIds("mm", with_revision=True).is_own(venue_order)


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
