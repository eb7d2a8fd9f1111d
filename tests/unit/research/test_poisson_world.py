"""The simulated world of Avellaneda and Stoikov (2008), and what their tables say."""

from math import exp, sqrt

import numpy as np
import pytest
from quote_service.quoting.models import glft
from quote_service.quoting.models.risk_aversion import gamma_for_deviation

from research.simulation.world import MODELS, World, fill_probabilities, simulate
from tests.unit.quote_service.models.model_cases import given

PATHS = 4000
PUBLISHED_PATHS = 1000
TABLES = [
    (0.1, "avellaneda_stoikov", 1.49, 65.0, 6.6, 0.08, 2.9),
    (0.1, "symmetric", 1.49, 68.4, 12.7, 0.26, 8.4),
    (0.01, "avellaneda_stoikov", 1.35, 68.6, 8.7, 0.12, 5.1),
    (0.01, "symmetric", 1.35, 68.8, 12.8, 0.09, 8.7),
    (1.0, "avellaneda_stoikov", 3.02, 31.4, 5.0, 0.02, 1.7),
    (1.0, "symmetric", 3.02, 44.0, 11.0, 0.00, 5.1),
]


@pytest.mark.parametrize(
    ("gamma", "model", "spread", "profit", "profit_deviation", "inventory", "inventory_deviation"), TABLES
)
def test_the_paper_s_tables(
    gamma: float,
    model: str,
    spread: float,
    profit: float,
    profit_deviation: float,
    inventory: float,
    inventory_deviation: float,
) -> None:
    """Means within three standard errors of both samples, deviations within what 1000 paths leave open."""
    outcome = simulate(World(gamma=gamma), model, "linear", PATHS, seed=11)
    errors = 3 * sqrt(1 / PATHS + 1 / PUBLISHED_PATHS)
    assert outcome.spread_mean == pytest.approx(spread, abs=0.015)
    assert outcome.profit_mean == pytest.approx(profit, abs=errors * profit_deviation)
    assert outcome.inventory_mean == pytest.approx(inventory, abs=errors * inventory_deviation)
    assert outcome.profit_deviation == pytest.approx(profit_deviation, rel=0.1)
    assert outcome.inventory_deviation == pytest.approx(inventory_deviation, rel=0.07)


@pytest.mark.parametrize(
    ("gamma", "negative", "certain", "band"), [(0.1, 0.0014, None, 0.0003), (1.0, 0.077, 0.052, 0.003)]
)
def test_how_often_the_formula_quotes_through_the_mid(
    gamma: float, negative: float, certain: float | None, band: float
) -> None:
    """docs/FORMULAS.md, Avellaneda-Stoikov: 0.14% at gamma 0.1; 7.7%, and 5.2% filled for sure, at 1."""
    outcome = simulate(World(gamma=gamma), "avellaneda_stoikov", "linear", PATHS, seed=3)
    assert outcome.negative_distance_share == pytest.approx(negative, abs=band)
    if certain is not None:
        assert outcome.certain_fill_share == pytest.approx(certain, abs=band)


@pytest.mark.parametrize(
    ("model", "told", "profit"),
    [("glft", 0.0, 59.43), ("glft", 0.2, 59.59), ("avellaneda_stoikov", 0.0, 56.42)],
)
def test_what_the_mid_s_move_at_a_fill_costs(model: str, told: float, profit: float) -> None:
    """docs/FORMULAS.md, Avellaneda-Stoikov: within three standard errors."""
    outcome = simulate(World(impact=0.2, impact_told=told), model, "linear", PATHS, seed=8)
    assert outcome.profit_mean == pytest.approx(profit, abs=3 * outcome.profit_deviation / sqrt(PATHS) + 0.1)


def test_without_quoting_risk_profit_is_what_fills_earn() -> None:
    """No volatility, symmetric quotes: each fill earns the distance, and fills are counted by the law."""
    world = World(sigma=0.0, gamma=0.0, fee=0.1)
    outcome = simulate(world, "symmetric", "exponential", PATHS, seed=2)
    distance = 1 / 1.5 + 0.1
    expected_fills = 2 * 200 * (1 - exp(-140 * 0.005 * exp(-1.5 * distance)))
    earned = expected_fills * (distance - 0.1)
    error = outcome.profit_deviation / sqrt(PATHS)
    assert outcome.profit_mean == pytest.approx(earned, abs=4 * error)
    assert outcome.spread_mean == pytest.approx(2 * distance, rel=1e-12)


def test_with_small_steps_both_laws_of_fills_agree() -> None:
    world = World(horizon_s=0.2, dt_s=0.0002)
    linear, exponential = (simulate(world, "glft", fill, 2000, seed=4) for fill in ("linear", "exponential"))
    assert exponential.profit_mean == pytest.approx(linear.profit_mean, rel=0.02)
    assert exponential.profit_mean < linear.profit_mean


def test_inventory_is_spread_out_as_the_risk_aversion_was_chosen() -> None:
    case = {"mid": 100.0, "sigma": 0.4, "A": 0.9, "k": 0.3}
    gamma = gamma_for_deviation(given(case), 3.0)
    relaxation = glft.relaxation_time_s(given(case, gamma=gamma)) or 0.0
    world = World(**case, gamma=gamma, horizon_s=8 * relaxation, dt_s=0.004 * relaxation)
    assert simulate(world, "glft", "exponential", 2000, seed=6).inventory_deviation == pytest.approx(
        3.0, rel=0.05
    )


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_tells_the_same_story(model: str) -> None:
    first, second, other = (simulate(World(), model, paths=50, seed=seed) for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize("model", MODELS)
def test_the_size_of_an_order_scales_profit_and_inventory(model: str) -> None:
    one = simulate(World(), model, paths=50)
    three = simulate(World(order_size=3, gamma=0.1 / 3), model, paths=50)
    assert three.profit_mean == pytest.approx(3 * one.profit_mean, rel=1e-9)
    assert three.inventory_deviation == pytest.approx(3 * one.inventory_deviation, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dt_s": 0.0}, r"dt_s is 0\.0 and horizon_s 1\.0: a session must be of 1 to "),
        ({"dt_s": 2.0}, r"dt_s is 2\.0"),
        ({"dt_s": 1e-9}, r"dt_s is 1e-09"),
        ({"dt_s": float("nan")}, r"dt_s is nan"),
        ({"k": 0.0}, r"k is 0\.0"),
        ({"impact": -1.0, "impact_told": 0.0}, r"impact is -1\.0"),
    ],
)
def test_an_impossible_world_is_refused(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        World(**changes)


def test_what_cannot_be_simulated_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model is 'gltf': it must be one of .*; 'glft' is the nearest"):
        simulate(World(), "gltf")
    with pytest.raises(ValueError, match=r"model is 'cartea_jaimungal': it must be one of avellaneda"):
        simulate(World(), "cartea_jaimungal")
    with pytest.raises(ValueError, match="fill is 'lineal': it must be one of linear, exponential; "):
        simulate(World(), "glft", "lineal")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="paths is 1: it must be at least 2; "):
        simulate(World(), "glft", paths=1)


@pytest.mark.case("QU3")
def test_the_chance_of_a_fill_at_a_distance() -> None:
    """A 0.9, k 0.3, distance 3.3242, 10 s: 1 - exp(-A exp(-k distance) dt)."""
    expected = np.array([0.9 * 10 * np.exp(-0.3 * 3.3242)])
    assert fill_probabilities(expected, "exponential")[0] == pytest.approx(0.963847, abs=5e-7)
    assert fill_probabilities(expected, "linear")[0] == expected[0]
