"""The variance rate of mid returns, its jumps, and the regime."""

from math import exp, expm1, inf, log, sqrt
from random import Random
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_service.core.volatility import VarianceRate, next_regime

from schemas.market_data_settings import Volatility
from schemas.signals import Regime

S = 1_000_000_000
MS = 1_000_000
T0 = 1_000 * S


def estimator(tau_s: float = 5.0, jump_sigma: float = 4.0) -> VarianceRate:
    return VarianceRate(tau_s, jump_sigma)


def observed(*points: tuple[float, float], tau_s: float = 5.0, jump_sigma: float = 4.0) -> VarianceRate:
    """An estimator that saw (seconds, price) in this order."""
    rate = estimator(tau_s, jump_sigma)
    for at_s, price in points:
        rate.observe(T0 + round(at_s * S), price)
    return rate


def variance(rate: VarianceRate) -> float:
    assert rate.per_sqrt_s is not None
    return rate.per_sqrt_s**2


def ready(mid: float = 100.0, step: float = 0.01, seconds: int = 10) -> VarianceRate:
    """Ready after `seconds` of steps up and down, once a second; it ends at the lower price."""
    return observed(*((at, mid + step * (at % 2)) for at in range(seconds + 1)))


VO2_POINTS = ((0.0, 100.0), (1.0, 100.1), (1.5, 100.05), (4.0, 100.1), (10.0, 100.3))
VO2_VARIANCES = (9.99000916e-7, 8.15509987e-7, 3.04151705e-7, 5.94981145e-7)


@pytest.mark.case("VO2")
@pytest.mark.parametrize(("count", "expected"), list(enumerate(VO2_VARIANCES, start=2)))
def test_variance_after_each_tick(count: int, expected: float) -> None:
    assert variance(observed(*VO2_POINTS[:count], jump_sigma=inf)) == pytest.approx(expected, rel=1e-8)


@pytest.mark.case("VO2")
def test_observations_of_one_time_count_as_the_last_of_them() -> None:
    twice = (*VO2_POINTS[:3], (4.0, 100.2), *VO2_POINTS[3:])
    assert variance(observed(*twice, jump_sigma=inf)) == pytest.approx(VO2_VARIANCES[-1], rel=1e-8)


@pytest.mark.case("VO3")
def test_the_estimate_strays_as_much_as_its_window_lets_it() -> None:
    """Poisson ticks once a second, tau 60 s: a relative deviation of 17.1 % and no bias, over 400 markets."""
    random, found = Random(7), []
    for _ in range(400):
        rate, at_s, price = estimator(60.0, inf), 0.0, 100.0
        while at_s < 400:
            rate.observe(T0 + round(at_s * S), price)
            passed_s = random.expovariate(1.0)
            at_s += passed_s
            price *= exp(random.gauss(0.0, 1e-4 * sqrt(passed_s)))
        found.append(variance(rate) / 1e-8)
    assert mean(found) == pytest.approx(0.998, abs=0.03)
    assert stdev(found) == pytest.approx(0.171, abs=0.03)


def test_before_any_return_there_is_no_volatility() -> None:
    assert estimator().per_sqrt_s is None
    assert observed((0, 100.0)).per_sqrt_s is None
    assert observed((0, 100.0), (0, 100.1)).per_sqrt_s is None


def test_a_price_that_stands_still_has_no_variance() -> None:
    assert observed((0, 100.0), (1, 100.0), (7, 100.0)).per_sqrt_s == 0.0


def test_half_a_time_constant_of_observation_makes_the_estimate_ready() -> None:
    until_ready_s = 5.0 * log(2)
    assert not observed((0, 100.0), (until_ready_s - 0.01, 100.0)).is_ready
    assert observed((0, 100.0), (until_ready_s + 0.01, 100.0)).is_ready


def test_time_that_runs_backwards_is_dropped() -> None:
    straight = observed(*VO2_POINTS)
    bent = observed(*VO2_POINTS[:4], (3.0, 150.0), *VO2_POINTS[4:])
    assert bent == straight


def test_an_outage_of_more_than_five_time_constants_restarts_the_warm_up() -> None:
    rate = ready()
    rate.observe(T0 + 10 * S + 25 * S, 100.0)
    was_ready = rate.is_ready
    assert was_ready
    rate.observe(T0 + 35 * S + 25 * S + 1, 120.0)
    per_sqrt_s = rate.per_sqrt_s
    assert per_sqrt_s is None
    assert not rate.is_ready
    assert not rate.jump
    rate.observe(T0 + 61 * S, 120.0)
    assert rate.per_sqrt_s == 0.0, "the move over the outage is no return"


def test_the_unit_of_the_price_does_not_matter() -> None:
    cents = observed(*((at, price * 100) for at, price in VO2_POINTS))
    assert variance(cents) == pytest.approx(variance(observed(*VO2_POINTS)), rel=1e-9)


def test_a_jump_is_flagged_and_capped() -> None:
    rate = ready()
    before = variance(rate)
    numerator, denominator = rate.numerator, rate.denominator
    rate.observe(T0 + 11 * S, 110.0)
    assert rate.jump
    weight = -expm1(-0.2) / 0.2
    decay = 1 + expm1(-0.2)
    expected = (numerator * decay + weight * 16 * before) / (denominator * decay + weight)
    assert variance(rate) == pytest.approx(expected, rel=1e-9)
    rate.observe(T0 + 12 * S, 110.0)
    assert not rate.jump, "the flag is that of the newest return alone"


@given(st.lists(st.tuples(st.integers(1, 20 * S), st.floats(50.0, 200.0)), min_size=1, max_size=40))
def test_what_is_cut_as_a_jump_is_not_lost(steps: list[tuple[int, float]]) -> None:
    """Variance and jumps add up to the variance of an estimator that cuts nothing."""
    capped, whole = (VarianceRate(60.0, jump_sigma) for jump_sigma in (4.0, 1e9))
    now_ns = T0
    for passed_ns, price in steps:
        now_ns += passed_ns
        for rate in (capped, whole):
            rate.observe(now_ns, price)
    both = (capped.per_sqrt_s or 0.0) ** 2 + capped.jump_per_sqrt_s**2
    assert both == pytest.approx((whole.per_sqrt_s or 0.0) ** 2, rel=1e-9, abs=1e-18)
    assert whole.jump_per_sqrt_s == 0.0


@pytest.mark.parametrize("seed", range(8))
def test_books_told_twice_or_thinned_change_volatility_by_less_than_its_own_error(seed: int) -> None:
    """Half an hour of a random walk, ten books a second; the error is that of the thinned one's window."""
    random = Random(seed)
    told, twice, thinned = (VarianceRate(60.0, jump_sigma=4.0) for _ in range(3))
    price = 100.0
    for number in range(18_000):
        price *= exp(random.gauss(0.0, 1e-5))
        now_ns = T0 + number * S // 10
        for rate in (told, twice, twice, *([thinned] if random.random() < 0.5 else [])):
            rate.observe(now_ns, price)
        twice.observe(now_ns + S // 20, price)
    error = sqrt(2 / (2 * 60 * 5)) / 2  # of a deviation: 2 tau of returns, five a second
    expected = told.per_sqrt_s or 0.0
    assert twice.per_sqrt_s == pytest.approx(expected, rel=1e-3)
    assert thinned.per_sqrt_s == pytest.approx(expected, rel=3 * error)


def test_a_usual_move_is_no_jump_however_soon_it_follows_an_update() -> None:
    rate = ready(step=0.01)
    rate.observe(T0 + 11 * S, 100.01)
    rate.observe(T0 + 11 * S + 3 * MS, 100.02)
    assert not rate.jump
    assert variance(rate) > 0


def test_the_longer_a_price_stood_the_further_it_may_move_without_a_jump() -> None:
    soon, late = ready(), ready()
    late.observe(T0 + 18 * S, 100.0)
    far = 100.0 * (1 + 5 * sqrt(variance(soon)))
    soon.observe(T0 + 11 * S, far)
    late.observe(T0 + 19 * S, 100.0 * (1 + 5 * sqrt(variance(late))))
    assert soon.jump
    assert not late.jump


def test_before_the_estimate_is_ready_nothing_is_a_jump() -> None:
    rate = observed((0, 100.0), (1, 100.01), (2, 130.0))
    assert not rate.is_ready
    assert not rate.jump
    assert variance(rate) > 0.01


def test_a_market_that_stood_still_may_move_again() -> None:
    rate = observed(*((at, 100.0) for at in range(12)))
    rate.observe(T0 + 12 * S, 100.001)
    assert not rate.jump
    assert variance(rate) > 0


def test_a_jump_taken_back_within_the_same_time_is_no_jump() -> None:
    rate, calm = ready(), ready()
    for price in (120.0, 100.01):
        rate.observe(T0 + 11 * S, price)
    calm.observe(T0 + 11 * S, 100.01)
    assert not rate.jump
    assert variance(rate) == pytest.approx(variance(calm), rel=1e-12)


STEPS = st.lists(
    st.tuples(
        st.integers(1, 9_000),  # ms for which the price stands still
        st.lists(st.integers(1, 8_999), max_size=4),  # ms into that time at which it is said again
        st.integers(1, 9_000),  # ms until it has moved
        st.integers(9_000, 11_000),  # where to
    ),
    min_size=1,
    max_size=12,
)


@given(steps=STEPS)
def test_saying_a_constant_price_again_changes_no_variance(
    steps: list[tuple[int, list[int], int, int]],
) -> None:
    plain, chatty = estimator(), estimator()
    time_ns, price = T0, 10_000
    for each in (plain, chatty):
        each.observe(time_ns, price)
    for stood_ms, again_ms, moved_ms, next_price in steps:
        for at_ms in sorted(each for each in again_ms if each < stood_ms):
            chatty.observe(time_ns + at_ms * MS, price)
        time_ns += stood_ms * MS
        for each in (plain, chatty):
            each.observe(time_ns, price)
        time_ns += moved_ms * MS
        price = next_price
        for each in (plain, chatty):
            each.observe(time_ns, price)
        assert variance(chatty) == pytest.approx(variance(plain), rel=1e-9, abs=1e-18)
        assert chatty.is_ready == plain.is_ready


@given(steps=STEPS)
def test_variance_is_never_negative_and_always_finite(steps: list[tuple[int, list[int], int, int]]) -> None:
    rate, time_ns = estimator(), T0
    for stood_ms, _, _, price in steps:
        time_ns += stood_ms * MS
        rate.observe(time_ns, price)
        if rate.per_sqrt_s is not None:
            assert 0 <= rate.per_sqrt_s < 10


SETTINGS = Volatility(regime_low_bps=1.0, regime_high_bps=5.0, regime_hysteresis=0.1)


@pytest.mark.parametrize(
    ("before", "volatility_bps", "after"),
    [
        ("low", 1.05, "low"),
        ("low", 1.15, "medium"),
        ("low", 6.0, "high"),
        ("medium", 1.05, "medium"),
        ("medium", 0.95, "medium"),
        ("medium", 0.85, "low"),
        ("medium", 5.4, "medium"),
        ("medium", 5.6, "high"),
        ("high", 4.6, "high"),
        ("high", 4.4, "medium"),
        ("high", 0.85, "low"),
    ],
)
def test_a_regime_is_left_only_beyond_its_threshold_by_the_margin(
    before: Regime, volatility_bps: float, after: Regime
) -> None:
    assert next_regime(before, volatility_bps, SETTINGS) == after


@pytest.mark.parametrize("threshold", [1.0, 5.0])
def test_a_volatility_that_wavers_around_a_threshold_does_not_flicker(threshold: float) -> None:
    regime = next_regime("medium", threshold, SETTINGS)
    for factor in (1.05, 0.95, 1.08, 0.92, 1.0):
        assert next_regime(regime, threshold * factor, SETTINGS) == regime


@given(before=st.sampled_from(["low", "medium", "high"]), volatility_bps=st.floats(0, 20))
def test_a_regime_stays_where_it_is_for_the_same_volatility(before: Regime, volatility_bps: float) -> None:
    regime = next_regime(before, volatility_bps, SETTINGS)
    assert next_regime(regime, volatility_bps, SETTINGS) == regime
