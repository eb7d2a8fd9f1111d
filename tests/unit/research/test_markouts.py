"""What the mid said of our fills some time later."""

from decimal import Decimal
from math import sqrt
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.attribution.exact import exactly
from research.attribution.horizons import HORIZONS_MS
from research.attribution.lines import FillLine, Line, MidLine
from research.attribution.report import MarkoutRow
from tests.unit.research.streams import (
    CONTRACTS,
    SYMBOL,
    S,
    booked,
    fill,
    instrument,
    mid,
    pn1,
    streams,
)

few = settings(max_examples=40)
"""Each example books a stream twice or more."""


def rows(
    *lines: Line, horizons_ms: tuple[int, ...] = HORIZONS_MS, contract: str = "linear"
) -> list[MarkoutRow]:
    report = booked([instrument(contract), *lines], horizons_ms).finish()
    return list(report.symbols[SYMBOL].markouts)


MK1 = (
    (1, "99.98", 2, "100.00", "99.97"),
    (-1, "100.03", 1, "100.00", "100.05"),
    (1, "99.97", 3, "100.00", "100.01"),
)
"""s, p, z, m, m_h."""


def mk1() -> list[Line]:
    """The fills ten seconds apart, each with its own mid, the mid of its horizon a second later."""
    lines: list[Line] = []
    for number, (sign, price, size, now, later) in enumerate(MK1):
        lines += [mid(10 * number, now), fill(10 * number, sign * size, price), mid(10 * number + 1, later)]
    return lines


@pytest.mark.case("MK1")
def test_capture_and_adverse_selection_add_up_to_the_markout() -> None:
    (row,) = rows(*mk1(), horizons_ms=(1_000,))
    assert (row.fills, row.fills_without) == (3, 0)
    assert row.capture == Decimal("0.16")
    assert row.adverse == Decimal("-0.08")
    assert row.markout == Decimal("0.08")
    assert row.per_unit == pytest.approx(0.0133333, abs=1e-6)
    assert row.mean_bps == pytest.approx(1.3335556, abs=1e-6)


@pytest.mark.case("MK1")
def test_mean_error_and_share_of_losses_count_each_fill() -> None:
    (row,) = rows(*mk1(), horizons_ms=(1_000,))
    money = [-0.02, -0.02, 0.12]
    assert row.mean == pytest.approx(mean(money))
    assert row.standard_error == pytest.approx(stdev(money) / sqrt(3))
    assert row.share_negative == pytest.approx(2 / 3)


@pytest.mark.case("MK1")
def test_error_in_bps_is_that_of_a_ratio_by_cochran() -> None:
    (row,) = rows(*mk1(), horizons_ms=(1_000,))
    money, notional = [-0.02, -0.02, 0.12], [199.96, 100.03, 299.91]
    ratio = sum(money) / sum(notional)
    squares = sum((y - ratio * x) ** 2 for y, x in zip(money, notional, strict=True))
    assert row.standard_error_bps == pytest.approx(1e4 * sqrt(3 / 2 * squares) / sum(notional))


@pytest.mark.case("PN1")
def test_adverse_selection_at_one_second() -> None:
    (row,) = booked(pn1(), [1_000]).finish().symbols[SYMBOL].markouts
    assert (row.adverse, row.residual, row.fills) == (Decimal("-0.12"), Decimal("0.14"), 3)


def test_adverse_counts_what_was_no_longer_held_and_the_residual_takes_it_back() -> None:
    """Bought at 100, sold at 100 half a second later; then the mid falls to 90 and comes back."""
    path: list[Line] = [mid(0, "100"), fill(0, 1, "100"), fill(0.5, -1, "100"), mid(1, "90"), mid(1.5, "100")]
    (row,) = rows(*path, horizons_ms=(1_000,))
    assert (row.adverse, row.residual) == (Decimal(-10), Decimal(10))


def test_the_six_horizons() -> None:
    assert [row.horizon_ms for row in rows()] == [50, 1_000, 5_000, 15_000, 60_000, 300_000]


def test_without_a_fill_there_is_nothing_to_say() -> None:
    row = rows(mid(0, "100"), mid(1000, "101"))[0]
    assert (row.fills, row.fills_without, row.markout) == (0, 0, Decimal(0))
    assert (row.mean, row.mean_bps, row.standard_error, row.standard_error_bps) == (None,) * 4
    assert (row.share_negative, row.per_unit) == (None, None)


def test_one_fill_has_a_mean_and_no_error() -> None:
    (row,) = rows(mid(0, "100"), fill(0, 1, "99"), mid(1, "98"), horizons_ms=(1_000,))
    assert (row.mean, row.share_negative) == (-1, 1)
    assert row.mean_bps == pytest.approx(-1e4 / 99)
    assert (row.standard_error, row.standard_error_bps) == (None, None)


def test_a_fill_without_a_mid_late_enough_has_none() -> None:
    """Not even where other lines show that the time has passed: the mid may have stopped long before."""
    stale: list[Line] = [mid(0, "100"), fill(0, 1, "99"), mid(0.999, "100.5"), fill(70, 1, "99")]
    row = rows(*stale, horizons_ms=(1_000,))[0]
    assert (row.fills, row.fills_without, row.markout) == (0, 2, Decimal(0))


def test_the_mid_is_the_last_one_at_or_before_the_horizon() -> None:
    fills: list[Line] = [mid(0, "100"), fill(0, 1, "100")]
    before = rows(*fills, mid(0.9, "103"), mid(1.1, "107"), horizons_ms=(1_000,))[0]
    at_it = rows(*fills, mid(0.9, "103"), mid(1, "105"), mid(1.1, "107"), horizons_ms=(1_000,))[0]
    twice = rows(*fills, mid(1, "105"), mid(1, "106"), horizons_ms=(1_000,))[0]
    never_moved = rows(*fills, mid(2, "105"), horizons_ms=(1_000,))[0]
    assert [row.markout for row in (before, at_it, twice, never_moved)] == [3, 5, 6, 0]
    assert never_moved.share_negative == 0, "nothing is no loss"


def test_horizons_begin_at_the_execution_and_at_the_mid_just_before_it() -> None:
    """Bought at 99 at 1.0 s, the mid at 100, told at 1.2 s at 98: 97 stands 50 ms after it, 96 a second."""
    told = fill(1.2, 2, "99", mid="98", executed_ns=S, execution_mid="100")
    before = [mid(0, "100"), mid(1.02, "97"), mid(1.1, "98")]
    short, long = rows(*before, told, mid(1.9, "96"), mid(2.1, "95"), horizons_ms=(50, 1_000))
    assert [each.capture for each in (short, long)] == [Decimal(2)] * 2
    assert [each.adverse for each in (short, long)] == [Decimal(-6), Decimal(-8)]


def test_an_execution_told_long_after_has_only_the_horizons_that_are_known() -> None:
    told = fill(10, 1, "99", executed_ns=0, execution_mid="100")
    short, long = rows(mid(5, "98"), mid(9, "97"), told, mid(20, "96"), horizons_ms=(1_000, 15_000))
    assert (short.fills, short.fills_without) == (0, 1)
    assert (long.fills, long.adverse) == (1, Decimal(-3))


def test_executions_of_several_streams_wait_in_their_own_order() -> None:
    first, second = (
        fill(10, 1, "99", executed_ns=executed_ms * S // 1_000, execution_mid="100")
        for executed_ms in (9_900, 9_500)
    )
    after = [mid(10.6, "98"), mid(10.95, "90")]
    [row] = rows(mid(9, "100"), first, second, *after, horizons_ms=(1_000,))
    assert (row.fills, row.adverse) == (2, Decimal(-2))


def test_a_mid_that_marks_nothing_counts_for_markouts_alone() -> None:
    lines: list[Line] = [mid(0, "100"), fill(0, 1, "99"), mid(0.9, "98", marks=False), mid(1.1, "100")]
    report = booked([instrument("linear"), *lines], (1_000,)).finish().symbols[SYMBOL]
    assert report.markouts[0].adverse == Decimal(-2)
    assert report.equity.max_drawdown == 0


def test_an_inverse_contract_is_marked_out_in_base_and_relative_to_its_notional() -> None:
    """1 contract of 1 USD from 1,000 to 1,250: 1/1000 - 1/1250 = 0.0002 XBT, a fifth of 0.001."""
    row = rows(mid(0, "1000"), fill(0, 1, "1000"), mid(1, "1250"), horizons_ms=(1_000,), contract="inverse")[
        0
    ]
    assert row.markout == Decimal("0.0002")
    assert row.mean_bps == pytest.approx(2000)


@pytest.mark.parametrize("contract", CONTRACTS)
@few
@given(data=st.data())
def test_against_the_definition_for_each_fill_and_horizon(contract: str, data: st.DataObject) -> None:
    lines: list[Line] = data.draw(streams(contract, with_fills_mid=False))
    report = booked(lines).finish().symbols[SYMBOL]
    mids = [line for line in lines if isinstance(line, MidLine)]
    with exactly():
        for row in report.markouts:
            amounts = _by_definition(lines, mids, row.horizon_ms * 1_000_000, contract)
            assert (row.fills, row.markout) == (len(amounts), sum(amounts))
            assert row.fills + row.fills_without == report.fills.fills
            assert row.capture + row.adverse == row.markout
            assert row.adverse + row.residual == report.attribution.inventory
            assert row.share_negative == (
                sum(each < 0 for each in amounts) / len(amounts) if amounts else None
            )


def _by_definition(lines: list[Line], mids: list[MidLine], horizon_ns: int, contract: str) -> list[Decimal]:
    """s z (V(m_h) - V(p)) of every fill that has one."""
    symbol = booked(lines[:1]).symbols[SYMBOL]
    amounts = []
    for line in lines:
        if isinstance(line, FillLine) and mids[-1].time_ns >= line.time_ns + horizon_ns:
            later = [each.mid for each in mids if each.time_ns <= line.time_ns + horizon_ns][-1]
            sign = 1 if line.side == "buy" else -1
            amounts.append(sign * line.size * (symbol._value(later) - symbol._value(line.price)))
    return amounts
