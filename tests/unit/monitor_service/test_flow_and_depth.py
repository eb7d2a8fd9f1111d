"""Which side takes, and which side is heavier."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.depth import TimeAverage, imbalance, weighted_mid
from monitor_service.core.trade_flow import TradeFlow

from schemas.message import Side

S = 1_000_000_000
T0 = 1_000 * S


def flow_of(*trades: tuple[float, int], tau_s: float = 10.0) -> TradeFlow:
    """The flow after (seconds, signed size) of takers."""
    flow = TradeFlow(tau_s)
    for at_s, signed in trades:
        flow.add(T0 + round(at_s * S), "buy" if signed > 0 else "sell", abs(signed))
    return flow


FL1_TRADES = ((0, 5), (4, -3), (10, 8), (10, -2), (25, -1))
FL1_FLOWS = (1.0, 0.055356165, 0.713310295, 0.459219887, 0.095242589)


@pytest.mark.case("FL1")
@pytest.mark.parametrize(("count", "expected"), list(enumerate(FL1_FLOWS, start=1)))
def test_flow_after_each_trade(count: int, expected: float) -> None:
    assert flow_of(*FL1_TRADES[:count]).imbalance == pytest.approx(expected, rel=5e-7)


def test_no_trades_are_no_flow() -> None:
    flow = TradeFlow(10.0)
    assert (flow.imbalance, flow.volume_lots) == (0.0, 0.0)


def test_volume_decays_while_the_flow_stays() -> None:
    flow = flow_of((0, 6), (0, -2))
    flow.decay_to(T0 + 10 * S)
    assert flow.imbalance == pytest.approx(0.5)
    assert flow.volume_lots == pytest.approx(8 * exp(-1))


def test_a_trade_whose_taker_is_unknown_moves_time_alone() -> None:
    flow = flow_of((0, 6))
    flow.add(T0 + 10 * S, None, 100)
    assert flow.volume_lots == pytest.approx(6 * exp(-1))
    assert flow.imbalance == 1.0


def test_time_never_runs_back() -> None:
    flow = flow_of((10, 6))
    flow.decay_to(T0)
    assert flow.volume_lots == 6
    flow.decay_to(T0 + 10 * S)
    assert flow.volume_lots == 6


TRADES = st.lists(
    st.tuples(st.integers(0, 5_000), st.sampled_from(["buy", "sell", None]), st.integers(1, 1_000)),
    max_size=30,
)


@given(trades=TRADES)
def test_flow_is_bounded_and_mirrors_with_the_sides(trades: list[tuple[int, Side | None, int]]) -> None:
    mirror: dict[Side | None, Side | None] = {"buy": "sell", "sell": "buy", None: None}
    flow, mirrored, time_ns = TradeFlow(10.0), TradeFlow(10.0), T0
    for wait_ms, side, lots in trades:
        time_ns += wait_ms * 1_000_000
        flow.add(time_ns, side, lots)
        mirrored.add(time_ns, mirror[side], lots)
        assert -1 <= flow.imbalance <= 1
        assert mirrored.imbalance == -flow.imbalance
        assert mirrored.volume_lots == flow.volume_lots


@given(waits=st.lists(st.integers(1, 20_000), min_size=1, max_size=20))
def test_volume_does_not_depend_on_how_often_it_is_looked_at(waits: list[int]) -> None:
    looked_at, left_alone = flow_of((0, 1_000)), flow_of((0, 1_000))
    time_ns = T0
    for wait_ms in waits:
        time_ns += wait_ms * 1_000_000
        looked_at.decay_to(time_ns)
    left_alone.decay_to(time_ns)
    assert looked_at.volume_lots == pytest.approx(left_alone.volume_lots, rel=1e-9)


@pytest.mark.case("MP4")
def test_static_depth_imbalance() -> None:
    bids, asks = sum((10, 20, 30, 40, 50)), sum((30, 20, 10, 5, 5))
    assert imbalance(bids, asks) == pytest.approx(0.363636364, abs=1e-9)


@pytest.mark.parametrize(("bid", "ask", "expected"), [(7, 0, 1.0), (0, 7, -1.0), (0, 0, 0.0), (3, 3, 0.0)])
def test_imbalance_at_its_ends(bid: int, ask: int, expected: float) -> None:
    assert imbalance(bid, ask) == expected


MP3 = [
    (20, 471, 0.040733, 14.330407),
    (25, 148, 0.144509, 14.331445),
    (31, 95, 0.246032, 14.332460),
]


@pytest.mark.case("MP3")
@pytest.mark.parametrize(("bid_lots", "ask_lots", "share", "expected"), MP3)
def test_the_weighted_mid_leans_to_the_thin_side(
    bid_lots: int, ask_lots: int, share: float, expected: float
) -> None:
    assert weighted_mid(14.33, bid_lots, 14.34, ask_lots) == pytest.approx(expected, abs=1e-6)
    assert (imbalance(bid_lots, ask_lots) + 1) / 2 == pytest.approx(share, abs=1e-6)


@given(
    bid=st.integers(1, 10**7),
    spread=st.integers(1, 1_000),
    bid_lots=st.integers(1, 10**9),
    ask_lots=st.integers(1, 10**9),
)
def test_weighted_mid_lies_inside_the_spread_on_the_heavier_bids_far_side(
    bid: int, spread: int, bid_lots: int, ask_lots: int
) -> None:
    ask = bid + spread
    price = weighted_mid(bid, bid_lots, ask, ask_lots)
    slack = 1e-9 * ask
    assert bid - slack <= price <= ask + slack
    expected = (bid + ask) / 2 + spread / 2 * imbalance(bid_lots, ask_lots)
    assert price == pytest.approx(expected, rel=1e-9)


def test_the_first_value_stands_for_all_time_before_it() -> None:
    average = TimeAverage(tau_s=2.0)
    average.set(T0, 0.8)
    assert average.advance_to(T0) == 0.8
    assert average.advance_to(T0 + 5 * S) == pytest.approx(0.8)


def test_asking_before_the_first_value_does_not_begin_the_average() -> None:
    average = TimeAverage(tau_s=2.0)
    assert average.advance_to(5 * S) == 0.0
    average.set(6 * S, -0.83)
    assert average.advance_to(7 * S) == pytest.approx(-0.83)


def test_a_new_value_comes_in_as_time_passes() -> None:
    average = TimeAverage(tau_s=2.0)
    average.set(T0, 0.0)
    average.set(T0 + S, 1.0)
    assert average.advance_to(T0 + S) == 0.0, "what has not stood yet does not count yet"
    assert average.advance_to(T0 + 3 * S) == pytest.approx(1 - exp(-1))
    assert average.advance_to(T0 + 100 * S) == pytest.approx(1.0)


def test_a_value_that_stood_for_no_time_does_not_count() -> None:
    flickering, steady = TimeAverage(tau_s=2.0), TimeAverage(tau_s=2.0)
    for average in (flickering, steady):
        average.set(T0, 0.2)
    flickering.set(T0 + S, -1.0)
    flickering.set(T0 + S, 0.6)
    steady.set(T0 + S, 0.6)
    assert flickering.advance_to(T0 + 2 * S) == steady.advance_to(T0 + 2 * S)


def test_a_time_that_runs_backwards_does_not_move_the_average() -> None:
    average = TimeAverage(tau_s=2.0)
    average.set(T0 + S, 0.5)
    average.set(T0, 1.0)
    assert average.advance_to(T0) == 0.5


@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=20), repeats=st.integers(1, 5))
def test_the_average_does_not_depend_on_how_often_a_value_is_reported(
    values: list[float], repeats: int
) -> None:
    once, often = TimeAverage(tau_s=2.0), TimeAverage(tau_s=2.0)
    for number, value in enumerate(values):
        start_ns = T0 + number * S
        once.set(start_ns, value)
        for repeat in range(repeats):
            often.set(start_ns + repeat * S // repeats, value)
    end_ns = T0 + len(values) * S
    assert often.advance_to(end_ns) == pytest.approx(once.advance_to(end_ns), abs=1e-12)
    assert min(values) - 1e-12 <= once.advance_to(end_ns) <= max(values) + 1e-12
