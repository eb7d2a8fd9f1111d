"""Limits of risk-service's core: what warns, what only reduces, and what halts."""

from decimal import Decimal
from typing import Any

import pytest
from risk_service.core.risk import RiskCore

from schemas.config import Config
from schemas.control import SettingChange
from schemas.message import ALL_SYMBOLS
from schemas.risk import RiskAlert
from tests.kit.messages import (
    BTC,
    ETH,
    T0,
    S,
    command,
    fill,
    instrument,
    position,
    setting_change,
    signal,
    tick,
)
from tests.unit.risk_service.risk_cores import alerts, core, in_force, state, states


def test_a_loss_at_its_limit_only_reduces_and_ends_by_itself() -> None:
    made = core(max_loss="-500")
    assert states(made.on_event(position(5, "-499.99"))) == []
    said = made.on_event(position(5, "-500"))
    assert (state(said).state, state(said).reasons) == ("REDUCE_ONLY", ("MAX_LOSS",))
    assert not state(said).latched
    assert "REDUCE_ONLY" in alerts(said)
    for pnl in ("-499", "-501", "-476", "-500"):
        assert made.on_event(position(5, pnl)) == (), "no flicker"
    said = made.on_event(position(5, "-474"))
    assert (state(said).state, state(said).reasons) == ("RUN", ())
    assert "RUN" in alerts(said)


def test_a_loss_at_a_fifth_more_halts_and_stays_halted() -> None:
    made = core(max_loss="-500")
    said = made.on_event(position(5, "-600"))
    assert (state(said).state, state(said).reasons) == ("HALT", ("MAX_LOSS",))
    assert (state(said).latched, state(said).halt_sequence) == (True, 1)
    assert "HALT" in alerts(said)
    assert states(made.on_event(position(0, "300"))) == []
    assert in_force(made).state == "HALT"


@pytest.mark.parametrize(("pnl", "expected"), [("-999", "REDUCE_ONLY"), ("-1000", "HALT")])
def test_where_a_loss_halts_is_a_setting(pnl: str, expected: str) -> None:
    made = core(max_loss="-500", loss_halt_at="2")
    assert state(made.on_event(position(5, pnl))).state == expected


def test_a_loss_comes_with_the_mark_too() -> None:
    made = core(max_loss="-500")
    made.on_event(position(100))
    assert states(made.on_event(signal(192))) == []
    assert state(made.on_event(signal(190))).state == "REDUCE_ONLY"
    assert state(made.on_event(signal(188))).state == "HALT"


def test_a_short_position_loses_as_the_mark_rises() -> None:
    made = core(max_loss="-500")
    made.on_event(position(-100))
    assert states(made.on_event(signal(190))) == []
    assert state(made.on_event(signal(210))).state == "REDUCE_ONLY"


def test_a_profit_of_ten_that_shrinks_to_five_halts_nobody() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500", account_max_loss="-2500")
    for pnl in ("0", "10", "5"):
        made.on_event(position(1, pnl))
    assert (in_force(made).state, in_force(made, ALL_SYMBOLS).state) == ("RUN", "RUN")


def test_a_loss_without_any_profit_before_reduces() -> None:
    made = core(max_loss="-500")
    assert state(made.on_event(position(1, "-501"))).state == "REDUCE_ONLY"


def test_a_drawdown_of_equity_halts_the_account_and_latches() -> None:
    made = core(max_drawdown=-0.1, max_loss="-500000", reporting={"capital": "1000"})
    made.on_event(position(1, "1000"))
    assert states(made.on_event(position(1, "801")), ALL_SYMBOLS) == []
    said = state(made.on_event(position(1, "800")), ALL_SYMBOLS)
    assert (said.state, said.reasons, said.latched) == ("HALT", ("MAX_DRAWDOWN",), True)
    made.on_event(position(1, "2000"))
    assert state(made.on_event(tick(1)), ALL_SYMBOLS).state == "HALT"


def test_the_losses_of_all_symbols_add_up_in_the_account() -> None:
    made = core(BTC, ETH, account_max_loss="-700", max_loss="-500")
    assert states(made.on_event(position(1, "-400")), ALL_SYMBOLS) == []
    said = made.on_event(position(1, "-300", symbol=ETH))
    assert state(said, ALL_SYMBOLS).reasons == ("ACCOUNT_MAX_LOSS",)
    assert states(said, ETH) == []


@pytest.mark.case("RK7")
def test_exposure_counts_gross_notional_against_equity() -> None:
    made = core(max_exposure=0.2)
    said = state(made.on_event(position(100, mark=120_000)), ALL_SYMBOLS)
    assert (said.state, said.reasons, said.latched) == ("REDUCE_ONLY", ("MAX_EXPOSURE",), False)
    assert {each.name: each.value for each in said.limits}["exposure"] == 6.0


def test_a_long_and_a_short_position_do_not_cancel_out() -> None:
    made = core(BTC, ETH, max_exposure=0.2)
    assert states(made.on_event(position(1_000)), ALL_SYMBOLS) == []
    assert state(made.on_event(position(-1_000, symbol=ETH)), ALL_SYMBOLS).state == "REDUCE_ONLY"


def test_a_breach_of_exposure_ends_only_well_below_its_limit() -> None:
    made = core(max_exposure=0.2)
    assert state(made.on_event(position(2_000)), ALL_SYMBOLS).state == "REDUCE_ONLY"
    assert states(made.on_event(position(1_950)), ALL_SYMBOLS) == []
    assert states(made.on_event(position(2_000)), ALL_SYMBOLS) == [], "no flicker"
    assert state(made.on_event(position(1_899)), ALL_SYMBOLS).state == "RUN"
    assert states(made.on_event(position(1_999)), ALL_SYMBOLS) == []


@pytest.mark.parametrize(
    "bounds", [{"max_position": "10"}, {"max_position_notional": "1000"}], ids=["units", "money"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_at_its_limit_only_reduces(bounds: dict[str, Any], sign: int) -> None:
    made = core(**bounds)
    assert states(made.on_event(position(sign * 9))) == []
    said = state(made.on_event(position(sign * 10)))
    assert (said.state, said.reasons) == ("REDUCE_ONLY", ("MAX_POSITION",))
    assert state(made.on_event(position(sign * 9))).state == "RUN"


def test_a_loss_that_stays_around_its_warning_warns_once() -> None:
    made = core(max_loss="-500", warn_at=0.8)
    said = [alerts(made.on_event(position(5, pnl))) for pnl in ("-400", "-399", "-401", "-381", "-400")]
    assert said == [["NEAR_LOSS"], [], [], [], []]
    assert alerts(made.on_event(position(5, "-379"))) == []
    assert alerts(made.on_event(position(5, "-400"))) == ["NEAR_LOSS"]


def test_money_is_taken_into_the_reporting_currency() -> None:
    made = core(ETH, max_loss="-500")
    made.on_event(instrument(BTC, reporting_rate=Decimal(2), multiplier=Decimal(5)))
    made.on_event(position(10))
    assert states(made.on_event(signal(192))) == []
    assert state(made.on_event(signal(190))).reasons == ("MAX_LOSS",), (
        "10 lots, 5 ticks, 5 units, a rate of 2"
    )


def test_too_many_orders_filled_halt_their_symbol() -> None:
    made = core(repeat_fills_same_side=3)
    for order in ("a", "b", "b", "b"):
        assert made.on_event(fill(order)) == ()
    said = made.on_event(fill("c"))
    assert (state(said).state, state(said).reasons) == ("HALT", ("REPEATED_EXECUTIONS",))
    assert state(said).latched


def test_after_a_resume_executions_count_anew() -> None:
    made = core(repeat_fills_same_side=3)
    for order in ("a", "b", "c"):
        made.on_event(fill(order))
    assert state(made.on_event(command("resume"))).state == "RUN"
    assert made.on_event(fill("d")) == ()
    assert made.on_event(fill("e")) == ()
    assert state(made.on_event(fill("f"))).halt_sequence == 2


def test_orders_filled_now_and_then_halt_nobody() -> None:
    made = core(repeat_fills_same_side=3, repeat_fills_any_side=20)
    for number in range(50):
        assert made.on_event(fill(str(number), time_ns=T0 + number * 5 * S)) == ()


def test_a_limit_that_comes_near_warns_once_per_episode() -> None:
    made = core(max_loss="-500", warn_at=0.8)
    assert alerts(made.on_event(position(5, "-399"))) == []
    said = made.on_event(position(5, "-400"))
    (alert,) = [each for each in said if isinstance(each, RiskAlert)]
    assert (alert.name, alert.severity, alert.value, alert.limit) == ("NEAR_LOSS", "warning", -400.0, -500.0)
    assert "80%" in alert.message
    assert alerts(made.on_event(position(5, "-450"))) == []
    for number in range(8):
        assert alerts(made.on_event(tick(number))) == []
    assert alerts(made.on_event(position(5, "-300"))) == []
    assert alerts(made.on_event(position(5, "-420"))) == ["NEAR_LOSS"]


def test_warnings_are_given_for_each_limit_and_symbol() -> None:
    made = core(BTC, ETH, max_position="10", max_exposure=0.001)
    assert alerts(made.on_event(position(8))) == ["NEAR_POSITION", "NEAR_EXPOSURE"]
    assert alerts(made.on_event(position(-8, symbol=ETH))) == ["NEAR_POSITION", "REDUCE_ONLY"]


def own(symbol: str, name: str, value: str, change_id: str = "c1") -> SettingChange:
    return setting_change(f"per_symbol.{symbol}.risk_limits.{name}", value, change_id)


@pytest.mark.parametrize("name", ["max_position", "max_position_notional"])
def test_a_symbols_own_position_limit_is_judged_at_once_and_for_it_alone(name: str) -> None:
    made = core(BTC, ETH)
    for symbol in (BTC, ETH):
        made.on_event(position(10, symbol=symbol))
    value = {"max_position": "10", "max_position_notional": "1000"}[name]
    said = made.on_event(own(BTC, name, value))
    assert (state(said).state, state(said).reasons) == ("REDUCE_ONLY", ("MAX_POSITION",))
    assert in_force(made, ETH).state == "RUN"
    said = made.on_event(own(BTC, name, "account", "c2"))
    assert state(said).state == "RUN", "it follows the account again"


def test_a_symbols_own_loss_limit_only_reduces_that_symbol_and_is_told() -> None:
    made = core(BTC, ETH, max_loss="-500")
    for symbol in (BTC, ETH):
        made.on_event(position(5, "-60", symbol=symbol))
    said = state(made.on_event(own(BTC, "max_loss", "-50")))
    assert (said.state, said.reasons) == ("HALT", ("MAX_LOSS",))
    assert {each.name: each.limit for each in said.limits}["loss"] == -50.0
    other = in_force(made, ETH)
    assert other.state == "RUN"
    assert {each.name: each.limit for each in other.limits}["loss"] == -500.0


def test_a_files_own_limits_count_from_the_start() -> None:
    own_limits = {BTC: {"risk_limits": {"max_position": 10}}}
    made = RiskCore(Config.model_validate({"per_symbol": own_limits}))
    for each in (instrument(BTC), instrument(ETH), tick()):
        made.on_event(each)
    assert state(made.on_event(position(10, symbol=BTC))).state == "REDUCE_ONLY"
    assert states(made.on_event(position(10, symbol=ETH)), ETH) == []
