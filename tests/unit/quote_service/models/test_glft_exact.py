"""The exact quotes under a hard bound: docs/FORMULAS.md, GLFT exact, and the equation itself integrated."""

from itertools import pairwise
from math import exp

import numpy as np
import pytest
from quote_service.quoting.models import glft, glft_exact
from quote_service.quoting.models.bounded import inventory_chain
from quote_service.quoting.models.inputs import ModelInputs

from tests.unit.quote_service.models.brute_force import distances_by_integration
from tests.unit.quote_service.models.model_cases import PAPER, SET_A, SET_B, SETS, SIX_FIGURES, given

SEVEN_PRINTED = 5e-7


@pytest.mark.case("GL1")
@pytest.mark.parametrize("tau_s", [None, 3600.0])
@pytest.mark.parametrize(
    ("name", "bid_distances"),
    [
        ("A", (3.324458, 3.415401, 3.778746, 4.230704)),
        ("B", (3.525651, 4.017546, 5.918517, 8.022747)),
        ("C", (3.313045, 3.381168, 3.653480, 3.992933)),
    ],
)
def test_distances_of_the_published_sets(
    name: str, bid_distances: tuple[float, ...], tau_s: float | None
) -> None:
    """Also an hour before the end, where a matrix exponential taken as it stands overflows."""
    quotes = [glft_exact.quote(given(SETS[name], q=q, q_max=30, tau_s=tau_s)) for q in (0, 1, 5, 10)]
    assert [quote.bid_distance for quote in quotes] == pytest.approx(bid_distances, abs=SEVEN_PRINTED)


@pytest.mark.case("GL3")
def test_drift_impact_and_fee_move_the_distances() -> None:
    drifting = glft_exact.quote(given(SET_A, q_max=30, drift=0.001))
    assert drifting.bid_distance == pytest.approx(3.267613, abs=SEVEN_PRINTED)
    assert drifting.ask_distance == pytest.approx(3.381300, abs=SEVEN_PRINTED)
    for changes in ({"impact": 1.0}, {"fee": 0.5}):
        quote = glft_exact.quote(given(SET_A, q_max=30, **changes))
        assert quote.bid_distance == pytest.approx(3.828020, abs=SEVEN_PRINTED)


SMALL = {"mid": 100.0, "sigma": 0.8, "A": 1.2, "k": 0.7, "gamma": 0.15, "q_max": 4.0, "tau_s": 1.5}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tau_s": 0.05},
        {"gamma": 1.5},
        {"fill_aversion": 0.0},
        {"fill_aversion": 0.9},
        {"drift": 0.3},
        {"fee": 0.4},
        {"fee": -0.5},
        {"impact": 0.35},
        {"terminal_penalty": 0.2},
        {"order_size": 2.0, "q_max": 8.0},
        {"order_size": 0.5, "q_max": 2.0, "impact": 0.2, "fee": 0.1, "drift": -0.2, "terminal_penalty": 0.1},
    ],
)
def test_the_control_problem_itself_has_these_quotes(changes: dict[str, float]) -> None:
    """By integration of the Hamilton-Jacobi-Bellman equation."""
    inputs = given(SMALL, **changes)
    size, bound = inputs.order_size, inputs.q_max or 0.0
    penalty = inputs.gamma * inputs.sigma**2 / 2
    aversion = inputs.gamma if inputs.fill_aversion is None else inputs.fill_aversion
    bids, asks = distances_by_integration(inputs, penalty, aversion, rounds=150, reach=8.0)
    for number, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
        below = -bound + number * size
        assert glft_exact.quote(given(SMALL, **changes, q=below)).bid_distance == pytest.approx(bid, abs=1e-8)
        above = below + size
        assert glft_exact.quote(given(SMALL, **changes, q=above)).ask_distance == pytest.approx(ask, abs=1e-8)


@pytest.mark.parametrize("name", SETS)
def test_the_ground_eigenvector_by_another_method(name: str) -> None:
    """numpy's dense solver, where its eigenvector still has digits."""
    inputs = given(SETS[name], q_max=30)
    chain = inventory_chain("glft_exact", inputs, glft.running_penalty(inputs), inputs.gamma)
    beside = -chain.eta * np.ones(60)
    matrix = np.diag(chain.eta * chain.diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    vector = np.abs(np.linalg.eigh(matrix)[1][:, 0])
    costs = np.log(vector[:-1] / vector[1:]) / 0.3
    for q in range(-6, 7):
        distance = glft_exact.quote(given(SETS[name], q_max=30, q=q)).bid_distance
        assert distance == pytest.approx(3.278982282299087 + costs[30 + q], abs=1e-9)


def test_the_tails_are_right_where_an_eigenvector_of_a_library_has_none() -> None:
    """Far out dv/dtau = 0 says (alpha n^2 - lambda) v_n = eta (v_{n-1} + v_{n+1}): each row holds."""
    inputs = given(SET_B, q_max=30)
    chain = inventory_chain("glft_exact", inputs, glft.running_penalty(inputs), inputs.gamma)
    quotes = [glft_exact.quote(given(SET_B, q_max=30, q=q)) for q in range(-30, 31)]
    c1 = 3.278982282299087
    ratio_up = [exp(-0.3 * (quote.bid_distance - c1)) if quote.bid_distance else 0.0 for quote in quotes]
    ratio_down = [exp(-0.3 * (quote.ask_distance - c1)) if quote.ask_distance else 0.0 for quote in quotes]
    eigenvalue = np.array(chain.diagonal) - np.array(ratio_up) - np.array(ratio_down)
    assert eigenvalue == pytest.approx(np.full(61, eigenvalue[30]), rel=1e-9)


@pytest.mark.parametrize("q", [-3, 0, 2, 5])
def test_long_before_the_end_it_is_stationary(q: float) -> None:
    """Within a part in e^(tau/relaxation) of the gap."""
    stationary = glft_exact.quote(given(SET_A, q=q, q_max=30))
    relaxation = glft.relaxation_time_s(given(SET_A)) or 0.0
    errors = []
    for times in (2, 4, 8, 16, 1e6):
        quote = glft_exact.quote(given(SET_A, q=q, q_max=30, tau_s=times * relaxation))
        assert quote.bid_distance is not None
        assert stationary.bid_distance is not None
        errors.append(abs(quote.bid_distance - stationary.bid_distance))
    assert errors[0] < 0.2
    assert all(later < 0.2 * earlier + 1e-13 for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-13


@pytest.mark.parametrize("changes", [{}, {"order_size": 5.0}, {"fee": 1.0}, {"impact": 2.0}, {"drift": 2e-5}])
def test_the_closed_form_is_its_limit_for_little_risk(changes: dict[str, float]) -> None:
    """The continuum behind the closed form: skew to 0, with the bound many deviations away."""
    errors = []
    for sigma in (0.4, 0.04, 0.004):
        size = changes.get("order_size", 1.0)
        scaled = changes | ({"drift": changes["drift"] * sigma**2} if "drift" in changes else {})
        inputs = given(SET_A, sigma=sigma, q=2 * size, q_max=250 * size, **scaled)
        near, exact = glft.quote(inputs), glft_exact.quote(inputs)
        assert near.bid_distance is not None
        errors.append(abs(near.bid_distance - (exact.bid_distance or 0.0)) / near.skew_per_unit / size)
    assert errors[0] < 0.05
    assert errors[1] < 0.2 * errors[0]
    assert errors[2] < 0.3 * errors[1]


@pytest.mark.parametrize("q", [-4.0, 0.0, 3.0])
def test_at_the_end_only_what_is_held_then_counts(q: float) -> None:
    """c1 + fee, the mid's move on all that is held after the fill, and the penalty's step a (2 q + size)."""
    inputs = given(SET_A, q=q, q_max=8, tau_s=0, fee=0.2, impact=0.5, terminal_penalty=0.03)
    quote = glft_exact.quote(inputs)
    c1 = 3.278982282299087
    assert quote.bid_distance == pytest.approx(c1 + 0.2 + 0.5 * (q + 1) + 0.03 * (2 * q + 1), rel=1e-12)
    assert quote.ask_distance == pytest.approx(c1 + 0.2 + 0.5 * (1 - q) + 0.03 * (1 - 2 * q), rel=1e-12)


def test_at_its_bound_only_the_side_that_leads_back_is_quoted() -> None:
    for q in (30, 31.5, 200):
        long, short = (glft_exact.quote(given(SET_A, q=sign * q, q_max=30)) for sign in (1, -1))
        assert long.bid_distance is None is long.bid is short.ask_distance is short.ask
        assert long.ask_distance == pytest.approx(short.bid_distance, rel=1e-12)
        assert long.ask == pytest.approx(long.reservation + long.half_spread, rel=1e-14)
        assert {step.bid for step in long.steps} == {None} == {step.ask for step in short.steps}
    assert glft_exact.quote(given(SET_A, q=29.5, q_max=30)).bid is None
    assert glft_exact.quote(given(SET_A, q=29.0000000001, q_max=30)).bid is not None


def test_between_whole_orders_it_is_in_between() -> None:
    one, between, two = (glft_exact.quote(given(SET_B, q=q, q_max=30)) for q in (1, 1.25, 2))
    assert one.bid_distance is not None
    assert two.bid_distance is not None
    expected = 0.75 * one.bid_distance + 0.25 * two.bid_distance
    assert between.bid_distance == pytest.approx(expected, rel=1e-13)


def test_without_risk_and_bound_in_sight_only_arrival_counts() -> None:
    quote = glft_exact.quote(given(SET_A, sigma=0, gamma=0, q_max=250))
    assert quote.bid_distance == pytest.approx(1 / 0.3, rel=1e-4)
    assert quote.bid_distance == pytest.approx(quote.ask_distance, rel=1e-12)


def test_far_from_the_centre_more_volatility_may_narrow_the_spread() -> None:
    """The control problem says so, by integration too: what holds everywhere holds at the centre only."""
    spreads = {}
    for sigma in (0.02, 0.03):
        inputs = ModelInputs(mid=100, sigma=sigma, A=0.1842, k=1.604, gamma=0.89, q=9, q_max=10, tau_s=300)
        penalty = inputs.gamma * sigma**2 / 2
        bids, asks = distances_by_integration(inputs, penalty, inputs.gamma, rounds=200, reach=8.0)
        spreads[sigma] = 2 * glft_exact.quote(inputs).half_spread
        assert spreads[sigma] == pytest.approx(bids[19] + asks[18], rel=1e-7)
    assert spreads[0.03] < 0.985 * spreads[0.02]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, r"q_max is None: glft_exact needs the largest inventory; .*use glft"),
        ({"q_max": 0.5}, r"q_max is 0\.5 and order_size 1\.0: .*bound of 1 to 250 orders; pass another"),
        ({"q_max": 251.0}, r"q_max is 251\.0 and order_size 1\.0"),
        ({"q_max": 30.0, "fee": -3.3}, r"fee is -3\.3: .*cap the rebate"),
    ],
)
def test_what_it_refuses(changes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        glft_exact.quote(given(SET_A, **changes))


def test_the_paper_s_world_in_its_last_second() -> None:
    """The exact answer to the problem that Avellaneda and Stoikov's formula approximates: it leans less."""
    approximate = 0.1 * 4 * 1
    quote = glft_exact.quote(given(PAPER, q=1, q_max=50, tau_s=1))
    assert 0 < 100 - quote.reservation < approximate / 3
    assert quote.half_spread == pytest.approx(0.645385211 + (100 - quote.reservation) / 2, rel=0.02)
    assert quote.half_spread * 2 < 1.690770423 * (1 - SIX_FIGURES)
