"""The router's own failures lead to cancels, never to silence."""

from collections.abc import Callable
from typing import Any

import pytest
from quote_service.routing.gate.gate import Gate
from quote_service.routing.router import RouterCore

from runtime.process.containment import Containment
from schemas.message import Event
from schemas.orders import OrderEvent
from schemas.process import MessageFault, Tick
from tests.kit.messages import BTC, KEY, MS, T0, VENUE, book, risk_state, target
from tests.unit.quote_service.routing.builders import Desk, wide_config

BIDS, ASKS = ((98, 5), (97, 5)), ((102, 5),)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A gate that fails in the middle of a handler, when told to."""
    whole, state = Gate.reference_codes, {"fails": False}

    def reference_codes(self: Gate, *arguments: Any) -> list[str]:
        if state["fails"]:
            raise OverflowError("int too large to convert to float")
        return whole(self, *arguments)

    monkeypatch.setattr(Gate, "reference_codes", reference_codes)
    return lambda fails: state.update(fails=fails)


class Contained:
    """A desk whose core is fed as the engine feeds it."""

    def __init__(self) -> None:
        self.desk = Desk(wide_config())
        self.desk.live(0, 1, BIDS, ASKS)
        self.feeding = Containment(self.desk.core, "order-router")

    def feed(self, event: Event) -> tuple[Event, ...]:
        return self.feeding.feed(event, "some:1")

    def cancels(self, said: tuple[Event, ...]) -> list[str]:
        return [e.client_order_id for e in said if isinstance(e, OrderEvent) and e.kind == "cancel_intent"]

    def orders(self) -> list[str]:
        return [order.client_order_id for order in self.desk.symbol.orders.open.values()]


def later(ms: float) -> int:
    return T0 + round(ms * MS)


def test_a_failure_cancels_all_orders_of_the_symbol_and_sends_nothing_more(broken: Any) -> None:
    world = Contained()
    broken(True)
    said = world.feed(target(2, bids=((99, 5),), asks=((103, 5),), time_ns=later(10)))
    assert world.cancels(said) == world.orders()
    assert len(world.orders()) == 3
    (fault,) = (each for each in said if isinstance(each, MessageFault))
    assert (fault.venue, fault.symbol, fault.message_type) == (VENUE, BTC, "quote.target.v1")
    broken(False)
    said = world.feed(target(3, bids=((96, 5),), asks=((104, 5),), time_ns=later(20)))
    assert said == (), "it stays stopped when what failed works again"


def test_a_cancel_that_was_decided_and_never_said_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler fails after it had moved the orders: the venue holds them, and nobody told it otherwise."""
    world = Contained()

    def judge(self: RouterCore) -> list[Event]:
        raise RuntimeError("after the cancels")

    monkeypatch.setattr(RouterCore, "_judge_mass_cancels", judge)
    said = world.feed(risk_state("HALT", BTC, time_ns=later(10)))
    assert {order.status for order in world.desk.symbol.orders.open.values()} == {"pending_cancel"}
    assert world.cancels(said) == world.orders()


def test_while_it_is_stopped_only_what_still_lives_is_cancelled_again(broken: Any) -> None:
    world = Contained()
    broken(True)
    world.feed(book(status="stale", time_ns=later(10)))
    said = world.feed(book(time_ns=later(20)))
    assert world.cancels(said) == []


def test_a_failure_on_time_stops_every_symbol(broken: Any) -> None:
    world = Contained()
    broken(True)
    said = world.feed(Tick(event_time_ns=later(10)))
    assert world.cancels(said) == world.orders()
    assert [each.symbol for each in said if isinstance(each, MessageFault)] == ["*"]


@pytest.mark.parametrize("scope", [BTC, "*"])
def test_it_ends_when_people_end_the_halt(broken: Any, scope: str) -> None:
    world = Contained()
    broken(True)
    world.feed(book(status="stale", time_ns=later(10)))
    broken(False)
    for order in list(world.desk.symbol.orders.open.values()):
        world.desk.answer(15, "cancelled", order.client_order_id, price=order.price_ticks, size=5)
    world.feed(book(time_ns=later(20)))
    assert world.feed(target(2, bids=BIDS, asks=ASKS, time_ns=later(21))) == ()
    world.feed(risk_state("HALT", scope, time_ns=later(30)))
    placed = [e for e in world.feed(risk_state("RUN", scope, time_ns=later(40))) if isinstance(e, OrderEvent)]
    assert [each.kind for each in placed] == ["place_intent"] * 3


def test_a_heartbeat_does_not_end_it(broken: Any) -> None:
    world = Contained()
    broken(True)
    world.feed(Tick(event_time_ns=later(10)))
    broken(False)
    world.feed(risk_state("RUN", time_ns=later(20)))
    assert world.desk.core._symbols[KEY].protection.stopped_by == "FAULT"
