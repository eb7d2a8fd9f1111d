"""Answers that cross each other: an answer is as old as its question, and what is booked is booked once."""

from typing import Any

import pytest
from quote_service.routing.venues.exchange.facts import OrderFacts, trade_facts
from quote_service.routing.venues.exchange.tracker import ToldTrade, VenueOrder

from tests.unit.quote_service.routing.exchange.fake_exchange import CONTRACT
from tests.unit.quote_service.routing.exchange.sender_world import ID, World, run


def shown_open(world: World, venue_client_id: str, venue_id: str) -> OrderFacts:
    return OrderFacts(CONTRACT.symbol, venue_id, venue_client_id, "buy", 100, 10, 0, "open")


@pytest.mark.parametrize(("asked_ns", "kinds"), [(4, []), (5, []), (6, ["orphan"])])
def test_what_ended_after_the_question_is_no_orphan(asked_ns: int, kinds: list[str]) -> None:
    """A list of open orders that was asked for before an order ended, and came after."""

    async def test() -> None:
        world = World()
        await world.intend("place_intent")
        [held] = world.exchange.held.values()
        world.now_ns = 5
        await world.intend("cancel_intent")
        world.reports.clear()
        world.reconciliation._observe_open(shown_open(world, held.venue_client_id, held.venue_id), asked_ns)
        assert world.kinds == kinds

    run(test)


def test_what_changed_after_the_question_is_not_changed_back() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent")
        [held] = world.exchange.held.values()
        tracked = world.registry.get(ID)
        assert tracked is not None
        world.reconciliation._observe_open(shown_open(world, held.venue_client_id, held.venue_id), 0)
        assert (tracked.newest.price_ticks, tracked.newest.size_lots) == (100, 10)
        stale = OrderFacts(CONTRACT.symbol, held.venue_id, held.venue_client_id, "buy", 77, 7, 0, "open")
        world.reconciliation._observe_open(stale, 0)
        assert tracked.newest.price_ticks == 100

    run(test)


def test_a_trade_of_a_replacement_that_is_not_answered_yet_belongs_to_it() -> None:
    """The stream was faster than the answer: whose order it is is asked for, and it is one order."""

    async def test() -> None:
        world = World()
        await world.intend("place_intent")
        tracked = world.registry.get(ID)
        assert tracked is not None
        venue_client_id = world.registry.ids.to_venue(ID, 1)
        held = world.exchange._open(venue_client_id, "buy", 101, 8)
        tracked.venue_orders.append(VenueOrder(venue_client_id, 1, 101, 8, 0.0))
        world.exchange.fill(held.venue_id, 3)
        assert world.booked_lots == 0
        await world.reconciliation.match_trades()
        await world.rest()
        assert [venue_order.venue_client_id for venue_order in tracked.venue_orders] == [
            world.registry.ids.to_venue(ID, 0),
            venue_client_id,
        ]
        assert (tracked.newest.booked_lots, tracked.newest.filled_lots) == (3, 3)
        assert world.booked_lots == 3

    run(test)


def test_an_order_that_is_taken_in_again_knows_what_was_booked_of_it() -> None:
    """Otherwise its end would wait for trades that nobody will bring a second time."""

    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        [held] = world.exchange.held.values()
        world.exchange.fill(held.venue_id, 4)
        world.now_ns = 5
        await world.intend("cancel_intent")
        facts = OrderFacts(CONTRACT.symbol, held.venue_id, held.venue_client_id, "buy", 100, 10, 4, "open")
        world.reconciliation._observe_open(facts, 9)
        again = world.registry.get(ID)
        assert again is not None
        assert (again.is_ended, again.missing_lots, again.newest.booked_lots) == (False, 0, 4)
        await world.intend("cancel_intent")
        assert world.kinds.count("cancelled") == 2
        assert world.booked_lots == 4

    run(test)


def test_a_trade_of_an_order_that_counts_as_ended_and_lives_makes_it_an_orphan() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent")
        await world.intend("cancel_intent")
        held = world.exchange._open(world.registry.ids.to_venue(ID, 0), "buy", 100, 10)
        world.exchange.fill(held.venue_id, 2)
        world.reports.clear()
        await world.reconciliation.match_trades()
        await world.rest()
        assert world.kinds == ["fill", "orphan"]
        again = world.registry.get(ID)
        assert again is not None
        assert not again.is_ended

    run(test)


def told_too_large(world: World, times: int) -> dict[str, Any]:
    """The newest trade, as a stream that got its size wrong tells it."""
    true = world.exchange.trades[-1]
    return {**true, "amount": true["amount"] * times, "cost": None}


def test_a_trade_larger_than_its_order_is_not_counted_and_is_read_again() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        [held] = world.exchange.held.values()
        world.exchange.on_trade = lambda trade: None
        world.exchange.fill(held.venue_id, 4)
        wrong = trade_facts(told_too_large(world, 3), CONTRACT)
        assert not world.registry.book(CONTRACT, wrong)
        assert not world.registry.book(CONTRACT, wrong)
        [refused] = [report for report in world.reports if report.kind == "fill"]
        assert refused.reason is not None
        assert "makes 12 lots, of an order of 10" in refused.reason
        assert world.registry.book(CONTRACT, trade_facts(world.exchange.trades[-1], CONTRACT), recovered=True)
        assert [report.size_lots for report in world.reports if report.reason is None][-1] == 4

    run(test)


def test_trades_that_are_too_large_together_are_not_counted() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        [held] = world.exchange.held.values()
        world.exchange.fill(held.venue_id, 6)
        more = {**told_too_large(world, 1), "id": "another"}
        assert not world.registry.book(CONTRACT, trade_facts(more, CONTRACT))
        assert world.reports[-1].reason is not None

    run(test)


def test_a_trade_of_an_order_that_had_more_before_an_amend_counts() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        [held] = world.exchange.held.values()
        world.exchange.on_trade = lambda trade: None
        world.exchange.fill(held.venue_id, 7)
        tracked = world.registry.get(ID)
        assert tracked is not None
        tracked.newest.update(OrderFacts(CONTRACT.symbol, held.venue_id, "", "buy", 100, 5, 0, "open"))
        assert tracked.newest.size_lots == 5
        assert world.registry.book(CONTRACT, trade_facts(world.exchange.trades[-1], CONTRACT))
        assert world.booked_lots == 7

    run(test)


def test_a_filled_size_beyond_the_order_is_not_believed() -> None:
    order = VenueOrder("mm-1", 0, 100, 10, 0.0)
    order.update(OrderFacts(CONTRACT.symbol, "1", "mm-1", "buy", 100, 10, 999, "open"))
    assert order.filled_lots == 10


@pytest.mark.parametrize(
    ("price", "liquidity", "counts"),
    [
        (1.0, "maker", True),
        (0.0, "maker", False),
        (0.5, "maker", False),
        (1.01, "taker", False),
        (0.5, "taker", True),
    ],
)
def test_a_trade_at_a_price_that_the_order_cannot_have_is_not_counted(
    price: float, liquidity: str, counts: bool
) -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", ticks=100)
        [held] = world.exchange.held.values()
        world.exchange.on_trade = lambda trade: None
        world.exchange.fill(held.venue_id, 4)
        told = {**world.exchange.trades[-1], "price": price, "takerOrMaker": liquidity, "cost": None}
        assert world.registry.book(CONTRACT, trade_facts(told, CONTRACT)) is counts
        assert (world.reports[-1].reason is None) is counts

    run(test)


def test_a_trade_of_the_other_side_is_not_counted() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent")
        [held] = world.exchange.held.values()
        world.exchange.on_trade = lambda trade: None
        world.exchange.fill(held.venue_id, 4)
        assert not world.registry.book(
            CONTRACT, trade_facts({**world.exchange.trades[-1], "side": "sell"}, CONTRACT)
        )
        assert world.reports[-1].reason is not None

    run(test)


def test_a_trade_before_an_amend_counts_at_the_price_before() -> None:
    order = VenueOrder("mm-1", 0, 100, 10, 0.0, first_sent_s=0.0)
    order.add_requested(102, 10)
    order.update(OrderFacts(CONTRACT.symbol, "1", "mm-1", "buy", 102, 10, 0, "open"))
    told = [ToldTrade("buy", ticks, 1, is_maker=True) for ticks in (99, 100, 102, 103)]
    assert [order.contradiction(each) is None for each in told] == [False, True, True, False]
