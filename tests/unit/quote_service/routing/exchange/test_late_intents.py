"""What the disk kept too long is old: what adds is not sent then, what takes away is."""

import asyncio
import time
from typing import Literal

import pytest
from quote_service.routing.venues.exchange.adapter import ExchangeVenue
from quote_service.routing.venues.exchange.outcomes import DISK_STALLED

from runtime.exchange.clients import Credentials
from runtime.process.definition import AdapterContext
from runtime.store.documents import MemoryStore
from schemas.orders import OrderEvent
from tests.kit.messages import T0, instrument
from tests.unit.quote_service.routing.builders import Desk
from tests.unit.quote_service.routing.exchange.sender_world import ID, World, run
from tests.unit.quote_service.routing.sessions import EXCHANGE, exchange_config

Kind = Literal["place_intent", "amend_intent", "cancel_intent"]


def intent(kind: Kind, order: str = ID, **where: str) -> OrderEvent:
    place = {"venue": "binance", "symbol": "BTC/USDT", **where}
    return OrderEvent(
        event_time_ns=T0,
        kind=kind,
        status="live",
        client_order_id=order,
        side="buy",
        level=0,
        price_ticks=101,
        size_lots=10,
        revision=int(kind == "amend_intent"),
        target_sequence=1,
        **place,
    )


def test_a_place_that_is_held_back_has_ended_and_was_never_at_the_venue() -> None:
    async def test() -> None:
        world = World()
        held = intent("place_intent")
        await world.sender.reject_late(world.sender.track(held), held, DISK_STALLED)
        assert world.kinds == ["rejected"]
        assert world.reports[0].reason == DISK_STALLED
        assert world.exchange.held == {}
        assert not world.registry.has_live_orders()

    run(test)


def test_what_was_to_be_amended_too_long_ago_is_cancelled() -> None:
    """It stands where nobody wants it any more."""

    async def test() -> None:
        world = World()
        await world.intend("place_intent")
        held = intent("amend_intent")
        await world.sender.reject_late(world.sender.track(held), held, DISK_STALLED)
        assert world.kinds == ["accepted", "cancelled"]
        assert world.open_lots == []

    run(test)


@pytest.mark.parametrize(("waited_s", "sent"), [(0.4, True), (0.6, False)])
def test_only_cancels_are_sent_after_the_disk_stood_still(
    monkeypatch: pytest.MonkeyPatch, waited_s: float, sent: bool
) -> None:
    """By the time that the disk took, and not by the age of what was decided on."""

    async def test() -> None:
        desk = Desk(exchange_config())
        desk.core.on_event(instrument(**EXCHANGE))
        venue = ExchangeVenue(
            AdapterContext(desk.config, desk.core, MemoryStore(), T0),
            Credentials("key", "secret"),
        )
        done: list[tuple[str, str]] = []

        async def noted(how: str, event: OrderEvent) -> None:
            done.append((how, event.kind))

        monkeypatch.setattr(venue._sender, "track", lambda event: None)
        monkeypatch.setattr(venue._sender, "execute", lambda tracked, event: noted("sent", event))
        monkeypatch.setattr(venue._sender, "reject_late", lambda tracked, event, why: noted(why, event))
        venue._is_open = True
        now_s = 1_000.0
        with monkeypatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: now_s)
            kinds: tuple[Kind, ...] = ("place_intent", "amend_intent", "cancel_intent")
            for kind in kinds:
                venue.on_event(intent(kind, **EXCHANGE))
            now_s += waited_s
            venue.committed()
        await asyncio.gather(*venue._tasks)
        adds = "sent" if sent else DISK_STALLED
        assert done == [(adds, "place_intent"), (adds, "amend_intent"), ("sent", "cancel_intent")]
        await venue.aclose()

    asyncio.run(test())
