"""Every code of the gate, on both sides of its boundary."""

from decimal import Decimal
from typing import Any

import pytest
from quote_service.routing.desired.recent_actions import Sent
from quote_service.routing.gate.contract_terms import contract_terms

from schemas.market import BookStatus
from schemas.message import Side
from schemas.orders import OrderStatus
from schemas.units import ceil_units, floor_units
from tests.kit.messages import MS, T0, book, instrument, risk_state
from tests.unit.quote_service.routing.builders import Desk, GateDesk, config, wide_config

CENT = {"tick_size": Decimal("0.01")}


def desk_at_100(**sections: dict[str, object]) -> GateDesk:
    """Reference price 100 with a tick of 0.01, and a spread wide enough to quote anywhere near."""
    desk = GateDesk(wide_config(**sections), **CENT)
    desk.symbol.observe_book(book(bid=9_000, ask=11_000))
    return desk


def test_a_sound_order_passes() -> None:
    assert GateDesk().check("buy", 99, 1) == ()
    assert GateDesk().check("sell", 101, 1) == ()


@pytest.mark.control("P1")
def test_a_price_beyond_the_collar_is_denied() -> None:
    desk = desk_at_100(routing={"price_collar": 0.02})
    assert desk.check("buy", 10_200, 1) == ()
    assert desk.check("buy", 10_201, 1) == ("PRICE_COLLAR",)
    assert desk.check("sell", 9_800, 1) == ()
    assert desk.check("sell", 9_799, 1) == ("PRICE_COLLAR",)


@pytest.mark.case("RK1")
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
def test_the_collar_judges_prices_on_both_sides_of_the_mid(
    collar: float, side: Side, price: int, passes: bool
) -> None:
    desk = desk_at_100(routing={"price_collar": collar})
    assert desk.check(side, price, 1) == (() if passes else ("PRICE_COLLAR",))


@pytest.mark.control("P1")
def test_without_a_book_there_is_no_reference() -> None:
    desk = GateDesk()
    desk.symbol.market.book = None
    desk.symbol.market.is_live = False
    desk.symbol.market.mid_half_ticks = None
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE",)


@pytest.mark.control("P14")
@pytest.mark.parametrize("status", ["building", "gapped", "crossed", "locked", "one_sided"])
def test_no_reference_from_a_book_that_is_not_live(status: BookStatus) -> None:
    desk = GateDesk()
    desk.symbol.observe_book(book(status=status))
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE",)


@pytest.mark.control("P14")
def test_no_reference_from_a_live_book_that_crosses() -> None:
    desk = GateDesk()
    desk.symbol.observe_book(book(bid=101, ask=101))
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE",)


@pytest.mark.control("P14")
def test_an_old_or_stale_book_gives_no_reference() -> None:
    desk = GateDesk(wide_config(market_data={"book_age_ms_max": 1_000}))
    assert desk.check("buy", 99, 1, at_ms=1_000) == ()
    assert desk.check("buy", 99, 1, at_ms=1_000.001) == ("NO_REFERENCE", "STALE_MD")
    desk.symbol.observe_book(book(status="stale"))
    assert desk.check("buy", 99, 1) == ("NO_REFERENCE", "STALE_MD")


@pytest.mark.control("P2")
def test_an_order_above_the_largest_value_is_denied() -> None:
    desk = GateDesk(
        wide_config(routing={"order_value_max": 10_000}), lot_size=Decimal("0.01"), tick_size=Decimal(1)
    )
    assert desk.check("buy", 100, 10_000) == ()  # 100 x 100.00
    assert desk.check("buy", 100, 10_001) == ("MAX_VALUE",)  # 100 x 100.01


@pytest.mark.control("P2")
def test_the_largest_value_is_in_the_reporting_currency() -> None:
    desk = GateDesk(
        wide_config(routing={"order_value_max": 10_000}), reporting_rate=Decimal(2), multiplier=Decimal(5)
    )
    assert desk.check("buy", 100, 10) == ()  # 100 x 10 x 5 x 2
    assert desk.check("buy", 100, 11) == ("MAX_VALUE",)


@pytest.mark.control("P3")
def test_an_order_above_the_largest_size_is_denied() -> None:
    desk = GateDesk(wide_config(routing={"order_size_max": 5}), lot_size=Decimal("0.0001"))
    assert desk.check("buy", 99, 50_000) == ()
    assert desk.check("buy", 99, 50_001) == ("MAX_QTY",)


@pytest.mark.control("P3")
def test_the_largest_size_is_the_position_limit_where_none_is_set() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 5}))
    assert desk.check("buy", 99, 5) == ()
    assert desk.check("buy", 99, 6) == ("MAX_QTY", "POS_LIMIT")


@pytest.mark.control("P12")
def test_an_order_below_the_minimum_notional_is_denied() -> None:
    desk = GateDesk(lot_size=Decimal("0.01"), min_notional=Decimal(10))
    assert desk.check("buy", 99, 11) == ()  # 10.89
    assert desk.check("buy", 99, 10) == ("MIN_NOTIONAL",)  # 9.90
    desk = GateDesk(lot_size=Decimal("0.1"), min_notional=Decimal(10))
    assert desk.check("buy", 100, 1) == ()  # exactly 10


@pytest.mark.case("RK2")
def test_rounding_to_ticks_is_exact() -> None:
    assert floor_units(Decimal("99.87654"), Decimal("0.05")) * Decimal("0.05") == Decimal("99.85")
    assert ceil_units(Decimal("100.12001"), Decimal("0.05")) * Decimal("0.05") == Decimal("100.15")
    assert floor_units(Decimal("0.30000"), Decimal("0.1")) * Decimal("0.1") == Decimal("0.3")


@pytest.mark.control("P12")
def test_price_and_size_must_be_positive() -> None:
    desk = GateDesk()
    assert "PRICE_NOT_POSITIVE" in desk.check("buy", 0, 1)
    assert "PRICE_NOT_POSITIVE" in desk.check("buy", -1, 1)
    assert desk.check("buy", 99, 0) == ("SIZE_NOT_POSITIVE",)
    assert "SIZE_NOT_POSITIVE" in desk.check("buy", 99, -1)


@pytest.mark.parametrize("status", ["pending_new", "live", "pending_amend", "pending_cancel", "unknown"])
def test_self_cross(status: OrderStatus) -> None:
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


@pytest.mark.control("P13")
def test_a_price_that_would_take_is_denied() -> None:
    desk = GateDesk()
    assert desk.check("buy", 100, 1) == ()
    assert desk.check("buy", 101, 1) == ("POST_ONLY",)
    assert desk.check("sell", 100, 1) == ()
    assert desk.check("sell", 99, 1) == ("POST_ONLY",)


@pytest.mark.control("P9")
def test_the_same_order_within_the_window_is_denied() -> None:
    desk = GateDesk()
    desk.symbol.recent.sent["buy", 0] = Sent(target_sequence=1, price_ticks=99, size_lots=5, time_ns=T0)
    assert desk.check("buy", 99, 5, at_ms=499.999) == ("DUPLICATE",)
    assert desk.check("buy", 99, 5, at_ms=500) == ()
    assert desk.check("buy", 98, 5) == ()
    assert desk.check("buy", 99, 4) == ()
    assert desk.check("buy", 99, 5, target_sequence=2) == ()
    assert desk.check("sell", 101, 5) == ()


@pytest.mark.control("P9")
def test_a_client_order_id_is_used_once() -> None:
    desk = GateDesk()
    order = desk.order("buy", 1)
    assert desk.check("buy", 99, 5, order_id=order.client_order_id) == ("DUPLICATE",)
    desk.symbol.orders.end(order)
    assert desk.check("buy", 99, 5, order_id=order.client_order_id) == ("DUPLICATE",)
    assert desk.check("buy", 99, 5, order_id="another") == ()


@pytest.mark.control("P4")
def test_message_limit_keeps_a_fifth_for_cancels() -> None:
    desk = GateDesk(wide_config(routing={"messages_per_10s": 100}))
    for _ in range(80):
        assert desk.check("buy", 99, 1) == ()
        desk.account.spend_message(desk.symbol, T0)
    assert desk.check("buy", 99, 1) == ("MESSAGE_LIMIT",)
    assert desk.check("buy", 99, 1, at_ms=99.999) == ("MESSAGE_LIMIT",)
    assert desk.check("buy", 99, 1, at_ms=100) == ()


@pytest.mark.control("P4")
def test_a_symbol_has_a_message_limit_of_its_own() -> None:
    desk = GateDesk(wide_config(routing={"messages_per_10s_symbol": 10}))
    for _ in range(8):
        desk.account.spend_message(desk.symbol, T0)
    assert desk.check("buy", 99, 1) == ("MESSAGE_LIMIT",)
    desk.symbol.usage.budget = None  # that of another symbol
    assert desk.check("buy", 99, 1) == ()


@pytest.mark.control("P15")
def test_a_decision_that_is_no_longer_valid_is_denied() -> None:
    desk = GateDesk()
    assert desk.check("buy", 99, 1, at_ms=5, valid_until_ns=T0 + 5 * MS) == ()
    assert desk.check("buy", 99, 1, at_ms=5, valid_until_ns=T0 + 5 * MS - 1) == ("STALE_COMMAND",)


@pytest.mark.invariant("I5")
def test_without_a_recent_word_of_risk_service_nothing_is_sent() -> None:
    desk = GateDesk(wide_config(risk_limits={"heartbeat_ttl_ms": 1_000}))
    assert desk.check("buy", 99, 1, at_ms=1_000) == ()
    assert desk.check("buy", 99, 1, at_ms=1_000.001) == ("NO_RISK_STATE",)
    desk.account.risk = None
    assert desk.check("buy", 99, 1) == ("NO_RISK_STATE",)


@pytest.mark.control("K3")
def test_a_halt_of_account_or_symbol_denies_all() -> None:
    desk = GateDesk()
    desk.symbol.risk = "HALT"
    assert desk.check("buy", 99, 1) == ("RISK_HALT",)
    desk.symbol.risk = "RUN"
    assert desk.check("buy", 99, 1) == ()
    desk.account.observe_risk(risk_state("HALT"), T0)
    assert desk.check("buy", 99, 1) == ("RISK_HALT",)


@pytest.mark.control("K3")
@pytest.mark.parametrize("whose", ["account", "symbol"])
def test_reduce_only_lets_the_position_shrink_and_no_more(whose: str) -> None:
    desk = GateDesk()
    if whose == "account":
        desk.account.observe_risk(risk_state("REDUCE_ONLY"), T0)
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
    desk.symbol.observe_book(book(instrument_version=2))
    assert desk.check("buy", 99, 1) == ("NO_INSTRUMENT",)
    desk.symbol.observe_book(book())
    assert desk.check("buy", 99, 1) == ()
    desk.symbol.contract.terms = None
    assert desk.check("buy", 99, 1) == ("NO_INSTRUMENT",)


@pytest.mark.parametrize("field", ["tick_size", "lot_size", "multiplier", "reporting_rate"])
@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1)])
def test_a_contract_without_sound_numbers_is_no_instrument(field: str, value: Decimal) -> None:
    fields: dict[str, Any] = {field: value}
    assert GateDesk(**fields).check("buy", 99, 1) == ("NO_INSTRUMENT",)


def test_all_failing_codes_are_named_not_only_the_first() -> None:
    settings = config(
        risk_limits={"max_position": 1, "max_exposure": 0.0001},
        routing={"order_value_max": 100, "messages_per_10s": 1},
        reporting={"capital": 1_000},
    )
    desk = GateDesk(settings)
    desk.account.observe_risk(risk_state("HALT"), T0)
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


@pytest.mark.control("P9")
def test_the_router_asks_the_gate_about_the_id_of_a_new_order() -> None:
    desk = Desk(wide_config())
    [placed] = desk.live(0, 1, bids=[(99, 5)])
    desk.symbol.orders.ids_given = 0  # as after a fault that lost the count
    again = desk.symbol.orders.next_client_order_id("buy", 0)
    assert again == placed.client_order_id
    desk.symbol.orders.open["buy", 1] = desk.symbol.orders.open.pop(("buy", 0))
    [denied] = desk.target(2, 2, bids=[(98, 5)])[:1]
    assert denied.reasons == ("DUPLICATE",)
