"""Risk aversion from the inventory that is wanted: docs/FORMULAS.md, Risk aversion."""

from math import e, exp, sqrt
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from quote_service.quoting.models import cartea_jaimungal, glft
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.risk_aversion import (
    gamma_for_deviation,
    inventory_deviation,
    phi_for_deviation,
    phi_from_gamma,
    skew_for_deviation,
)

from tests.unit.quote_service.models.model_cases import SET_A, decades, given, worlds


def stationary_deviation(inputs: ModelInputs) -> float:
    """Of inventory that moves by fills at the model's quotes: a birth-death chain, by detailed balance."""
    orders = np.arange(-400, 401)
    log_weights = [0.0]
    quote = glft.quote(inputs)
    skew, half = quote.skew_per_unit, quote.half_spread
    for n in orders[:-1]:
        bought_at = half + skew * n * inputs.order_size
        sold_at = half - skew * (n + 1) * inputs.order_size
        log_weights.append(log_weights[-1] - inputs.k * (bought_at - sold_at))
    weights = np.exp(np.array(log_weights) - max(log_weights))
    held = orders * inputs.order_size
    return float(np.sqrt((weights * held**2).sum() / weights.sum()))


@pytest.mark.parametrize("size", [1.0, 5.0])
@pytest.mark.parametrize("wanted_orders", [2.0, 4.3, 10.0])
def test_inventory_is_as_spread_out_as_was_wanted(size: float, wanted_orders: float) -> None:
    wanted = wanted_orders * size
    inputs = given(SET_A, order_size=size, fee=0.4)
    averse = given(SET_A, order_size=size, fee=0.4, gamma=gamma_for_deviation(inputs, wanted))
    assert stationary_deviation(averse) == pytest.approx(wanted, rel=1e-6)


@hypothesis.given(world=worlds(driftless=True), orders=decades(-2, 3), xi=st.none() | decades(-3, 1))
def test_gamma_leads_to_the_skew_that_was_wanted(
    world: dict[str, Any], orders: float, xi: float | None
) -> None:
    wanted = orders * world["order_size"]
    inputs = ModelInputs(**world, fill_aversion=None if xi is None else xi * world["gamma"])
    gamma = gamma_for_deviation(inputs, wanted)
    averse = ModelInputs(**{**world, "gamma": gamma}, fill_aversion=inputs.fill_aversion)
    assert glft.quote(averse).skew_per_unit == pytest.approx(skew_for_deviation(inputs, wanted), rel=1e-11)
    assert inventory_deviation(averse, glft.quote(averse).skew_per_unit) == pytest.approx(wanted, rel=1e-11)


@hypothesis.given(world=worlds(driftless=True), orders=decades(-2, 3))
def test_phi_leads_to_the_skew_that_was_wanted(world: dict[str, Any], orders: float) -> None:
    endless = {name: value for name, value in world.items() if name not in {"tau_s", "q_max", "phi"}}
    wanted = orders * world["order_size"]
    phi = phi_for_deviation(ModelInputs(**endless), wanted)
    quote = cartea_jaimungal.quote(ModelInputs(**endless, phi=phi))
    assert inventory_deviation(ModelInputs(**endless), quote.skew_per_unit) == pytest.approx(
        wanted, rel=1e-11
    )


def test_worked_by_hand() -> None:
    """Set A of the paper: skew 0.0904878, so the deviation is sqrt(1/(2 0.3 0.0904878))."""
    inputs = given(SET_A)
    assert inventory_deviation(inputs, glft.quote(inputs).skew_per_unit) == pytest.approx(4.2917, abs=5e-5)
    assert gamma_for_deviation(inputs, sqrt(1 / (0.6 * 0.0904877767078))) == pytest.approx(0.01, rel=1e-9)
    third = skew_for_deviation(inputs, 10 / 3)
    assert third == pytest.approx(1 / (2 * 0.3 * (10 / 3) ** 2), rel=1e-14)
    assert phi_for_deviation(inputs, 10 / 3) == pytest.approx(third**2 * 0.3 * 0.9 / e, rel=1e-14)
    assert phi_from_gamma(0.01, 0.4) == pytest.approx(0.0008, rel=1e-14)


@pytest.mark.parametrize("orders", [1e-6, 1e-3, 1e5])
def test_far_ends(orders: float) -> None:
    """Next to no inventory wants a gamma at which a single fill is a great risk; much wants next to none."""
    gamma = gamma_for_deviation(given(SET_A), orders)
    skew = glft.quote(given(SET_A, gamma=gamma)).skew_per_unit
    assert skew == pytest.approx(1 / (0.6 * orders**2), rel=1e-10)


def test_a_fee_makes_inventory_stickier() -> None:
    cheap, dear = (gamma_for_deviation(given(SET_A, fee=fee), 1e3) for fee in (0.0, 1.0))
    assert dear == pytest.approx(cheap * exp(-0.3), rel=1e-3)


@pytest.mark.parametrize("deviation", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_wish_is_refused(deviation: float) -> None:
    with pytest.raises(ValueError, match=rf"deviation is {deviation}: it must be from .*; pass base units"):
        gamma_for_deviation(given(SET_A), deviation)


def test_without_volatility_no_gamma_helps() -> None:
    with pytest.raises(ValueError, match=r"sigma is 0\.0: .*use phi_for_deviation"):
        gamma_for_deviation(given(SET_A, sigma=0.0), 3)


def test_without_a_skew_inventory_has_no_deviation() -> None:
    with pytest.raises(ValueError, match=r"skew_per_unit is 0\.0: .*raise gamma or phi"):
        inventory_deviation(given(SET_A), 0.0)
