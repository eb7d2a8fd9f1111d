"""Cartea and Jaimungal (2015): docs/FORMULAS.md, Cartea-Jaimungal."""

from decimal import MAX_EMAX, Decimal, localcontext
from math import e, sqrt

import numpy as np
import pytest
from quote_service.quoting.models import cartea_jaimungal, glft, glft_exact
from quote_service.quoting.models.bounded import inventory_chain
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.inventory_chain import Vector, log_value
from quote_service.quoting.models.risk_aversion import phi_from_gamma

from tests.unit.quote_service.models.brute_force import distances_by_integration
from tests.unit.quote_service.models.model_cases import PENALISED, SET_A, given

TOLERANCE = 1e-6


def value_of_inventory(inputs: ModelInputs) -> Vector:
    """Money, for q = -q_max..q_max in steps of order_size: h, what quoting to the end adds to q mid."""
    chain = inventory_chain("cartea_jaimungal", inputs, inputs.phi, 0.0)
    # the chain counts half of the impact on what is held now as paid (see bounded): it is not
    held = inputs.impact / 2 * inputs.order_size * chain.orders**2
    return np.asarray(log_value(chain, inputs.horizon_s or 0.0) * inputs.order_size / inputs.k + held)


@pytest.mark.case("CJ1")
def test_distances_and_value_of_inventory() -> None:
    assert value_of_inventory(given(PENALISED, tau_s=1))[100] == pytest.approx(68.255835, abs=TOLERANCE)
    expected = {0: (0.672137, 0.672137), 5: (0.726824, 0.617442), -3: (0.639316, 0.704955)}
    for q, distances in expected.items():
        quote = cartea_jaimungal.quote(given(PENALISED, tau_s=1, q=q))
        assert (quote.bid_distance, quote.ask_distance) == pytest.approx(distances, abs=TOLERANCE)
    at_the_end = cartea_jaimungal.quote(given(PENALISED, tau_s=0, q=5))
    assert at_the_end.bid_distance == pytest.approx(0.677666667, abs=1e-9)


def test_the_exponential_of_the_matrix_by_its_eigenvectors() -> None:
    """w(t) = exp(M tau) w(T) summed over numpy's eigenvectors, which is good near the centre."""
    q = np.arange(-100, 101)
    beside = np.full(200, 140 / e)
    matrix = np.diag(-0.01 * 1.5 * q**2) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(matrix)
    end = np.exp(-0.001 * 1.5 * q**2)
    central = (vectors[80:121] * np.exp(values - values.max())) @ (vectors.T @ end)
    found = value_of_inventory(given(PENALISED, tau_s=1))
    assert found[80:121] == pytest.approx((np.log(central) + values.max()) / 1.5, rel=1e-11)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"phi": 0.0},
        {"drift": 0.2},
        {"fee": 0.3, "impact": 0.25},
        {"order_size": 2.0, "q_max": 8.0, "impact": 0.25, "drift": -0.1},
    ],
)
def test_the_control_problem_itself_has_these_quotes(changes: dict[str, float]) -> None:
    case = {
        "mid": 100.0,
        "sigma": 9.9,
        "gamma": 5.0,
        "A": 1.2,
        "k": 0.7,
        "phi": 0.06,
        "q_max": 4.0,
        "tau_s": 1.5,
    }
    inputs = given(case, terminal_penalty=0.05, **changes)
    bids, asks = distances_by_integration(inputs, inputs.phi, 0.0, rounds=150, reach=8.0)
    for number, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
        below = -(inputs.q_max or 0.0) + number * inputs.order_size
        buying = cartea_jaimungal.quote(given(case, terminal_penalty=0.05, **changes, q=below))
        selling = cartea_jaimungal.quote(
            given(case, terminal_penalty=0.05, **changes, q=below + inputs.order_size)
        )
        assert buying.bid_distance == pytest.approx(bid, abs=1e-8)
        assert selling.ask_distance == pytest.approx(ask, abs=1e-8)


def test_the_asymptotic_form() -> None:
    """half 1/k + s/2, skew s = sqrt(phi e/(k A)), and drift moves both quotes up by drift s/(2 phi)."""
    s = sqrt(0.01 * e / (1.5 * 140))
    endless = {name: value for name, value in PENALISED.items() if name != "q_max"}
    quote = cartea_jaimungal.quote(given(endless, q=4, drift=0.03))
    up = 0.03 / 0.02 * s
    assert quote.bid_distance == pytest.approx(1 / 1.5 + s / 2 + 4 * s - up, rel=1e-13)
    assert quote.ask_distance == pytest.approx(1 / 1.5 + s / 2 - 4 * s + up, rel=1e-13)
    exact = cartea_jaimungal.quote(given(PENALISED, q=4, drift=0.03))
    assert quote.bid_distance == pytest.approx(exact.bid_distance, abs=2e-4)
    assert quote.ask_distance == pytest.approx(exact.ask_distance, abs=2e-4)


@pytest.mark.parametrize("tau_s", [None, 5.0, 500.0])
def test_with_phi_of_gamma_it_is_glft_without_aversion_to_fills(tau_s: float | None) -> None:
    phi = phi_from_gamma(0.01, 0.4)
    for q_max in (None, 30) if tau_s is None else (30,):
        given_alike = {"q": 7, "tau_s": tau_s, "q_max": q_max, "fee": 0.3, "impact": 0.2}
        ours = cartea_jaimungal.quote(given(SET_A, phi=phi, **given_alike))
        theirs = (glft if q_max is None else glft_exact).quote(given(SET_A, fill_aversion=0.0, **given_alike))
        assert ours.bid_distance == pytest.approx(theirs.bid_distance, rel=1e-13)
        assert ours.ask_distance == pytest.approx(theirs.ask_distance, rel=1e-13)


def test_without_a_penalty_there_is_no_skew() -> None:
    endless = {name: value for name, value in PENALISED.items() if name != "q_max"}
    quote = cartea_jaimungal.quote(given(endless, phi=0, q=9))
    assert quote.bid_distance == quote.ask_distance == pytest.approx(1 / 1.5, rel=1e-15)
    tiny = cartea_jaimungal.quote(given(endless, phi=1e-12, q=9))
    assert tiny.bid_distance == pytest.approx(1 / 1.5, abs=1e-5)


def test_what_inventory_is_worth_at_the_end_is_the_penalty() -> None:
    held = np.arange(-20, 21) * 0.5
    worth = value_of_inventory(given(PENALISED, tau_s=0, order_size=0.5, q_max=10, impact=0.3))
    assert worth == pytest.approx(-0.001 * held**2, abs=1e-12)


def in_many_digits(inputs: ModelInputs) -> list[Decimal]:
    """v by Taylor's series of exp(M tau) in 300 digits, where no float holds its terms."""
    orders = range(-int(inputs.q_max or 0), int(inputs.q_max or 0) + 1)
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 300, -MAX_EMAX, MAX_EMAX
        k, phi, tau = (Decimal(value) for value in (inputs.k, inputs.phi, inputs.tau_s or 0.0))
        rate = Decimal(inputs.A) * tau / Decimal(1).exp()
        term = total = [(-Decimal(inputs.terminal_penalty) * k * n * n).exp() for n in orders]
        for order in range(1, 161):
            below, above = [Decimal(0), *term[:-1]], [*term[1:], Decimal(0)]
            term = [
                (rate * (low + high) - phi * k * n * n * tau * at) / order
                for n, low, at, high in zip(orders, below, term, above, strict=True)
            ]
            total = [old + new for old, new in zip(total, term, strict=True)]
        return [value.ln() / k for value in total]


@pytest.mark.parametrize("terminal_penalty", [0.001, 1.0, 5.0])
@pytest.mark.parametrize("tau_s", [1e-12, 1e-9, 1e-3, 0.3])
def test_a_strong_penalty_at_the_end_is_no_trouble_just_before_it(
    tau_s: float, terminal_penalty: float
) -> None:
    """Fills follow fills to escape a penalty of exp(-3000): their probabilities are below any float."""
    inputs = given(PENALISED, tau_s=tau_s, terminal_penalty=terminal_penalty, q_max=45)
    expected = [float(value) for value in in_many_digits(inputs)]
    assert value_of_inventory(inputs) == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tau_s": 1.0, "q_max": None}, r"q_max is None: cartea_jaimungal needs the largest inventory"),
        ({"phi": 0.0, "q_max": None, "drift": 0.1}, r"drift is 0\.1: cartea_jaimungal .*phi"),
    ],
)
def test_what_it_refuses(changes: dict[str, float | None], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cartea_jaimungal.quote(given(PENALISED, **changes))
