"""A and k from what was seen: docs/FORMULAS.md, Arrival rates A and k."""

from math import exp

import numpy as np
import pytest
from monitor_service.core.arrival_law import fit_log_linear, fit_poisson

from tests.unit.quote_service.models.model_cases import SIX_FIGURES

DISTANCES = (0.5, 1.5, 2.5, 3.5)
RATES = (1.0, 0.6, 0.36, 0.216)


@pytest.mark.case("CAL1")
def test_the_law_is_found_by_least_squares_and_by_likelihood() -> None:
    law = fit_log_linear(DISTANCES, RATES)
    assert law.k == pytest.approx(0.510825624, rel=SIX_FIGURES)
    assert pytest.approx(1.290994449, rel=SIX_FIGURES) == law.A
    likely = fit_poisson(DISTANCES, [1000 * rate for rate in RATES], 1000)
    assert (likely.A, likely.k) == pytest.approx((1.290994449, 0.510825624), rel=SIX_FIGURES)


def test_no_other_law_is_likelier() -> None:
    counts, window_s = np.array([130.0, 61.0, 50.0, 20.0, 0.0]), 90.0
    distances = np.array([0.0, 0.3, 0.5, 1.0, 4.0])

    def likelihood(rate: float, k: float) -> float:
        means = window_s * rate * np.exp(-k * distances)
        return float((counts * np.log(means) - means).sum())

    law = fit_poisson(distances.tolist(), counts.tolist(), window_s)
    best = likelihood(law.A, law.k)
    for rate in (0.999, 1.0, 1.001):
        for k in (0.999, 1.0, 1.001):
            assert likelihood(rate * law.A, k * law.k) <= best


def test_the_law_that_made_the_orders_is_found() -> None:
    generator = np.random.default_rng(5)
    distances = np.linspace(0, 8, 9)
    counts = generator.poisson(3600 * 0.9 * np.exp(-0.3 * distances))
    law = fit_poisson(distances.tolist(), counts.tolist(), 3600)
    assert (law.A, law.k) == pytest.approx((0.9, 0.3), rel=0.03)


@pytest.mark.parametrize("unit", [1e-6, 1e-2, 1e5])
def test_units_do_not_matter(unit: float) -> None:
    counts = [100.0, 40.0, 15.0, 9.0]
    here = fit_poisson(DISTANCES, counts, 50)
    there = fit_poisson([unit * distance for distance in DISTANCES], counts, 50)
    assert (there.A, there.k * unit) == pytest.approx((here.A, here.k), rel=1e-10)


def test_cells_without_orders_count_in_the_likelihood_alone() -> None:
    counts = [60.0, 22.0, 8.0, 0.0]
    assert fit_poisson(DISTANCES, counts, 10).k > fit_poisson(DISTANCES[:3], counts[:3], 10).k
    assert fit_log_linear(DISTANCES, counts) == fit_log_linear(DISTANCES[:3], counts[:3])


@pytest.mark.parametrize(
    ("distances", "counts", "window_s", "said"),
    [
        ((0.5, 1.5), (30.0, 20.0), 9.0, "2 distances with orders: at least 3"),
        ((0.5, 0.5, 1.5), (30.0, 20.0, 5.0), 9.0, "2 distances with orders: at least 3"),
        ((0.5, 1.5, 2.5), (15.0, 10.0, 4.0), 9.0, "counts add up to 29.0 .*wait for more data"),
        ((0.5, 1.5, 2.5), (15.0, 20.0, 34.0), 9.0, "mean distance of .*take other distances"),
        ((0.5, 1.5, 2.5), (55.0, 0.0, 0.0), 9.0, "mean distance of 0.5: it must be above the least"),
        ((0.5, 1.5, 2.5), (30.0, 20.0, 5.0), 0.0, "window_s 0.0"),
        ((0.5, 1.5, 2.5), (30.0, 20.0), 9.0, "3 distances and 2 values"),
        ((0.5, 1.5, -2.5), (30.0, 20.0, 5.0), 9.0, "distance is -2.5"),
        ((0.5, 1.5, 2.5), (30.0, float("nan"), 5.0), 9.0, "value is nan"),
    ],
)
def test_what_is_refused(
    distances: tuple[float, ...], counts: tuple[float, ...], window_s: float, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        fit_poisson(distances, counts, window_s)


def test_rates_that_do_not_fall_are_refused() -> None:
    with pytest.raises(ValueError, match=r"k is -0\.\d+: it must be above 0; keep the last good law"):
        fit_log_linear(DISTANCES, [exp(0.1 * distance) for distance in DISTANCES])
    with pytest.raises(ValueError, match="2 distances with orders"):
        fit_log_linear(DISTANCES, (1.0, 0.5, 0.0, 0.0))
