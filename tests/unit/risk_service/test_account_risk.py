"""The account against its limits, and the repeated executions of one symbol."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from risk_service.core.account import AccountRisk
from risk_service.core.limits import loss_breaches
from risk_service.core.repeated_executions import RepeatedExecutions
from risk_service.core.scope import Breach, LimitVerdict, Scope

from schemas.config import RiskLimits
from schemas.message import Side
from schemas.risk import TradingState

S = 1_000_000_000
T0 = 1_000 * S
NOTHING = Decimal(0)


def account(capital: int = 100_000, pnl: str = "0", gross: str = "0") -> AccountRisk:
    made = AccountRisk.of(Decimal(capital))
    made.change(Decimal(pnl), Decimal(gross))
    return made


def limits(**fields: Any) -> RiskLimits:
    """Limits that are out of the way unless said otherwise."""
    wide = {"account_max_loss": "-1000000", "max_drawdown": -0.99, "max_exposure": 1_000.0}
    return RiskLimits.model_validate({**wide, **fields})


def found(made: AccountRisk, **fields: Any) -> list[tuple[TradingState, str]]:
    made.measure(limits(**fields))
    return [(each.state, each.reason) for each in made.breaches()]


RK5 = [
    (100_000, 0.0),
    (100_010, 0.0),
    (100_005, 4.9995e-5),
    (99_000, 0.010098990),
    (101_000, 0.0),
    (90_900, 0.1),
]


@pytest.mark.case("RK5")
def test_drawdown_is_a_share_of_the_highest_equity() -> None:
    made = account(100_000)
    for equity, drawdown in RK5:
        made.change(equity - made.equity, NOTHING)
        assert made.equity == equity
        assert float(made.drawdown) == pytest.approx(drawdown, abs=1e-9)


@pytest.mark.case("RK5")
def test_a_drawdown_that_reaches_its_limit_halts() -> None:
    made = account(101_000)
    made.change(Decimal("-10099.99"), NOTHING)
    assert found(made, max_drawdown=-0.1) == []
    made.change(Decimal("-0.01"), NOTHING)
    assert found(made, max_drawdown=-0.1) == [("HALT", "MAX_DRAWDOWN")]


@pytest.mark.case("RK7")
def test_exposure_is_gross_notional_over_equity() -> None:
    made = account(1_000_000, gross=str(100 * 60_000))
    assert made.exposure == Decimal("6.0")
    assert found(made, max_exposure=0.2) == [("REDUCE_ONLY", "MAX_EXPOSURE")]


def test_a_profit_of_ten_that_shrinks_to_five_is_next_to_no_drawdown() -> None:
    made = account(100_000, pnl="10")
    made.change(Decimal(-5), NOTHING)
    assert float(made.drawdown) == pytest.approx(4.9995e-5, abs=1e-9)
    assert found(made, max_drawdown=-0.1, account_max_loss="-2500") == []


def test_a_loss_from_the_start_on_is_a_drawdown_though_there_never_was_a_profit() -> None:
    assert found(account(1_000, pnl="-100"), max_drawdown=-0.1) == [("HALT", "MAX_DRAWDOWN")]


def test_the_loss_of_the_account_reduces_at_its_limit_and_halts_beyond() -> None:
    assert found(account(pnl="-2499.99"), account_max_loss="-2500") == []
    assert found(account(pnl="-2500"), account_max_loss="-2500") == [("REDUCE_ONLY", "ACCOUNT_MAX_LOSS")]
    assert found(account(pnl="-2999.99"), account_max_loss="-2500") == [("REDUCE_ONLY", "ACCOUNT_MAX_LOSS")]
    assert found(account(pnl="-3000"), account_max_loss="-2500") == [("HALT", "ACCOUNT_MAX_LOSS")]


@pytest.mark.parametrize("pnl", ["-1000", "-1500"])
def test_an_account_without_equity_halts(pnl: str) -> None:
    made = account(1_000, pnl=pnl, gross="100")
    assert ("HALT", "NO_EQUITY") in found(made)
    assert made.exposure == 0, "no quotient of nothing"


def test_exposure_ends_only_well_below_its_limit() -> None:
    made, told = account(100_000), []
    for gross in (19_999, 20_000, 19_999, 19_001, 18_999, 19_999, 20_001):
        made.change(NOTHING, gross - made.gross)
        told.append(bool(found(made, max_exposure=0.2)))
    assert told == [False, True, True, True, False, False, True]


def test_after_it_was_forgiven_loss_and_drawdown_count_anew() -> None:
    made = account(1_000, pnl="-200")
    assert found(made, max_drawdown=-0.1, account_max_loss="-100") == [
        ("HALT", "ACCOUNT_MAX_LOSS"),
        ("HALT", "MAX_DRAWDOWN"),
    ]
    made.measure(limits(max_drawdown=-0.1, account_max_loss="-100"))
    for breach in made.breaches():
        made.scope.latch(breach.reason)
    made.forgive()
    made.scope.latches.clear()
    assert found(made, max_drawdown=-0.1, account_max_loss="-100") == []
    assert made.equity == 800, "what was lost stays lost"
    made.change(Decimal(-80), NOTHING)
    assert found(made, max_drawdown=-0.1, account_max_loss="-100") == [("HALT", "MAX_DRAWDOWN")]


def test_an_account_without_equity_cannot_be_forgiven() -> None:
    made = account(1_000, pnl="-1500")
    made.forgive()
    assert ("HALT", "NO_EQUITY") in found(made)


def test_uses_say_how_near_each_limit_is() -> None:
    made = account(1_000, pnl="-50", gross="95")
    uses = {each.name: (each.value, each.limit) for each in made.uses(limits(max_exposure=0.2))}
    assert uses["exposure"] == (0.1, 0.2)
    assert uses["drawdown"] == (-0.05, -0.99)
    assert uses["loss"] == (-50.0, -1_000_000.0)


@given(changes=st.lists(st.integers(-1_000, 1_000), max_size=40))
def test_drawdown_is_never_negative_and_nothing_at_a_new_maximum(changes: list[int]) -> None:
    made, highest = account(100_000), Decimal(100_000)
    for change in changes:
        made.change(Decimal(change), NOTHING)
        highest = max(highest, made.equity)
        assert made.drawdown == (highest - made.equity) / highest
        assert made.drawdown >= 0


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        ("0", []),
        ("0.9999", []),
        ("1", [Breach("REDUCE_ONLY", "MAX_LOSS")]),
        ("1.1999", [Breach("REDUCE_ONLY", "MAX_LOSS")]),
        ("1.2", [Breach("HALT", "MAX_LOSS", latches=True)]),
    ],
)
def test_a_loss_limit_reduces_and_at_a_fifth_more_halts(share: str, expected: list[Breach]) -> None:
    scope = Scope("sim", "BTC/USDT")
    scope.observe_share("MAX_LOSS", Decimal(share))
    assert loss_breaches(scope, Decimal(share), "MAX_LOSS", Decimal("1.2")) == expected


def test_a_limit_that_was_reached_is_left_only_below_95_percent_of_it() -> None:
    scope = Scope("sim", "BTC/USDT")
    shares = ("0.99", "1", "0.99", "0.95", "0.9499", "0.99", "1")
    reached = []
    for share in shares:
        scope.observe_share("A", Decimal(share))
        reached.append(scope.is_reached("A"))
    assert reached == [False, True, True, True, False, False, True]
    scope.observe_share("B", Decimal("0.99"))
    assert not scope.is_reached("B"), "limits are left one by one"


def test_asking_for_the_breaches_changes_nothing() -> None:
    made = account(pnl="-10", gross="10")
    made.measure(limits(account_max_loss="-10"))
    before = dict(made.scope.reached)
    assert made.breaches() == made.breaches() != []
    assert made.scope.reached == before


def executions(*fills: tuple[float, Side, str], same: int = 3, any_side: int = 5) -> list[bool]:
    """Whether each fill of (seconds, side, order) reached a limit."""
    counted = RepeatedExecutions()
    bounds = limits(repeat_fills_same_side=same, repeat_fills_any_side=any_side)
    return [counted.add(T0 + round(at * S), side, order, bounds) for at, side, order in fills]


def test_orders_filled_on_one_side_in_ten_seconds_count_up() -> None:
    assert executions((0, "buy", "a"), (1, "buy", "b"), (9.9, "buy", "c")) == [False, False, True]
    assert executions((0, "buy", "a"), (1, "buy", "b"), (10, "buy", "c")) == [False, False, False]


def test_fills_of_one_order_count_once() -> None:
    assert not any(executions((0, "buy", "a"), (1, "buy", "a"), (2, "buy", "a"), (3, "buy", "b")))


def test_the_sides_count_apart_and_then_together() -> None:
    fills: list[tuple[float, Side, str]] = [
        (0, "buy", "a"),
        (1, "sell", "b"),
        (20, "buy", "c"),
        (21, "sell", "d"),
        (59, "buy", "e"),
    ]
    assert executions(*fills) == [False, False, False, False, True]
    assert not any(executions(*fills[:4], (60, "buy", "e")))


def test_what_was_cleared_counts_anew() -> None:
    counted, bounds = RepeatedExecutions(), limits(repeat_fills_same_side=1)
    assert counted.add(T0, "buy", "a", bounds)
    counted.clear()
    assert not counted.orders


def test_a_fill_that_is_told_again_late_does_not_count_anew() -> None:
    fills: list[tuple[float, Side, str]] = [(0, "buy", "a"), (61, "buy", "b"), (62, "buy", "c")]
    assert not any(executions(*fills, (0, "buy", "a"), (0, "buy", "a")))
    assert executions(*fills, (0, "buy", "a"), (63, "buy", "d"))[-1], "nor does it hide those that do"


def test_a_latch_has_a_number_for_each_cause() -> None:
    scope = Scope("sim", "BTC/USDT")
    for cause in ("A", "B", "A"):
        scope.latch(cause)
    assert (list(scope.latches.values()), scope.halt_sequence) == (["A", "B"], 2)


def test_the_newest_text_of_a_cause_replaces_the_one_before() -> None:
    scope = Scope("sim", "BTC/USDT")
    for text in ("first", "second", "second"):
        scope.latch("COMMAND", text)
    assert (list(scope.latches.values()), scope.halt_sequence) == (["second"], 2)


def test_the_most_severe_state_wins_with_all_its_reasons() -> None:
    scope = Scope("sim", "BTC/USDT")
    breaches = [Breach("REDUCE_ONLY", "A"), Breach("REDUCE_ONLY", "B")]
    assert scope.judge([]) == LimitVerdict("RUN", ())
    assert scope.judge(breaches) == LimitVerdict("REDUCE_ONLY", ("A", "B"))
    assert scope.judge([*breaches, Breach("HALT", "C", latches=True)]) == LimitVerdict("HALT", ("C",))
    assert scope.judge([]) == LimitVerdict("HALT", ("C",)), "latched"
    said = scope.state(T0, scope.judge([]), ())
    assert (said.state, said.reasons, said.latched, said.halt_sequence) == ("HALT", ("C",), True, 1)
