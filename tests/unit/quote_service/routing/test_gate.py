"""Every code of the gate, on both sides of its boundary."""

from decimal import Decimal

import pytest
from quote_service.routing.core.memory import Sent
from quote_service.routing.core.terms import contract_terms

from schemas.units import ceil_units, floor_units
from tests.unit.quote_service.routing.builders import (
    MS,
    T0,
    Desk,
    GateDesk,
    book,
    config,
    instrument,
    risk,
    wide_config,
)

CENT = {"tick_size": Decimal("0.01")}


def desk_at_100(**sections: dict[str, object]) -> GateDesk:
    """Reference price 100 with a tick of 0.01, and a spread wide enough to quote anywhere near."""
    desk = GateDesk(wide_config(**sections), **CENT)
    desk.symbol.see_book(book(bid=9_000, ask=11_000))
    return desk


def test_a_sound_order_passes() -> None:
    assert GateDesk().check("buy", 99, 1) == ()
    assert GateDesk().check("sell", 101, 1) == ()


def test_p1_price_collar() -> None:
    desk = desk_at_100(routing={"price_collar": 0.02})
    assert desk.check("buy", 10_200, 1) == ()
    assert desk.check("buy", 10_201, 1) == ("PRICE_COLLAR",)
    assert desk.check("sell", 9_800, 1) == ()
    assert desk.check("sell", 9_799, 1) == ("PRICE_COLLAR",)


@pytest.mark.parametrize(
    ("collar", "side", "price", "passes"),
    [
        (0.005, "buy", 10_040, True),
        (0.005, "buy", 10_060, False),
        (0.05, "buy", 9_490, False),
        (0.005, "sell", 9_960, True),
        (0.005, "sell", 9_940, False),
    ],
)
def test_rk1_fat_finger(collar: float, side: str, price: int, passes: bool) -> None:
    desk = desk_at_100(routing={"price_collar": collar})
    assert desk.check(side, price, 1) == (() if passes else ("PRICE_COLLAR",))


def test_p1_no_reference_without_a_book() -> None:
    desk = GateDesk()
    desk.symbol.book = None
    desk.symbol.is_live = False
    desk.symbol.mid_half_ticks = None
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE",)


@pytest.mark.parametrize("status", ["building", "gapped", "crossed", "locked", "one_sided"])
def test_p14_no_reference_from_a_book_that_is_not_live(status: str) -> None:
    desk = GateDesk()
    desk.symbol.see_book(book(status=status))
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE",)


def test_p14_no_reference_from_a_live_book_that_crosses() -> None:
    desk = GateDesk()
    desk.symbol.see_book(book(bid=101, ask=101))
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE",)


def test_p14_stale_book() -> None:
    desk = GateDesk(wide_config(market_data={"book_age_ms_max": 1_000}))
    assert desk.check("buy", 99, 1, at_ms=1_000) == ()
    assert desk.check("buy", 99, 1, at_ms=1_000.001) == ("NO_REFERENCE", "STALE_MD")
    desk.symbol.see_book(book(status="stale"))
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE", "STALE_MD")


def test_p2_max_value() -> None:
    desk = GateDesk(
        wide_config(routing={"order_value_max": 10_000}), lot_size=Decimal("0.01"), tick_size=Decimal(1)
    )
    assert desk.check("buy", 100, 10_000) == ()  # 100 x 100.00
    assert desk.check("buy", 100, 10_001) == ("MAX_VALUE",)  # 100 x 100.01


def test_p2_max_value_is_in_the_reporting_currency() -> None:
    desk = GateDesk(
        wide_config(routing={"order_value_max": 10_000}), reporting_rate=Decimal(2), multiplier=Decimal(5)
    )
    assert desk.check("buy", 100, 10) == ()  # 100 x 10 x 5 x 2
    assert desk.check("buy", 100, 11) == ("MAX_VALUE",)


def test_p3_max_quantity() -> None:
    desk = GateDesk(wide_config(routing={"order_size_max": 5}), lot_size=Decimal("0.0001"))
    assert desk.check("buy", 99, 50_000) == ()
    assert desk.check("buy", 99, 50_001) == ("MAX_QTY",)


def test_p3_max_quantity_is_the_position_limit_where_none_is_set() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 5}))
    assert desk.check("buy", 99, 5) == ()
    assert desk.check("buy", 99, 6) == ("MAX_QTY", "POS_LIMIT")


def test_p12_minimum_notional() -> None:
    desk = GateDesk(lot_size=Decimal("0.01"), min_notional=Decimal(10))
    assert desk.check("buy", 99, 11) == ()  # 10.89
    assert desk.check("buy", 99, 10) == ("MIN_NOTIONAL",)  # 9.90
    desk = GateDesk(lot_size=Decimal("0.1"), min_notional=Decimal(10))
    assert desk.check("buy", 100, 1) == ()  # exactly 10


def test_rk2_rounding_to_ticks_is_exact() -> None:
    assert floor_units(Decimal("99.87654"), Decimal("0.05")) * Decimal("0.05") == Decimal("99.85")
    assert ceil_units(Decimal("100.12001"), Decimal("0.05")) * Decimal("0.05") == Decimal("100.15")
    assert floor_units(Decimal("0.30000"), Decimal("0.1")) * Decimal("0.1") == Decimal("0.3")


def test_p12_price_and_size_must_be_positive() -> None:
    desk = GateDesk()
    assert "PRICE_NOT_POSITIVE" in desk.check("buy", 0, 1)
    assert "PRICE_NOT_POSITIVE" in desk.check("buy", -1, 1)
    assert desk.check("buy", 99, 0) == ("SIZE_NOT_POSITIVE",)
    assert "SIZE_NOT_POSITIVE" in desk.check("buy", 99, -1)


def test_p6_position_limit_worst_case() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 100}))
    desk.symbol.position.lots = 90
    desk.order("buy", 8)
    assert desk.check("buy", 99, 5) == ("POS_LIMIT",)
    assert desk.check("buy", 99, 2) == ()
    assert desk.check("sell", 101, 5) == ()


def test_rk3_room_on_each_side() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}, routing={"order_size_max": 1_000}))
    desk.symbol.position.lots = 6
    desk.order("buy", 2)
    desk.order("sell", 1)
    assert desk.check("buy", 99, 2) == ()
    assert desk.check("buy", 99, 3) == ("POS_LIMIT",)
    assert desk.check("sell", 101, 15) == ()
    assert desk.check("sell", 101, 16) == ("POS_LIMIT",)


@pytest.mark.parametrize("status", ["pending_new", "live", "pending_amend", "pending_cancel", "unknown"])
def test_p5_everything_the_venue_may_hold_is_reserved(status: str) -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}))
    assert desk.check("buy", 99, 6) == ()
    desk.order("buy", 6, status=status)
    assert desk.check("buy", 99, 6) == ("POS_LIMIT",)
    assert desk.check("buy", 99, 4) == ()


def test_p5_an_amend_under_way_reserves_the_larger_size() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}))
    order = desk.order("buy", 2, status="pending_amend")
    order.asked_size_lots = 6
    assert desk.check("buy", 99, 5) == ("POS_LIMIT",)
    order.asked_size_lots = 1
    assert desk.check("buy", 99, 9) == ("POS_LIMIT",)
    assert desk.check("buy", 99, 8) == ()


def test_p6_what_an_amend_replaces_is_not_counted_twice() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}))
    order = desk.order("buy", 6)
    assert desk.check("buy", 99, 10, replaces=order) == ()
    assert desk.check("buy", 99, 11, replaces=order) == ("MAX_QTY", "POS_LIMIT")


def test_p6_beyond_the_limit_orders_and_amends_that_lower_the_position_pass() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 100}))
    desk.symbol.position.lots = 120
    order = desk.order("buy", 5)
    assert desk.check("sell", 101, 100) == ()
    assert desk.check("buy", 99, 1) == ("POS_LIMIT",)
    assert desk.check("buy", 89, 4, replaces=order) == ()
    assert desk.check("buy", 89, 6, replaces=order) == ("POS_LIMIT",)


def test_p6_the_limit_in_money_binds_where_it_is_tighter() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position_notional": 1_000}), multiplier=Decimal(2))
    assert desk.check("buy", 99, 5) == ()  # 5 x 2 x 100 at the mid
    assert desk.check("buy", 99, 6) == ("POS_LIMIT",)


def test_p7_exposure_is_gross_over_symbols_and_in_money() -> None:
    sections = {"risk_limits": {"max_exposure": 0.2}, "reporting": {"capital": 10_000}}
    desk = GateDesk(wide_config(**sections))
    desk.account.exposure_micro = 1_500 * 1_000_000  # other symbols
    assert desk.check("buy", 99, 5) == ()
    assert desk.check("buy", 99, 6) == ("EXPOSURE",)
    desk.symbol.position.lots = -10
    assert desk.check("sell", 101, 1) == ("EXPOSURE",)
    assert desk.check("buy", 99, 10) == ()
    assert desk.check("buy", 99, 11) == ("EXPOSURE",)


def test_exposure_of_a_symbol_is_replaced_not_added() -> None:
    sections = {"risk_limits": {"max_exposure": 0.2}, "reporting": {"capital": 10_000}}
    desk = GateDesk(wide_config(**sections))
    desk.symbol.position.lots = 10
    assert desk.check("buy", 99, 10) == ()  # 10 held and 10 more are 2,000
    assert desk.check("buy", 99, 11) == ("EXPOSURE",)


def test_exposure_is_rounded_against_us() -> None:
    facts = {"tick_size": Decimal("0.001"), "lot_size": Decimal("0.001")}
    terms = contract_terms(instrument(**facts, reporting_rate=Decimal("0.1")), config())
    assert terms is not None
    assert terms.exposure_micro(1, 1) == 1  # 0.05 millionths
    assert terms.exposure_micro(1, 20) == 1
    assert terms.exposure_micro(1, 21) == 2


def test_exposure_follows_the_worst_case_of_each_symbol() -> None:
    desk = GateDesk()
    desk.symbol.position.lots = -3
    desk.order("buy", 10)
    desk.order("sell", 2)
    desk.value()
    assert desk.account.exposure_micro == 7 * 100 * 1_000_000
    desk.symbol.see_book(book(bid=199, ask=201))
    desk.value()
    assert desk.account.exposure_micro == 7 * 200 * 1_000_000
    desk.symbol.orders.clear()
    desk.symbol.position.lots = 0
    desk.value()
    assert desk.account.exposure_micro == 0


@pytest.mark.parametrize("status", ["pending_new", "live", "pending_amend", "pending_cancel", "unknown"])
def test_self_cross(status: str) -> None:
    desk = GateDesk()
    desk.order("sell", 1, price=100, status=status)
    assert desk.check("buy", 99, 1) == ()
    assert desk.check("buy", 100, 1) == ("SELF_CROSS",)
    desk = GateDesk()
    desk.order("buy", 1, price=100, status=status)
    assert desk.check("sell", 101, 1) == ()
    assert desk.check("sell", 100, 1) == ("SELF_CROSS",)


def test_self_cross_counts_both_prices_of_an_amend_under_way() -> None:
    desk = GateDesk()
    order = desk.order("sell", 1, price=105, status="pending_amend")
    order.asked_price_ticks = 100
    assert desk.check("buy", 100, 1) == ("SELF_CROSS",)
    order.price_ticks, order.asked_price_ticks = 100, 105
    assert desk.check("buy", 100, 1) == ("SELF_CROSS",)


def test_p13_post_only() -> None:
    desk = GateDesk()
    assert desk.check("buy", 100, 1) == ()
    assert desk.check("buy", 101, 1) == ("POST_ONLY",)
    assert desk.check("sell", 100, 1) == ()
    assert desk.check("sell", 99, 1) == ("POST_ONLY",)


def test_p9_duplicate() -> None:
    desk = GateDesk()
    desk.symbol.sent["buy", 0] = Sent(target_sequence=1, price_ticks=99, size_lots=5, time_ns=T0)
    assert desk.check("buy", 99, 5, at_ms=499.999) == ("DUPLICATE",)
    assert desk.check("buy", 99, 5, at_ms=500) == ()
    assert desk.check("buy", 98, 5) == ()
    assert desk.check("buy", 99, 4) == ()
    assert desk.check("buy", 99, 5, target_sequence=2) == ()
    assert desk.check("sell", 101, 5) == ()


def test_p9_reused_client_order_id() -> None:
    desk = GateDesk()
    order = desk.order("buy", 1)
    assert desk.check("buy", 99, 5, order_id=order.client_order_id) == ("DUPLICATE",)
    desk.symbol.end(order)
    assert desk.check("buy", 99, 5, order_id=order.client_order_id) == ("DUPLICATE",)
    assert desk.check("buy", 99, 5, order_id="another") == ()


def test_p4_message_limit_keeps_a_fifth_for_cancels() -> None:
    desk = GateDesk(wide_config(routing={"messages_per_10s": 100}))
    for _ in range(80):
        assert desk.check("buy", 99, 1) == ()
        desk.account.spend_message(desk.symbol, T0)
    assert desk.check("buy", 99, 1) == ("MESSAGE_LIMIT",)
    assert desk.check("buy", 99, 1, at_ms=99.999) == ("MESSAGE_LIMIT",)
    assert desk.check("buy", 99, 1, at_ms=100) == ()


def test_p4_message_limit_of_a_symbol() -> None:
    desk = GateDesk(wide_config(routing={"messages_per_10s_symbol": 10}))
    for _ in range(8):
        desk.account.spend_message(desk.symbol, T0)
    assert desk.check("buy", 99, 1) == ("MESSAGE_LIMIT",)
    desk.symbol.budget = None  # that of another symbol
    assert desk.check("buy", 99, 1) == ()


def test_p15_stale_command() -> None:
    desk = GateDesk()
    assert desk.check("buy", 99, 1, at_ms=5, valid_until_ns=T0 + 5 * MS) == ()
    assert desk.check("buy", 99, 1, at_ms=5, valid_until_ns=T0 + 5 * MS - 1) == ("STALE_COMMAND",)


def test_i5_no_risk_state() -> None:
    desk = GateDesk(wide_config(risk_limits={"heartbeat_ttl_ms": 1_000}))
    assert desk.check("buy", 99, 1, at_ms=1_000) == ()
    assert desk.check("buy", 99, 1, at_ms=1_000.001) == ("NO_RISK_STATE",)
    desk.account.risk = None
    assert desk.check("buy", 99, 1) == ("NO_RISK_STATE",)


def test_k3_halt_of_account_or_symbol() -> None:
    desk = GateDesk()
    desk.symbol.risk = "HALT"
    assert desk.check("buy", 99, 1) == ("RISK_HALT",)
    desk.symbol.risk = "RUN"
    assert desk.check("buy", 99, 1) == ()
    desk.account.hear(risk(T0, "HALT"), T0)
    assert desk.check("buy", 99, 1) == ("RISK_HALT",)


@pytest.mark.parametrize("whose", ["account", "symbol"])
def test_k3_reduce_only(whose: str) -> None:
    desk = GateDesk()
    if whose == "account":
        desk.account.hear(risk(T0, "REDUCE_ONLY"), T0)
    else:
        desk.symbol.risk = "REDUCE_ONLY"
    desk.symbol.position.lots = 10
    assert desk.check("sell", 101, 10) == ()
    assert desk.check("sell", 101, 11) == ("RISK_REDUCE_ONLY",)
    assert desk.check("buy", 99, 1) == ("RISK_REDUCE_ONLY",)
    desk.order("sell", 4, status="pending_cancel")
    assert desk.check("sell", 101, 6) == ()
    assert desk.check("sell", 101, 7) == ("RISK_REDUCE_ONLY",)
    desk.symbol.position.lots = 0
    assert desk.check("sell", 101, 1) == ("RISK_REDUCE_ONLY",)


def test_no_instrument() -> None:
    desk = GateDesk()
    assert desk.check("buy", 99, 1, instrument_version=2) == ("NO_INSTRUMENT",)
    desk.symbol.position.version = 2
    assert desk.check("buy", 99, 1) == ("NO_INSTRUMENT",)
    desk.symbol.position.version = 1
    desk.symbol.see_book(book(instrument_version=2))
    assert desk.check("buy", 99, 1) == ("NO_INSTRUMENT",)
    desk.symbol.see_book(book())
    assert desk.check("buy", 99, 1) == ()
    desk.symbol.terms = None
    assert desk.check("buy", 99, 1) == ("NO_INSTRUMENT",)


@pytest.mark.parametrize("field", ["tick_size", "lot_size", "multiplier", "reporting_rate"])
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1)])
def test_a_contract_without_sound_numbers_is_no_instrument(field: str, value: Decimal) -> None:
    assert GateDesk(**{field: value}).check("buy", 99, 1) == ("NO_INSTRUMENT",)


def test_all_failing_codes_are_named_not_only_the_first() -> None:
    settings = config(
        risk_limits={"max_position": 1, "max_exposure": 0.0001},
        routing={"order_value_max": 100, "messages_per_10s": 1},
        reporting={"capital": 1_000},
    )
    desk = GateDesk(settings)
    desk.account.hear(risk(T0, "HALT"), T0)
    desk.order("sell", 1, price=102)
    found = desk.check("buy", 150, 2, at_ms=20_000, valid_until_ns=T0)
    assert set(found) == {
        "NO_REFERENCE", "STALE_MD", "NO_RISK_STATE", "STALE_COMMAND", "MESSAGE_LIMIT", "MAX_VALUE", "MAX_QTY",
        "PRICE_COLLAR", "SELF_CROSS", "POST_ONLY", "POS_LIMIT", "EXPOSURE",
    }  # fmt: skip
    assert len(found) == len(set(found))


def test_money_of_fees_is_exact() -> None:
    facts = instrument(
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        maker_fee_bps=Decimal("-0.5"),
        taker_fee_bps=Decimal("4.5"),
    )
    terms = contract_terms(facts, config())
    assert terms is not None
    assert terms.fee(600_001, 3, maker=True) == Decimal("-0.009000015")
    assert terms.fee(600_001, 3, maker=False) == Decimal("0.081000135")


def test_p9_the_router_asks_the_gate_about_the_id_of_a_new_order() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    desk.symbol.orders_count = 0  # as after a fault that lost the count
    again = desk.symbol.next_client_order_id("buy", 0)
    assert again == placed.client_order_id
    desk.symbol.orders["buy", 1] = desk.symbol.orders.pop(("buy", 0))
    [denied] = desk.target(2, 2, bids=[(98, 5)])[:1]
    assert denied.reasons == ("DUPLICATE",)
