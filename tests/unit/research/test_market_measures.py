"""`maker calibrate --realised` and `--toxicity`: realised measures, and the one-sidedness of takers."""

from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.calibration.market_command import FlowReport, FlowTally, RealisedReport, sampled_returns
from research.calibration.realised import realised
from schemas.market_data_settings import MarketData
from schemas.message import Event, Side
from tests.kit.messages import T0, S, book, trade


def test_a_worked_example_of_every_measure() -> None:
    """Returns 1, -2, 3, 0: RV 14; products 2 + 6 + 0; medians 2 and 2; (1 x 2 x 3)^(4/3) + 0 = 10.902724."""
    found = realised((1.0, -2.0, 3.0, 0.0))
    assert found.variance == 14
    assert found.bipower == pytest.approx(1.5707963268 * 4 / 3 * 8)
    assert found.median_rv == pytest.approx(1.4193582845 * 4 / 2 * 8)
    assert found.tripower_quarticity == pytest.approx(4 / 0.830860925**3 * 4 / 2 * 10.902723556992836)


def test_without_jumps_all_agree_and_with_one_the_robust_ones_stay() -> None:
    """20,000 normal returns: each measure within 4 %; a jump of 60 deviations adds 18 % to the plain one."""
    random = Random(1)
    calm = [random.gauss(0, 1) for _ in range(20_000)]
    found = realised(calm)
    assert found.bipower == pytest.approx(found.variance, rel=0.04)
    assert found.median_rv == pytest.approx(found.variance, rel=0.04)
    assert found.tripower_quarticity == pytest.approx(20_000**2, rel=0.1)
    assert found.jump_statistic is not None
    assert abs(found.jump_statistic) < 3
    jumped = realised([*calm[:10_000], 60.0, *calm[10_000:]])
    assert jumped.variance == pytest.approx(found.variance + 3_600)
    assert jumped.median_rv == pytest.approx(found.median_rv, rel=0.01)
    assert jumped.jump_statistic is not None
    assert jumped.jump_statistic > 3
    assert jumped.jump_share == pytest.approx(3_600 / 23_600, abs=0.03)


RETURNS = st.floats(-1, 1).filter(lambda each: each == 0 or abs(each) > 1e-6)


@given(st.lists(RETURNS, min_size=3), st.floats(0.1, 10))
def test_variances_grow_with_the_square_of_the_unit(returns: list[float], factor: float) -> None:
    plain, scaled = realised(returns), realised([factor * each for each in returns])
    for name in ("variance", "bipower", "median_rv"):
        assert getattr(scaled, name) == pytest.approx(factor**2 * getattr(plain, name), rel=1e-9)
    assert scaled.tripower_quarticity == pytest.approx(factor**4 * plain.tripower_quarticity, rel=1e-9)


def test_too_few_returns_are_refused() -> None:
    with pytest.raises(ValueError, match="2 returns: at least 3 are needed"):
        realised((0.1, 0.2))


def test_a_sample_is_the_last_mid_at_or_before_its_time() -> None:
    """Mids of 100 at 0, 101 at 0.5 s and 103 at 1 s: the second sample is the 103 at its very time."""
    events: list[Event] = [
        book(99, 101, levels=1),
        book(100, 102, levels=1, time_ns=T0 + S // 2),
        book(102, 104, levels=1, time_ns=T0 + S),
        book(10, 12, levels=1, status="stale", time_ns=T0 + S + 1),
        book(103, 105, levels=1, time_ns=T0 + 3 * S),
        book(1, 3, levels=1, time_ns=T0 + 3 * S + 1),
    ]
    assert sampled_returns(events, S) == pytest.approx([log(1.03), 0.0, log(104 / 103)])


def test_volatilities_are_per_square_root_of_a_second() -> None:
    report = RealisedReport("A/B", 4.0, realised((0.0002,) * 4))
    assert report.as_json()["volatility_bps"] == pytest.approx(1.0)
    assert "4 returns of 4 s" in report.as_text()


def test_takers_of_one_side_are_as_toxic_as_can_be_and_the_mid_follows() -> None:
    tally = FlowTally(MarketData(toxicity_bucket_s=1.0, toxicity_buckets=2))
    for second in range(20):
        time_ns = T0 + second * S
        tally.apply(book(99 + second, 101 + second, levels=1, time_ns=time_ns))
        tally.apply(trade(101 + second, 2, "buy", trade_id=str(second), time_ns=time_ns + 1))
    found = FlowReport("A/B", tally).as_json()
    assert (found["trades"], found["flow_imbalance"], found["toxicity"]) == (20, 1.0, 1.0)
    after_1_s = found["moves"][0]
    assert after_1_s["horizon_s"] == 1
    # the mid a second after each of the first 18 trades is one tick higher
    assert after_1_s["move_bps"] == pytest.approx(sum(1e4 / (100 + each) for each in range(18)) / 18)
    assert found["moves"][-1]["move_bps"] is None


def test_balanced_takers_are_not_toxic() -> None:
    tally = FlowTally(MarketData(toxicity_bucket_s=2.0, toxicity_buckets=3))
    for number in range(40):
        side: Side = "buy" if number % 2 else "sell"
        tally.apply(trade(100, 1, side, trade_id=str(number), time_ns=T0 + number * S))
    toxicity = FlowReport("A/B", tally).as_json()["toxicity"]
    assert toxicity is not None
    assert toxicity < 0.2
