"""The random life of the router, cut anywhere: what one session carries, the next goes on with.

The checks read the messages alone, over all sessions. Each cut makes a new core and a new venue under another
configuration, and feeds them what was carried, as it lies in a log: JSON.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from quote_service.routing.router import RouterCore
from quote_service.routing.venues.simulated.venue import SimulatedVenue

from runtime.state.digest import state_digest
from schemas.carried.router import RouterCarried
from schemas.config import Config
from schemas.gating import GateRoom
from schemas.inventory import Position
from schemas.message import Event
from schemas.orders import TERMINAL_STATUSES, Fill, KillReport, OrderEvent
from schemas.process import ConfigApplied, Tick
from tests.kit.messages import MS, T0, config_applied, instrument, risk_state
from tests.unit.quote_service.routing.builders import carried_over, wide_config
from tests.unit.quote_service.routing.routing_machine import (
    BOOK_AGE_MS,
    HEARTBEAT_TTL_MS,
    MAX_POSITION,
    RoutingMachine,
)


def other_config(tolerance: float, latency_ms: float, messages: int) -> Config:
    return wide_config(
        risk_limits={"max_position": MAX_POSITION, "heartbeat_ttl_ms": HEARTBEAT_TTL_MS},
        market_data={"book_age_ms_max": BOOK_AGE_MS},
        routing={"messages_per_10s": messages, "size_up_tolerance": tolerance},
        venue={"entry_latency_ms": latency_ms},
        reporting={"capital": 10**9},
    )


class SessionsMachine(RoutingMachine):
    """Beside all that can happen within a session: another one begins, perhaps with another tick."""

    def __init__(self) -> None:
        super().__init__()
        self.contract = instrument()
        self.cuts = 0
        self.left: tuple[RouterCarried, ...] = ()
        """What was carried some time ago, and where the log stood then."""
        self.left_at = 0
        self.counted: Position | None = None
        """The newest word of inventory-service."""

    @rule(
        tolerance=st.sampled_from((0.0, 0.5)),
        latency_ms=st.sampled_from((0.0, 10.0)),
        messages=st.sampled_from((40, 60)),
        halves_tick=st.booleans(),
    )
    def cut(self, tolerance: float, latency_ms: float, messages: int, halves_tick: bool) -> None:
        self.send(self.now, None)
        open_before = {order.client_order_id: order for _, order in self.world.core.open_orders()}
        time_ns = T0 + self.now * MS
        carried = carried_over(self.world.core, time_ns)
        self.cuts += 1
        self.world.config = other_config(tolerance, latency_ms, messages)
        self.world.core = RouterCore(self.world.config)
        self.world.venue = SimulatedVenue(self.world.config.venue)
        for event in (config_applied(self.world.config, time_ns=time_ns), *carried):
            self.send(self.now, event)
        open_after = {order.client_order_id: order for _, order in self.world.core.open_orders()}
        assert open_after == open_before
        self.send_levels()
        if halves_tick and self.cuts < 4:
            self.mid *= 2
            facts = {"version": self.contract.version + 1, "tick_size": self.contract.tick_size / 2}
            self.contract = self.contract.model_copy(update={**facts, "event_time_ns": time_ns})
            self.send(self.now, self.contract)

    @rule(bid=st.integers(1, 12), ask=st.integers(1, 12))
    def quote(self, bid: int, ask: int) -> None:
        """A sound market, and orders that have arrived in it."""
        self.change_state("RUN")
        self.observe_book(0, "live", 3)
        self.want([(1, bid), (2, 3)], [(1, ask)], 5_000)
        self.pass_time(40)

    @rule(side=st.sampled_from(("buy", "sell")), size=st.integers(1, 9), wait=st.integers(0, 30))
    def meet(self, side: str, size: int, wait: int) -> None:
        """A taker comes through the prices of our orders; its report may still be on its way."""
        self.print_trade(9 if side == "buy" else -9, size, side)
        self.pass_time(wait)

    @rule(which=st.integers(1, 3))
    def repeat_a_fill(self, which: int) -> None:
        """A venue tells its newest fills again."""
        fills = [report for report in self.world.reports if report.kind == "fill"]
        if len(fills) >= which:
            again = fills[-which].model_copy(update={"event_time_ns": T0 + self.now * MS})
            self.send(self.now, again)

    @rule()
    def remember(self) -> None:
        self.send(self.now, None)
        self.left = carried_over(self.world.core, T0 + self.now * MS)
        self.left_at = len(self.world.log)

    def send_levels(self) -> None:
        """What the runtime feeds: the newest message of each level."""
        self.send(self.now, self.contract)
        if self.counted is not None:
            self.send(self.now, self.counted)
        if hasattr(self, "in_force"):
            self.send(self.now, risk_state(self.in_force, time_ns=T0 + round(self.beat_at * MS)))

    def announce_again(self) -> None:
        self.send(self.now, self.contract)

    def send(self, at: int, event: Event | None) -> None:
        """Everything is counted in the contract in force."""
        if event is not None and "instrument_version" in type(event).model_fields:
            is_ours = isinstance(event, OrderEvent | Fill) or type(event).__name__ == "VenueReport"
            if not is_ours:
                event = event.model_copy(update={"instrument_version": self.contract.version})
        if isinstance(event, Position) and (self.counted is None or event.fills >= self.counted.fills):
            self.counted = event
        super().send(at, event)

    @invariant()
    def nothing_is_lost_and_nothing_invented(self) -> None:
        known = {order_id for order_id, o in self.ledger.orders.items() if o.status not in TERMINAL_STATUSES}
        assert {order.client_order_id for _, order in self.world.core.open_orders()} == known
        resting = {name for market in self.world.venue._markets.values() for name in market.orders}
        assert resting <= known

    @invariant()
    def the_position_is_the_sum_of_the_fills(self) -> None:
        assert self.world.symbol.position.lots == self.ledger.position

    def teardown(self) -> None:
        if hasattr(self, "world") and self.seen:
            self.send(self.now, Tick(event_time_ns=T0 + self.now * MS))
            self.other_code_recollects()
        super().teardown()

    def other_code_recollects(self) -> None:
        """Another core goes through what came since, decides otherwise, and is told what was said."""
        since = self.world.log[self.left_at :]
        if not self.left or any(isinstance(event, ConfigApplied) for event in since):
            return
        other = RouterCore(other_config(0.9, 0.0, 12))
        for carried in self.left:
            other.on_event(carried)
        said = [event for event in since if isinstance(event, OrderEvent | Fill)]
        for event in since:
            if not isinstance(event, OrderEvent | Fill | KillReport | GateRoom):
                other.on_event(event)
        other.recollect(said)
        assert known_orders(other) == known_orders(self.world.core)
        assert other._symbols[self.world.symbol.key].position.lots == self.ledger.position
        assert other._symbols[self.world.symbol.key].orders.ids_given >= self.world.symbol.orders.ids_given

    def replay(self) -> None:
        """The newest session replays from its own beginning."""
        begins = [i for i, event in enumerate(self.world.log) if isinstance(event, ConfigApplied)]
        core = RouterCore(self.world.config)
        outputs: list[Event] = []
        expected: list[Event] = []
        for event in self.world.log[max(begins, default=0) :]:
            if isinstance(event, OrderEvent | Fill | KillReport | GateRoom):
                expected.append(event)
            else:
                outputs += core.on_event(event)
        assert outputs == expected
        assert state_digest(core) == state_digest(self.world.core)


def known_orders(core: RouterCore) -> list[tuple[Any, ...]]:
    orders = (order for _, order in core.open_orders())
    return sorted(
        (o.client_order_id, o.status, o.price_ticks, o.size_lots, o.filled_lots, o.asked_size_lots)
        for o in orders
    )


SessionsMachine.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSessions: Any = SessionsMachine.TestCase
del RoutingMachine
