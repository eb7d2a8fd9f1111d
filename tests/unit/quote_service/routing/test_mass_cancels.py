"""A halt is over when the venue itself has shown none of our orders, and it says so no sooner."""

from schemas.config import Config
from schemas.orders import KillReport, VenueOpenOrders, VenueState
from schemas.process import Shutdown
from tests.kit.messages import (
    BTC,
    MS,
    T0,
    VENUE,
    config_applied,
    reported_fill,
    risk_state,
    venue_report,
    venue_status,
)
from tests.unit.quote_service.routing.builders import Desk, wide_config

EXCHANGE = {"id": "binance", "symbols": (BTC,)}


def real() -> Config:
    base = wide_config().model_dump()
    base |= {"venue": {"kind": "ccxt"}, "feed": {"kind": "live"}, "exchange": EXCHANGE}
    return Config.model_validate(base)


def at(ms: float) -> int:
    return T0 + int(ms * MS)


class Trader(Desk):
    """A desk at a real venue; what the venue says is given by hand."""

    def status(self, ms: float, state: VenueState = "ready") -> None:
        self.send(venue_status(state, time_ns=at(ms)))

    def shown(self, ms: float, *own: str, asked_ms: float | None = None) -> None:
        asked_ns = at(ms if asked_ms is None else asked_ms)
        self.send(
            VenueOpenOrders(
                event_time_ns=at(ms), venue=VENUE, symbol="*", asked_ns=asked_ns, own=own, foreign=0
            )
        )

    @property
    def states(self) -> list[str]:
        return [report.state for report in self.kills if report.symbol == "*"]

    @property
    def ids(self) -> list[str]:
        return [event.client_order_id for event in self.events if event.kind == "place_intent"]


def quoting(config: Config | None = None) -> Trader:
    desk = Trader(config or real())
    desk.status(0)
    desk.book(1)
    desk.target(2, 1, bids=[(99, 5)], asks=[(101, 5)])
    for order_id in desk.ids:
        desk.answer(3, "accepted", order_id)
    assert len(desk.ids) == 2
    return desk


def test_a_halt_is_confirmed_by_the_venue_alone() -> None:
    desk = quoting()
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    assert desk.states == ["cancelling"]
    for order_id in desk.ids:
        desk.answer(12, "cancelled", order_id)
    desk.tick(13)
    assert desk.states[-1] == "cancelling"
    assert desk.kills[-1].open_orders == ()
    desk.shown(14, asked_ms=11)  # it was asked before the last answer came
    assert desk.states[-1] == "cancelling"
    desk.shown(20)
    assert desk.states[-1] == "confirmed"


def test_what_the_venue_still_shows_keeps_it_incomplete() -> None:
    desk = quoting()
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    first, second = desk.ids
    desk.answer(12, "cancelled", first)
    desk.shown(20, second)
    desk.send(risk_state(state="HALT", time_ns=at(5_000)))
    desk.tick(5_011)
    assert desk.states[-1] == "incomplete"
    assert desk.kills[-1].open_orders == (second,)
    desk.answer(5_020, "cancelled", second)
    desk.shown(5_030)
    assert desk.states[-1] == "confirmed"


def test_a_resume_ends_it_and_the_next_halt_begins_anew() -> None:
    desk = quoting()
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    for order_id in desk.ids:
        desk.answer(12, "cancelled", order_id)
    desk.shown(20)
    desk.send(risk_state(state="RUN", time_ns=at(30)))
    desk.tick(31)
    assert desk.states[-1] == "none"
    desk.target(35, 2, bids=[(98, 5)], asks=[(102, 5)])
    assert len(desk.ids) == 4
    desk.send(risk_state(state="HALT", time_ns=at(40)))
    assert desk.states[-1] == "cancelling"


def test_an_orphan_is_cancelled_and_counts_until_it_is_gone() -> None:
    desk = quoting()
    orphan = desk.ids[0].rsplit("-", 1)[0] + "-999"
    desk.send(venue_report("orphan", orphan, 90, 7, side="buy", time_ns=at(10)))
    assert [event.kind for event in desk.events[-2:]] == ["orphan", "cancel_intent"]
    assert desk.events[-1].reasons == ("ORPHAN",)
    assert desk.symbol.orders.reserved_lots("buy") == 12
    desk.answer(12, "cancelled", orphan)
    assert desk.symbol.orders.reserved_lots("buy") == 5


def test_an_order_that_was_thought_ended_is_open_again() -> None:
    desk = quoting()
    gone = desk.ids[0]
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    desk.answer(12, "cancelled", gone)
    desk.send(venue_report("orphan", gone, 99, 5, side="buy", time_ns=at(13)))
    assert desk.events[-1].kind == "cancel_intent"
    assert gone in desk.kills[-1].open_orders or not desk.core.is_drained


def test_nothing_goes_out_before_the_venue_is_ready_and_all_comes_back_when_it_is_not() -> None:
    desk = Trader(real())
    desk.book(1)
    desk.target(2, 1, bids=[(99, 5)], asks=[(101, 5)])
    assert desk.ids == []
    desk.status(3, "reconciling")
    assert desk.ids == []
    desk.status(4)
    assert len(desk.ids) == 2
    for order_id in desk.ids:
        desk.answer(5, "accepted", order_id)
    desk.status(6, "degraded")
    assert [event.reasons for event in desk.events if event.kind == "cancel_intent"] == [
        ("VENUE_NOT_READY",)
    ] * 2


def test_a_new_life_begins_before_a_venue_that_is_not_ready() -> None:
    desk = quoting()
    config = desk.config
    desk.send(config_applied(config, time_ns=at(5)))
    desk.tick(6)
    assert {event.kind for event in desk.events[-2:]} == {"cancel_intent"}


def test_a_shutdown_is_over_when_the_venue_shows_nothing() -> None:
    desk = quoting()
    desk.send(Shutdown(event_time_ns=at(10)))
    for order_id in desk.ids:
        desk.answer(12, "cancelled", order_id)
    assert not desk.core.is_drained
    desk.shown(14)
    assert desk.core.is_drained


def test_a_shutdown_after_a_halt_asks_the_venue_again() -> None:
    """The old proof is not one of the end: the venue is asked, and the end need not wait for a comparison."""
    desk = quoting()
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    for order_id in desk.ids:
        desk.answer(12, "cancelled", order_id)
    desk.shown(20)
    assert desk.states[-1] == "confirmed"
    desk.send(Shutdown(event_time_ns=at(30)))
    assert (desk.states[-1], desk.kills[-1].reasons) == ("cancelling", ("SHUTDOWN",))
    assert not desk.core.is_drained
    desk.shown(40)
    assert desk.states[-1] == "confirmed"
    assert desk.core.is_drained


def test_a_simulated_venue_is_known_to_the_last_order() -> None:
    desk = quoting(wide_config())
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    for order_id in desk.ids:
        desk.answer(12, "cancelled", order_id)
    desk.tick(13)
    assert desk.states == ["cancelling", "cancelling", "confirmed"][-len(desk.states) :]
    assert isinstance(desk.kills[-1], KillReport)


def test_a_replacement_reserves_what_both_orders_may_fill() -> None:
    """The old order may be filled in part, unknown to us, before the new one takes its place."""
    desk = quoting()
    desk.target(10, 2, bids=[(98, 5)], asks=[(101, 5)])
    assert desk.events[-1].kind == "amend_intent"
    assert desk.events[-1].revision == 1
    assert desk.symbol.orders.reserved_lots("buy") == 4 + 5
    desk.answer(12, "amended", desk.ids[0])
    assert desk.symbol.orders.reserved_lots("buy") == 5


def test_a_replacement_that_is_filled_beyond_what_was_asked_is_not_full_before_it_is_answered() -> None:
    """The old order was filled after the amend was decided: the new one stands with more than is left."""
    desk = quoting()
    [intent] = [event for event in desk.events if event.kind == "place_intent" and event.side == "buy"]
    desk.target(10, 2, bids=[(98, 8)], asks=[(101, 5)])
    for number, lots in enumerate((4, 4, 3)):
        desk.fill(11 + number, intent, lots, f"t{number}")
    assert desk.symbol.orders.open["buy", 0].status == "pending_amend"
    assert not desk.core.is_drained
    desk.answer(20, "amended", intent.client_order_id, price=98, size=12)
    assert desk.symbol.orders.open["buy", 0].remaining_lots == 1
    assert desk.symbol.position.lots == 11


def test_a_symbol_is_withdrawn_when_none_of_its_own_orders_is_shown() -> None:
    """Other symbols go on: their orders prove nothing against it."""
    desk = quoting()
    desk.send(risk_state(state="HALT", symbol=BTC, time_ns=at(10)))
    for order_id in desk.ids:
        desk.answer(12, "cancelled", order_id)

    def of_symbol() -> list[str]:
        return [report.state for report in desk.kills if report.symbol == BTC]

    desk.shown(20, "mm-ethusdt-abcdef-b0-1", desk.ids[1])
    assert of_symbol()[-1] == "cancelling"
    desk.shown(30, "mm-ethusdt-abcdef-b0-1")
    assert of_symbol()[-1] == "confirmed"
    assert not desk.core.is_drained, "the other symbol's order is still there"


def filled_and_halted() -> tuple[Trader, str]:
    """The bid counts as filled; the ask was cancelled in the halt."""
    desk = quoting()
    bid, ask = desk.ids
    desk.send(reported_fill(bid, 99, 5, "t1", time_ns=at(5)))
    desk.send(risk_state(state="HALT", time_ns=at(10)))
    desk.answer(12, "cancelled", ask)
    return desk, bid


def test_an_order_that_ended_here_and_stands_at_the_venue_is_cancelled() -> None:
    desk, bid = filled_and_halted()
    desk.shown(20, bid)
    assert [event.kind for event in desk.events if event.event_time_ns >= at(20)] == []
    desk.shown(30, bid)
    assert [(event.kind, event.client_order_id) for event in desk.events[-2:]] == [
        ("orphan", bid),
        ("cancel_intent", bid),
    ]
    desk.answer(33, "cancelled", bid)
    desk.shown(40)
    assert desk.states[-1] == "confirmed"


def test_one_answer_or_an_old_one_reopens_nothing() -> None:
    desk, bid = filled_and_halted()
    desk.shown(20, bid, asked_ms=11)  # before the last message about the symbol
    desk.shown(30, bid)
    desk.shown(31, asked_ms=30.5)
    desk.shown(40, bid)
    assert "orphan" not in [event.kind for event in desk.events]
