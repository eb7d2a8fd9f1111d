"""One session after another: what the router must not forget, and what it may not take for proof."""

from decimal import Decimal

import pytest
from quote_service.routing.carried_state import NUMBERED_IDS_CARRIED
from quote_service.routing.gate import codes

from schemas.control import Override
from schemas.orders import VenueBalance, VenueBalances, VenueOpenOrders
from tests.kit.messages import (
    BTC,
    MS,
    T0,
    book,
    config_applied,
    instrument,
    named,
    risk_state,
    venue_status,
)
from tests.unit.quote_service.routing.builders import Desk, carried_over, wide_config
from tests.unit.quote_service.routing.sessions import (
    EXCHANGE,
    LATER_MS,
    exchange_config,
    finer,
    known,
    next_session,
)


class TestOrders:
    def test_a_standing_order_is_ours_and_is_cancelled_before_anything_takes_its_place(self) -> None:
        """As after any restart: neither book nor heartbeat is known, so nothing may stand."""
        desk = Desk(wide_config())
        [placed] = desk.live(0, 7, bids=[(99, 5)])
        after = next_session(desk, 100, wide_config(routing={"size_up_tolerance": 0.5}))
        [cancel] = after.beat(100)
        assert (cancel.kind, cancel.client_order_id) == ("cancel_intent", placed.client_order_id)
        after.book(101)
        assert after.target(102, 1, bids=[(99, 5)]) == []
        made = after.answer(110, "cancelled", placed)
        assert [event.kind for event in made] == ["cancelled", "place_intent"]

    def test_where_book_and_heartbeat_are_there_in_time_it_is_kept(self) -> None:
        desk = Desk(wide_config())
        [placed] = desk.live(0, 7, bids=[(99, 5)])
        after = next_session(desk, 100)
        after.symbol.observe_book(book(time_ns=T0 + 101 * MS))
        after.account.observe_risk(risk_state(time_ns=T0 + 101 * MS), T0 + 101 * MS)
        assert after.target(102, 1, bids=[(99, 5)]) == []
        assert known(after.core) == [(placed.client_order_id, "live", 99, 99, 0)]

    def test_an_order_of_a_symbol_that_is_not_quoted_any_more_is_cancelled_and_its_fill_booked(self) -> None:
        desk = Desk(wide_config())
        [placed] = desk.live(0, 1, bids=[(99, 5)])
        after = next_session(desk, LATER_MS)
        [cancel] = after.tick(LATER_MS + 250)
        assert (cancel.kind, cancel.client_order_id) == ("cancel_intent", placed.client_order_id)
        after.fill(LATER_MS + 260, placed, 2, "t1")
        after.answer(LATER_MS + 270, "cancelled", placed)
        after.fill(LATER_MS + 280, placed, 3, "t2")
        assert [fill.size_lots for fill in after.fills] == [2, 3]
        assert after.core.open_orders() == []

    def test_a_fill_that_the_session_before_has_counted_counts_no_more(self) -> None:
        desk = Desk(wide_config())
        [placed] = desk.live(0, 1, bids=[(99, 5)])
        desk.fill(2, placed, 5, "t1")
        after = next_session(desk, LATER_MS)
        after.fill(LATER_MS, placed, 5, "t1")
        assert after.fills == []
        assert after.symbol.position.lots == 5

    def test_an_unanswered_order_is_unknown_and_never_sent_again(self) -> None:
        desk = Desk(wide_config())
        desk.book(0)
        [placed] = desk.target(1, 1, bids=[(99, 5)])
        after = next_session(desk, LATER_MS)
        assert [event.kind for event in after.tick(LATER_MS + 1)] == ["unknown"]
        after.beat(LATER_MS + 2)
        after.book(LATER_MS + 2)
        assert after.target(LATER_MS + 3, 1, bids=[(99, 5)]) == []
        after.answer(LATER_MS + 4, "accepted", placed)
        assert [order.status for _, order in after.core.open_orders()] == ["live"]

    def test_no_id_is_given_twice(self) -> None:
        desk = Desk(wide_config())
        given = [desk.symbol.orders.new_client_order_id("buy", 0) for _ in range(3)]
        assert next_session(desk, LATER_MS).symbol.orders.new_client_order_id("buy", 0) not in given

    def test_ids_of_an_earlier_prefix_stay_ours(self) -> None:
        desk = Desk(exchange_config(exchange={"order_prefix": "old"}))
        after = next_session(desk, LATER_MS, exchange_config())
        last = next_session(after, 2 * LATER_MS, exchange_config(exchange={"order_prefix": "new"}))
        assert last.core.sessions.order_prefixes == ["old", "mm", "new"]

    def test_the_first_session_of_the_account_began_when_it_began(self) -> None:
        desk = Desk(wide_config())
        desk.send(config_applied(desk.config, time_ns=T0 + MS))
        after = next_session(next_session(desk, LATER_MS), 2 * LATER_MS)
        assert after.core.sessions.began_ns == T0 + MS


class TestContracts:
    def test_an_order_in_other_ticks_is_replaced_and_nothing_new_goes_beside_it(self) -> None:
        desk = Desk(wide_config())
        [bid] = desk.live(0, 1, bids=[(99, 5)])
        after = next_session(desk, 100, None, finer(tick_size=Decimal("0.1")))
        after.beat(100)
        after.book(101, bid=990, ask=1_010, instrument_version=2)
        wanted = {"bids": [(989, 5)], "asks": [(1_011, 5)], "instrument_version": 2}
        made = after.target(102, 1, **wanted)
        assert {event.client_order_id for event in after.events if event.kind == "cancel_intent"} == {
            bid.client_order_id
        }
        assert made == []
        made = after.answer(110, "cancelled", bid)
        assert [(event.kind, event.price_ticks) for event in made[1:]] == [
            ("place_intent", 989),
            ("place_intent", 1_011),
        ]

    def test_a_late_fill_of_an_order_in_other_lots_counts_in_those_of_now(self) -> None:
        desk = Desk(wide_config())
        [bid] = desk.live(0, 1, bids=[(99, 5)])
        after = next_session(desk, LATER_MS, None, finer(lot_size=Decimal("0.1")))
        after.position(LATER_MS, 0, 0, instrument_version=2)
        assert after.symbol.orders.reserved_lots("buy") == 50
        after.fill(LATER_MS + 1, bid, 2, "t1")
        after.fill(LATER_MS + 2, bid, 5, "t2", instrument_version=2)
        assert [(fill.instrument_version, fill.size_lots) for fill in after.fills] == [(1, 2), (2, 5)]
        assert after.symbol.position.lots == 25
        found = after.symbol.orders.find(bid.client_order_id)
        assert found is not None
        assert found.filled_lots == 2
        after.position(LATER_MS + 3, 25, 2, instrument_version=2)
        assert after.symbol.position.lots == 25

    def test_a_late_fill_of_an_order_that_ended_before_is_told_in_that_orders_lots(self) -> None:
        desk = Desk(wide_config())
        [bid] = desk.live(0, 1, bids=[(99, 5)])
        desk.answer(2, "cancelled", bid)
        after = next_session(desk, LATER_MS, None, finer(lot_size=Decimal("0.1")))
        after.fill(LATER_MS + 1, bid, 2, "t1")
        assert [(fill.instrument_version, fill.size_lots) for fill in after.fills] == [(1, 2)]

    def test_capture_is_measured_by_the_mid_in_the_fills_own_ticks(self) -> None:
        desk = Desk(wide_config())
        [bid] = desk.live(0, 1, bids=[(99, 5)])
        after = next_session(desk, LATER_MS, None, finer(tick_size=Decimal("0.1")))
        after.book(LATER_MS + 1, bid=995, ask=1_005, instrument_version=2)
        after.fill(LATER_MS + 2, bid, 1, "t1")
        assert after.fills[0].mid_half_ticks == 200

    def test_a_symbol_that_is_not_quoted_keeps_its_worth(self) -> None:
        desk = Desk(wide_config())
        desk.live(0, 1, bids=[(99, 5)])
        desk.position(1, 7, 1)
        desk.tick(2)
        after = next_session(desk, LATER_MS)
        assert after.account.exposure_micro == desk.account.exposure_micro > 0


class TestStops:
    def test_a_symbol_that_was_stopped_stays_so_until_people_resume_it(self) -> None:
        desk = Desk(wide_config())
        desk.symbol.protection.stopped_by = "POSITION_BREAK"
        after = next_session(desk, LATER_MS, None, instrument(), risk_state(), risk_state("HALT", BTC))
        after.beat(LATER_MS)
        assert codes.POSITION_BREAK in after.core._gate.halt_codes(after.symbol, T0 + LATER_MS * MS)
        after.beat(LATER_MS + 1, "RUN", BTC)
        assert after.symbol.protection.stopped_by is None

    def test_freezes_count_on(self) -> None:
        limits = {"fill_quantity_max": 1, "trips_max": 2, "trip_window_s": 600, "freeze_ms": 1_000}
        desk = Desk(wide_config(protection=limits))
        [bid] = desk.live(0, 1, bids=[(99, 5)])
        desk.symbol.protection.quote_lots = 1
        desk.fill(2, bid, 2, "t1")
        after = next_session(desk, 100)
        assert codes.MMP_FROZEN in after.core._gate.halt_codes(after.symbol, T0 + 200 * MS) or (
            after.symbol.protection.fill_rate.frozen_until_ns == T0 + 1_002 * MS
        )
        after.fill(2_000, bid, 2, "t2")
        assert [stop.needs_person for stop in after.stops] == [True]

    def test_an_override_that_was_not_used_still_counts(self) -> None:
        desk = Desk(wide_config())
        desk.send(
            Override(
                **named(),
                override_id="o1",
                side="buy",
                price_ticks=99,
                size_lots=5,
                codes=("MAX_QTY",),
                valid_until_ns=T0 + 100_000 * MS,
                requester="tess",
                approver="rita",
                reason="asked for",
            )
        )
        assert list(next_session(desk, LATER_MS).symbol.gate.overrides.waiting) == ["o1"]
        assert not next_session(desk, 200_000).symbol.gate.overrides.waiting


def states(desk: Desk) -> list[str]:
    return [kill.state for kill in desk.kills if (kill.venue, kill.symbol) == ("binance", "*")]


class TestWithdrawals:
    def halted(self, *, is_confirmed: bool) -> Desk:
        desk = Desk(exchange_config())
        desk.send(instrument(**EXCHANGE))
        desk.beat(0, "HALT")
        if is_confirmed:
            self.show(desk, 10)
        return desk

    def show(self, desk: Desk, asked_ms: float, *own: str) -> None:
        asked_ns = T0 + round(asked_ms * MS)
        desk.send(
            VenueOpenOrders(
                event_time_ns=asked_ns + MS,
                asked_ns=asked_ns,
                venue="binance",
                symbol="*",
                own=own,
                foreign=0,
            )
        )

    def test_one_that_was_confirmed_is_confirmed_anew_and_not_before(self) -> None:
        desk = self.halted(is_confirmed=True)
        assert states(desk)[-1] == "confirmed"
        after = next_session(desk, LATER_MS, None, instrument(**EXCHANGE), risk_state("HALT"))
        after.tick(LATER_MS + 250)
        assert states(after) == ["cancelling"]
        self.show(after, LATER_MS - 1)
        assert states(after)[-1] == "cancelling"
        self.show(after, LATER_MS + 300)
        assert states(after)[-1] == "confirmed"

    def test_one_under_way_goes_on_and_is_late_by_its_own_beginning(self) -> None:
        after = next_session(
            self.halted(is_confirmed=False), LATER_MS, None, instrument(**EXCHANGE), risk_state("HALT")
        )
        after.tick(LATER_MS + 250)
        assert states(after) == ["incomplete"]
        assert after.kills[-1].began_ns == T0

    def test_it_is_not_over_before_the_session_has_heard_of_risk(self) -> None:
        after = next_session(self.halted(is_confirmed=True), LATER_MS, None, instrument(**EXCHANGE))
        after.tick(LATER_MS + 250)
        assert "none" not in states(after)
        after.beat(LATER_MS + 300)
        assert states(after)[-1] == "none"

    def test_that_of_the_shutdown_before_is_over(self) -> None:
        desk = Desk(exchange_config())
        desk.send(instrument(**EXCHANGE))
        desk.shutdown(1)
        after = next_session(desk, LATER_MS, None, instrument(**EXCHANGE))
        after.tick(LATER_MS + 250)
        assert states(after) == ["none"]


class TestBudgets:
    def test_messages_that_were_sent_are_sent_in_the_next_session_too(self) -> None:
        own = {"messages_per_10s": 200, "messages_per_10s_symbol": 200}
        desk = Desk(exchange_config(routing=own))
        desk.send(instrument(**EXCHANGE))
        symbol = desk.core._symbols[f"binance:{BTC}"]
        for _ in range(80):
            desk.account.spend_message(symbol, T0 + 4_000 * MS)
        config = exchange_config(routing=own, exchange={"budget_share": 0.5})
        after = next_session(desk, 5_000, config)
        symbol = after.core._symbols[f"binance:{BTC}"]
        assert not after.account.has_quote_budget(symbol, T0 + 5_000 * MS)
        of_venue, of_symbol = after.account.budgets(symbol)
        assert of_venue.spent == of_symbol.spent > 0
        assert after.account.has_quote_budget(symbol, T0 + 14_001 * MS)

    def test_a_clock_that_went_back_does_not_starve_it(self) -> None:
        desk = Desk(exchange_config())
        desk.send(instrument(**EXCHANGE))
        desk.account.spend_message(desk.core._symbols[f"binance:{BTC}"], T0 + 10**6 * MS)
        after = next_session(desk, 0)
        assert after.account.budget_of("binance").updated_ns == T0


class TestHoldings:
    def state(self, desk: Desk, at_ms: float, amount: str) -> None:
        free = VenueBalance(currency="BTC", free=Decimal(amount), locked=Decimal(0))
        time_ns = T0 + round(at_ms * MS)
        desk.send(
            VenueBalances(
                event_time_ns=time_ns, asked_ns=time_ns - MS, venue="binance", symbol="*", balances=(free,)
            )
        )
        desk.tick(at_ms + 3_000)

    def test_what_left_the_account_while_nobody_looked_is_found(self) -> None:
        ready = venue_status(venue="binance")
        desk = Desk(exchange_config(inventory={"reserved": {"BTC": 100}}))
        desk.send(instrument(**EXCHANGE))
        desk.send(ready)
        self.state(desk, 0, "100")
        after = next_session(desk, LATER_MS, None, instrument(**EXCHANGE))
        after.send(ready)
        for at_ms in range(LATER_MS, LATER_MS + 20_000, 5_000):
            self.state(after, at_ms, "90")
        assert all(stop.code == "POSITION_BREAK" and "-10 BTC" in stop.text for stop in after.stops)
        assert [stop.needs_person for stop in after.stops if stop.venue == "binance"] == [False, True]


@pytest.mark.parametrize(("form", "carried"), [("{}", NUMBERED_IDS_CARRIED), ("t-{}", 300)])
def test_ids_that_a_venue_is_asked_for_by_number_are_carried_as_far_as_they_can_come_again(
    form: str, carried: int
) -> None:
    desk = Desk()
    for number in range(300):
        assert desk.symbol.orders.add_trade(form.format(number))
    [of_symbol] = [each for each in carried_over(desk.core, T0) if each.symbol == "BTC/USDT"]
    assert of_symbol.trade_ids == tuple(form.format(number) for number in range(300 - carried, 300))
