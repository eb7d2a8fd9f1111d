"""The sandbox's answers to requests: parameters, counts, bans, the published depth."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox.depth import Depth
from sandbox.errors import VenueError
from sandbox.faults import Faults
from sandbox.limits import BAN_AFTER_VIOLATIONS, BANS_MS, WEIGHT_LIMIT, Limits, weight_of
from sandbox.order_counts import ORDERS_10S_LIMIT
from sandbox.rest import Rest
from schemas.units import NS_PER_MS
from tests.unit.sandbox.floor import SYMBOL, Floor

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
        self.clock = Counter()
        steady_ns = lambda: self.clock.ms * NS_PER_MS  # noqa: E731
        self.floor = Floor(now_ns=steady_ns)
        self.depth = Depth()
        self.faults = Faults()
        self.rest = Rest(self.floor.exchange, {SYMBOL: self.depth}, self.faults, self.clock, steady_ns)

    def ask(self, method: str, path: str, **params: str) -> Any:
        return self.rest.private[method, path](self.floor.anna, params)

    def counts(self) -> dict[str, int]:
        return {each["interval"]: each["count"] for each in self.ask("GET", "rateLimit/order")}


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
        client.ask(method, path, **{**(NEW if method == "POST" else {"symbol": "BTCUSDT"}), **change})
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


def test_orders_beyond_the_grant_wait_for_the_next_window_and_cancels_do_not() -> None:
    client = Client()
    client.clock.ms = 103_400
    for number in range(ORDERS_10S_LIMIT):
        client.ask("POST", "order", **NEW | {"newClientOrderId": f"c{number}"})
        client.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId=f"c{number}")
    client.clock.ms = 105_400
    for path in ("order", "order/cancelReplace"):
        with pytest.raises(VenueError) as refused:
            client.ask("POST", path, **NEW)
        assert (refused.value.code, refused.value.status, refused.value.retry_after_s) == (-1015, 429, 5)
    assert client.counts() == {"SECOND": ORDERS_10S_LIMIT, "DAY": ORDERS_10S_LIMIT}
    client.clock.ms = 110_000
    client.ask("POST", "order", **NEW)
    assert client.counts() == {"SECOND": 1, "DAY": ORDERS_10S_LIMIT + 1}


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
        client.depth.record_change()
    shown = client.depth.snapshot(market, 5)
    second = client.depth.advance(market, 0)
    assert second is not None
    assert (second["U"], second["u"]) == (first["u"] + 1, first["u"] + 3)
    assert shown["lastUpdateId"] == second["u"]
    assert {price for price, _ in second["b"]} == {"91", "92", "93"}
    assert client.depth.advance(market, 0) is None


def test_every_ban_is_longer_than_the_one_before() -> None:
    clock = Counter()
    limits = Limits(clock)
    refusals(limits, WEIGHT_LIMIT // 20)
    seen = []
    for _ in range(len(BANS_MS) + 1):
        refusals(limits, BAN_AFTER_VIOLATIONS)
        seen += refusals(limits, 1)
    assert seen == [(418, length_ms // 1_000) for length_ms in (*BANS_MS, BANS_MS[-1])]


def test_a_long_ban_grows_with_requests_but_not_with_those_under_way() -> None:
    clock = Counter()
    limits = Limits(clock)
    limits.ban.begin(clock.ms, 120_000)
    assert refusals(limits, 3) == [(418, 120)] * 3
    clock.ms += 60_000
    assert refusals(limits, 3) == [(418, 240)] * 3
    clock.ms += 240_000
    assert refusals(limits, 1) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "weight"),
    [
        ("PUT", "order/amend/keepPriority", {}, 4),
        ("POST", "order/cancelReplace", {}, 1),
        ("DELETE", "openOrders", {"symbol": "X"}, 1),
        ("GET", "openOrders", {"symbol": "X"}, 6),
        ("GET", "openOrders", {}, 80),
        ("GET", "myTrades", {}, 20),
        ("GET", "myTrades", {"orderId": "1"}, 5),
        ("GET", "allOrders", {}, 20),
        ("GET", "account", {}, 20),
        ("GET", "rateLimit/order", {}, 40),
        ("GET", "ticker/bookTicker", {"symbol": "X"}, 2),
        ("GET", "ticker/bookTicker", {}, 4),
        ("GET", "depth", {"limit": "100"}, 5),
        ("GET", "depth", {"limit": "5000"}, 250),
    ],
)
def test_requests_have_the_weights_of_the_documents(
    method: str, path: str, query: Mapping[str, str], weight: int
) -> None:
    assert weight_of(method, path, query) == weight


def test_a_replacement_that_a_filter_refuses_leaves_the_old_order() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"newClientOrderId": "old"})
    for change, code in (({"price": "1000"}, -1013), ({"quantity": "0"}, -1013)):
        with pytest.raises(VenueError) as refused:
            client.ask("POST", "order/cancelReplace", **NEW | change | {"cancelOrigClientOrderId": "old"})
        assert refused.value.code == code
    assert [order["clientOrderId"] for order in client.ask("GET", "openOrders")] == ["old"]
    assert client.counts()["SECOND"] == 1


def test_a_replacement_without_room_for_the_order_cancels_where_that_is_wanted() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"newClientOrderId": "old"})
    client.floor.anna.order_counts.used_up_until_ms = client.clock.ms + 2_000
    wanted = NEW | {"cancelOrigClientOrderId": "old", "cancelReplaceMode": "STOP_ON_FAILURE"}
    with pytest.raises(VenueError) as refused:
        client.ask("POST", "order/cancelReplace", **wanted)
    assert (refused.value.code, refused.value.retry_after_s) == (-1015, 2)
    assert len(client.ask("GET", "openOrders")) == 1
    with pytest.raises(VenueError) as partly:
        client.ask("POST", "order/cancelReplace", **wanted, orderRateLimitExceededMode="CANCEL_ONLY")
    assert (partly.value.code, partly.value.status) == (-2021, 429)
    assert client.ask("GET", "openOrders") == []


def test_a_replacement_of_which_both_parts_fail_has_failed_altogether() -> None:
    client = Client()
    wanted = NEW | {"cancelOrderId": "9", "cancelReplaceMode": "ALLOW_FAILURE", "type": "LIMIT_MAKER"}
    with pytest.raises(VenueError) as refused:
        client.ask("POST", "order/cancelReplace", **wanted | {"price": "101"})
    assert (refused.value.code, refused.value.status) == (-2022, 400)
    assert client.counts()["SECOND"] == 1


def test_an_order_that_meets_somebody_does_not_count_any_more() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"price": "90"})
    client.ask("POST", "order", **NEW | {"price": "101", "quantity": "7"})
    assert client.counts()["SECOND"] == 1
    client.floor.trade(89, 20, "sell")
    assert client.counts()["SECOND"] == 0


def test_lists_are_cut_at_their_limit_and_at_a_day() -> None:
    client = Client()
    for number in range(700):
        client.clock.ms = 10_000 * number
        client.ask("POST", "order", **NEW | {"newClientOrderId": f"c{number}"})
        client.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId=f"c{number}")

    def ids(**more: str) -> list[int]:
        return [order["orderId"] for order in client.ask("GET", "allOrders", symbol="BTCUSDT", **more)]

    assert ids() == list(range(201, 701))
    assert ids(startTime="0") == list(range(1, 501))
    assert ids(orderId="650", limit="3") == [650, 651, 652]
    assert ids(startTime="10000", endTime="30000") == [2, 3, 4]
    assert ids(limit="5000") == list(range(1, 701))
    for path in ("allOrders", "myTrades"):
        with pytest.raises(VenueError) as refused:
            client.ask("GET", path, symbol="BTCUSDT", startTime="1", endTime="86400002")
        assert refused.value.code == -1127


def test_trades_are_found_from_an_id_on() -> None:
    client = Client()
    for price in ("101", "101", "102"):
        client.ask("POST", "order", **NEW | {"price": price, "quantity": "1"})

    def ids(**more: str) -> list[int]:
        return [trade["id"] for trade in client.ask("GET", "myTrades", symbol="BTCUSDT", **more)]

    assert ids(fromId="2") == [2, 3]
    assert ids(limit="1") == [3]
    assert ids(limit="1", fromId="1") == [1]
    assert ids(orderId="2") == [2]


def test_a_look_up_that_lags_shows_what_was() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"newClientOrderId": "a"})
    client.clock.ms += 1_000
    client.floor.trade(89, 2, "sell")
    asked = {"symbol": "BTCUSDT"}
    of_path: dict[str, Callable[[Any], bool]] = {
        "order": lambda answer: answer["executedQty"] == "0",
        "openOrders": lambda answer: answer[0]["executedQty"] == "0",
        "allOrders": lambda answer: answer[0]["status"] == "NEW",
        "myTrades": lambda answer: answer == [],
        "account": lambda answer: {"asset": "BTC", "free": "1000", "locked": "0"} in answer["balances"],
    }
    for path, wanted in of_path.items():
        named = asked | ({"origClientOrderId": "a"} if path == "order" else {})
        client.faults.arm("lookup_lags", seconds=0.5, path=path)
        assert wanted(client.ask("GET", path, **named)), path
        assert not wanted(client.ask("GET", path, **named)), path
    client.faults.arm("lookup_lags", seconds=5)
    with pytest.raises(VenueError, match="does not exist"):
        client.ask("GET", "order", **asked, origClientOrderId="a")


def test_an_order_that_is_hidden_is_shown_after_a_while() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"newClientOrderId": "old"})
    client.clock.ms += 1
    client.rest.lookups.hide_younger(0.5)
    client.ask("POST", "order", **NEW | {"newClientOrderId": "new"})

    def shown() -> list[str]:
        return [order["clientOrderId"] for order in client.ask("GET", "openOrders")]

    assert shown() == ["old"]
    client.clock.ms += 500
    assert shown() == ["old", "new"]


def test_an_amend_goes_on_under_its_new_id() -> None:
    client = Client()
    client.ask("POST", "order", **NEW | {"newClientOrderId": "a"})
    ask = {"symbol": "BTCUSDT", "origClientOrderId": "a", "newClientOrderId": "b", "newQty": "2"}
    amended = client.ask("PUT", "order/amend/keepPriority", **ask)["amendedOrder"]
    assert (amended["clientOrderId"], amended["origClientOrderId"], amended["qty"]) == ("b", "a", "2")
    for again, text in ((ask, "Unknown order"), (ask | {"origClientOrderId": "b"}, "change no state")):
        with pytest.raises(VenueError, match=text) as refused:
            client.ask("PUT", "order/amend/keepPriority", **again)
        assert refused.value.code == -2038
    assert client.counts()["SECOND"] == 1
