"""Alpha: what was put into a market is found again, what is not there is not, and quoting moves by it."""

import json
from functools import partial
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from quote_service.quoting.draft import moved
from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.quoter import QuoterCore

from research.calibration.alpha import Sample, fit_alpha
from research.calibration.alpha_command import AlphaReport
from schemas.alpha_settings import Alpha, burst_pressure, flow_pressure
from schemas.config import Config
from schemas.refusals import RefusalTally
from tests.system.conftest import run_maker
from tests.unit.quote_service.quoting.builders import book, config, facts, risk, signal, targets

floats = partial(st.floats, allow_subnormal=False)

S = 1_000_000_000


def market(seed: int, *, told_bps: tuple[float, ...], count: int = 4_000) -> list[Sample]:
    """A second between samples; the mid moves by the features before, and by noise of 1 bp."""
    random, mid, seen = Random(seed), 2e8, []
    for number in range(count):
        features = tuple(random.gauss(0, 1) for _ in told_bps)
        seen.append(Sample(number * S, round(mid), features))
        move_bps = sum(bps * each for bps, each in zip(told_bps, features, strict=True)) + random.gauss(0, 1)
        mid *= 1 + move_bps / 10_000
    return seen


def test_what_moves_the_market_is_found_within_its_error() -> None:
    """Of a variance of 1 + 0.25 + 0.01, 0.26 is explained: R2 0.206; ridge takes 1 % off."""
    fit = fit_alpha(market(1, told_bps=(0.5, -0.1)), S)
    assert fit.coefficients == pytest.approx((0.5, -0.1), abs=0.05)
    for found, error, told in zip(fit.coefficients, fit.errors, (0.495, -0.099), strict=True):
        assert abs(found - told) < 4 * error
        assert error == pytest.approx(4_000**-0.5, rel=0.7)
    assert fit.r_squared_unseen == pytest.approx(0.206, abs=0.04)


def test_noise_is_no_better_than_expecting_no_move() -> None:
    fit = fit_alpha(market(2, told_bps=(0.0, 0.0)), S)
    assert fit.r_squared_unseen < 0.005
    assert max(map(abs, fit.coefficients)) < 4 * max(fit.errors)


def test_a_mirrored_market_has_the_same_coefficients() -> None:
    seen = market(3, told_bps=(0.3, 0.2), count=1_000)
    first = seen[0].mid_half_ticks
    mirrored = [
        Sample(each.time_ns, round(first**2 / each.mid_half_ticks), tuple(-part for part in each.features))
        for each in seen
    ]
    assert fit_alpha(mirrored, S).coefficients == pytest.approx(fit_alpha(seen, S).coefficients, rel=1e-3)


def test_the_future_is_the_last_mid_at_or_before_the_horizon() -> None:
    """Moves come 0.4 s after their feature and last; a horizon of 0.3 s sees none of them."""
    seen = []
    for number in range(600):
        feature = 1.0 if number % 2 else -1.0
        mid = 20_000 + (2 if number % 2 else 0)
        seen += [
            Sample(number * S, 20_000, (feature,)),
            Sample(number * S + 400_000_000, mid, (0.0,)),
        ]
    assert fit_alpha(seen, S // 2).coefficients[0] > 0.4
    with pytest.raises(ValueError, match="never moved"):
        fit_alpha([each for each in seen if each.features[0]], S * 3 // 10)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="9 samples with a known future: at least 200 are needed"):
        fit_alpha(market(1, told_bps=(1.0, 0.0), count=10), S)
    with pytest.raises(ValueError, match="0 samples"):
        fit_alpha([], S)


def test_the_settings_are_what_quoting_reads() -> None:
    report = AlphaReport("A/B", 1_000, fit_alpha(market(1, told_bps=(0.5, 0.2, -0.1)), S), RefusalTally())
    own = Config.model_validate(yaml.safe_load(report.settings())).of_symbol("A/B")
    assert own.alpha.flow_bps == pytest.approx(report.fit.coefficients[0])
    assert own.alpha.burst_bps == pytest.approx(report.fit.coefficients[1])
    assert own.alpha.imbalance_bps == pytest.approx(report.fit.coefficients[2])


def test_takers_count_by_what_they_traded_beside_the_depth() -> None:
    calm = signal(flow_imbalance=1.0, flow_volume_lots=0.0)
    busy = signal(flow_imbalance=-0.5, flow_volume_lots=60_000.0)
    assert (flow_pressure(calm), flow_pressure(busy)) == (0.0, -0.375)


def test_takers_of_the_last_moment_count_beside_a_depth() -> None:
    """Three depths bought and one sold: 2/5; mirrored the opposite."""
    bought = signal(taker_buy_depths=3.0, taker_sell_depths=1.0)
    sold = signal(taker_buy_depths=1.0, taker_sell_depths=3.0)
    assert (burst_pressure(bought), burst_pressure(sold), burst_pressure(signal())) == (0.4, -0.4, 0.0)
    assert Alpha(burst_bps=2.0).expected_bps(bought) == pytest.approx(0.8)


def test_the_fair_value_moves_by_what_is_expected_and_says_so() -> None:
    """2 bps x 0.25 of imbalance: half a tick of 10,000 up, in a spread of 2."""
    settings = config(alpha={"imbalance_bps": 2.0}, pricing={"adjustment_speed": 0.0})
    leaning = signal(imbalance=0.25)
    (target,) = targets(QuoterCore(settings), risk(), facts()[1], leaning, book())
    names = [(step.name, round(step.effect_bps, 6)) for step in target.bid.steps[:2]]
    assert names == [("fair_value", 0.0), ("alpha", 0.5)]
    assert (target.bid.prices, target.ask.prices) == ((9_990,), (10_011,))


@given(floats(-1, 1), floats(-1, 1), floats(0, 1e6), floats(-100, 100), floats(-100, 100))
def test_it_stays_inside_the_spread_and_within_its_bound(
    imbalance: float, flow: float, volume: float, flow_bps: float, imbalance_bps: float
) -> None:
    alpha = Alpha(flow_bps=flow_bps, imbalance_bps=imbalance_bps, max_bps=3)
    told = signal(imbalance=imbalance, flow_imbalance=flow, flow_volume_lots=volume)
    mirrored = signal(imbalance=-imbalance, flow_imbalance=-flow, flow_volume_lots=volume)
    assert abs(alpha.expected_bps(told)) <= 3
    assert alpha.expected_bps(mirrored) == -alpha.expected_bps(told)
    parts = moved(10_000.0, book(9_999, 10_001), told, ModelFacts(), Config(alpha=alpha))
    assert -1 <= sum(part.ticks for part in parts) <= 1


def test_the_command_tells_a_recording_apart_from_a_guess(tmp_path: Path) -> None:
    done = run_maker("up", "--speed", "max", "--for", "60", "--no-gateway", "--log", tmp_path / "log")
    assert done.code == 0, done.err
    told = run_maker("calibrate", tmp_path / "log", "BTC/USDT", "--alpha", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["samples"] > 200
    assert len(found["ofi_bps"]) == 5
    both = run_maker("calibrate", tmp_path / "log", "BTC/USDT", "--alpha", "--microprice")
    assert both.code == 2
    assert "one at a time" in both.err
    bad = run_maker("calibrate", tmp_path / "log", "BTC/USDT", "--alpha", "--horizon-ms", "0")
    assert "--horizon-ms 0 is not above 0" in bad.err
