"""The judge of venue-check: what it counts, for one log and for two."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.venue_check.judging import Outcome, booking_delays_s, order_findings, trade_findings
from sandbox.venue_check.life import Log
from sandbox.venue_check.plans import COURSES
from sandbox.venue_check.report import CheckReport
from sandbox.venue_check.suite import BY_NAME, SUITE, random_plan
from schemas.orders import Fill
from tests.kit.messages import order_event

BTC, ETH = "BTC/USDT", "ETH/USDT"


def log(began_ns: int, ended_ns: int | None = None, alive: Any = (), symbols: Any = (BTC,)) -> Log:
    made = Log(symbols, frozenset(alive), {})
    made.began_ns = made.ready_ns = began_ns
    made.ended_ns = ended_ns
    return made


def trade(number: int, at_ns: int = 10, **more: Any) -> dict[str, Any]:
    return {
        "trade_id": number, "order_id": number, "client_id": "mm1", "symbol": BTC, "side": "buy",
        "price_ticks": 100, "size_lots": 3, "fee": "0.5", "fee_currency": "USDT", "steady_ns": at_ns,
    } | more  # fmt: skip


def fill(number: int, **more: Any) -> Fill:
    fields = {
        "event_time_ns": 1, "venue": "binance", "symbol": BTC, "venue_trade_id": str(number),
        "client_order_id": "mm-1", "side": "buy", "price_ticks": 100, "size_lots": 3, "liquidity": "maker",
        "fee": Decimal("0.5"), "fee_currency": "USDT", "mid_half_ticks": 200,
    } | more  # fmt: skip
    return Fill.model_validate(fields)


def counts(trades: list[dict[str, Any]], *logs: Log) -> dict[str, int]:
    found = trade_findings({"trades": trades}, logs)
    return {kind: len(texts) for kind, texts in found if texts}


@pytest.mark.parametrize(
    ("trades", "fills", "found"),
    [
        ([trade(1), trade(2)], [fill(1), fill(2)], {}),
        ([trade(1), trade(2)], [fill(1)], {"lost": 1, "position": 1}),
        ([trade(1)], [fill(1), fill(1)], {"doubled": 1, "position": 1}),
        ([], [fill(1)], {"invented": 1, "position": 1}),
        ([trade(1)], [fill(1, price_ticks=101)], {"lost": 1, "invented": 1}),
        ([trade(1)], [fill(1, fee=Decimal("0.6"))], {"fee": 1}),
        ([trade(1)], [fill(1, fee_currency="BNB")], {"fee": 1}),
        ([trade(1, fee_currency="BTC")], [fill(1, fee=Decimal(50), base_fee=Decimal("0.5"))], {}),
        ([trade(1, fee_currency="BTC")], [fill(1)], {"fee": 1}),
        ([trade(1, client_id="web_1")], [], {}),
        ([trade(1, client_id="web_1")], [fill(1)], {"invented": 1, "position": 1}),
        ([trade(1), trade(1, symbol=ETH)], [fill(1)], {}),
    ],
)
def test_what_a_log_lacks_and_has_too_much(
    trades: list[dict[str, Any]], fills: list[Fill], found: dict[str, int]
) -> None:
    one = log(0)
    one.fills += fills
    assert counts(trades, one) == found


@pytest.mark.parametrize(
    ("second", "alive", "found"),
    [
        ([3], (), {}),
        ([], (), {"lost": 1, "position": 1}),
        ([1, 3], (), {"invented": 1, "position": 1}),
        ([1, 3], [(BTC, 1)], {}),
        ([2, 3], (), {"invented": 1, "position": 1}),
    ],
)
def test_a_new_log_has_its_own_trades_and_those_of_orders_that_it_found_alive(
    second: list[int], alive: Any, found: dict[str, int]
) -> None:
    """Trade 1 is the first log's, 2 fell between the two, 3 is the second's."""
    old, new = log(0, 20), log(30, None, alive)
    old.fills.append(fill(1))
    new.fills += [fill(number) for number in second]
    assert counts([trade(1, 10), trade(2, 25), trade(3, 40)], old, new) == found


def test_orders_that_came_twice_or_unasked_or_have_no_end_are_found() -> None:
    one = log(0)
    intent = order_event(venue="binance", symbol=BTC, price=1, time_ns=1)
    one.orders.append(intent)
    orders = [{"client_id": name} for name in ("a", "a", "b", "web_1")]
    found = {kind: len(texts) for kind, texts in order_findings({"orders": orders}, [one])}
    assert found == {"doubled": 1, "invented": 1, "unresolved": 1}


def test_the_report_counts_and_says_how_long_halts_took_by_fault() -> None:
    outcomes = [
        Outcome(seed, "", last, confirmed_s=seconds)
        for seed, (last, seconds) in enumerate([("busy", 1.0), ("busy", 3.0), ("ban", 2.0), ("ban", None)])
    ]
    outcomes[0].find("lost", ["x", "y"])
    report = CheckReport((), tuple(outcomes))
    assert not report.holds
    assert report.counts()["lost"] == 2
    assert {name: (each.times, each.p99_s) for name, each in report.halts().items()} == {
        "all": (3, 3.0), "busy": (2, 3.0), "ban": (1, 2.0),
    }  # fmt: skip
    assert "2 lost, 0 doubled, 0 invented, 0 alive after confirmed" in "\n".join(report.summary())


def test_random_plans_come_to_every_fault_and_course_and_are_the_same_for_a_seed() -> None:
    plans = [random_plan(seed) for seed in range(600)]
    assert (
        {fault for plan in plans for fault in plan.faults} == {each.fault for each in SUITE} == set(BY_NAME)
    )
    assert {plan.course for plan in plans} == set(COURSES)
    assert plans[7] == random_plan(7)


def test_it_says_how_long_a_trade_took_to_be_booked() -> None:
    one = log(0)
    one.booked_ns = {(BTC, "1"): 2_500_000_000, (BTC, "9"): 1}
    assert booking_delays_s({"trades": [trade(1, 1_000_000_000)]}, [one]) == [1.5]
    report = CheckReport((), (Outcome(1, "", "busy", booked_after_s=[0.5, 1.5, 2.5]),))
    assert "a fill was booked after (p50, p99, s) 1.50, 2.50; under" in report.summary()
