"""A session that ended without a word: what was said and sent is recollected from the log."""

from decimal import Decimal

from quote_service.routing.router import RouterCore
from quote_service.routing.venues.simulated.venue import CONTRACT_CHANGED, SESSION_ENDED, SimulatedVenue

from schemas.orders import VenueReport
from schemas.process import Tick
from tests.kit.messages import (
    KEY,
    MS,
    T0,
    book,
    config_applied,
    instrument,
    order_event,
    risk_state,
)
from tests.unit.quote_service.routing.builders import Desk, World, carried_over, wide_config
from tests.unit.quote_service.routing.sessions import known, next_session


class TestRecollection:
    def test_orders_that_the_other_code_sent_are_orders_and_what_it_did_not_send_is_none(self) -> None:
        """The old code placed a bid and amended it; the new one, on the same inputs, would have offered."""
        left = Desk(wide_config())
        left.live(0, 1, asks=[(105, 3)])
        carried = carried_over(left.core, T0 + 5 * MS)
        old = next_session(left, 5)
        old.beat(5)
        old.book(6)
        [bid] = old.target(7, 2, bids=[(98, 4)], asks=[(105, 3)])
        old.answer(8, "accepted", bid)
        old.target(9, 3, bids=[(97, 4)], asks=[(105, 3)])
        new = RouterCore(wide_config())
        for event in (
            *carried,
            instrument(),
            risk_state(time_ns=T0 + 5 * MS),
            book(bid=89, ask=91, time_ns=T0 + 6 * MS),
        ):
            new.on_event(event)
        new.recollect(old.events)
        assert known(new) == known(old.core)
        assert [status for _, status, *_ in known(new)] == ["pending_cancel", "pending_amend"]

    def test_what_only_the_new_code_would_have_sent_was_never_sent(self) -> None:
        new = Desk(wide_config())
        new.book(0)
        assert [event.kind for event in new.target(1, 1, bids=[(99, 5)])] == ["place_intent"]
        new.core.recollect([])
        assert new.core.open_orders() == []

    def test_orders_open_where_the_inputs_become_incomplete_were_sent(self) -> None:
        """Some were sent so long before that nothing said since names them."""
        desk = Desk(wide_config())
        [bid, ask] = desk.live(0, 1, bids=[(99, 5)], asks=[(105, 3)])
        desk.core.begin_recollection()
        desk.answer(6, "cancelled", ask)
        desk.target(7, 2, bids=[(97, 4)])
        desk.core.recollect([])
        assert [order.client_order_id for _, order in desk.core.open_orders()] == [bid.client_order_id]
        assert known(desk.core)[0][1] == "live"

    def test_a_fill_that_was_said_counts_though_no_report_of_it_is_seen_again(self) -> None:
        left = Desk(wide_config())
        [bid] = left.live(0, 1, bids=[(99, 5)])
        new = next_session(left, 5)
        left.fill(6, bid, 2, "t1")
        new.core.recollect([left.events[-1], *left.fills])
        assert new.symbol.position.lots == 2
        assert [order.filled_lots for _, order in new.core.open_orders()] == [2]
        new.fill(7, bid, 2, "t1")
        assert new.fills == []

    def test_an_order_that_ended_so_long_ago_that_nobody_remembers_it_does_not_come_back(self) -> None:
        left = Desk(wide_config())
        [bid] = left.live(0, 1, bids=[(99, 5)])
        new = next_session(left, 5)
        new.answer(6, "cancelled", bid)
        new.symbol.orders.ended.clear()
        new.core.recollect([])
        assert new.core.open_orders() == []

    def test_a_fill_whose_id_is_forgotten_is_not_counted_again(self) -> None:
        new = Desk(wide_config())
        [bid] = new.live(0, 1, bids=[(99, 2_000)])
        for number in range(1_500):
            new.fill(2, bid, 1, f"t{number}")
        new.core.recollect([*new.events, *new.fills])
        assert new.symbol.position.lots == 1_500

    def test_an_end_that_only_the_new_code_heard_is_an_end(self) -> None:
        """The old code died before it said so; the venue's report was on disk."""
        left = Desk(wide_config())
        [bid] = left.live(0, 1, bids=[(99, 5)])
        new = next_session(left, 5)
        new.answer(6, "cancelled", bid)
        new.core.recollect([])
        assert new.core.open_orders() == []


class TestSimulatedVenue:
    def cut(self, world: World, at_ms: float) -> SimulatedVenue:
        """The core of `world` goes on in another session, with another venue."""
        time_ns = T0 + round(at_ms * MS)
        world.run_to(time_ns)
        carried = carried_over(world.core, time_ns)
        world.core, world.venue = RouterCore(world.config), SimulatedVenue(world.config.venue)
        for event in (
            config_applied(world.config, time_ns=time_ns),
            *carried,
            instrument(),
            risk_state(time_ns=time_ns),
        ):
            world.send(event)
        return world.venue

    def test_position_and_orders_go_on_and_each_fill_counts_once(self) -> None:
        world = World(wide_config())
        world.book(0)
        world.target(1, 1, bids=[(99, 5)], asks=[(101, 5)])
        world.trade(50, 98, 2, "sell")
        self.cut(world, 100)
        resting = [(o.price_ticks, o.remaining_lots) for o in world.venue._markets[KEY].orders.values()]
        assert resting == [(99, 3), (101, 5)]
        world.trade(105, 98, 2, "sell")  # before the cancel arrives
        world.book(130)
        world.target(131, 1, bids=[(99, 3)], asks=[(101, 5)])
        world.trade(160, 98, 3, "sell")
        world.run_to(T0 + 200 * MS)
        assert [fill.size_lots for fill in world.fills] == [2, 2, 3]
        assert len({fill.venue_trade_id for fill in world.fills}) == 3
        assert world.symbol.position.lots == 7
        assert [order.side for _, order in world.core.open_orders()] == ["sell"]

    def test_it_stands_behind_all_that_is_shown(self) -> None:
        world = World(wide_config())
        world.book(0)
        world.target(1, 1, bids=[(99, 5)])
        venue = self.cut(world, 100)
        world.book(101, size=50)
        [order] = venue._markets[KEY].orders.values()
        assert order.place.front == 50

    def test_what_was_under_way_is_unknown_and_then_withdrawn(self) -> None:
        world = World(wide_config())
        world.book(0)
        world.target(1, 1, bids=[(99, 5)])
        self.cut(world, 2)
        world.at(250, Tick(event_time_ns=T0 + 250 * MS))
        world.run_to(T0 + 300 * MS)
        told = [(report.kind, report.reason) for report in world.reports]
        assert told == [("unknown", SESSION_ENDED), ("cancelled", SESSION_ENDED)]
        assert world.core.open_orders() == []

    def test_orders_in_other_ticks_are_withdrawn_and_filled_at_no_price_of_theirs(self) -> None:
        """In ticks of a tenth the bid at 99 would be far through an ask of 995."""
        world = World(wide_config())
        world.book(0)
        world.target(1, 1, bids=[(99, 5)], asks=[(101, 5)])
        self.cut(world, 100)
        world.at(101, instrument(version=2, tick_size=Decimal("0.1"), time_ns=T0 + 101 * MS))
        world.book(102, bid=985, ask=995, instrument_version=2)
        world.run_to(T0 + 300 * MS)
        withdrawn = [report for report in world.reports if report.reason == CONTRACT_CHANGED]
        assert [report.kind for report in withdrawn] == ["cancelled", "cancelled"]
        assert world.fills == []
        assert world.core.open_orders() == []

    def test_a_new_order_in_ticks_that_are_not_in_force_is_refused(self) -> None:
        venue = SimulatedVenue(wide_config().venue)
        venue.on_event(instrument())
        venue.on_event(instrument(version=2, tick_size=Decimal("0.1")))
        venue.on_event(order_event(order_id="mm-x-1", price=99))
        [told] = venue.poll_due(T0 + 1_000 * MS)
        assert isinstance(told, VenueReport)
        assert (told.kind, told.reason) == ("rejected", CONTRACT_CHANGED)
