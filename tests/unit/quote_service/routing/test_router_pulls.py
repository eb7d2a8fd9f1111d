"""When everything is withdrawn at once, and what may never go out."""

from collections.abc import Callable

import pytest
from quote_service.routing.router import RouterCore

from schemas.orders import OrderEvent
from tests.kit.messages import MS, T0, config_applied, instrument, trade
from tests.unit.quote_service.routing.builders import Desk, config, wide_config

Pull = Callable[[Desk], list[OrderEvent]]


def quoting_desk(**sections: dict[str, object]) -> Desk:
    desk = Desk(wide_config(**sections))
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    return desk


PULLS: list[tuple[str, Pull, str]] = [
    ("account halt", lambda desk: desk.beat(5, "HALT"), "RISK_HALT"),
    ("symbol halt", lambda desk: desk.beat(5, "HALT", symbol="BTC/USDT"), "RISK_HALT"),
    ("heartbeat lost", lambda desk: desk.tick(60_001), "NO_RISK_STATE"),
    ("book gapped", lambda desk: desk.book(5, status="gapped"), "NO_REFERENCE"),
    ("book crossed", lambda desk: desk.book(5, bid=101, ask=100), "NO_REFERENCE"),
    ("book empty", lambda desk: desk.book(5, ask_prices=(), ask_sizes=()), "NO_REFERENCE"),
    ("book said stale", lambda desk: desk.book(5, status="stale"), "STALE_MD"),
    ("target expired", lambda desk: desk.tick(5_001), "TARGET_EXPIRED"),
    ("not quoting", lambda desk: desk.target(5, 2, because="STOPPED"), "STOPPED"),
    ("shutdown", lambda desk: desk.shutdown(5), "SHUTDOWN"),
]


@pytest.mark.parametrize(("pull", "reason"), [pull[1:] for pull in PULLS], ids=[pull[0] for pull in PULLS])
def test_everything_is_cancelled_at_once_with_the_reason(pull: Pull, reason: str) -> None:
    cancels = pull(quoting_desk())
    assert [(cancel.kind, cancel.side) for cancel in cancels] == [
        ("cancel_intent", "buy"),
        ("cancel_intent", "sell"),
    ]
    assert {cancel.reasons for cancel in cancels} == {(reason,)}


@pytest.mark.parametrize(("pull", "reason"), [pull[1:] for pull in PULLS], ids=[pull[0] for pull in PULLS])
def test_while_withdrawn_nothing_is_sent_again(pull: Pull, reason: str) -> None:
    desk = quoting_desk()
    cancels = pull(desk)
    now_ms = (cancels[0].event_time_ns - T0) // MS
    for cancel in cancels:
        assert [event.kind for event in desk.answer(now_ms + 1, "cancelled", cancel)] == ["cancelled"]
    assert desk.tick(now_ms + 2) == []
    assert desk.core.is_drained


@pytest.mark.control("P14")
def test_a_silent_feed_is_noticed_by_the_tick() -> None:
    desk = quoting_desk(market_data={"book_age_ms_max": 1_000})
    assert desk.tick(1_000) == []
    cancels = desk.tick(1_100)
    assert [(cancel.kind, cancel.reasons) for cancel in cancels] == [("cancel_intent", ("STALE_MD",))] * 2


@pytest.mark.invariant("I5")
def test_the_default_heartbeat_limit_is_one_second() -> None:
    desk = Desk(config())
    desk.live(0, 1, bids=[(99, 5)])
    assert desk.tick(1_000) == []
    assert [cancel.reasons for cancel in desk.tick(1_250)] == [("NO_RISK_STATE",)]


def test_nothing_is_placed_before_the_first_heartbeat() -> None:
    desk = Desk(wide_config())
    fresh = RouterCore(desk.config)
    desk.core = fresh
    desk.send(instrument())
    desk.book(0)
    assert desk.target(1, 1, bids=[(99, 5)]) == []
    assert [event.kind for event in desk.beat(2)] == ["place_intent"]


def test_a_halt_counts_whatever_its_clock_says() -> None:
    desk = quoting_desk()
    desk.beat(5, "RUN")
    assert [event.kind for event in desk.beat(4, "HALT")] == ["cancel_intent", "cancel_intent"]


def test_what_comes_after_a_tick_is_judged_at_the_time_of_the_tick() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    desk.tick(5_000)
    desk.beat(5_000)
    desk.book(5_000)
    valid_until_ns = T0 + 3_000 * MS
    assert desk.target(2, 1, bids=[(99, 5)], valid_until_ns=valid_until_ns) == []
    assert desk.symbol.quotes.target is not None
    assert desk.tick(5_100) == []


def test_quoting_comes_back_when_the_cause_ends() -> None:
    desk = quoting_desk()
    for cancel in desk.book(5, status="gapped"):
        desk.answer(6, "cancelled", cancel)
    events = desk.book(600)
    assert [event.kind for event in events] == ["place_intent", "place_intent"]


@pytest.mark.invariant("I3")
def test_an_order_in_flight_at_the_halt_is_cancelled_as_soon_as_it_is_accepted() -> None:
    desk = Desk(wide_config())
    desk.book(0)
    [placed] = desk.target(1, 1, bids=[(99, 5)])
    assert desk.beat(2, "HALT") == []
    accepted, cancel = desk.answer(3, "accepted", placed)
    assert (accepted.kind, cancel.kind, cancel.reasons) == ("accepted", "cancel_intent", ("RISK_HALT",))


def test_an_amend_under_way_does_not_hold_up_a_cancel() -> None:
    desk = quoting_desk()
    [amend] = desk.target(5, 2, bids=[(98, 5)], asks=[(101, 5)])
    cancels = desk.beat(6, "HALT")
    assert [cancel.side for cancel in cancels] == ["buy", "sell"]
    [amended] = desk.answer(7, "amended", amend)
    assert (amended.kind, amended.status) == ("amended", "pending_cancel")
    [cancelled] = desk.answer(8, "cancelled", cancels[0])
    assert cancelled.status == "cancelled"


@pytest.mark.control("P4")
def test_a_kill_with_no_message_left_still_cancels_all() -> None:
    desk = Desk(wide_config(routing={"messages_per_10s": 4}))
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    [amend] = desk.target(2, 2, bids=[(98, 5)], asks=[(101, 5)])
    desk.answer(3, "amended", amend)
    assert [event.kind for event in desk.beat(5, "HALT")] == ["cancel_intent"] * 2
    assert not desk.account.has_quote_budget(desk.symbol, T0 + 5 * MS)


def test_when_messages_are_short_what_takes_an_offer_back_goes_first() -> None:
    desk = Desk(wide_config(routing={"messages_per_10s": 5}))
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    [amend] = desk.target(2, 2, bids=[(98, 5)], asks=[(101, 5)])
    desk.answer(3, "amended", amend)
    assert desk.target(4, 3, bids=[(99, 5)], asks=[(101, 5)]) == []  # better for others, so it waits
    assert desk.target(5, 4, bids=[(98, 9)], asks=[(101, 5)]) == []  # more for others too
    [amend] = desk.target(6, 5, bids=[(97, 5)], asks=[(101, 5)])
    assert (amend.kind, amend.price_ticks) == ("amend_intent", 97)
    desk.answer(7, "amended", amend)
    denied, cancel = desk.target(8, 6, bids=[(97, 5)], asks=[(102, 5)])
    assert (denied.kind, denied.reasons) == ("denied", ("MESSAGE_LIMIT",))
    assert (cancel.kind, cancel.reasons) == ("cancel_intent", ("AMEND_DENIED",))


def test_what_waited_for_messages_goes_out_with_a_later_tick() -> None:
    desk = Desk(wide_config(routing={"messages_per_10s": 5}))
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    [amend] = desk.target(2, 2, bids=[(98, 5)], asks=[(101, 5)])
    desk.answer(3, "amended", amend)
    assert desk.target(4, 3, bids=[(99, 5)], asks=[(101, 5)]) == []
    assert desk.tick(1_999) == []
    [amend] = desk.tick(2_000)  # one message of five in ten seconds
    assert (amend.kind, amend.price_ticks) == ("amend_intent", 99)


def test_after_a_shutdown_nothing_goes_out_whatever_is_wanted() -> None:
    desk = quoting_desk()
    cancels = desk.shutdown(5)
    for cancel in cancels:
        desk.answer(6, "cancelled", cancel)
    assert desk.target(7, 2, bids=[(98, 5)]) == []
    assert desk.beat(8, "RUN") == []
    assert desk.book(9, bid=95, ask=96) == []
    assert desk.core.is_drained


def test_the_router_is_drained_only_when_every_order_has_ended() -> None:
    desk = quoting_desk()
    assert not desk.core.is_drained
    bid, ask = desk.shutdown(5)
    desk.answer(6, "cancelled", bid)
    assert not desk.core.is_drained
    desk.answer(7, "cancel_rejected", ask)
    assert not desk.core.is_drained
    desk.fill(8, ask, 5, "t1")
    assert desk.core.is_drained


def test_a_process_that_begins_again_trades_again() -> None:
    desk = quoting_desk()
    for cancel in desk.shutdown(5):
        desk.answer(6, "cancelled", cancel)
    desk.send(config_applied(desk.config, time_ns=T0 + 1_000 * MS))
    desk.beat(1_001)
    desk.book(1_002)
    assert [event.kind for event in desk.target(1_003, 3, bids=[(99, 5)])] == ["place_intent"]


def test_messages_that_do_not_concern_orders_change_nothing() -> None:
    assert quoting_desk().send(trade(99, 5, "sell")) == []
