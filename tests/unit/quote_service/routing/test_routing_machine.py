"""The router against the simulated venue under random targets, markets, halts and silences."""

from typing import Any

from hypothesis import HealthCheck, settings

from schemas.orders import VenueReport
from tests.kit.messages import MS, T0
from tests.unit.quote_service.routing.builders import World, wide_config
from tests.unit.quote_service.routing.routing_machine import RoutingMachine

RoutingMachine.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestRouting: Any = RoutingMachine.TestCase


def test_every_report_of_the_venue_is_of_an_intent() -> None:
    world = World(wide_config())
    world.book(0)
    world.target(1, 1, bids=[(99, 5)], asks=[(101, 5)])
    world.target(30, 2, bids=[(98, 5)])
    world.run_to(T0 + 100 * MS)
    kinds = [event.kind for event in world.log if isinstance(event, VenueReport)]
    assert kinds == ["accepted", "accepted", "cancelled", "amended"]
