"""The sandbox's answers to requests: parameters, counts, bans, the published depth."""

from collections.abc import Mapping
from typing import Any

import pytest
from quote_service.sandbox.depth import Depth
from quote_service.sandbox.errors import VenueError
from quote_service.sandbox.faults import Faults
from quote_service.sandbox.limits import BAN_AFTER_VIOLATIONS, ORDERS_10S_LIMIT, WEIGHT_LIMIT, Limits
from quote_service.sandbox.rest import Rest

from tests.unit.quote_service.sandbox.test_exchange import SYMBOL, Floor

NEW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "price": "90", "quantity": "3"}


class Counter:
    """Time as the test wants it."""

    def __init__(self) -> None:
        self.ms = 100_000

    def __call__(self) -> int:
        return self.ms


class Client:
    """Requests of one account."""

    def __init__(self) -> None:
        self.floor = Floor()
        clock = Counter()
        self.depth = Depth()
        self.rest = Rest(self.floor.exchange, {SYMBOL: self.depth}, Faults(), clock, Limits(clock))

    def ask(self, method: str, path: str, **params: str) -> Any:
        return self.rest.private[method, path](self.floor.anna, params)


def test_a_market_order_takes_what_is_there() -> None:
    client = Client()
    body = client.ask("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="7")
    assert (body["status"], body["executedQty"]) == ("FILLED", "7")
    assert [(fill["price"], fill["qty"]) for fill in body["fills"]] == [("101", "5"), ("102", "2")]


@pytest.mark.parametrize(("size", "status", "filled"), [("5", "FILLED", "5"), ("6", "EXPIRED", "0")])
def test_fill_or_kill_is_all_or_nothing(size: str, status: str, filled: str) -> None:
    body = Client().ask("POST", "order", **NEW | {"price": "101", "timeInForce": "FOK", "quantity": size})
    assert (body["status"], body["executedQty"]) == (status, filled)


def test_an_own_order_that_the_taker_does_not_reach_stays() -> None:
    client = Client()
    own = client.ask("POST", "order", **NEW | {"side": "SELL", "price": "102", "newClientOrderId": "mine"})
    client.ask("POST", "order", **NEW | {"price": "103", "quantity": "5"})
    assert client.ask("GET", "order", symbol="BTCUSDT", orderId=str(own["orderId"]))["status"] == "NEW"
    client.ask("POST", "order", **NEW | {"price": "103", "quantity": "6"})
    looked_up = client.ask("GET", "order", symbol="BTCUSDT", orderId=str(own["orderId"]))
    assert looked_up["status"] == "EXPIRED_IN_MATCH"


@pytest.mark.parametrize(
    ("method", "path", "change", "code"),
    [
        ("POST", "order", {"timeInForce": "XXX"}, -1102),
        ("POST", "order", {"selfTradePreventionMode": "DECREMENT"}, -1102),
        ("POST", "order", {"side": "buy"}, -1102),
        ("POST", "order", {"quantity": "many"}, -1100),
        ("POST", "order", {"symbol": "XXX"}, -1121),
        ("GET", "order", {"orderId": "x"}, -1100),
        ("GET", "order", {}, -1102),
        ("PUT", "order/amend/keepPriority", {"orderId": "1"}, -1100),
        ("GET", "myTrades", {"startTime": "x"}, -1100),
    ],
)
def test_bad_parameters_are_refused_as_the_venue_does(
    method: str, path: str, change: Mapping[str, str], code: int
) -> None:
    client = Client()
    client.ask("POST", "order", **NEW)
    with pytest.raises(VenueError) as refused:
        client.ask(method, path, **(NEW if method == "POST" else {"symbol": "BTCUSDT"}) | change)
    assert refused.value.code == code


def test_orders_without_an_id_get_one_each() -> None:
    client = Client()
    ids = {client.ask("POST", "order", **NEW)["clientOrderId"] for _ in range(5)}
    assert len(ids) == 5


def test_a_cancel_has_an_id_of_its_own() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"newClientOrderId": "a"})
    body = client.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="a", newClientOrderId="b")
    assert (body["clientOrderId"], body["origClientOrderId"], body["status"]) == ("b", "a", "CANCELED")


def refusals(limits: Limits, times: int, method: str = "GET", path: str = "account") -> list[tuple[int, Any]]:
    seen = []
    for _ in range(times):
        try:
            limits.count(method, path, {})
        except VenueError as error:
            seen.append((error.status, error.retry_after_s))
    return seen


def test_orders_beyond_the_grant_wait_for_the_next_window() -> None:
    clock = Counter()
    limits = Limits(clock)
    clock.ms = 103_400
    assert refusals(limits, ORDERS_10S_LIMIT, "POST", "order") == []
    assert refusals(limits, 1, "POST", "order") == [(429, 7)]
    assert limits.order_counts()["SECOND"] == ORDERS_10S_LIMIT + 1
    clock.ms = 110_000
    assert refusals(limits, 1, "POST", "order") == []


def test_who_asks_on_and_on_is_banned_for_two_minutes() -> None:
    clock = Counter()
    limits = Limits(clock)
    granted = WEIGHT_LIMIT // 20
    assert refusals(limits, granted) == []
    assert {status for status, _ in refusals(limits, BAN_AFTER_VIOLATIONS)} == {429}
    assert refusals(limits, 1) == [(418, 120)]
    clock.ms += 119_999
    assert refusals(limits, 1) == [(418, 1)]
    clock.ms += 1
    assert refusals(limits, 1) == []


def test_a_difference_of_depth_holds_all_changes_since_the_last() -> None:
    client = Client()
    market = client.floor.exchange.markets[SYMBOL]
    first = client.depth.advance(market, 0)
    assert first is not None
    for price in ("91", "92", "93"):
        client.ask("POST", "order", **NEW | {"price": price})
        client.depth.note_change()
    shown = client.depth.snapshot(market, 5)
    second = client.depth.advance(market, 0)
    assert second is not None
    assert (second["U"], second["u"]) == (first["u"] + 1, first["u"] + 3)
    assert shown["lastUpdateId"] == second["u"]
    assert {price for price, _ in second["b"]} == {"91", "92", "93"}
    assert client.depth.advance(market, 0) is None
