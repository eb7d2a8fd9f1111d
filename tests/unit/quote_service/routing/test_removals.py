"""A symbol that an operator removes: all is cancelled and proven; a position forbids it, unless forced."""

from schemas.market import SymbolRemoved
from schemas.orders import REMOVED, TradingStop
from tests.kit.messages import BTC, MS, T0, VENUE, command, position
from tests.unit.quote_service.routing.builders import Desk, wide_config


def at(ms: int) -> int:
    return T0 + ms * MS


def quoting() -> Desk:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)], asks=[(101, 5)])
    return desk


def states(desk: Desk) -> list[tuple[str, tuple[str, ...]]]:
    return [(report.state, report.reasons) for report in desk.kills if report.symbol == BTC]


def test_all_orders_are_cancelled_and_the_end_is_reported_when_none_is_left() -> None:
    desk = quoting()
    desk.send(command("remove", time_ns=at(5)))
    cancels = [event for event in desk.events if event.kind == "cancel_intent"]
    assert [each.reasons for each in cancels] == [(REMOVED,)] * 2
    assert states(desk) == [("cancelling", (REMOVED,))]
    for cancel in cancels:
        desk.answer(6, "cancelled", cancel)
    desk.tick(7)
    assert states(desk)[-1] == ("confirmed", (REMOVED,))
    assert desk.target(8, 2, bids=[(99, 5)], asks=[(101, 5)]) == []
    desk.send(SymbolRemoved(event_time_ns=at(9), venue=VENUE, symbol=BTC, command_id="c1"))
    assert states(desk)[-1] == ("none", ())
    assert desk.target(10, 3, bids=[(99, 5)], asks=[(101, 5)]) == []  # there is no book


def test_what_is_held_forbids_it_and_force_allows_it() -> None:
    desk = quoting()
    desk.send(position(5, time_ns=at(4)))
    outputs = desk.core.on_event(command("remove", time_ns=at(5)))
    (stop,) = [each for each in outputs if isinstance(each, TradingStop)]
    assert (stop.code, stop.needs_person) == ("REMOVE_REFUSED", False)
    assert "5 lots are held" in stop.text
    assert states(desk) == []
    desk.send(command("remove", "c2", time_ns=at(6), force=True))
    assert states(desk) == [("cancelling", (REMOVED,))]


def test_a_start_takes_it_back() -> None:
    desk = quoting()
    desk.send(command("remove", time_ns=at(5)))
    desk.send(command("start", "c2", time_ns=at(6)))
    assert states(desk)[-1] == ("none", ())
