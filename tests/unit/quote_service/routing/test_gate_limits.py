"""The limits of the gate: position, notional and exposure, with all that the venue may hold."""

from decimal import Decimal

import pytest
from quote_service.routing.gate.contract_terms import contract_terms
from quote_service.routing.router import RouterCore

from schemas.config import Config
from schemas.orders import OrderStatus
from tests.kit.messages import BTC, ETH, book, instrument, setting_change
from tests.unit.quote_service.routing.builders import GateDesk, config, wide_config


@pytest.mark.control("P6")
def test_the_position_limit_counts_the_worst_case() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 100}))
    desk.symbol.position.lots = 90
    desk.order("buy", 8)
    assert desk.check("buy", 99, 5) == ("POS_LIMIT",)
    assert desk.check("buy", 99, 2) == ()
    assert desk.check("sell", 101, 5) == ()


@pytest.mark.case("RK3")
def test_room_on_each_side_of_the_position_limit() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}, routing={"order_size_max": 1_000}))
    desk.symbol.position.lots = 6
    desk.order("buy", 2)
    desk.order("sell", 1)
    assert desk.check("buy", 99, 2) == ()
    assert desk.check("buy", 99, 3) == ("POS_LIMIT",)
    assert desk.check("sell", 101, 15) == ()
    assert desk.check("sell", 101, 16) == ("POS_LIMIT",)


@pytest.mark.control("P5")
@pytest.mark.parametrize("status", ["pending_new", "live", "pending_amend", "pending_cancel", "unknown"])
def test_everything_the_venue_may_hold_is_reserved(status: OrderStatus) -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}))
    assert desk.check("buy", 99, 6) == ()
    desk.order("buy", 6, status=status)
    assert desk.check("buy", 99, 6) == ("POS_LIMIT",)
    assert desk.check("buy", 99, 4) == ()


@pytest.mark.control("P5")
def test_an_amend_under_way_reserves_the_larger_size() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}))
    order = desk.order("buy", 2, status="pending_amend")
    order.asked_size_lots = 6
    assert desk.check("buy", 99, 5) == ("POS_LIMIT",)
    order.asked_size_lots = 1
    assert desk.check("buy", 99, 9) == ("POS_LIMIT",)
    assert desk.check("buy", 99, 8) == ()


@pytest.mark.control("P6")
def test_what_an_amend_replaces_is_not_counted_twice() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 10}))
    order = desk.order("buy", 6)
    assert desk.check("buy", 99, 10, replaces=order) == ()
    assert desk.check("buy", 99, 11, replaces=order) == ("MAX_QTY", "POS_LIMIT")


@pytest.mark.control("P6")
def test_beyond_the_limit_orders_and_amends_that_lower_the_position_pass() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position": 100}))
    desk.symbol.position.lots = 120
    order = desk.order("buy", 5)
    assert desk.check("sell", 101, 100) == ()
    assert desk.check("buy", 99, 1) == ("POS_LIMIT",)
    assert desk.check("buy", 89, 4, replaces=order) == ()
    assert desk.check("buy", 89, 6, replaces=order) == ("POS_LIMIT",)


@pytest.mark.control("P6")
def test_the_limit_in_money_binds_where_it_is_tighter() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_position_notional": 1_000}), multiplier=Decimal(2))
    assert desk.check("buy", 99, 5) == ()  # 5 x 2 x 100 at the mid
    assert desk.check("buy", 99, 6) == ("POS_LIMIT",)


@pytest.mark.control("P7")
def test_exposure_is_gross_over_symbols_and_in_money() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_exposure": 0.2}, reporting={"capital": 10_000}))
    desk.account.exposure_micro = 1_500 * 1_000_000  # other symbols
    assert desk.check("buy", 99, 5) == ()
    assert desk.check("buy", 99, 6) == ("EXPOSURE",)
    desk.symbol.position.lots = -10
    assert desk.check("sell", 101, 1) == ("EXPOSURE",)
    assert desk.check("buy", 99, 10) == ()
    assert desk.check("buy", 99, 11) == ("EXPOSURE",)


def test_exposure_of_a_symbol_is_replaced_not_added() -> None:
    desk = GateDesk(wide_config(risk_limits={"max_exposure": 0.2}, reporting={"capital": 10_000}))
    desk.symbol.position.lots = 10
    assert desk.check("buy", 99, 10) == ()  # 10 held and 10 more are 2,000
    assert desk.check("buy", 99, 11) == ("EXPOSURE",)


def test_exposure_is_rounded_against_us() -> None:
    small = Decimal("0.001")
    of = instrument(tick_size=small, lot_size=small, reporting_rate=Decimal("0.1"))
    terms = contract_terms(of, config())
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
    desk.symbol.observe_book(book(bid=199, ask=201))
    desk.value()
    assert desk.account.exposure_micro == 7 * 200 * 1_000_000
    desk.symbol.orders.open.clear()
    desk.symbol.position.lots = 0
    desk.value()
    assert desk.account.exposure_micro == 0


@pytest.mark.control("P6")
@pytest.mark.parametrize(
    ("limits", "most"),
    [({"max_position": 5}, 5), ({"max_position_notional": 700}, 7)],
    ids=["units", "money"],
)
def test_a_symbols_own_limit_binds_its_orders(limits: dict[str, int], most: int) -> None:
    """At a mid of 100 a lot is worth 100."""
    own = {BTC: {"risk_limits": limits}}
    desk = GateDesk(wide_config(per_symbol=own, routing={"order_size_max": 1_000}))
    assert desk.check("buy", 99, most) == ()
    assert desk.check("buy", 99, most + 1) == ("POS_LIMIT",)
    other = GateDesk(wide_config(per_symbol={ETH: {"risk_limits": limits}}))
    assert other.check("buy", 99, most + 1) == ()


@pytest.mark.control("P6")
def test_a_live_change_of_one_symbol_reaches_its_contract_and_no_other() -> None:
    core = RouterCore(Config())
    for symbol in (BTC, ETH):
        core.on_event(instrument(symbol))
    core.on_event(setting_change(f"per_symbol.{BTC}.risk_limits.max_position", "5"))
    terms = {symbol: core._symbols[f"sim:{symbol}"].contract.terms for symbol in (BTC, ETH)}
    lots = {symbol: each.position_max_lots for symbol, each in terms.items() if each is not None}
    assert lots == {BTC: 5, ETH: 100}
