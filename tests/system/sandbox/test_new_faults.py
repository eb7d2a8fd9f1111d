"""Our adapter under what an independent exchange did to it: each fault alone, and each course of lives."""

import asyncio
from typing import Any

import pytest
from quote_service.routing.venues.exchange.adapter import ExchangeVenue

from maker.composition import monitor_definition
from sandbox.faults import FaultName
from sandbox.venue_check.plans import COURSES, Course, FaultPlan
from sandbox.venue_check.session import run_session

pytestmark = pytest.mark.slow
FAULTS: tuple[FaultName, ...] = (
    "late_window",
    "long_ban",
    "order_count",
    "lookup_lags",
    "trade_prevention",
    "drop_balances",
    "stream_lags",
    "slow_reconnect",
    "end_user_stream",
    "silent_user_stream",
    "server_shutdown",
    "disconnect_24h",
    "clock_behind",
    "clock_drift",
    "market_break",
    "account_disabled",
    "bad_key",
    "ip_not_allowed",
    "no_permission",
    "withdrawing_key",
    "deposit",
    "hand_trade",
)


def check(plan: FaultPlan) -> Any:
    return asyncio.run(run_session(plan, ExchangeVenue, monitor_definition()))


@pytest.mark.parametrize("fault", FAULTS)
def test_our_adapter_holds_under(fault: FaultName) -> None:
    outcome = check(FaultPlan(11, (fault, fault)))
    assert outcome.wrong == []
    assert outcome.fired[fault] > 0
    assert outcome.orders > 0


@pytest.mark.parametrize("course", [course for course in COURSES if course != "one_life"])
def test_our_adapter_holds_through(course: Course) -> None:
    outcome = check(FaultPlan(11, (), course=course))
    assert outcome.wrong == []
    assert outcome.fills > 0
    assert outcome.confirmed_s is not None
