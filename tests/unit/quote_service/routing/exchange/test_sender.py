"""Whatever the exchange answers, or does not: each intent is sent once, and the router hears the truth."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quote_service.routing.venues.exchange import client as client_module
from quote_service.routing.venues.exchange import send as sender_module
from quote_service.routing.venues.exchange.facts import trade_facts
from quote_service.routing.venues.exchange.reconciliation import RestoredOrder
from quote_service.routing.venues.exchange.tracker import TrackedOrder, VenueOrder

from schemas.orders import OrderStatus, ReportKind
from schemas.venues import VenueId
from tests.unit.quote_service.routing.exchange.fake_exchange import CONTRACT, Fault
from tests.unit.quote_service.routing.exchange.sender_world import ID, World, run


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "WINDOW_MARGIN_S", 0.05)
    monkeypatch.setattr(sender_module, "STREAM_GRACE_S", 0.01)
    monkeypatch.setattr(client_module, "_BACKOFF_S", (0.01, 0.02))


@pytest.mark.parametrize(
    ("fault", "kinds", "alive"),
    [
        ("none", ["accepted"], True),
        ("refuse", ["rejected"], False),
        ("held_back", ["rejected"], False),
        ("lost_before", ["unknown", "rejected"], False),
        ("lost_after", ["unknown", "accepted"], True),
        ("late", ["unknown", "accepted"], True),
        ("wrong_body", ["unknown", "accepted"], True),
        ("hide", ["accepted"], True),
    ],
)
def test_a_place_is_sent_once_and_its_outcome_found(
    fault: Fault, kinds: list[ReportKind], alive: bool
) -> None:
    async def test() -> None:
        world = World([fault])
        await world.intend("place_intent")
        await world.exchange.settle()
        assert world.exchange.requests == ["place"]
        assert world.kinds == kinds
        assert bool(world.open_lots) == alive

    run(test)


@pytest.mark.parametrize("venue", ["binance", "okx"])
@pytest.mark.parametrize("fault", ["none", "lost_before", "lost_after", "wrong_body", "held_back", "hide"])
def test_a_cancel_is_repeated_until_the_venue_says_gone(venue: VenueId, fault: Fault) -> None:
    async def test() -> None:
        world = World(["none", fault, fault], venue)
        await world.intend("place_intent")
        await world.intend("cancel_intent")
        assert world.kinds[-1] == "cancelled"
        assert world.kinds.count("cancelled") == 1
        assert world.open_lots == []

    run(test)


@pytest.mark.parametrize(
    ("venue", "fault", "kind", "ticks"),
    [
        ("binance", "none", "amended", 101),
        ("binance", "refuse", "amend_rejected", 100),
        ("binance", "held_back", "amend_rejected", 100),
        ("binance", "lost_before", "amend_rejected", 100),
        ("binance", "lost_after", "amended", 101),
        ("binance", "late", "amended", 101),
        ("binance", "half_replaced", "cancelled", None),
        ("okx", "none", "amended", 101),
        ("okx", "lost_before", "amend_rejected", 100),
        ("okx", "lost_after", "amended", 101),
    ],
)
def test_an_amend_leaves_one_order(venue: VenueId, fault: Fault, kind: ReportKind, ticks: int | None) -> None:
    async def test() -> None:
        world = World(["none", fault], venue)
        await world.intend("place_intent")
        await world.intend("amend_intent", ticks=101)
        await world.exchange.settle()
        assert world.kinds[-1] == kind
        assert [held.ticks for held in world.exchange.held.values() if held.status == "open"] == (
            [] if ticks is None else [ticks]
        )

    run(test)


def test_less_size_keeps_the_order_and_more_makes_a_new_one() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        await world.intend("amend_intent", lots=6)
        assert world.exchange.requests[-1] == "shrink"
        assert len(world.exchange.held) == 1
        await world.intend("amend_intent", lots=9)
        assert world.exchange.requests[-1] == "amend"
        assert len(world.exchange.held) == 2
        assert world.open_lots == [9]
        assert [report.size_lots for report in world.reports] == [10, 6, 9]

    run(test)


def test_what_was_filled_before_a_replacement_counts_into_the_total() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        world.exchange.fill("1", 4)
        await world.intend("amend_intent", ticks=101, lots=10, filled=4)
        assert world.open_lots == [6]
        assert world.reports[-1].size_lots == 10
        world.exchange.fill("2", 6)
        assert world.booked_lots == 10
        await world.intend("cancel_intent")
        assert world.kinds[-1] == "cancelled"

    run(test)


def test_a_fill_that_the_stream_lost_is_found_before_the_end_is_told() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        world.exchange.fill("1", 4, streamed=False)
        await world.intend("cancel_intent")
        assert world.kinds == ["accepted", "fill", "cancelled"]
        assert world.reports[1].recovered
        assert world.booked_lots == 4
        world.registry.book(CONTRACT, trade_facts(world.exchange.trades[0], CONTRACT))
        assert world.booked_lots == 4

    run(test)


def test_a_fill_that_comes_before_the_answer_to_its_order_waits_for_it() -> None:
    async def test() -> None:
        world = World(["lost_after"])
        placing = asyncio.create_task(world.intend("place_intent", lots=10))
        while not world.exchange.held:
            await asyncio.sleep(0)
        world.exchange.fill("1", 4)
        assert world.booked_lots == 0
        await placing
        assert world.booked_lots == 4
        assert world.kinds == ["unknown", "fill", "accepted"]

    run(test)


def test_an_order_that_nobody_counts_is_an_orphan_and_a_strangers_is_left_alone() -> None:
    async def test() -> None:
        world = World()
        venue_client_id = world.registry.ids.to_venue(ID, 0)
        await world.exchange.place(CONTRACT, "buy", 90, 5, venue_client_id)
        await world.exchange.place(CONTRACT, "buy", 90, 5, "somebody-else")
        shown = await world.reconciliation.reconcile(0)
        assert (shown.own, shown.foreign) == ((ID,), 1)
        assert world.kinds == ["orphan"]
        assert (world.reports[0].client_order_id, world.reports[0].price_ticks) == (ID, 90)
        await world.intend("cancel_intent")
        assert [held.venue_client_id for held in world.exchange.held.values() if held.status == "open"] == [
            "somebody-else"
        ]
        assert (await world.reconciliation.reconcile(0)).own == ()

    run(test)


def test_an_order_that_the_venue_no_longer_shows_is_looked_for() -> None:
    async def test() -> None:
        world = World()
        await world.intend("place_intent", lots=10)
        world.exchange.fill("1", 3, streamed=False)
        world.exchange.held["1"].status = "canceled"  # by the venue
        await world.reconciliation.reconcile(1 << 62)
        await world.rest()
        assert world.kinds == ["accepted", "unknown", "fill", "cancelled"]

    run(test)


def test_a_cancel_of_an_order_that_is_not_tracked_is_not_taken_for_done() -> None:
    async def test() -> None:
        world = World()
        await world.exchange.place(CONTRACT, "buy", 100, 10, world.registry.ids.to_venue(ID, 0))
        await world.intend("cancel_intent")
        assert world.open_lots == []
        assert world.kinds[-1] == "cancelled"

    run(test)


def test_an_intent_waits_until_it_is_known_what_an_earlier_life_left() -> None:
    async def test() -> None:
        world = World()
        venue_client_id = world.registry.ids.to_venue(ID, 0)
        await world.exchange.place(CONTRACT, "buy", 100, 10, venue_client_id)
        tracked = world.registry.add(TrackedOrder(CONTRACT, ID, "buy"))
        await tracked.lock.acquire()
        cancelling = asyncio.create_task(world.intend("cancel_intent"))
        await asyncio.sleep(0.05)
        assert world.reports == []
        guess = VenueOrder(world.registry.ids.to_venue(ID, 3), 3, 100, 10, sent_at_s=0.0)
        await world.reconciliation.recover([RestoredOrder(CONTRACT, ID, "live", tracked, guess)])
        await cancelling
        await world.rest()
        assert world.open_lots == []
        assert world.kinds[-1] == "cancelled"

    run(test)


@pytest.mark.parametrize(
    ("status", "at_venue", "kinds"),
    [
        ("pending_new", "nothing", ["unknown", "rejected"]),
        ("pending_new", "open", ["accepted"]),
        ("pending_new", "filled", ["fill", "cancelled"]),
        ("live", "ended", ["fill", "cancelled"]),
        ("unknown", "open", ["accepted"]),
        ("pending_cancel", "open", ["fill", "cancelled"]),
        ("pending_amend", "replaced", ["amended"]),
    ],
)
def test_a_new_life_finds_out_what_the_last_one_left(
    status: OrderStatus, at_venue: str, kinds: list[ReportKind]
) -> None:
    async def test() -> None:
        world = World()
        revision = 1 if status == "pending_amend" else 0
        venue_client_id = world.registry.ids.to_venue(ID, 0)
        if at_venue != "nothing":
            await world.exchange.place(CONTRACT, "buy", 100, 10, venue_client_id)
        if at_venue == "filled":
            world.exchange.fill("1", 10, streamed=False)
        if at_venue == "ended" or status == "pending_cancel":
            world.exchange.fill("1", 4, streamed=False)
        if at_venue == "ended":
            world.exchange.held["1"].status = "canceled"
        if at_venue == "replaced":
            new = world.registry.ids.to_venue(ID, 1)
            await world.exchange.amend(CONTRACT, "buy", 101, 10, venue_client_id, new, "1")
        tracked = world.registry.add(TrackedOrder(CONTRACT, ID, "buy"))
        guess = VenueOrder(world.registry.ids.to_venue(ID, revision), revision, 100, 10, sent_at_s=0.0)
        await tracked.lock.acquire()
        await world.reconciliation.recover([RestoredOrder(CONTRACT, ID, status, tracked, guess)])
        await world.rest()
        assert world.kinds == kinds

    run(test)


FAULTS: tuple[Fault, ...] = (
    "none",
    "refuse",
    "held_back",
    "lost_before",
    "lost_after",
    "late",
    "hide",
    "wrong_body",
    "half_replaced",
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("amend"), st.integers(95, 105), st.integers(1, 20)),
        st.tuples(st.just("fill"), st.integers(1, 5), st.booleans()),
    ),
    max_size=6,
)


@pytest.mark.slow
@settings(max_examples=150)
@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=10),
    steps=STEPS,
    venue=st.sampled_from(["binance", "okx"]),
)
def test_no_order_is_lost_or_doubled(faults: list[Fault], steps: list[Any], venue: VenueId) -> None:
    """After any faults, and a cancel at the end, both sides agree on every lot, and nothing is alive."""

    async def test() -> None:
        world = World(faults, venue)
        await world.intend("place_intent", lots=20)
        for name, first, second in steps:
            tracked = world.registry.get(ID)
            if tracked is None or tracked.is_ended or tracked.live_order is None:
                break
            if name == "amend":
                lots = world.booked_lots + second
                await world.intend("amend_intent", ticks=first, lots=lots, filled=world.booked_lots)
            else:
                world.exchange.fill(tracked.live_order.venue_id or "", first, streamed=second)
            assert len(world.open_lots) <= 1
        tracked = world.registry.get(ID)
        if tracked is not None and not tracked.is_ended and tracked.live_order is not None:
            await world.intend("cancel_intent")
        await world.exchange.settle()
        assert world.open_lots == []
        assert world.booked_lots == sum(held.filled for held in world.exchange.held.values())
        ends = Counter(kind for kind in world.kinds if kind in {"cancelled", "rejected"})
        assert sum(ends.values()) == 1
        venue_orders = [held.venue_client_id for held in world.exchange.held.values()]
        assert len(venue_orders) == len(set(venue_orders))

    run(test)
