"""The balancer's IOC slices: what the router sends, and what the simulated venue does with it."""

from typing import Any

import pytest
from quote_service.routing.orders.client_ids import TAKER_LEVEL
from quote_service.routing.venues.simulated.venue import SimulatedVenue

from schemas.balancing import BalanceOrder
from schemas.config import VenueConfig
from schemas.orders import OrderEvent, VenueReport
from tests.kit.messages import MS, T0, S, book, named
from tests.unit.quote_service.routing.builders import Desk, wide_config


def wanted(number: int = 1, at_ms: int = 5, **fields: Any) -> BalanceOrder:
    facts: dict[str, Any] = {
        "sequence": number, "stage": "take", "side": "sell", "size_lots": 40, "urgency": 1.0, "cost_bps": 5.0,
    }  # fmt: skip
    time_ns = T0 + at_ms * MS
    return BalanceOrder(**{**named(time_ns=time_ns), **facts, "valid_until_ns": time_ns + 3 * S, **fields})


def holding(lots: int = 100, **balance: Any) -> Desk:
    """A mid of 100, 50 lots at each of 99, 98, 97; taking may cost 2 % and a fifth of the depth."""
    desk = Desk(wide_config(balance={"stage_max": "take", "cost_bps_max": 200, **balance}))
    desk.book(0)
    desk.position(1, lots)
    return desk


def taken(events: list[OrderEvent]) -> list[tuple[Any, ...]]:
    return [(e.kind, e.side, e.price_ticks, e.size_lots, e.time_in_force) for e in events]


def test_a_slice_is_an_ioc_order_within_cost_and_a_share_of_the_depth() -> None:
    """98 is 200 bps away: 50 lots at 99 and 50 at 98, of which a fifth."""
    assert taken(holding().send(wanted())) == [("place_intent", "sell", 98, 20, "ioc")]


@pytest.mark.parametrize(
    ("lots", "fields", "size"),
    [(7, {}, 7), (100, {"size_lots": 3}, 3), (0, {}, None), (-5, {}, None)],
)
def test_no_more_than_is_wanted_and_than_reduces_the_position(
    lots: int, fields: dict[str, Any], size: int | None
) -> None:
    said = holding(lots).send(wanted(**fields))
    assert [each.size_lots for each in said] == ([] if size is None else [size])


@pytest.mark.parametrize("fields", [{"stage": "touch"}, {"stage": "lean"}, {"instrument_version": 2}])
def test_other_stages_and_other_units_take_nothing(fields: dict[str, Any]) -> None:
    assert holding().send(wanted(**fields)) == []


def test_where_nothing_is_within_cost_nothing_is_sent() -> None:
    assert holding(cost_bps_max=99).send(wanted()) == []


def test_no_slice_asks_for_a_price_that_the_gate_would_refuse() -> None:
    """The collar is 1 %: of the 50 lots at 99 a fifth."""
    desk = Desk(
        wide_config(balance={"stage_max": "take", "cost_bps_max": 200}, routing={"price_collar": 0.01})
    )
    desk.book(0)
    desk.position(1, 100)
    assert taken(desk.send(wanted())) == [("place_intent", "sell", 99, 10, "ioc")]


def test_each_decision_counts_once_and_slices_follow_one_another() -> None:
    desk = holding()
    [first] = desk.send(wanted(1))
    assert desk.send(wanted(1, at_ms=6)) == []
    assert desk.send(wanted(2, at_ms=1_005)) == [], "the first has no end yet"
    desk.answer(1_010, "accepted", first)
    desk.fill(1_011, first, 20, "t1")
    assert len(desk.send(wanted(3, at_ms=2_005))) == 1


def test_the_limit_is_inside_every_own_order_of_the_other_side() -> None:
    """Own bid at 98, also while it is being cancelled: the limit is 99, and of its 50 lots a fifth."""
    desk = holding()
    [bid] = desk.target(2, 1, bids=[(98, 5)])
    desk.answer(3, "accepted", bid)
    desk.target(4, 2, bids=[])
    assert desk.symbol.orders.open["buy", 0].status == "pending_cancel"
    assert taken(desk.send(wanted())) == [("place_intent", "sell", 99, 10, "ioc")]


def test_an_own_order_at_the_touch_leaves_nothing_to_take() -> None:
    desk = holding()
    desk.target(2, 1, bids=[(99, 5)])
    assert desk.send(wanted()) == []


@pytest.mark.parametrize("state", ["HALT"])
def test_a_halt_lets_nothing_out(state: Any) -> None:
    desk = holding()
    desk.beat(2, state)
    assert [each.kind for each in desk.send(wanted())] == ["denied"]


def test_reduce_only_lets_it_out() -> None:
    desk = holding()
    desk.beat(2, "REDUCE_ONLY")
    assert len([each for each in desk.send(wanted()) if each.kind == "place_intent"]) == 1


def test_quotes_leave_it_alone_and_its_fill_says_what_it_was_for() -> None:
    desk = holding()
    [order] = desk.send(wanted())
    desk.answer(6, "accepted", order)
    quoted = desk.target(7, 1, bids=[(97, 5)], asks=[(101, 5)])
    assert {each.level for each in quoted} == {0}
    assert ("sell", TAKER_LEVEL) in desk.symbol.orders.open
    desk.fill(8, order, 12, "t1", liquidity="taker")
    desk.answer(9, "cancelled", order)
    assert desk.fills[-1].purpose == "balance"
    assert ("sell", TAKER_LEVEL) not in desk.symbol.orders.open


def reports(venue: SimulatedVenue, intent: OrderEvent) -> list[VenueReport]:
    venue.on_event(intent)
    return venue.poll_due(intent.event_time_ns + S)


def test_the_simulated_venue_fills_what_the_book_shows_and_cancels_the_rest() -> None:
    venue = SimulatedVenue(VenueConfig())
    venue.on_event(book(size=4, levels=2))
    [intent] = holding().send(wanted())
    said = [(each.kind, each.price_ticks, each.size_lots, each.liquidity) for each in reports(venue, intent)]
    assert said == [
        ("accepted", 98, 20, None),
        ("fill", 99, 4, "taker"),
        ("fill", 98, 4, "taker"),
        ("cancelled", 98, 20, None),
    ]
    venue.on_event(book(90, 92, time_ns=T0 + 2 * S))
    assert venue.poll_due(T0 + 10 * S) == [], "nothing of it rests"


def test_own_slices_are_no_sign_of_fast_takers() -> None:
    """A slice of twenty times what is quoted freezes nothing."""
    desk = holding()
    desk.symbol.protection.quote_lots = 1
    [order] = desk.send(wanted())
    desk.fill(6, order, order.size_lots, "t1")
    assert desk.symbol.position.lots == 80
    assert desk.stops == []


@pytest.mark.parametrize(("lots", "passes"), [(100, True), (-100, False)])
def test_what_reduces_is_taken_although_quotes_are_frozen(lots: int, *, passes: bool) -> None:
    desk = holding(lots)
    desk.symbol.protection.fill_rate.frozen_until_ns = T0 + S
    assert bool(desk.send(wanted())) == passes
