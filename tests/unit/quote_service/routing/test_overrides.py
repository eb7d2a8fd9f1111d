"""An order that the gate would deny, which two people let pass: that one, once, for a time."""

from typing import Any

import pytest

from schemas.control import Override
from schemas.orders import OrderEvent
from tests.kit.messages import MS, T0
from tests.unit.quote_service.routing.builders import Desk, wide_config

PROTECTED = {
    "fill_window_ms": 5_000,
    "fill_quantity_max": 3,
    "fill_delta_max": 2,
    "freeze_ms": 1_000,
    "trips_max": 3,
}


def override(**fields: Any) -> Override:
    facts: dict[str, Any] = {
        "event_time_ns": T0, "venue": "sim", "symbol": "BTC/USDT", "override_id": "o1", "side": "buy",
        "price_ticks": 99, "size_lots": 5, "codes": ("MAX_QTY",), "valid_until_ns": T0 + 300_000 * MS,
        "requester": "ann", "approver": "bob", "reason": "a test",
    }  # fmt: skip
    return Override(**{**facts, **fields})


def denied_then(*overrides: Override, at_ms: float = 10, price: int = 99, size: int = 5) -> list[OrderEvent]:
    """An order of 5 lots is over the limit of 4; then the overrides come, and what follows from them."""
    desk = Desk(wide_config(routing={"order_size_max": 4}))
    desk.book(0)
    [denied] = desk.target(1, 1, bids=[(price, size)], ttl_ms=600_000)
    assert denied.reasons == ("MAX_QTY",)
    desk.beat(at_ms - 1)
    desk.tick(at_ms - 1)
    desk.book(at_ms - 1)
    return [event for each in overrides for event in desk.send(each)]


@pytest.mark.control("P16")
def test_an_order_that_two_people_let_pass_goes_out_once() -> None:
    desk = Desk(wide_config(routing={"order_size_max": 4}))
    desk.book(0)
    desk.target(1, 1, bids=[(99, 5)])
    [placed] = desk.send(override())
    assert (placed.kind, placed.size_lots) == ("place_intent", 5)
    desk.answer(2, "rejected", placed, reason="VENUE_REFUSED")
    assert desk.send(override()) == [], "the same override does not count again"
    assert [event.kind for event in desk.target(3, 2, bids=[(99, 5)])] == ["denied"]


@pytest.mark.control("P16")
@pytest.mark.parametrize(
    "fields", [{"price_ticks": 98}, {"size_lots": 6}, {"side": "sell"}, {"codes": ("MAX_VALUE",)}]
)
def test_another_order_is_denied_as_before(fields: dict[str, Any]) -> None:
    assert denied_then(override(**fields)) == []


@pytest.mark.control("P16")
def test_an_override_counts_for_five_minutes() -> None:
    assert [event.kind for event in denied_then(override(), at_ms=60_000)] == ["place_intent"]
    late = override(valid_until_ns=T0 + 1_000 * MS)
    assert denied_then(late, at_ms=60_000) == []
    with pytest.raises(ValueError, match="300 s at the most"):
        override(valid_until_ns=T0 + 300_001 * MS)


@pytest.mark.control("P16")
def test_nobody_approves_their_own_override() -> None:
    with pytest.raises(ValueError, match="ann cannot approve an override of their own"):
        override(approver="ann")


@pytest.mark.control("P16")
def test_a_halt_cannot_be_overridden() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    desk.beat(1, "HALT")
    desk.target(2, 1, bids=[(99, 5)])
    assert desk.send(override(codes=("RISK_HALT",))) == []
