"""The one count of requests: purposes, refusals, waits and order counts."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from runtime.exchange.request_budget import (
    CLOCK_MARGIN_S,
    Headers,
    Purpose,
    Request,
    RequestBudget,
)
from runtime.exchange.request_counts import hold_numbers, usage_numbers
from schemas.venues import REQUEST_KINDS, VENUES, VenueId
from tests.kit.fakes import ManualClock
from tests.servers.local import PATIENCE_S
from tests.unit.runtime.request_budgets import BEGIN_S, ORDERS_BODY, answer, make

BANNED_BODY = '{"code":-1003,"msg":"Way too much request weight used; IP banned until 6300000000000."}'


def test_every_venue_says_what_each_kind_costs() -> None:
    for venue in VENUES.values():
        assert set(venue.weights) == set(REQUEST_KINDS)
    assert VENUES["binance"].weights["shrink"] == 4


def test_each_purpose_has_a_part_and_cancels_what_nothing_else_may_use() -> None:
    clock, budget = make()
    assert budget.may_send(3_000, "feed")
    assert not budget.may_send(1, "feed")
    assert budget.may_send(600, "query")
    assert not budget.may_send(1, "query")
    assert budget.may_send(1_500, "order")
    assert not budget.may_send("place", "order")
    assert budget.may_send(900, "cancel")
    assert not budget.may_send("cancel", "cancel")
    assert budget.wait_s("cancel", "cancel") == pytest.approx(60)
    clock.now_s += 60
    assert budget.may_send(1, "feed")


def test_what_was_sent_when_the_venues_window_may_have_begun_counts_in_the_next_one_too() -> None:
    clock, budget = make()
    assert budget.may_send(5_000, "cancel")
    clock.now_s += 60 - CLOCK_MARGIN_S / 2
    assert budget.may_send(900, "cancel")
    assert not budget.may_send(200, "cancel")
    clock.now_s += CLOCK_MARGIN_S
    assert budget.used == 900
    assert budget.may_send(5_100, "cancel")
    assert not budget.may_send(1, "cancel")


def test_the_venues_own_count_is_believed() -> None:
    _, budget = make()
    budget.observe(200, answer(5_999))
    assert not budget.may_send("place", "order")
    assert budget.may_send("cancel", "cancel")


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True)])
def test_nothing_goes_out_before_the_venue_wants_to_hear_again(status: int, banned: bool) -> None:
    clock, budget = make()
    budget.observe(status, {"Retry-After": "7"})
    assert budget.is_banned == banned
    for request, purpose in (("cancel", "cancel"), ("depth_500", "feed"), ("time", "query")):
        assert not budget.may_send(request, purpose)  # type: ignore[arg-type]
    assert budget.wait_s("cancel", "cancel") == pytest.approx(7)
    assert budget.held_until_s() == pytest.approx(clock.now_s + 7)
    clock.now_s += 7
    assert budget.may_send("cancel", "cancel")
    assert budget.held_until_s() == 0


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "259200"}, "", 259_200),
        ({}, BANNED_BODY.replace("6300000000000", "6121000"), 0),  # no time in milliseconds since 1970
        ({"Retry-After": "soon"}, "", 120),
        ({"Retry-After": "-5"}, "", 120),
        ({"Retry-After": "nan"}, "", 120),
        ({}, "", 120),
    ],
)
def test_a_ban_lasts_as_long_as_the_venue_says(headers: Headers, body: str, seconds: float) -> None:
    _, budget = make()
    budget.observe(418, headers, body)
    assert budget.blocked_s() == pytest.approx(seconds or 120)


def test_the_end_of_a_ban_stands_in_its_text() -> None:
    clock, budget = make()
    clock.now_s = 1_659_146_300.0
    body = BANNED_BODY.replace("6300000000000", "1659146400000")
    budget.observe(418, {"Retry-After": "5"}, body)
    assert budget.blocked_s() == pytest.approx(100 + CLOCK_MARGIN_S)
    budget.observe(418, {"Retry-After": "5"}, "<html>")
    assert budget.blocked_s() == pytest.approx(100 + CLOCK_MARGIN_S)


def test_an_answer_that_was_under_way_does_not_end_a_ban() -> None:
    clock, budget = make()
    budget.observe(418, {"Retry-After": "100"})
    budget.observe(200, answer(5))
    budget.observe(429, {"Retry-After": "1"})
    assert budget.is_banned
    assert budget.blocked_s() == pytest.approx(100)
    clock.now_s += 100
    assert budget.is_banned
    budget.observe(200, answer(5))
    assert not budget.is_banned


def test_one_request_finds_out_whether_a_ban_is_over() -> None:
    clock, budget = make()
    budget.observe(418, {"Retry-After": "100"})
    clock.now_s += 100
    assert budget.may_probe()
    assert not budget.may_probe()
    clock.now_s += 3  # it was never answered
    assert budget.may_probe()


@pytest.mark.parametrize("step_s", [3_600.0, -3_600.0])
def test_a_ban_lasts_as_long_when_the_clock_is_set(step_s: float, tmp_path: Path) -> None:
    """By an hour while it lasts, back or ahead; whoever looks, also who has just started."""
    clock, steady = ManualClock(BEGIN_S), ManualClock(BEGIN_S)
    clock.now_s += 1_000_000
    venue, path, account = VENUES["binance"], tmp_path / "usage", tmp_path / "hold"

    def process() -> RequestBudget:
        return RequestBudget(venue, 1.0, clock, usage_numbers(path), hold_numbers(account), steady)

    def after(seconds: float) -> None:
        clock.now_s += seconds
        steady.now_s += seconds

    budget, held = process(), list[float]()
    budget.on_held(held.append)
    budget.observe(418, {"Retry-After": "300"})
    budget.observe(429, {"Retry-After": "310"}, ORDERS_BODY)
    after(100)
    clock.now_s += step_s
    for each in (process(), budget):
        assert each.blocked_s() == pytest.approx(200)
        assert each.wait_s("time", "query") == pytest.approx(200)
        assert not each.may_send("cancel", "cancel")
        assert each.held_until_s() == pytest.approx(clock.now_s + 210)
    assert held[-1] == pytest.approx(clock.now_s + 210)
    after(200)
    assert budget.may_send("cancel", "cancel")
    assert not budget.may_send("place", "order")
    after(10)
    assert process().may_send("place", "order")


def test_numbers_of_before_the_machine_began_anew_count_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, steady = ManualClock(BEGIN_S), ManualClock(BEGIN_S)
    path = tmp_path / "usage"
    RequestBudget(VENUES["binance"], 1.0, clock, usage_numbers(path), None, steady).observe(
        418, {"Retry-After": "300"}
    )
    monkeypatch.setattr("runtime.exchange.request_counts._BOOT", 5.0)
    clock.now_s += 100
    steady.now_s = 0.0
    again = RequestBudget(VENUES["binance"], 1.0, clock, usage_numbers(path), None, steady)
    assert again.blocked_s() == pytest.approx(200)


def test_too_many_orders_hold_back_places_and_amends_alone() -> None:
    clock, budget = make()
    budget.observe(429, {"Retry-After": "8"}, ORDERS_BODY)
    assert not budget.may_send("place", "order")
    assert not budget.may_send("amend", "order")
    assert budget.may_send("shrink", "order")  # counts as no order
    assert budget.may_send("cancel", "cancel")
    assert budget.may_send("look_up", "order")
    assert budget.may_send("open_orders", "query")
    assert budget.blocked_s() == 0
    assert not budget.is_banned
    assert budget.orders_held_until_s() == budget.held_until_s() == pytest.approx(clock.now_s + 8)
    clock.now_s += 8
    assert budget.may_send("place", "order")


def test_the_venues_count_of_orders_is_believed() -> None:
    _, budget = make(share=0.9)
    budget.observe(200, answer(1, X_MBX_ORDER_COUNT_10S="89", X_MBX_ORDER_COUNT_1D="100"))
    assert budget.held_until_s() == 0
    budget.observe(200, answer(1, X_MBX_ORDER_COUNT_10S="90", X_MBX_ORDER_COUNT_1D="100"))
    assert budget.held_until_s() == pytest.approx(6_010 + CLOCK_MARGIN_S)
    assert budget.may_send("cancel", "cancel")
    budget.observe(200, answer(1))  # of a query: says nothing of orders
    assert budget.held_until_s() > 0
    budget.observe(200, answer(1, X_MBX_ORDER_COUNT_10S="40", X_MBX_ORDER_COUNT_1D="180000"))
    assert budget.held_until_s() == pytest.approx(86_400 + CLOCK_MARGIN_S)


def test_who_listens_hears_each_hold_once() -> None:
    clock, budget = make()
    heard: list[float] = []
    budget.on_held(heard.append)
    budget.observe(200, answer(10))
    assert heard == []
    budget.observe(429, {"Retry-After": "5"}, ORDERS_BODY)
    budget.observe(200, answer(12))
    assert not budget.may_send("place", "order")
    assert heard == [pytest.approx(clock.now_s + 5)]
    clock.now_s += 6
    assert budget.may_send("place", "order")
    assert len(heard) == 1
    assert budget.may_send(5_000, "cancel")
    assert not budget.may_send(500, "order")
    budget.observe(200, answer(5_200))
    assert heard[1:] == [pytest.approx(6_060 + CLOCK_MARGIN_S)]


def test_a_venue_that_counts_no_weight_is_held_back_by_its_word_alone() -> None:
    budget = RequestBudget(VENUES["okx"], 1.0, ManualClock(BEGIN_S))
    assert all(budget.may_send("open_orders", "query") for _ in range(1_000))
    asyncio.run(budget.acquire(100, "query"))
    budget.observe(429, {"Retry-After": "2"})
    assert not budget.may_send("cancel", "cancel")


@pytest.mark.parametrize(
    ("venue", "text", "blocked_s", "held_s"),
    [
        ("kraken", '{"error":["EGeneral:Temporary lockout"]}', 300, 300),
        ("kraken", '{"error":["EAPI:Rate limit exceeded"]}', 5, 5),
        ("kraken", '{"error":["EOrder:Rate limit exceeded"]}', 0, 5),
        ("kraken", '{"error":[],"result":{}}', 0, 0),
        ("okx", '{"code":"1","data":[{"sCode":"50061"}]}', 0, 2),
        ("okx", '{"data":[' + '"50061",' * 1_000 + "0]}", 0, 0),
    ],
)
def test_a_venue_may_say_in_words_that_it_was_asked_too_often(
    venue: VenueId, text: str, blocked_s: float, held_s: float
) -> None:
    clock = ManualClock(BEGIN_S)
    budget = RequestBudget(VENUES[venue], 1.0, clock)
    budget.observe(200, {}, text)
    assert budget.blocked_s() == pytest.approx(blocked_s)
    assert budget.held_until_s() == pytest.approx(clock.now_s + held_s if held_s else 0)
    assert budget.may_send("cancel", "cancel") == (blocked_s == 0)


def test_a_long_wait_is_said_once_and_ends_with_its_reason() -> None:
    async def run() -> None:
        clock, budget = make()
        budget.observe(418, {"Retry-After": "3600"})
        with capture_logs() as logs:
            waiting = [asyncio.create_task(budget.acquire("time", "feed")) for _ in range(3)]
            await asyncio.sleep(0)
            assert [log["event"] for log in logs] == ["requests_delayed"]
            assert (logs[0]["seconds"], logs[0]["banned"]) == (3_600, True)
            clock.now_s += 3_600
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*waiting)
        assert budget.used == 3

    asyncio.run(run())


PURPOSES: tuple[Purpose, ...] = ("cancel", "order", "query", "feed")


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([700, 2_000, *REQUEST_KINDS]),
            st.sampled_from(PURPOSES),
            st.sampled_from([0.0, 0.3, 0.9, 20.0, 57.5]) | st.floats(0, 40),
        ),
        max_size=80,
    ),
    skew_s=st.floats(-0.99, 0.99),
)
def test_no_window_of_the_venues_holds_more_than_it_grants(
    steps: list[tuple[Request, Purpose, float]], skew_s: float
) -> None:
    """Its clock is another than ours, and we hear nothing of its counts."""
    clock, budget = make()
    venues: dict[float, int] = {}
    for request, purpose, pause_s in steps:
        clock.now_s += pause_s
        if budget.may_send(request, purpose):
            window = (clock.now_s + skew_s) // 60
            venues[window] = venues.get(window, 0) + budget.weight(request)
    assert all(used <= 6_000 for used in venues.values())
