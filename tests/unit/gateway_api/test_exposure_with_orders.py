"""The account's limits as the page shows them: with open orders, and with the settings in force."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from gateway_api.access.visibility import ALL_OF_IT, Sight
from gateway_api.app.overview import Overview

from schemas.config import Config
from schemas.message import Event
from schemas.process import SettingApplied
from schemas.topics import RISK
from tests.kit.messages import book, instrument, order_event, position, setting_change
from tests.unit.gateway_api.conftest import Engine

WARN_AT = "risk_limits.warn_at"


def account_of(engine: Engine, sight: Sight = ALL_OF_IT) -> Any:
    found = Overview(engine.store, Config(), sight)
    asyncio.run(found.refresh())
    return json.loads(b"{" + found.since(-1) + b"}")["account"]


def exposure_with_orders(engine: Engine, *events: Event) -> Decimal:
    """In the reporting currency; the mid is 100."""
    engine.take(instrument(), book(), *events)
    limit = next(each for each in account_of(engine)["limits"] if each["name"] == "exposure_with_orders")
    assert limit["limit"] == Config().risk_limits.max_exposure
    return Decimal(round(Decimal(str(limit["value"])) * Config().reporting.capital))


BUY = order_event("accepted", "live", order_id="b", side="buy", lots=500)
SELL = order_event("accepted", "live", order_id="s", side="sell", lots=4000, filled_lots=1000)


@pytest.mark.parametrize(
    ("events", "lots"),
    [
        ((), 0),
        ((BUY,), 500),
        ((position(1000),), 1000),
        ((position(1000), BUY), 1500),
        ((position(1000), BUY, SELL), 2000),  # from 1000 long to 2000 short
    ],
)
def test_all_orders_of_one_side_are_filled_and_none_of_the_other(
    engine: Engine, events: tuple[Event, ...], lots: int
) -> None:
    assert exposure_with_orders(engine, *events) == 100 * lots


def test_who_may_not_see_profit_does_not_see_it_either(engine: Engine) -> None:
    engine.take(instrument(), book(), BUY)
    seen = account_of(engine, Sight(frozenset({"view"})))
    assert [each["name"] for each in seen["limits"] if each["name"] == "exposure_with_orders"] == []


def test_the_warning_threshold_is_the_one_in_force(engine: Engine) -> None:
    engine.take(instrument(), book())
    assert account_of(engine)["warn_at"] == Config().risk_limits.warn_at
    change = setting_change(WARN_AT, "0.6")
    applied = SettingApplied(
        event_time_ns=change.event_time_ns,
        process=RISK,
        change_id=change.change_id,
        setting_key=WARN_AT,
        value="0.6",
    )
    engine.take(change, applied)
    assert account_of(engine)["warn_at"] == 0.6
