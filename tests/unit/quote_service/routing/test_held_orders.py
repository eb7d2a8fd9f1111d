"""While a venue takes no orders nothing is asked for, it is said once, and cancels go: no cancel waits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.orders import OrderEvent, ReportKind, VenueStatus
from tests.kit.messages import MS, T0, venue_status
from tests.unit.quote_service.routing.builders import codes_of
from tests.unit.quote_service.routing.exchange_desk import ExchangeDesk

PULLS = ("halt", "halt of the symbol", "shutdown", "no target", "silence", "book", "not ready", "refused")


def status(at_ms: float, state: Any = "ready", held_until_ms: float = 0) -> VenueStatus:
    held_ns = T0 + round(held_until_ms * MS) if held_until_ms else 0
    return venue_status(state, held_until_ns=held_ns, time_ns=T0 + round(at_ms * MS))


def kinds(events: list[OrderEvent]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(event.kind, event.side, event.reasons) for event in events]


def quoting(**sections: Any) -> ExchangeDesk:
    desk = ExchangeDesk(**sections)
    desk.live(0, 1, bids=[(90, 10)], asks=[(110, 10)])
    return desk


def test_while_the_venue_holds_orders_back_nothing_is_asked_for_and_it_is_said_once() -> None:
    desk = quoting()
    assert desk.send(status(10, held_until_ms=5_000)) == []
    first = desk.target(20, 2, bids=[(91, 10)], asks=[(110, 10)])
    assert kinds(first) == [("denied", "buy", ("VENUE_HELD",))]
    for at_ms in range(250, 5_000, 250):
        desk.beat(at_ms)
        desk.book(at_ms)
        assert desk.target(at_ms, 2 + at_ms, bids=[(91, 10)], asks=[(110, 10)]) == []
        assert desk.tick(at_ms) == []
    assert desk.send(status(4_900, held_until_ms=6_000)) == [], "a longer hold is the same one"
    assert desk.tick(5_000) == []
    assert kinds(desk.tick(6_000)) == [("amend_intent", "buy", ())]


def test_what_is_too_generous_is_cancelled_at_once_while_orders_are_held_back() -> None:
    desk = quoting()
    desk.send(status(10, held_until_ms=5_000))
    desk.book(20, bid=84, ask=86)
    made = desk.target(21, 2, bids=[(75, 10)], asks=[(95, 10)])
    assert kinds(made) == [
        ("denied", "buy", ("VENUE_HELD",)),
        ("cancel_intent", "buy", ("VENUE_HELD",)),
        ("denied", "sell", ("VENUE_HELD",)),
    ]
    desk.answer(22, "cancelled", made[1])
    assert desk.tick(250) == []
    assert kinds(desk.tick(5_000)) == [("place_intent", "buy", ()), ("amend_intent", "sell", ())]


@pytest.mark.parametrize(("mid", "kinds_then"), [(86, ["cancel_intent"]), (88, [])])
def test_what_is_too_generous_and_may_not_be_amended_by_the_venues_word_is_cancelled(
    mid: int, kinds_then: list[str]
) -> None:
    """A bid at 80, wanted at 73: from a mid of 86 it keeps 6 of 13, from one of 88 it keeps 8 of 15."""
    desk = ExchangeDesk()
    desk.live(0, 1, bids=[(80, 10)])
    desk.book(10, bid=mid - 1, ask=mid + 1)
    [amend] = desk.target(11, 2, bids=[(73, 10)])
    assert amend.kind == "amend_intent"
    made = desk.answer(12, "amend_rejected", amend, reason="RATE_LIMIT")
    assert [event.kind for event in made] == ["amend_rejected", *kinds_then]
    assert desk.tick(250) == []


def test_the_next_hold_is_said_again_and_a_start_forgets_it() -> None:
    desk = quoting()
    desk.send(status(10, held_until_ms=1_000))
    assert kinds(desk.target(20, 2, bids=[(91, 10)], asks=[(110, 10)]))[0][0] == "denied"
    [amend] = desk.tick(1_000)
    desk.answer(1_001, "amended", amend)
    desk.send(status(1_010, held_until_ms=2_000))
    assert kinds(desk.target(1_020, 3, bids=[(92, 10)], asks=[(110, 10)])) == [
        ("denied", "buy", ("VENUE_HELD",))
    ]
    desk.account.forget_venues()
    assert not desk.account.is_held("sim", T0 + 1_030 * MS)


def test_the_gate_itself_lets_nothing_out_while_the_venue_holds_orders_back() -> None:
    desk = quoting()
    desk.send(status(10, held_until_ms=5_000))
    made = desk.target(20, 2, bids=[(91, 10)], asks=[(110, 10)])
    assert made
    desk.account.held_until_ns["sim"] = T0 + 5_000 * MS
    request = desk.core._planner.cancel_undesired(desk.symbol, T0 + 30 * MS, [])[0]
    assert "VENUE_HELD" in codes_of(desk.core._gate.check(request, desk.symbol, T0 + 30 * MS))
    assert "VENUE_HELD" not in codes_of(desk.core._gate.check(request, desk.symbol, T0 + 5_000 * MS))


@pytest.mark.parametrize("state", ["refused", "degraded", "connecting"])
def test_at_a_venue_that_is_not_ready_or_refuses_us_everything_is_cancelled(state: str) -> None:
    made = quoting().send(status(10, state))
    assert kinds(made) == [
        ("cancel_intent", "buy", ("VENUE_NOT_READY",)),
        ("cancel_intent", "sell", ("VENUE_NOT_READY",)),
    ]


def pull(desk: ExchangeDesk, why: str, at_ms: float, sequence: int) -> list[OrderEvent]:
    if why == "halt":
        return desk.beat(at_ms, "HALT")
    if why == "halt of the symbol":
        return desk.beat(at_ms, "HALT", "BTC/USDT")
    if why == "shutdown":
        return desk.shutdown(at_ms)
    if why == "no target":
        return desk.target(at_ms, sequence, because="WIDE_SPREAD")
    if why == "silence":
        return desk.tick(at_ms + 60_001)
    if why == "book":
        return desk.book(at_ms, status="gapped")
    return desk.send(status(at_ms, "refused" if why == "refused" else "degraded"))


@given(
    why=st.sampled_from(PULLS),
    budget=st.integers(1, 12),
    budget_symbol=st.integers(1, 12),
    rest_ms=st.sampled_from([0, 2_000]),
    moves=st.lists(st.tuples(st.integers(60, 95), st.integers(105, 140), st.booleans()), max_size=12),
    held_ms=st.sampled_from([0, 30_000]),
)
def test_a_pull_leads_to_cancels_in_the_same_turn_in_any_state_and_with_any_budget(
    why: str,
    budget: int,
    budget_symbol: int,
    rest_ms: int,
    moves: list[tuple[int, int, bool]],
    held_ms: int,
) -> None:
    routing = {"messages_per_10s": budget, "messages_per_10s_symbol": budget_symbol}
    desk = ExchangeDesk(routing=routing, protection={"rest_ms_min": rest_ms})
    desk.book(0)
    made = desk.target(1, 1, bids=[(90, 10), (89, 10)], asks=[(110, 10), (111, 10)])
    at_ms = 2
    for number, (bid, ask, is_answered) in enumerate(moves):
        at_ms += 40
        for event in made if is_answered else []:
            answers: dict[str, ReportKind] = {
                "place_intent": "accepted",
                "amend_intent": "amended",
                "cancel_intent": "cancelled",
            }
            if event.kind in answers:
                desk.answer(at_ms, answers[event.kind], event)
        if number == len(moves) // 2:
            desk.send(status(at_ms, held_until_ms=held_ms))
        made = desk.target(at_ms + 1, 2 + number, bids=[(bid, 10)], asks=[(ask, 10)])
        made += desk.tick(at_ms + 2)
    open_ids = {
        order.client_order_id
        for order in desk.symbol.orders.open.values()
        if order.status in {"live", "pending_amend"}
    }
    pulled = pull(desk, why, at_ms + 10, 100)
    # After a minute of silence an amend without an answer is unknown: the adapter finds out what stands.
    unknown = {event.client_order_id for event in pulled if event.kind == "unknown"}
    assert why == "silence" or not unknown
    assert {event.client_order_id for event in pulled if event.kind == "cancel_intent"} == open_ids - unknown
