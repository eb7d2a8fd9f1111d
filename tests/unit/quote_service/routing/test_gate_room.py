"""What the router states of the account's limits, and that reduce-only can always reduce."""

from decimal import Decimal
from typing import Any

from schemas.gating import GateRoom
from schemas.market import VenueFilters
from schemas.orders import OrderEvent
from tests.kit.messages import BTC, ETH, MS, T0, book, instrument, target
from tests.unit.quote_service.routing.builders import Desk, wide_config


def limits(room: GateRoom) -> tuple[int | None, int | None, int | None]:
    return room.position_lots_max, room.buy_lots_max, room.sell_lots_max


def placed(events: list[OrderEvent]) -> list[tuple[Any, ...]]:
    return [(each.side, each.price_ticks, each.size_lots) for each in events if each.kind == "place_intent"]


def test_the_exposure_that_others_leave_is_stated_once_and_again_when_it_is_lower() -> None:
    """Capital 10,000 and an exposure of 1: 100 lots at 100 in all, of which ETH's orders take 30, then 40."""
    desk = Desk(wide_config(risk_limits={"max_exposure": 1}, reporting={"capital": 10_000}))
    desk.book(0)
    desk.tick(1)
    desk.send(instrument(ETH))
    desk.send(book(symbol=ETH))
    desk.send(target(1, bids=[(99, 30)], symbol=ETH, time_ns=T0 + 2 * MS))
    desk.tick(3)
    desk.tick(4)
    desk.send(target(2, bids=[(99, 30), (98, 10)], symbol=ETH, time_ns=T0 + 5 * MS))
    desk.tick(6)
    assert [limits(room) for room in desk.rooms if room.symbol == BTC] == [
        (100, None, None),
        (70, None, None),
        (60, None, None),
    ]


def test_exactly_the_room_passes_the_gate_and_a_lot_more_does_not() -> None:
    desk = Desk(wide_config(risk_limits={"max_exposure": 1}, reporting={"capital": 10_000}))
    desk.book(0)
    desk.tick(1)
    most = desk.rooms[-1].position_lots_max
    assert most == 100
    [denied] = desk.target(2, 1, bids=[(99, most + 1)])
    assert denied.reasons == ("EXPOSURE",)
    assert placed(desk.target(3, 2, bids=[(99, most)])) == [("buy", 99, most)]


def test_a_denied_price_is_stated_until_an_order_of_the_side_goes_out() -> None:
    desk = Desk(wide_config(routing={"price_collar": 0.02}))
    desk.book(0)
    desk.target(1, 1, bids=[(90, 5)])
    [refused] = desk.rooms[-1].refused
    assert (refused.side, refused.price_ticks, refused.codes) == ("buy", 90, ("PRICE_COLLAR",))
    desk.target(2, 2, bids=[(99, 5)])
    desk.tick(3)
    assert desk.rooms[-1].refused == ()


def test_a_denied_price_is_taken_back_once_the_market_has_come_to_it() -> None:
    """A collar of 2 % around 100 ends at 98; around 92 it ends at 90.16, and 91 is inside."""
    desk = Desk(wide_config(routing={"price_collar": 0.02}))
    desk.book(0)
    desk.target(1, 1, bids=[(91, 5)])
    desk.tick(2)
    assert [each.price_ticks for each in desk.rooms[-1].refused] == [91]
    stated = len(desk.rooms)
    desk.tick(3_600_000 - 1)
    assert len(desk.rooms) == stated, "time alone changes nothing"
    desk.book(3_600_000, bid=91, ask=93)
    desk.tick(3_600_001)
    assert desk.rooms[-1].refused == ()


def test_a_price_that_moved_too_far_is_taken_back_when_the_window_is_over() -> None:
    """Our bid may move by 3 % within a minute, as the market did not move: 99, then 95."""
    desk = Desk(wide_config(protection={"quote_move_max": 0.03, "quote_move_window_s": 60}))
    desk.live(0, 1, bids=[(99, 5)])
    denied = desk.target(2, 2, bids=[(95, 5)])
    assert ("PRICE_COLLAR_PERIOD",) in [each.reasons for each in denied]
    assert [each.price_ticks for each in desk.rooms[-1].refused] == [95]
    desk.tick(59_000)
    assert desk.rooms[-1].refused
    desk.tick(60_002)
    assert desk.rooms[-1].refused == ()


def test_a_price_outside_the_venues_filter_waits_for_other_terms() -> None:
    desk = Desk(wide_config(), filters=VenueFilters(price_min=Decimal(95)))
    desk.book(0)
    desk.target(1, 1, bids=[(94, 5)])
    desk.tick(2)
    assert [each.codes for each in desk.rooms[-1].refused] == [("PRICE_FILTER",)]
    desk.send(instrument(version=2))
    desk.send(book(instrument_version=2, time_ns=T0 + 3 * MS))
    desk.tick(4)
    assert desk.rooms[-1].refused == ()


def test_without_messages_quoting_is_told_and_again_when_there_are_some() -> None:
    desk = Desk(wide_config(routing={"messages_per_10s_symbol": 5}))
    desk.book(0)
    for number in range(1, 5):
        desk.target(number, number, bids=[(99 - number, 5)])
        for event in [each for each in desk.events if each.kind == "place_intent"][-1:]:
            desk.answer(number, "accepted", event)
        for event in [each for each in desk.events if each.kind == "amend_intent"][-1:]:
            desk.answer(number, "amended", event)
    desk.tick(10)
    assert desk.rooms[-1].waits_for_messages
    desk.beat(9_999)
    desk.tick(10_000)
    assert not desk.rooms[-1].waits_for_messages


def test_at_five_times_the_largest_position_reduce_only_sells_as_much_as_one_order_may() -> None:
    """511 lots of 100: what is wanted is 511, and no order may be larger than 100."""
    desk = Desk(wide_config(risk_limits={"max_position": 100}))
    desk.book(0)
    desk.position(1, 511)
    desk.beat(2, "REDUCE_ONLY")
    assert placed(desk.target(3, 1, bids=[(99, 511)], asks=[(101, 511)])) == [("sell", 101, 100)]
    assert not [each for each in desk.events if each.kind == "denied"]


def test_reduce_only_is_cut_to_what_other_orders_of_the_side_leave() -> None:
    """Of 10 lots an orphan may still sell 4."""
    desk = Desk(wide_config())
    desk.book(0)
    desk.position(1, 10)
    desk.answer(2, "orphan", "mm-btcusdt-000000-a7-1", side="sell", price=110, size=4)
    desk.beat(3, "REDUCE_ONLY")
    assert placed(desk.target(4, 1, asks=[(101, 10)])) == [("sell", 101, 6)]


def test_a_contract_that_cannot_be_valued_has_no_room_to_state() -> None:
    desk = Desk(wide_config(), lot_size=Decimal(0))
    desk.book(0)
    desk.tick(1)
    assert desk.rooms == []
