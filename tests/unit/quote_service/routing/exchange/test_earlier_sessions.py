"""At an exchange the orders of the session before are this engine's: under another prefix, in other ticks."""

import asyncio
from decimal import Decimal
from typing import Any

from quote_service.routing.venues.exchange.adapter import ExchangeVenue
from quote_service.routing.venues.exchange.facts import OrderFacts, VenueContract, trade_facts
from quote_service.routing.venues.exchange.ids import VenueClientIds
from quote_service.routing.venues.exchange.reconciliation import RestoredOrder, VenueReconciliation
from quote_service.routing.venues.exchange.tracker import TrackedOrder, VenueOrder

from runtime.exchange.clients import Credentials
from runtime.process.definition import AdapterContext
from runtime.store.documents import MemoryStore
from schemas.message import Event
from schemas.orders import OrderEvent
from tests.kit.messages import BTC, T0, instrument
from tests.unit.quote_service.routing.builders import Desk
from tests.unit.quote_service.routing.exchange.fake_exchange import CONTRACT
from tests.unit.quote_service.routing.exchange.sender_world import ID, World, run
from tests.unit.quote_service.routing.sessions import EXCHANGE, exchange_config, next_session

FINER = CONTRACT._replace(version=2, tick_size=Decimal("0.001"), lot_size=Decimal("0.0001"))


def in_force(world: World, contract: VenueContract) -> None:
    """The venue trades in the ticks and lots of this contract now."""
    contracts = {contract.key: contract}
    world.reconciliation = VenueReconciliation(
        world.rest_client, world.sender, contracts, world.time_ns, world.spawn
    )


async def recovered(world: World, order_prefix: str = "") -> TrackedOrder:
    """The router counts an order as live that was sent in another session."""
    tracked = TrackedOrder(CONTRACT, ID, "buy")
    world.registry.add(tracked)
    await tracked.lock.acquire()
    venue_order = VenueOrder(world.registry.ids.to_venue(ID, 0, order_prefix), 0, 100, 10, 0.0)
    await world.reconciliation.recover([RestoredOrder(CONTRACT, ID, "live", tracked, venue_order)])
    while world.spawned:
        await world.spawned.pop()
    return tracked


def test_an_order_of_an_earlier_prefix_is_found_counted_and_cancelled_as_ours() -> None:
    async def test() -> None:
        world = World()
        venue_client_id = VenueClientIds("old", with_revision=True).to_venue(ID, 0)
        held = world.exchange._open(venue_client_id, "buy", 100, 10)
        world.registry.ids.add_prefixes(["old", "mm"])
        await recovered(world, "old")
        assert (await world.reconciliation.reconcile(0)).own == (ID,)
        world.exchange.fill(held.venue_id, 4)
        await world.intend("cancel_intent")
        assert held.status == "canceled"
        assert world.kinds == ["amended", "fill", "cancelled"]

    run(test)


def test_without_knowing_the_prefix_it_would_be_a_strangers() -> None:
    venue_client_id = VenueClientIds("old", with_revision=True).to_venue(ID, 0)
    ids = VenueClientIds("mm", with_revision=True)
    assert not ids.is_own(venue_client_id)
    ids.add_prefixes(["old"])
    assert ids.is_own(venue_client_id)
    assert ids.is_own(ids.to_venue(ID, 0))


def test_an_order_in_other_ticks_is_no_orphan_and_its_fills_are_told_in_its_own() -> None:
    async def test() -> None:
        world = World()
        held = world.exchange._open(world.registry.ids.to_venue(ID, 0), "buy", 100, 10)
        in_force(world, FINER)
        await recovered(world)
        await world.reconciliation.reconcile(1)
        world.exchange.on_trade = lambda trade: world.registry.book(FINER, trade_facts(trade, FINER))
        world.exchange.fill(held.venue_id, 4)
        await world.intend("cancel_intent")
        assert world.kinds == ["amended", "fill", "cancelled"]
        told = world.reports[1]
        assert (told.instrument_version, told.price_ticks, told.size_lots) == (1, 100, 4)

    run(test)


def test_a_fill_of_a_part_of_its_lot_is_told_in_the_lots_in_force() -> None:
    async def test() -> None:
        world = World()
        held = world.exchange._open(world.registry.ids.to_venue(ID, 0), "buy", 100, 10)
        await recovered(world)
        told: dict[str, Any] = {
            "id": "t1",
            "order": held.venue_id,
            "side": "buy",
            "price": 1.0,
            "amount": 0.0005,
            "takerOrMaker": "maker",
        }
        world.registry.book(FINER, trade_facts(told, FINER))
        assert (world.reports[-1].instrument_version, world.reports[-1].size_lots) == (2, 5)

    run(test)


def test_the_venue_shows_an_ended_order_of_other_ticks_again_in_its_own() -> None:
    async def test() -> None:
        world = World()
        held = world.exchange._open(world.registry.ids.to_venue(ID, 0), "buy", 100, 10)
        in_force(world, FINER)
        tracked = await recovered(world)
        world.now_ns = 0
        world.registry.end(tracked)
        world.now_ns = 2
        await world.reconciliation.reconcile(1)
        assert held.status == "open"
        orphan = world.reports[-1]
        assert (orphan.kind, orphan.instrument_version, orphan.price_ticks) == ("orphan", 1, 100)

    run(test)


def test_what_the_session_before_traded_is_ours_on_a_new_log_too() -> None:
    """The first session began before it: the trade came while no engine ran."""
    desk = Desk(exchange_config())
    after = next_session(desk, 60_000)
    assert after.core.sessions.began_ns == after.core.sessions.started_ns
    desk.core.sessions.began_ns = 7
    assert next_session(desk, 60_000).core.sessions.began_ns == 7


def test_a_cancel_that_the_router_decides_at_the_border_is_of_a_contract_that_is_known() -> None:
    async def test() -> None:
        desk = Desk(exchange_config())
        desk.send(instrument(**EXCHANGE))
        desk.send(instrument(version=2, tick_size=Decimal("0.1"), **EXCHANGE))
        symbol = desk.core._symbols[f"binance:{BTC}"]
        placed = OrderEvent(
            event_time_ns=T0,
            kind="place_intent",
            status="live",
            client_order_id=symbol.orders.new_client_order_id("buy", 0),
            side="buy",
            level=0,
            price_ticks=99,
            size_lots=5,
            target_sequence=1,
            **EXCHANGE,
        )
        desk.core.recollect([placed])
        after = next_session(desk, 60_000)
        context = AdapterContext(after.config, after.core, MemoryStore(), T0)
        venue = ExchangeVenue(context, Credentials("key", "secret"))
        shown: list[Event] = [*desk.core.carried(T0)]
        shown += after.core.on_event(instrument(version=2, tick_size=Decimal("0.1"), **EXCHANGE))
        for event in shown:
            venue.on_event(event)
        assert venue.wants_commit
        venue.committed()
        tracked = venue._rest.registry.get(placed.client_order_id)
        assert tracked is not None
        assert tracked.contract.version == 1
        await venue.aclose()

    asyncio.run(test())


def test_a_revision_that_the_history_does_not_show_is_ours_though_fills_before_it_made_it_smaller() -> None:
    """The clock was an hour ahead when it was sent: the history since then is empty."""

    async def test() -> None:
        world = World()
        venue_client_id = world.registry.ids.to_venue(ID, 4)
        held = world.exchange._open(venue_client_id, "buy", 100, 6)
        world.exchange.fill(held.venue_id, 2)
        tracked = TrackedOrder(CONTRACT, ID, "buy")
        world.registry.add(tracked)
        await tracked.lock.acquire()
        ahead_s = world.registry.now_s() + 3_600
        guess = VenueOrder(venue_client_id, 4, 100, 10, ahead_s, counts_earlier_fills=True)
        await world.reconciliation.recover([RestoredOrder(CONTRACT, ID, "live", tracked, guess)])
        while world.spawned:
            await world.spawned.pop()
        assert (await world.reconciliation.reconcile(0)).own == (ID,)
        assert held.status != "canceled"
        assert world.booked_lots == 2
        assert tracked.newest.size_lots == 6

    run(test)


def test_a_revision_is_ours_at_its_own_price_and_not_larger_than_all_of_the_order() -> None:
    guess = VenueOrder("x", 4, 100, 10, 0.0, counts_earlier_fills=True)

    def shown(price_ticks: int, size_lots: int) -> OrderFacts:
        return OrderFacts(BTC, "1", "x", "buy", price_ticks, size_lots, 0, "open")

    assert guess.matches(shown(100, 6), 0.0)
    assert not guess.matches(shown(101, 6), 0.0)
    assert not guess.matches(shown(100, 11), 0.0)
