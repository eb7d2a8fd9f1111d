"""Controls that look at the market: our own orders in the book, our price over time, jumps, filters."""

from decimal import Decimal
from typing import Any

import pytest
from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.gate.gate_memory import PriceStep
from quote_service.routing.orders.order_states import Order

from schemas.market import VenueFilters
from schemas.message import Side
from schemas.orders import OrderStatus
from tests.kit.messages import MS, T0, book, instrument
from tests.unit.quote_service.routing.builders import Desk, GateDesk, config, wide_config

S = 1_000


def exchange_desk(**sections: Any) -> GateDesk:
    """A gate at a venue whose book holds our own orders."""
    desk = GateDesk(wide_config(**sections))
    desk.symbol.excludes_own = True
    return desk


@pytest.mark.control("S8")
def test_own_orders_are_no_reference() -> None:
    """Only own orders in the book: NO_REFERENCE."""
    desk = exchange_desk()
    desk.order("buy", 5, 99)
    desk.order("sell", 5, 101)
    desk.symbol.observe_book(book(bid=99, ask=101, size=5, levels=1))
    assert desk.check("buy", 98, 1) == ("NO_REFERENCE",)


@pytest.mark.control("S8")
def test_the_reference_is_what_others_quote() -> None:
    desk = exchange_desk()
    desk.order("buy", 5, 99)
    desk.symbol.observe_book(book(bid=99, ask=101, size=5, levels=3))
    assert (desk.symbol.market.best_bid_ticks, desk.symbol.market.best_ask_ticks) == (98, 101)
    desk.symbol.observe_book(book(bid=99, ask=101, size=6, levels=3))
    assert desk.symbol.market.best_bid_ticks == 99, "one lot of the six is somebody else's"


@pytest.mark.control("S8")
@pytest.mark.parametrize("status", ["pending_new", "pending_amend", "pending_cancel", "unknown"])
def test_what_may_be_in_the_book_counts_as_ours(status: OrderStatus) -> None:
    desk = exchange_desk()
    order = desk.order("buy", 5, 98, status=status)
    order.asked_price_ticks = 99
    desk.symbol.observe_book(book(bid=99, ask=101, size=5, levels=3))
    assert desk.symbol.market.best_bid_ticks == 97


@pytest.mark.control("S8")
def test_a_recorded_market_does_not_hold_our_orders() -> None:
    desk = GateDesk()
    desk.order("buy", 50, 99)
    desk.symbol.observe_book(book(bid=99, ask=101, size=5, levels=3))
    assert desk.symbol.market.best_bid_ticks == 99


def moved(own: int, mid: int, at_ms: float = 29_999) -> tuple[str, ...]:
    """Own bid was at 10,000 when the mid was at 10,100: it is to go to `own`, and the mid is at `mid`."""
    desk = GateDesk(wide_config(protection={"quote_move_max": 0.03, "quote_move_window_s": 30}))
    desk.symbol.gate.price_steps["buy"].append(PriceStep(T0, 10_000, 20_200))
    desk.symbol.observe_book(book(bid=mid - 5_000, ask=mid + 5_000, levels=1, time_ns=T0 + round(at_ms * MS)))
    return desk.check("buy", own, 1, at_ms)


@pytest.mark.control("P1")
def test_over_a_period_own_prices_follow_the_market_or_stay() -> None:
    assert moved(10_300, 10_100) == ()
    assert moved(10_301, 10_100) == ("PRICE_COLLAR_PERIOD",)
    assert moved(9_699, 10_100) == ("PRICE_COLLAR_PERIOD",)
    assert moved(10_301, 10_251) == ("PRICE_COLLAR_PERIOD",), "1.495 % is not half of it"
    assert moved(10_301, 10_252) == (), "the market moved by more than half of it"
    assert moved(10_301, 10_100, at_ms=30_001) == ()


@pytest.mark.control("P1")
def test_over_a_period_a_quote_that_creeps_is_stopped() -> None:
    desk = Desk(wide_config(protection={"quote_move_max": 0.03}), tick_size=Decimal("0.01"))
    prices = []
    for step in range(8):
        desk.book(step * 2_000, bid=9_000, ask=11_000)
        for intent in desk.target(step * 2_000 + 1, step + 1, bids=[(9_500 + step * 60, 5)]):
            if intent.kind == "denied":
                assert intent.reasons == ("PRICE_COLLAR_PERIOD",)
                continue
            prices.append(intent.price_ticks)
            desk.answer(step * 2_000 + 2, "accepted" if intent.kind == "place_intent" else "amended", intent)
    assert prices == [9_500, 9_560, 9_620, 9_680, 9_740]


def jumpy() -> Desk:
    return Desk(wide_config(protection={"jump_bps_min": 50, "jump_sigmas": 5, "jump_pause_ms": 1_000}))


def quote_around(desk: Desk, at_ms: float, sequence: int, mid: int) -> list[str]:
    desk.book(at_ms, bid=mid - 2, ask=mid + 2)
    events = desk.target(at_ms + 1, sequence, bids=[(mid - 5, 5)], asks=[(mid + 5, 5)])
    for event in events:
        if event.kind == "place_intent":
            desk.answer(at_ms + 2, "accepted", event)
    return [event.kind for event in events]


@pytest.mark.control("P14")
def test_a_jump_pulls_the_quotes_until_the_price_has_held() -> None:
    desk = jumpy()
    assert quote_around(desk, 0, 1, 10_000) == ["place_intent", "place_intent"]
    pulled = desk.book(100, bid=10_049, ask=10_053)
    assert [(event.kind, event.reasons) for event in pulled] == [("cancel_intent", ("MD_JUMP",))] * 2
    for event in pulled:
        desk.answer(101, "cancelled", event)
    assert desk.target(200, 2, bids=[(10_046, 5)]) == []
    assert desk.tick(1_099) == []
    assert [event.kind for event in desk.tick(1_100)] == ["place_intent"]


@pytest.mark.control("P14")
def test_a_move_within_the_limits_is_no_jump() -> None:
    desk = jumpy()
    quote_around(desk, 0, 1, 10_000)
    assert desk.book(100, bid=10_048, ask=10_052) == []
    assert desk.symbol.protection.jumps.doubted_until_ns == 0


@pytest.mark.control("P14")
def test_in_a_wild_market_only_wilder_moves_are_jumps() -> None:
    desk = jumpy()
    for second in range(120):
        desk.book(second * 1_000, bid=10_000 + 40 * (second % 2), ask=10_004 + 40 * (second % 2))
    assert desk.symbol.protection.jumps.doubted_until_ns == 0
    desk.book(120_000, bid=10_190, ask=10_194)
    assert desk.symbol.protection.jumps.doubted_until_ns == 0, (
        "190 bps at 40 bps a second is within five deviations"
    )
    desk.book(121_000, bid=10_600, ask=10_604)
    assert desk.symbol.protection.jumps.doubted_until_ns > 0


FILTERS: list[tuple[dict[str, Any], tuple[Side, int, int], tuple[Side, int, int], str]] = [
    ({"price_min": Decimal("0.50")}, ("buy", 50, 1), ("buy", 49, 1), "PRICE_FILTER"),
    ({"price_max": Decimal("1.50")}, ("sell", 150, 1), ("sell", 151, 1), "PRICE_FILTER"),
    ({"size_min": Decimal("0.3")}, ("buy", 99, 3), ("buy", 99, 2), "LOT_SIZE"),
    ({"size_max": Decimal("0.5")}, ("buy", 99, 5), ("buy", 99, 6), "LOT_SIZE"),
    ({"notional_max": Decimal("0.99")}, ("buy", 99, 10), ("buy", 99, 11), "MAX_NOTIONAL"),
    ({"bid_multiplier_min": Decimal("0.8")}, ("buy", 80, 1), ("buy", 79, 1), "PERCENT_PRICE"),
    ({"ask_multiplier_max": Decimal("1.2")}, ("sell", 120, 1), ("sell", 121, 1), "PERCENT_PRICE"),
    ({"position_max": Decimal("0.5")}, ("buy", 99, 5), ("buy", 99, 6), "MAX_POSITION"),
]


@pytest.mark.control("P12")
@pytest.mark.parametrize(("filters", "good", "bad", "code"), FILTERS)
def test_what_the_venue_would_refuse_is_not_sent(
    filters: dict[str, Any], good: tuple[Side, int, int], bad: tuple[Side, int, int], code: str
) -> None:
    """One tick is 0.01, one lot 0.1; the mid is 1."""
    units: dict[str, Any] = {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.1")}
    desk = GateDesk(**units, filters=VenueFilters(**filters))
    assert desk.check(*good) == ()
    assert desk.check(*bad) == (code,)


@pytest.mark.control("P12")
def test_bands_of_one_side_do_not_bind_the_other() -> None:
    desk = GateDesk(filters=VenueFilters(bid_multiplier_max=Decimal(1), ask_multiplier_min=Decimal(1)))
    assert desk.check("sell", 150, 1) == ()
    assert desk.check("buy", 50, 1) == ()


@pytest.mark.control("P12")
def test_open_orders_and_amends_are_counted() -> None:
    desk = GateDesk(filters=VenueFilters(open_orders_max=2, amends_max=1))
    order = desk.order("buy", 5, 90, level=0)
    assert desk.check("buy", 91, 1) == ()
    desk.order("sell", 5, 110)
    assert desk.check("buy", 91, 1) == ("MAX_NUM_ORDERS",)
    assert desk.check("buy", 90, 4, replaces=order) == ()
    order.shrinks = 1
    assert desk.check("buy", 90, 4, replaces=order) == ("MAX_NUM_AMENDS",)
    assert desk.check("buy", 91, 4, replaces=order) == (), "another price is a new order there"


@pytest.mark.control("P12")
def test_filters_that_change_are_taken_over_without_a_cancel() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5)])
    assert desk.send(instrument(filters=VenueFilters(size_max=Decimal(4)), time_ns=T0 + 10 * MS)) == []
    [denied] = [e for e in desk.target(20, 2, bids=[(98, 5)]) if e.kind == "denied"]
    assert denied.reasons == ("LOT_SIZE",)


@pytest.mark.control("P13")
def test_a_refused_quote_is_tried_a_tick_further_and_then_rests() -> None:
    desk = Desk(wide_config(), tick_size=Decimal("0.01"))
    desk.book(0, bid=9_990, ask=10_010)
    [intent] = desk.target(1, 1, bids=[(10_000, 5)])
    tried = [intent.price_ticks]
    for number in range(4):
        events = desk.answer(2 + number, "rejected", intent, reason="POST_ONLY")
        again = [event for event in events if event.kind == "place_intent"]
        if again:
            intent = again[0]
            tried.append(intent.price_ticks)
    assert tried == [10_000, 9_999, 9_998, 9_997]
    assert desk.target(900, 2, bids=[(10_000, 5)]) == [], "the side rests"
    assert desk.tick(1_004) == []
    [after] = desk.tick(1_006)
    assert (after.kind, after.price_ticks) == ("place_intent", 10_000)


@pytest.mark.control("P13")
def test_a_new_target_is_tried_at_its_own_price() -> None:
    desk = Desk(wide_config())
    desk.book(0, bid=95, ask=105)
    [intent] = desk.target(1, 1, asks=[(100, 5)])
    [_, further] = desk.answer(2, "rejected", intent, reason="POST_ONLY")
    assert further.price_ticks == 101
    desk.answer(3, "accepted", further)
    [amend] = desk.target(4, 2, asks=[(102, 5)])
    assert (amend.kind, amend.price_ticks) == ("amend_intent", 102)


@pytest.mark.control("P10")
def test_what_is_not_permitted_is_not_traded() -> None:
    settings = wide_config(routing={"permitted": ["sim:ETH/USDT"]})
    desk = Desk(settings)
    desk.book(0)
    assert desk.target(1, 1, bids=[(99, 5)]) == []
    assert Desk(wide_config(routing={"permitted": ["sim:BTC/USDT"]})).live(0, 1, bids=[(99, 5)])


@pytest.mark.control("P10")
def test_what_is_no_longer_permitted_is_cancelled() -> None:
    desk = Desk(wide_config())
    desk.live(0, 1, bids=[(99, 5), (98, 5)], asks=[(101, 5), (102, 5)])
    desk.symbol.gate.is_permitted = False
    cancels = desk.tick(250)
    assert [(event.kind, event.reasons) for event in cancels] == [("cancel_intent", ("NOT_PERMITTED",))] * 4


@pytest.mark.control("P15")
def test_a_target_that_comes_late_is_not_acted_on() -> None:
    settings = wide_config(routing={"target_age_ms_max": 250})

    def sent(age_ms: float) -> list[tuple[str, tuple[str, ...]]]:
        desk = Desk(settings)
        desk.book(0)
        desk.tick(1_000 + age_ms)
        return [(event.kind, event.reasons) for event in desk.target(1_000, 1, bids=[(99, 5)])]

    assert sent(250) == [("place_intent", ())]
    assert sent(251) == [("denied", ("STALE_COMMAND",))]


@pytest.mark.control("P15")
def test_nothing_of_a_backlog_is_sent_and_the_next_target_is() -> None:
    """The router stood still for five seconds: the present time comes first, then what has gathered."""
    desk = Desk(wide_config(routing={"target_age_ms_max": 250}))
    desk.book(0)
    desk.tick(5_000)
    backlog = [event for at in range(100, 4_700, 100) for event in desk.target(at, at, bids=[(99, 5 + at)])]
    assert {event.kind for event in backlog} == {"denied"}
    assert [event.kind for event in desk.target(4_990, 5_000, bids=[(99, 5)])] == ["place_intent"]


def test_a_target_decided_too_long_ago_pulls_what_stands() -> None:
    def kinds(age_ms: float) -> list[str]:
        desk = Desk(wide_config(market_data={"lag_ms_max": 1_000}))
        desk.live(0, 1, bids=[(99, 5)])
        desk.tick(2_000 + age_ms)
        return [event.kind for event in desk.target(2_000, 2, bids=[(99, 5)])]

    assert kinds(1_000) == []
    assert kinds(1_001) == ["cancel_intent"]


def order_at(price: int, **fields: Any) -> Order:
    return Order("x", "buy", 0, 1, price, 5, 1, price, 5, T0, status="live", **fields)


@pytest.mark.control("S4")
@pytest.mark.parametrize(
    ("price", "at_ms", "held"), [(90, 1_999, True), (90, 2_000, False), (100, 300, False), (99, 300, True)]
)
def test_an_order_rests_unless_the_fair_value_is_through_it(price: int, at_ms: float, held: bool) -> None:
    desk = GateDesk(wide_config(protection={"rest_ms_min": 2_000}))
    now_ns = T0 + round(at_ms * MS)
    assert desk.gate.resting_time.holds(order_at(price), None, desk.symbol, now_ns) is held
    assert desk.gate.resting_time.holds(order_at(price), "NOT_WANTED", desk.symbol, now_ns) is held
    assert not desk.gate.resting_time.holds(order_at(price), "ORPHAN", desk.symbol, now_ns)


@pytest.mark.control("S4")
def test_a_reprice_waits_and_a_halt_does_not() -> None:
    desk = Desk(wide_config(protection={"rest_ms_min": 2_000}))
    desk.live(0, 1, bids=[(95, 5)])
    assert desk.target(1_900, 2, bids=[(94, 5)]) == []
    [shrunk] = desk.target(1_910, 3, bids=[(95, 4)])
    assert shrunk.kind == "amend_intent", "less size can always be offered"
    desk.answer(1_911, "amended", shrunk)
    desk.beat(1_950, "HALT")
    assert desk.events[-1].reasons == ("RISK_HALT",)


@pytest.mark.control("S6")
def test_orders_that_flicker_at_one_price_are_held_back() -> None:
    desk = Desk(wide_config(protection={"price_repeats_max": 10}))
    kinds = []
    for number in range(11):
        desk.book(number * 20)
        events = desk.target(number * 20 + 1, 2 * number + 1, bids=[(99, 5)])
        kinds += [(event.kind, event.reasons) for event in events]
        for event in events:
            if event.kind == "place_intent":
                desk.answer(number * 20 + 2, "accepted", event)
                [gone] = desk.target(number * 20 + 3, 2 * number + 2)
                desk.answer(number * 20 + 4, "cancelled", gone)
    assert kinds == [("place_intent", ())] * 10 + [("denied", ("FLICKER",))]
    desk.book(1_100)
    assert [event.kind for event in desk.target(1_101, 99, bids=[(99, 5)])] == ["place_intent"]


@pytest.mark.control("S10")
def test_a_configuration_has_no_volume_to_aim_at() -> None:
    for section, key in (("market_making", "target_volume"), ("routing", "mirror")):
        with pytest.raises(ValueError, match=key):
            config(**{section: {key: 1}})


def test_terms_of_a_contract_without_filters_bind_nothing() -> None:
    terms = contract_terms(instrument(), wide_config())
    assert terms is not None
    assert terms.filters.allows_price("buy", 1, 10**12)
    assert terms.filters.price_min == terms.filters.size_min == 0
