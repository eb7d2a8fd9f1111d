"""The flow of public trades: decayed, in buckets, and what it paid (docs/FORMULAS.md, Flow and toxicity)."""

from decimal import Decimal
from math import exp
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.attribution.bulk import normal_share, student_share
from research.attribution.flow import FlowImbalance, VolumeBuckets
from research.attribution.lines import Line, UnsidedTrades
from research.attribution.report import TakerRow, ToxicityReport
from tests.unit.research.streams import (
    SYMBOL,
    S,
    booked,
    fill,
    instrument,
    mid,
    trade,
)

FL1_TRADES = ((0, 5), (4, -3), (10, 8), (10, -2), (25, -1))
FL1_FLOWS = (1.0, 0.055356165, 0.713310295, 0.459219887, 0.095242589)
VP1_TRADES = (60, -70, 50, 90, -30, -25, 75)


def toxicity_of(*lines: Line, **fields: Any) -> ToxicityReport:
    toxicity = booked([instrument(**fields), *lines], (1_000,)).finish().symbols[SYMBOL].toxicity
    assert toxicity is not None
    return toxicity


def takers_of(*lines: Line) -> TakerRow:
    return toxicity_of(*lines).takers[0]


@pytest.mark.case("FL1")
@pytest.mark.parametrize(("count", "expected"), list(enumerate(FL1_FLOWS, start=1)))
def test_flow_after_each_public_trade(count: int, expected: float) -> None:
    trades = [trade(at_s, signed, "100") for at_s, signed in FL1_TRADES[:count]]
    assert toxicity_of(*trades, flow_tau_s=10).flow_imbalance == pytest.approx(expected, rel=5e-7)


def test_the_flow_keeps_its_lean_while_its_volume_decays() -> None:
    toxicity = toxicity_of(trade(0, 6, "100"), trade(0, -2, "100"), mid(10, "100"), flow_tau_s=10)
    assert toxicity.flow_imbalance == pytest.approx(0.5)
    assert toxicity.flow_volume == pytest.approx(8 * exp(-1))


def test_no_flow_leans_nowhere() -> None:
    flow = FlowImbalance(10.0)
    assert (flow.imbalance, flow.volume) == (0.0, 0.0)


def test_flow_against_our_fills() -> None:
    """Sellers alone hit our two bids, and once we sold to them too: 1, 1 and -1."""
    fills = [fill(at, size, "100") for at, size in ((1, 1), (2, 1), (3, -1))]
    toxicity = toxicity_of(mid(0, "100"), trade(0, -5, "100"), *fills)
    assert toxicity.flow_against_fills == pytest.approx(1 / 3)
    assert toxicity_of(trade(0, 1, "1")).flow_against_fills is None


def vp1_buckets(count: int) -> VolumeBuckets:
    return VolumeBuckets(Decimal(100), count)


def put(buckets: VolumeBuckets, *trades: int) -> float | None:
    for signed in trades:
        buckets.add(1 if signed > 0 else -1, Decimal(abs(signed)), Decimal(100))
    return buckets.value


@pytest.mark.case("VP1")
def test_toxicity_is_the_mean_imbalance_of_the_newest_buckets() -> None:
    buckets = vp1_buckets(3)
    assert put(buckets, *VP1_TRADES[:-1]) == pytest.approx(1 / 3, abs=1e-9)
    assert put(buckets, VP1_TRADES[-1]) == pytest.approx(0.433333333, abs=1e-9)


@pytest.mark.case("VP1")
def test_toxicity_by_the_lines_of_a_log() -> None:
    trades = [trade(at, signed, "100") for at, signed in enumerate(VP1_TRADES)]
    toxicity = toxicity_of(*trades, bucket_size=100, buckets=3)
    assert toxicity.bucket_imbalance == pytest.approx(0.433333333, abs=1e-9)
    assert toxicity.bucket_imbalance_mean == pytest.approx((1 / 3 + 0.433333333) / 2, abs=1e-9)


def test_there_is_no_value_before_all_buckets_are_full() -> None:
    buckets = vp1_buckets(2)
    assert put(buckets, 199) is None
    assert put(buckets, 1) == 1
    assert toxicity_of(trade(0, 1, "1")).bucket_imbalance is None


def test_a_trade_of_many_buckets_is_looked_at_no_longer_than_the_window() -> None:
    buckets = vp1_buckets(4)
    assert put(buckets, 50, -(10**17)) == 1
    assert put(buckets, 50) == 0.75, "with the 50 that were left over a bucket of both sides"


@given(st.lists(st.integers(-500, 500).filter(bool), max_size=20), st.integers(1, 4))
def test_buckets_against_single_units(trades: list[int], count: int) -> None:
    units = [1 if signed > 0 else -1 for signed in trades for _ in range(abs(signed))]
    full = [units[at : at + 100] for at in range(0, len(units) - 99, 100)][-count:]
    value = put(vp1_buckets(count), *trades)
    if len(full) < count:
        assert value is None
    else:
        assert value == pytest.approx(sum(abs(sum(each)) for each in full) / (count * 100), abs=1e-9)


@pytest.mark.case("BV1")
@pytest.mark.parametrize(
    ("change", "normal", "student"),
    [(0.5, 691.462461, 591.900011), (-2, 22.750132, 302.561792), (0, 500, 500)],
)
def test_bulk_classification_by_the_normal_and_by_student(
    change: float, normal: float, student: float
) -> None:
    assert 1000 * normal_share(change) == pytest.approx(normal, rel=5e-7)
    assert 1000 * student_share(change) == pytest.approx(student, rel=5e-7)


@pytest.mark.parametrize(
    ("t", "freedom", "expected"), [(1, 1, 0.75), (-1, 1, 0.25), (2**0.5, 2, 0.853553391), (1e9, 1, 1)]
)
def test_student_where_it_has_a_closed_form(t: float, freedom: float, expected: float) -> None:
    """1/2 + atan(t)/pi for one degree of freedom, 1/2 + t/(2 sqrt(2 + t^2)) for two."""
    assert student_share(t, freedom) == pytest.approx(expected, abs=1e-8)


@given(st.floats(-1e6, 1e6), st.floats(0.1, 50))
def test_student_is_symmetric_and_a_share(t: float, freedom: float) -> None:
    assert 0 <= student_share(t, freedom) <= 1
    assert student_share(t, freedom) + student_share(-t, freedom) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("unsided", "counts"), [("ignore", 1), ("normal", 4), ("student", 4)])
def test_trades_without_a_side_are_classed_only_where_that_was_asked_for(
    unsided: UnsidedTrades, counts: int
) -> None:
    buckets = VolumeBuckets(Decimal(10), 1, unsided)
    for price in (100, 101, 99):
        buckets.add(0, Decimal(10), Decimal(price))
    buckets.add(1, Decimal(10), Decimal(99))
    assert buckets.over_time.count == counts


def test_bulk_classification_of_buckets_by_their_price_change() -> None:
    """Changes 0, +2, -2 by bucket: no deviation, no deviation of one, then of all so far."""
    values = []
    buckets = VolumeBuckets(Decimal(10), 1, "normal")
    for price in (100, 102, 100):
        buckets.add(0, Decimal(10), Decimal(price))
        values.append(buckets.value)
    second = abs(2 * normal_share(2 / 2**0.5) - 1)
    third = abs(2 * normal_share(-2 / 2) - 1)
    assert values == pytest.approx([0, second, third])


def test_a_taker_paid_effective_of_which_part_was_impact() -> None:
    """D +1, p 100.03, m0 100, m_h 100.02: 0.06 (6 bp), 0.02, 0.04."""
    row = takers_of(mid(0, "100"), trade(0, 1, "100.03"), mid(1, "100.02"))
    assert row.effective_spread == pytest.approx(0.06, abs=1e-9)
    assert row.effective_spread_bps == pytest.approx(6, abs=1e-9)
    assert row.realised_spread == pytest.approx(0.02, abs=1e-9)
    assert row.impact == pytest.approx(0.04, abs=1e-9)


def test_the_mean_effective_spread_of_three_sales() -> None:
    """Sold at 9.98, 9.92, 9.91 with mids 10.035, 9.93, 9.91."""
    lines: list[Line] = []
    for at_s, (now, price) in enumerate((("10.035", "9.98"), ("9.93", "9.92"), ("9.91", "9.91"))):
        lines += [mid(2 * at_s, now), trade(2 * at_s, -1, price)]
    row = takers_of(*lines, mid(7, "9.91"))
    assert row.trades == 3
    assert row.effective_spread == pytest.approx(0.043333, abs=1e-6)


def test_a_taker_without_mid_or_side_has_no_spread() -> None:
    row = takers_of(trade(0, 1, "100"), mid(0, "100"), trade(0, 1, "100", side=None), mid(S, "1"))
    assert (row.trades, row.effective_spread, row.effective_spread_bps) == (0, None, None)
