"""Orders as a log tells them: worked examples of what venues say late, twice, or never."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from research.attribution.errors import InputError
from research.attribution.order_tally import ENDED_KEPT, OrderTally
from research.attribution.report import OrdersReport
from research.pnl.own_orders import OwnOrders, best_of
from schemas.message import Event
from schemas.orders import Fill, OrderEvent
from tests.kit.messages import fill
from tests.unit.research.streams import order


def event(kind: str, status: str, size: int, filled: int = 0, order_id: str = "x", price: int = 100) -> Any:
    return OrderEvent.model_validate(
        {
            "event_time_ns": 1,
            "venue": "sim",
            "symbol": "BTC/USDT",
            "kind": kind,
            "status": status,
            "client_order_id": order_id,
            "side": "buy",
            "level": 0,
            "price_ticks": price,
            "size_lots": size,
            "filled_lots": filled,
            "target_sequence": 1,
        }
    )


def traded(trade_id: str, lots: int, order_id: str = "x") -> Fill:
    return fill(trade_id, lots=lots).model_copy(update={"client_order_id": order_id})


def steps(events: Iterable[Event]) -> list[tuple[str, int | None, int | None]]:
    """(status, size, filled) as attribution is told."""
    orders = OwnOrders()
    said: list[tuple[str, int | None, int | None]] = []
    for each in events:
        made = orders.trade(each) if isinstance(each, Fill) else orders.apply(each)  # type: ignore[arg-type]
        said += [(step.status, step.size_lots, step.filled_lots) for step in made]
    return said


def tally(events: Iterable[Event]) -> OrdersReport:
    counted = OrderTally()
    for status, size, filled in steps(events):
        line = order(1, "x", "rejected")
        sizes = {
            "size": None if size is None else Decimal(size),
            "filled": None if filled is None else Decimal(filled),
        }
        counted.add(line.model_copy(update={"status": status, **sizes}))
    return counted.report()


PLACED = [event("place_intent", "pending_new", 5), event("accepted", "live", 5)]


def test_an_amend_that_was_never_answered_and_filled_has_the_size_that_was_asked_for() -> None:
    """The session's own case: 5 lots asked up to 8, no answer, and 8 were filled."""
    events = [
        *PLACED,
        event("amend_intent", "pending_amend", 8, price=101),
        event("partial_fill", "pending_amend", 5, 6),
        event("filled", "filled", 5, 8),
    ]
    assert steps(events) == [
        ("accepted", 5, None),
        ("amended", 8, None),
        ("filled", None, 8),
    ]
    report = tally(events)
    assert (report.quantity_fill_ratio, report.full_fill_ratio, report.cancel_ratio) == (1, 1, 0)


def test_an_amend_to_less_that_was_not_answered_leaves_the_size_that_was_confirmed() -> None:
    events = [
        *PLACED,
        event("amend_intent", "pending_amend", 2),
        event("cancelled", "cancelled", 5, 3),
    ]
    assert steps(events)[-1] == ("cancelled", None, 3)
    assert tally(events).quantity_fill_ratio == pytest.approx(0.6)


def test_what_was_asked_counts_until_the_venue_says_no() -> None:
    asked = [*PLACED, event("amend_intent", "pending_amend", 9)]
    refused = [*asked, event("amend_rejected", "live", 5), event("cancelled", "cancelled", 5, 5)]
    assert tally(refused).full_fill_ratio == 1
    assert tally([*asked, event("cancelled", "cancelled", 5, 5)]).quantity_fill_ratio == pytest.approx(5 / 9)


def test_old_and_new_order_filled_beside_each_other_are_as_large_as_what_was_filled() -> None:
    events = [
        *PLACED,
        event("amend_intent", "pending_amend", 8),
        event("partial_fill", "pending_amend", 5, 12),
        event("amended", "filled", 8, 12),
    ]
    assert steps(events)[-1] == ("filled", None, 12)
    assert tally(events).quantity_fill_ratio == 1


def test_an_answer_that_fills_the_order_ends_it() -> None:
    """Amended to no more than was filled: the router says amended, and that it is filled."""
    events = [*PLACED, event("partial_fill", "live", 5, 3), event("amended", "filled", 3, 3)]
    assert steps(events) == [("accepted", 5, None), ("amended", 3, None), ("filled", None, 3)]


def test_a_fill_after_the_end_corrects_the_end_and_opens_nothing() -> None:
    events = [
        *PLACED,
        event("cancelled", "cancelled", 5, 0),
        event("partial_fill", "cancelled", 5, 2),
        event("partial_fill", "cancelled", 5, 2),
        event("filled", "cancelled", 5, 5),
    ]
    assert steps(events) == [
        ("accepted", 5, None),
        ("cancelled", None, 0),
        ("reopened", 5, None),
        ("cancelled", None, 2),
        ("reopened", 5, None),
        ("filled", None, 5),
    ]
    report = tally(events)
    assert (report.accepted, report.finished, report.full_fill_ratio, report.cancel_ratio) == (1, 1, 1, 0)


def test_an_order_that_had_ended_and_is_found_open_is_one_order() -> None:
    events = [
        *PLACED,
        event("cancelled", "cancelled", 5, 1),
        event("orphan", "live", 5, 1),
        event("cancelled", "cancelled", 5, 4),
    ]
    report = tally(events)
    assert (report.accepted, report.finished, report.cancel_ratio) == (1, 1, 1)
    assert report.quantity_fill_ratio == pytest.approx(0.8)


def test_a_forgotten_order_that_is_found_open_counts_all_its_trades() -> None:
    """The router remembers nothing of it and begins at 0; its trades say 3 and then 2 more."""
    events = [
        *PLACED,
        event("partial_fill", "live", 5, 3),
        traded("a", 3),
        event("cancelled", "cancelled", 5, 3),
        event("orphan", "live", 5, 0),
        event("partial_fill", "live", 5, 2),
        traded("b", 2),
        event("cancelled", "cancelled", 5, 2),
    ]
    assert steps(events)[-1] == ("filled", None, 5)
    assert tally(events).full_fill_ratio == 1


def test_a_fill_that_no_order_event_tells_of_corrects_the_order_all_the_same() -> None:
    events = [
        *PLACED,
        event("cancelled", "cancelled", 5),
        traded("a", 5),
        traded("a", 5),
        traded("b", 1, "y"),
    ]
    assert steps(events) == [
        ("accepted", 5, None),
        ("cancelled", None, 0),
        ("reopened", 5, None),
        ("filled", None, 5),
    ]


@pytest.mark.parametrize("status", ["cancelled", "filled"])
def test_an_order_whose_acceptance_was_never_told_was_accepted(status: str) -> None:
    events = [event("place_intent", "pending_new", 5), event(status, status, 5, 5 * (status == "filled"))]
    report = tally(events)
    assert (report.accepted, report.rejected, report.finished) == (1, 0, 1)


def test_a_refused_order_was_none_until_it_is_filled() -> None:
    refused = [event("place_intent", "pending_new", 5), event("rejected", "rejected", 5)]
    assert steps(refused) == [("rejected", None, None)]
    filled = [*refused, event("partial_fill", "rejected", 5, 2)]
    assert steps(filled)[1:] == [("accepted", 5, None), ("cancelled", None, 2)]
    lost = [*PLACED, event("cancel_rejected", "unknown", 5), event("rejected", "rejected", 5)]
    assert steps(lost)[1:] == [("cancelled", None, 0)], "it had been accepted"


def test_a_denial_and_an_unknown_order_are_no_orders_yet() -> None:
    assert steps([event("denied", "denied", 5, order_id="y")]) == []
    assert steps([event("place_intent", "pending_new", 5), event("unknown", "unknown", 5)]) == []


def test_an_order_of_no_size_is_never_full() -> None:
    events = [event("orphan", "live", 0), event("cancelled", "cancelled", 0)]
    report = tally(events)
    assert (report.finished, report.full_fill_ratio, report.quantity_fill_ratio) == (1, 0, None)


def test_our_best_price_is_of_orders_that_the_venue_has_confirmed() -> None:
    orders = OwnOrders()
    for each in (
        event("place_intent", "pending_new", 5, order_id="a", price=105),
        event("accepted", "live", 5, order_id="b", price=101),
        event("accepted", "live", 4, order_id="c", price=101),
        event("orphan", "live", 4, order_id="d", price=0),
        event("partial_fill", "live", 5, 2, order_id="b", price=101),
        event("amend_intent", "pending_amend", 9, order_id="c", price=103),
    ):
        list(orders.apply(each))
    assert best_of(orders, "buy") == (101, 7)
    assert best_of(orders, "sell") == (None, 0)


def test_only_the_newest_ends_can_be_taken_back() -> None:
    counted = OrderTally()
    for number in range(ENDED_KEPT + 1):
        counted.add(order(1, str(number), "accepted", size="1"))
        counted.add(order(1, str(number), "cancelled", filled="0"))
    counted.add(order(1, "1", "reopened", size="1"))
    with pytest.raises(InputError, match=r"none of the newest 1000 orders that ended \(it is '0'\)"):
        counted.add(order(1, "0", "reopened", size="1"))
    assert counted.report().finished == ENDED_KEPT


def test_an_id_that_is_given_again_is_another_order() -> None:
    counted = OrderTally()
    for _ in range(2):
        counted.add(order(1, "x", "accepted", size="1"))
        counted.add(order(1, "x", "filled", filled="1"))
    assert (counted.report().accepted, counted.report().finished) == (2, 2)
