"""What is kept of what a process said: all of orders that stand, of the others their end."""

import pytest

from runtime.process import past_outputs as module
from runtime.process.past_outputs import PastOutputs
from schemas.message import Event
from schemas.orders import Fill, OrderEvent, OrderEventKind, OrderStatus
from tests.kit import messages as kit
from tests.kit.messages import order_event


def order(number: int, kind: OrderEventKind, status: OrderStatus, name: str = "a") -> OrderEvent:
    return order_event(kind, status, venue="v", symbol="A/B", order_id=name, price=3, lots=2, time_ns=number)


def fill(number: int) -> Fill:
    return kit.fill(
        f"t{number}",
        venue="v",
        symbol="A/B",
        instrument_version=1,
        client_order_id="a",
        price=3,
        lots=1,
        currency="B",
        time_ns=number,
    )


def kept(*events: Event) -> list[int]:
    said = PastOutputs()
    for event in events:
        said.record(event)
    return [event.event_time_ns for event in said.messages()]


def test_of_an_order_that_stands_everything_in_order() -> None:
    placed, stood = order(1, "place_intent", "pending_new"), order(3, "accepted", "live")
    assert kept(placed, fill(2), stood) == [1, 2, 3]


def test_of_an_order_that_ended_its_end() -> None:
    placed, ended = order(1, "place_intent", "pending_new"), order(3, "cancelled", "cancelled")
    assert kept(placed, order(2, "place_intent", "pending_new", "b"), ended) == [2, 3]


def test_it_does_not_grow_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENDED_MAX", 2)
    ended = [order(number, "cancelled", "cancelled", f"o{number}") for number in range(5)]
    assert kept(*ended, *(fill(number) for number in range(5, 10))) == [3, 4, 8, 9]
