"""Desired minus live: which intents follow from a target, and which do not."""

from decimal import Decimal

import pytest

from schemas.orders import OrderEvent
from tests.kit.messages import MS, T0, instrument, target
from tests.unit.quote_service.routing.builders import Desk, config, wide_config


def said(events: list[OrderEvent]) -> list[tuple[str, str, int, int]]:
    return [(event.kind, event.side, event.price_ticks, event.size_lots) for event in events]


def test_a_target_becomes_one_order_for_each_side_and_level() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    intents = desk.target(1, 1, bids=[(99, 5), (98, 6)], asks=[(101, 7)])
    assert said(intents) == [
        ("place_intent", "buy", 99, 5),
        ("place_intent", "buy", 98, 6),
        ("place_intent", "sell", 101, 7),
    ]
    assert [intent.level for intent in intents] == [0, 1, 0]
    assert all(intent.status == "pending_new" and intent.target_sequence == 1 for intent in intents)
    assert len({intent.client_order_id for intent in intents}) == 3


def test_the_same_target_again_sends_nothing() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    assert desk.target(5, 1, bids=[(99, 5)], asks=[(101, 5)]) == []
    assert desk.target(6, 2, bids=[(99, 5)], asks=[(101, 5)]) == []
    assert desk.tick(7) == []
    assert desk.book(8) == []


def test_a_new_price_amends_and_keeps_the_client_order_id() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    [amend] = desk.target(5, 2, bids=[(98, 5)])
    assert said([amend]) == [("amend_intent", "buy", 98, 5)]
    assert amend.client_order_id == placed.client_order_id
    assert amend.status == "pending_amend"
    [amended] = desk.answer(6, "amended", amend)
    assert said([amended]) == [("amended", "buy", 98, 5)]
    assert amended.status == "live"


@pytest.mark.parametrize(
    ("wanted", "amends"), [(10, False), (9, True), (1, True), (11, False), (15, False), (16, True)]
)
def test_less_size_is_amended_and_a_little_more_is_left(wanted: int, amends: bool) -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 10)])
    intents = desk.target(5, 2, bids=[(99, wanted)])
    assert said(intents) == ([("amend_intent", "buy", 99, wanted)] if amends else [])


def test_the_size_tolerance_is_configured() -> None:
    desk = Desk(wide_config(routing={"size_up_tolerance": 0.0}))
    desk.live(0, 1, bids=[(99, 10)])
    assert said(desk.target(5, 2, bids=[(99, 11)])) == [("amend_intent", "buy", 99, 11)]


def test_wanted_size_is_what_remains_open() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 10)])
    desk.fill(2, placed, 4, "t1")
    assert desk.target(5, 2, bids=[(99, 6)]) == []
    [amend] = desk.target(6, 3, bids=[(99, 3)])
    assert (amend.size_lots, amend.filled_lots) == (7, 4)
    desk.answer(7, "amended", amend)
    [amend] = desk.target(8, 4, bids=[(98, 10)])
    assert (amend.size_lots, amend.filled_lots) == (14, 4)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({}, "NOT_WANTED"), ({"because": "JUMP"}, "JUMP"), ({"bids": [(99, 0)]}, "NOT_WANTED")],
)
def test_what_is_not_wanted_is_cancelled_with_the_reason(fields: dict[str, object], reason: str) -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 10)])
    [cancel] = desk.target(5, 2, **fields)
    assert (cancel.kind, cancel.status, cancel.reasons) == ("cancel_intent", "pending_cancel", (reason,))
    assert cancel.client_order_id == placed.client_order_id


def test_a_level_less_cancels_that_level_alone() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5), (98, 5)])
    [cancel] = desk.target(5, 2, bids=[(99, 5)])
    assert (cancel.kind, cancel.level) == ("cancel_intent", 1)


def test_a_side_whose_prices_and_sizes_do_not_match_is_not_quoted() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    assert said(desk.target(1, 1, asks=[(101, 5)])) == [("place_intent", "sell", 101, 5)]
    broken = target(2, bids=[(99, 5), (98, 5)], asks=[(101, 5)], time_ns=T0 + 2_000_000)
    broken = broken.model_copy(update={"bid": broken.bid.model_copy(update={"sizes": (5,)})})
    assert desk.send(broken) == []


def test_an_order_in_flight_gets_no_further_intent_until_answered() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [placed] = desk.target(1, 1, bids=[(99, 5)])
    assert desk.target(2, 2, bids=[(98, 5)]) == []
    assert desk.target(3, 3) == []
    assert desk.target(4, 4, bids=[(97, 5)]) == []
    accepted, amend = desk.answer(5, "accepted", placed)
    assert accepted.kind == "accepted"
    assert said([amend]) == [("amend_intent", "buy", 97, 5)]
    assert desk.target(6, 5, bids=[(96, 5)]) == []
    _, amend = desk.answer(7, "amended", amend)
    assert said([amend]) == [("amend_intent", "buy", 96, 5)]


def test_no_longer_wanted_while_pending_new_is_cancelled_once_accepted() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [placed] = desk.target(1, 1, bids=[(99, 5)])
    assert desk.target(2, 2) == []
    _, cancel = desk.answer(3, "accepted", placed)
    assert cancel.kind == "cancel_intent"


def test_a_slot_is_free_only_when_its_order_has_ended() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)])
    [cancel] = desk.target(5, 2)
    assert desk.target(6, 3, bids=[(98, 5)]) == []
    cancelled, placed = desk.answer(7, "cancelled", cancel)
    assert (cancelled.kind, cancelled.status) == ("cancelled", "cancelled")
    assert said([placed]) == [("place_intent", "buy", 98, 5)]
    assert placed.client_order_id != cancel.client_order_id


def test_the_side_that_widens_goes_first_and_the_other_waits_for_it_without_a_denial() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    desk.book(4, bid=102, ask=106)
    first = desk.target(5, 2, bids=[(102, 5)], asks=[(105, 5)])
    assert said(first) == [("amend_intent", "sell", 105, 5)]
    _, second = desk.answer(6, "amended", first[0])
    assert said([second]) == [("amend_intent", "buy", 102, 5)]


def test_amends_that_do_not_meet_go_together_the_widening_one_first() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(95, 5)], asks=[(105, 5)])
    intents = desk.target(5, 2, bids=[(96, 5)], asks=[(106, 5)])
    assert said(intents) == [("amend_intent", "sell", 106, 5), ("amend_intent", "buy", 96, 5)]


def test_a_target_that_crosses_itself_is_denied_on_one_side() -> None:
    desk = Desk(wide_config())
    desk.book(0, bid=90, ask=110)
    placed, denied = desk.target(1, 1, bids=[(101, 5)], asks=[(101, 5)])
    assert said([placed]) == [("place_intent", "buy", 101, 5)]
    assert (denied.kind, denied.side, denied.reasons) == ("denied", "sell", ("SELF_CROSS",))


def test_reduce_only_leaves_only_the_side_that_reduces_and_no_more_than_the_position() -> None:
    desk = Desk(wide_config())
    desk.position(0, 10)
    desk.live(1, 1, bids=[(99, 5)], asks=[(101, 8), (102, 8)])
    events = desk.beat(5, "REDUCE_ONLY")
    assert [(event.kind, event.side, event.level) for event in events] == [
        ("cancel_intent", "buy", 0),
        ("amend_intent", "sell", 1),
    ]
    assert events[0].reasons == ("RISK_REDUCE_ONLY",)
    assert events[1].size_lots == 2


def test_reduce_only_of_a_short_position_buys() -> None:
    desk = Desk(wide_config())
    desk.position(0, -3)
    desk.beat(0, "REDUCE_ONLY")
    desk.book(1)
    assert said(desk.target(2, 1, bids=[(99, 5)], asks=[(101, 5)])) == [("place_intent", "buy", 99, 3)]


def test_reduce_only_when_flat_wants_nothing() -> None:
    desk = Desk(wide_config())
    desk.beat(0, "REDUCE_ONLY")
    desk.book(1)
    assert desk.target(2, 1, bids=[(99, 5)], asks=[(101, 5)]) == []


def test_reduce_only_of_one_symbol() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    assert [event.kind for event in desk.beat(5, "REDUCE_ONLY", symbol="BTC/USDT")] == ["cancel_intent"] * 2
    assert desk.beat(6, "REDUCE_ONLY", symbol="BTC/USDT") == []


def test_a_denial_is_published_once_for_each_quote_and_codes() -> None:
    desk = Desk(config(routing={"price_collar": 0.02}))
    desk.book(0)
    [denied] = desk.target(1, 1, bids=[(90, 5)])
    assert (denied.kind, denied.status, denied.reasons) == ("denied", "denied", ("PRICE_COLLAR",))
    assert (denied.side, denied.level, denied.price_ticks, denied.size_lots) == ("buy", 0, 90, 5)
    for at_ms in range(2, 12):
        assert desk.book(at_ms, bid=98 + at_ms % 2) == []
        assert desk.tick(at_ms) == []
    assert desk.target(12, 2, bids=[(90, 5)]) == [], "another target that asks for the same"
    [denied] = desk.target(13, 3, bids=[(91, 5)])
    assert denied.kind == "denied"


def test_what_the_book_forbade_goes_out_when_the_book_allows_it() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [denied] = desk.target(1, 1, bids=[(101, 5)])
    assert denied.reasons == ("POST_ONLY",)
    assert desk.book(2, bid=99, ask=101) == []
    assert said(desk.book(3, bid=99, ask=102)) == [("place_intent", "buy", 101, 5)]


def test_an_order_more_generous_than_wanted_does_not_stay_when_its_amend_is_denied() -> None:
    desk = Desk(wide_config(routing={"price_collar": 0.02}))
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    denied, cancel = desk.target(5, 2, bids=[(90, 5)], asks=[(101, 5)])
    assert (denied.kind, denied.reasons) == ("denied", ("PRICE_COLLAR",))
    assert (cancel.kind, cancel.side, cancel.reasons) == ("cancel_intent", "buy", ("AMEND_DENIED",))
    assert denied.client_order_id != cancel.client_order_id


def test_an_order_less_generous_than_wanted_stays_when_its_amend_is_denied() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)])
    [denied] = desk.target(5, 2, bids=[(101, 5)])
    assert denied.reasons == ("POST_ONLY",)
    assert desk.symbol.orders.open["buy", 0].status == "live"


def test_after_a_full_fill_the_same_quote_comes_back_only_after_the_duplicate_window() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    assert [event.kind for event in desk.fill(10, placed, 5, "t1")] == ["filled"]
    assert desk.tick(509) == []
    assert said(desk.tick(510)) == [("place_intent", "buy", 99, 5)]


def test_after_a_full_fill_a_new_target_is_served_at_once() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    desk.fill(10, placed, 5, "t1")
    assert said(desk.target(11, 2, bids=[(99, 5)])) == [("place_intent", "buy", 99, 5)]


def test_after_a_full_fill_under_a_target_that_kept_the_order_it_does_not_come_back_at_once() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    desk.target(5, 2, bids=[(99, 5)])
    assert [event.kind for event in desk.fill(10, placed, 5, "t1")] == ["filled"]


def test_a_partial_fill_is_not_topped_up_for_the_same_target() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 10)])
    assert [event.kind for event in desk.fill(10, placed, 6, "t1")] == ["partial_fill"]
    assert desk.tick(509) == []
    [amend] = desk.target(509.5, 2, bids=[(99, 10)])
    assert (amend.kind, amend.size_lots, amend.filled_lots) == ("amend_intent", 16, 6)


def test_a_place_that_the_venue_refused_is_not_tried_again_for_the_same_target() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [placed] = desk.target(1, 1, bids=[(99, 5)])
    [rejected] = desk.answer(2, "rejected", placed, reason="VENUE_REFUSED")
    assert (rejected.kind, rejected.status, rejected.reasons) == ("rejected", "rejected", ("VENUE_REFUSED",))
    assert desk.tick(1_000) == []
    assert said(desk.target(1_001, 2, bids=[(99, 5)])) == [("place_intent", "buy", 99, 5)]


def test_a_new_contract_version_withdraws_what_stands_in_the_old_one() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    [cancel] = desk.send(instrument(version=2, time_ns=T0 + 5 * MS))
    assert (cancel.kind, cancel.reasons) == ("cancel_intent", ("NO_INSTRUMENT",))
    assert desk.target(6, 2, bids=[(99, 5)]) == []
    desk.book(7, instrument_version=2)
    assert desk.target(8, 3, bids=[(98, 5)], instrument_version=2) == []
    _, replaced = desk.answer(9, "cancelled", cancel)
    assert (replaced.kind, replaced.instrument_version) == ("place_intent", 2)
    assert replaced.client_order_id != placed.client_order_id


def test_an_older_target_changes_nothing() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    desk.target(5, 2, bids=[(99, 5)])
    assert desk.target(4, 1) == []
    assert desk.symbol.quotes.target is not None
    assert desk.symbol.quotes.target.sequence == 2


def test_one_bad_symbol_does_not_stop_another() -> None:
    desk = Desk(wide_config())
    desk.send(instrument(symbol="BAD", tick_size=Decimal(0)))
    desk.book(0)
    assert said(desk.target(1, 1, bids=[(99, 5)])) == [("place_intent", "buy", 99, 5)]


def test_a_ladder_that_moves_by_a_level_leaves_the_orders_that_are_wanted_again() -> None:
    """Two of three prices stay: one order moves across, whatever level it was."""
    desk = Desk(wide_config())
    placed = desk.live(0, 1, bids=[(99, 5), (97, 5), (95, 5)])
    [moved] = desk.target(5, 2, bids=[(97, 5), (95, 5), (93, 5)])
    assert said([moved]) == [("amend_intent", "buy", 93, 5)]
    assert moved.client_order_id == placed[0].client_order_id


def test_a_level_that_goes_is_cancelled_at_its_own_slot() -> None:
    desk = Desk(wide_config())
    placed = desk.live(0, 1, bids=[(99, 5), (97, 5), (95, 5)])
    [gone] = desk.target(5, 2, bids=[(97, 5), (95, 5)])
    assert (gone.kind, gone.client_order_id) == ("cancel_intent", placed[0].client_order_id)


def test_one_that_hangs_on_keeps_its_place_beside_a_new_one() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, asks=[(105, 5)])
    [new] = desk.target(5, 2, asks=[(101, 5), (105, 5)])
    assert said([new]) == [("place_intent", "sell", 101, 5)]
    assert desk.answer(6, "accepted", new)
    [gone] = desk.target(7, 3, asks=[(101, 5)])
    assert (gone.kind, gone.price_ticks) == ("cancel_intent", 105)
