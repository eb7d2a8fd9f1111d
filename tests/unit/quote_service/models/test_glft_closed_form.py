"""The closed form of Gueant, Lehalle and Fernandez-Tapia (2013): docs/FORMULAS.md, GLFT closed form."""

from math import e, exp, log, sqrt

import pytest
from quote_service.quoting.models import glft, glft_exact
from quote_service.quoting.models.arrival import fill_distance, fill_rate_per_s, log1p_ratio

from tests.unit.quote_service.models.model_cases import SET_A, SET_B, SETS, SIX_FIGURES, given

SEVEN_PRINTED = 5e-7
"""The worked examples give these distances to six decimals."""


@pytest.mark.case("GL1")
@pytest.mark.parametrize(
    ("name", "c1", "skew", "half", "at_5_and_10"),
    [
        ("A", 3.278982282, 0.0904877767, 3.324226171, (3.776665, 4.229104)),
        ("B", 3.278982282, 0.479883904, 3.518924234, (5.918344, 8.317763)),
        ("C", 3.278982282, 0.0678658325, 3.312915199, (3.652244, 3.991574)),
    ],
)
def test_half_spread_and_skew_of_the_published_sets(
    name: str, c1: float, skew: float, half: float, at_5_and_10: tuple[float, float]
) -> None:
    quote = glft.quote(given(SETS[name]))
    assert fill_distance(given(SETS[name]), 0.01) == pytest.approx(c1, rel=SIX_FIGURES)
    assert quote.skew_per_unit == pytest.approx(skew, rel=SIX_FIGURES)
    assert quote.half_spread == pytest.approx(half, rel=SIX_FIGURES)
    leaning = [glft.quote(given(SETS[name], q=q)).bid_distance for q in (5, 10)]
    assert leaning == pytest.approx(at_5_and_10, abs=SEVEN_PRINTED)


@pytest.mark.case("GL3")
def test_drift_impact_and_fee_move_the_distances() -> None:
    drifting = glft.quote(given(SET_A, drift=0.001))
    assert drifting.bid_distance == pytest.approx(3.267671, abs=SEVEN_PRINTED)
    assert drifting.ask_distance == pytest.approx(3.380781, abs=SEVEN_PRINTED)
    for changes in ({"impact": 1.0}, {"fee": 0.5}):
        quote = glft.quote(given(SET_A, **changes))
        assert quote.bid_distance == quote.ask_distance
        assert quote.bid_distance == pytest.approx(3.827750, abs=SEVEN_PRINTED)
        assert quote.skew_per_unit == pytest.approx(0.0975353, abs=5e-8)


@pytest.mark.case("GL4")
def test_a_larger_order_has_another_spread_and_skew() -> None:
    inputs = given(SET_A, order_size=5)
    quote = glft.quote(inputs)
    assert fill_distance(inputs, 0.01) == pytest.approx(3.083013597, rel=SIX_FIGURES)
    assert quote.skew_per_unit / 0.4 == pytest.approx(0.1043835065, rel=SIX_FIGURES)
    assert quote.half_spread == pytest.approx(3.187397103, rel=SIX_FIGURES)
    assert quote.skew_per_unit == pytest.approx(0.0417534026, rel=SIX_FIGURES)


def test_the_skew_as_the_book_writes_it() -> None:
    """c2 of Gueant (2017), equation 4.7, with an aversion to fills of its own."""
    gamma, xi, size, k, rate, sigma = 0.02, 0.05, 3.0, 0.4, 2.0, 0.7
    c2 = sqrt(gamma / (2 * rate * size * k) * (1 + xi * size / k) ** (1 + k / (xi * size)))
    inputs = given(
        {"mid": 100, "sigma": sigma, "A": rate, "k": k, "gamma": gamma}, order_size=size, fill_aversion=xi
    )
    quote = glft.quote(inputs)
    assert quote.skew_per_unit == pytest.approx(sigma * c2, rel=1e-13)
    assert quote.half_spread == pytest.approx(
        log(1 + xi * size / k) / (xi * size) + size / 2 * sigma * c2, rel=1e-13
    )


@pytest.mark.parametrize("fee", [0.5, -0.5])
def test_a_fee_is_an_impact_of_twice_its_size(fee: float) -> None:
    plain, taxed = glft.quote(given(SET_A, q=4)), glft.quote(given(SET_A, q=4, fee=fee))
    assert taxed.skew_per_unit == pytest.approx(plain.skew_per_unit * exp(0.3 * fee / 2), rel=1e-14)
    if fee > 0:
        moved = glft.quote(given(SET_A, q=4, impact=2 * fee))
        assert (moved.bid_distance, moved.ask_distance) == pytest.approx(
            (taxed.bid_distance, taxed.ask_distance), rel=1e-14
        )


def test_the_power_goes_to_e() -> None:
    """(1 + x)^(1 + 1/x) at x to 0, and far from it."""
    assert log1p_ratio(0.0) == 1
    for x in (0.0, 1e-300, 1e-12, 1e-9, 1e-7):
        rate = fill_rate_per_s(given(SET_A), 0.3 * x)
        assert 0.9 / rate == pytest.approx(e * (1 + x / 2), rel=1e-13)
    assert 0.9 / fill_rate_per_s(given(SET_A), 0.3 * 7) == pytest.approx(8 ** (8 / 7), rel=1e-14)


@pytest.mark.parametrize("changes", [{"gamma": 0.0}, {"sigma": 0.0}, {"gamma": 1e-300}])
def test_without_risk_there_is_no_skew(changes: dict[str, float]) -> None:
    quote = glft.quote(given(SET_A, q=20, **changes))
    assert quote.skew_per_unit == pytest.approx(0, abs=1e-140)
    assert quote.reservation == pytest.approx(100, rel=1e-15)
    if changes != {"sigma": 0.0}:
        assert quote.half_spread == pytest.approx(1 / 0.3, rel=1e-14)


def test_where_orders_hardly_thin_out_it_still_has_an_answer() -> None:
    quote = glft.quote(given(SET_A, k=1e-12))
    risk = quote.half_spread - quote.skew_per_unit / 2
    assert risk == pytest.approx(log(1e10) / 0.01, rel=1e-4)
    assert quote.skew_per_unit == pytest.approx(0.4 * sqrt(0.01 / 1.8e-12 * 1e10), rel=1e-4)


def test_a_drift_without_risk_is_refused() -> None:
    with pytest.raises(ValueError, match=r"drift is 0\.1: glft .*pass 0 and move the mid"):
        glft.quote(given(SET_A, sigma=0, drift=0.1))


def test_a_rebate_beyond_what_a_fill_earns_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fee is -4 .*cap a rebate below 1/k"):
        given(SET_A, fee=-4)
    with pytest.raises(ValueError, match=r"fee is -3\.3: .*must be above -3\.27898.*cap the rebate"):
        glft.quote(given(SET_A, fee=-3.3))


@pytest.mark.parametrize(
    ("name", "q", "error_max"),
    [("A", 10, 0.001), ("C", 10, 0.001), ("B", 0, 0.002), ("B", 1, 0.005), ("B", 5, 0.018)],
)
def test_how_near_it_is_to_the_exact_quotes(name: str, q: int, error_max: float) -> None:
    """Within 0.1% for sets A and C, and less near the centre for the strong skew of set B."""
    for held in {-q, -q // 2, 0, q // 2, q} if name != "B" else {-q, q}:
        inputs = given(SETS[name], q=held, q_max=30)
        exact, near = glft_exact.quote(inputs).bid_distance, glft.quote(inputs).bid_distance
        assert near == pytest.approx(exact, rel=error_max)


def test_with_a_strong_skew_it_leans_too_much_far_out() -> None:
    inputs = given(SET_B, q=20, q_max=30)
    assert glft_exact.quote(inputs).bid_distance == pytest.approx(11.25, abs=0.005)
    assert glft.quote(inputs).bid_distance == pytest.approx(13.12, abs=0.005)


def test_relaxation_time() -> None:
    assert glft.relaxation_time_s(given(SET_A)) == pytest.approx(56.6, abs=0.05)
    assert glft.relaxation_time_s(given(SET_A, sigma=0)) is None


def test_the_time_unit_does_not_matter() -> None:
    """docs/FORMULAS.md, GLFT closed form: sigma sqrt(c) and A c leave the quotes as they are."""
    minutes = SET_A | {"sigma": 0.4 * sqrt(60), "A": 0.9 * 60}
    for drift in (0.0, 0.001):
        by_minute = glft.quote(given(minutes, q=3, drift=60 * drift))
        by_second = glft.quote(given(SET_A, q=3, drift=drift))
        assert by_minute.bid_distance == pytest.approx(by_second.bid_distance, rel=1e-13)
        assert by_minute.ask_distance == pytest.approx(by_second.ask_distance, rel=1e-13)
