"""Avellaneda and Stoikov (2008): docs/FORMULAS.md, Avellaneda-Stoikov."""

from math import log

import pytest
from quote_service.quoting.models import avellaneda_stoikov, glft_exact
from quote_service.quoting.models.inputs import ModelInputs

from tests.unit.quote_service.models.model_cases import PAPER, SIX_FIGURES, given


@pytest.mark.case("AS1")
@pytest.mark.parametrize(
    ("q", "tau_s", "reservation", "spread", "bid", "ask"),
    [
        (0, 1, 100, 1.690770423, 99.15461479, 100.8453852),
        (5, 1, 98, 1.690770423, 97.15461479, 98.84538521),
        (-3, 0.5, 100.6, 1.490770423, 99.85461479, 101.3453852),
        (5, 0, 100, 1.290770423, 99.35461479, 100.6453852),
    ],
)
def test_reservation_price_and_spread(
    q: float, tau_s: float, reservation: float, spread: float, bid: float, ask: float
) -> None:
    quote = avellaneda_stoikov.quote(given(PAPER, q=q, tau_s=tau_s))
    assert quote.reservation == pytest.approx(reservation, rel=SIX_FIGURES)
    assert 2 * quote.half_spread == pytest.approx(spread, rel=SIX_FIGURES)
    assert (quote.bid, quote.ask) == pytest.approx((bid, ask), rel=SIX_FIGURES)


@pytest.mark.parametrize("gamma", [0.0, 1e-300, 1e-15, 1e-9])
def test_without_aversion_to_risk_the_spread_is_2_over_k_about_the_mid(gamma: float) -> None:
    quote = avellaneda_stoikov.quote(given(PAPER, gamma=gamma, q=5, tau_s=1))
    assert 2 * quote.half_spread == pytest.approx(2 / 1.5, rel=1e-8)
    assert quote.reservation == pytest.approx(100, rel=1e-8)


@pytest.mark.parametrize("gamma", [1e-12, 1e-9, 1.4e-8, 1.6e-8, 1e-6])
def test_the_series_meets_the_logarithm(gamma: float) -> None:
    """1/k - gamma/(2 k^2) + gamma^2/(3 k^3), on both sides of where the series is taken."""
    quote = avellaneda_stoikov.quote(given(PAPER, gamma=gamma, tau_s=0))
    expected = 1 / 1.5 - gamma / (2 * 1.5**2) + gamma**2 / (3 * 1.5**3)
    assert quote.half_spread == pytest.approx(expected, rel=1e-15)


def test_below_zero_the_time_left_is_none() -> None:
    assert avellaneda_stoikov.quote(given(PAPER, q=5, tau_s=-3)) == avellaneda_stoikov.quote(
        given(PAPER, q=5, tau_s=0)
    )


def test_without_volatility_inventory_is_no_risk() -> None:
    quote = avellaneda_stoikov.quote(given(PAPER, sigma=0, q=50, tau_s=10))
    assert quote.bid_distance == quote.ask_distance == pytest.approx(log(1 + 0.1 / 1.5) / 0.1, rel=1e-14)


def test_at_a_large_inventory_it_quotes_through_the_mid() -> None:
    """As the formula says: what keeps a quote passive comes after the model."""
    quote = avellaneda_stoikov.quote(given(PAPER, q=10, tau_s=1))
    assert quote.ask is not None
    assert quote.ask < 100
    assert quote.ask_distance == pytest.approx(0.845385211 - 4, rel=1e-8)


def test_without_a_horizon_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"tau_s is None: avellaneda_stoikov needs .*use glft"):
        avellaneda_stoikov.quote(given(PAPER))


@pytest.mark.parametrize("q", [-2, 0, 3])
@pytest.mark.parametrize("tau_s", [0.0, 0.7, 5.0])
@pytest.mark.parametrize(
    "changes", [{}, {"order_size": 2.0}, {"drift": 0.3}, {"fee": 0.2}, {"impact": 0.4}, {"fee": -0.1}]
)
def test_it_is_the_exact_answer_where_no_other_fill_is_expected(
    q: float, tau_s: float, changes: dict[str, float]
) -> None:
    """Inventory frozen to the end is what the model assumes: A to 0, for any size, fee, impact and drift."""
    size = changes.get("order_size", 1.0)
    inputs: ModelInputs = given(PAPER, A=1e-15, q=q * size, tau_s=tau_s, q_max=8 * size, **changes)
    frozen, exact = avellaneda_stoikov.quote(inputs), glft_exact.quote(inputs)
    assert frozen.bid_distance == pytest.approx(exact.bid_distance, abs=1e-7)
    assert frozen.ask_distance == pytest.approx(exact.ask_distance, abs=1e-7)


def test_fees_are_paid_and_rebates_earned_whole() -> None:
    plain, taxed = (avellaneda_stoikov.quote(given(PAPER, tau_s=1, fee=fee)) for fee in (0.0, 0.25))
    assert taxed.half_spread == pytest.approx(plain.half_spread + 0.25, rel=1e-14)
