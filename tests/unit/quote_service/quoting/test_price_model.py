"""`maker price` with a model's own inputs: the published figures, what is not used, and what is refused."""

from typing import Any

import pytest
from quote_service.quoting.explain.price import explain_state

from schemas.config import Config

STOIKOV = {"model": "avellaneda_stoikov", "mid": 100, "sigma": 2, "k": 1.5, "gamma": 0.1, "tau_s": 1}
SET_A = {"model": "glft", "mid": 100, "sigma": 0.4, "A": 0.9, "k": 0.3, "gamma": 0.01}


def priced(state: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return explain_state(state | changes, Config())


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
    answer = priced(STOIKOV, q=q, tau_s=tau_s)
    assert answer["reservation"] == pytest.approx(reservation, rel=5e-7)
    assert 2 * answer["half_spread"] == pytest.approx(spread, rel=5e-7)
    assert (answer["bid"], answer["ask"]) == pytest.approx((bid, ask), rel=5e-7)


@pytest.mark.case("GL1")
@pytest.mark.case("GL4")
def test_half_spread_and_skew_of_the_closed_form() -> None:
    answer = priced(SET_A)
    assert answer["half_spread"] == pytest.approx(3.324226171, rel=5e-7)
    assert answer["skew_per_unit"] == pytest.approx(0.0904877767, rel=5e-7)
    large = priced(SET_A, order_size=5)
    assert large["half_spread"] == pytest.approx(3.187397103, rel=5e-7)
    assert large["skew_per_unit"] == pytest.approx(0.0417534026, rel=5e-7)


@pytest.mark.case("GL3")
def test_a_fee_is_an_impact_of_twice_its_size() -> None:
    fee, impact = priced(SET_A, fee=0.5), priced(SET_A, impact=1.0)
    assert fee["half_spread"] == pytest.approx(3.827750, abs=1e-6)
    assert fee["half_spread"] == pytest.approx(impact["half_spread"], rel=1e-9)
    assert fee["skew_per_unit"] == pytest.approx(0.0975353, rel=1e-6)


@pytest.mark.case("CJ1")
def test_distances_of_a_penalised_inventory() -> None:
    state = {"model": "cartea_jaimungal", "mid": 100, "A": 140, "k": 1.5, "phi": 0.01, "q_max": 100}
    answer = priced(state, tau_s=1, terminal_penalty=0.001, q=5)
    assert (answer["bid_distance"], answer["ask_distance"]) == pytest.approx((0.726824, 0.617442), abs=1e-6)


@pytest.mark.parametrize("model", ["glft", "glft_exact", "cartea_jaimungal"])
def test_an_inventory_deviation_stands_for_the_aversion(model: str) -> None:
    state = {"model": model, "mid": 100, "A": 0.9, "k": 0.3, "q_max": 60, "inventory_deviation": 5}
    answer = priced(state, **({} if model == "cartea_jaimungal" else {"sigma": 0.4}))
    assert answer["skew_per_unit"] == pytest.approx(1 / (2 * 0.3 * 25), rel=0.01)


def test_vol_multiple_takes_what_the_state_does_not_say_from_the_configuration() -> None:
    state = {"model": "vol_multiple", "mid": 100, "sigma": 0.05, "q": 5, "q_max": 10}
    answer = priced(state)
    assert answer["half_spread"] == pytest.approx(0.1 + 0.05)
    assert answer["reservation"] == pytest.approx(100 - 0.025)
    assert priced(state, base_spread=0.004)["half_spread"] == pytest.approx(0.2 + 0.05)


@pytest.mark.parametrize(
    "state",
    [
        STOIKOV,
        SET_A,
        {"model": "symmetric", "mid": 100, "k": 1.5},
        {"model": "vol_multiple", "mid": 9, "sigma": 1},
    ],
)
def test_the_steps_sum_to_the_prices(state: dict[str, Any]) -> None:
    answer = priced(state)
    for side in ("bid", "ask"):
        assert sum(step[side] for step in answer["steps"]) == pytest.approx(answer[side], rel=1e-12)


def test_what_a_model_does_not_use_is_told() -> None:
    answer = priced(SET_A, phi=0.5, tau_s=None, q_max=30)
    assert answer["unused"] == ["phi", "q_max"]
    assert priced(STOIKOV, A=140)["unused"] == ["A"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"model": "glftt"}, "'glft' is the nearest"),
        ({"model": 3}, "it must be one of"),
        (SET_A | {"gama": 1}, "'gamma' is the nearest"),
        ({"model": "glft", "mid": 100}, "glft needs sigma, A, k"),
        (SET_A | {"k": "high"}, "k is 'high': it must be a number"),
        (SET_A | {"q": True}, "q is True: it must be a number"),
        (SET_A | {"k": -0.3}, "k is -0.3"),
        (SET_A | {"inventory_deviation": 5}, "gamma and inventory_deviation set the same thing"),
        ({"model": "vol_multiple", "mid": 100, "sigma": 1, "q": 2}, "needs q_max"),
    ],
)
def test_what_cannot_be_priced_is_refused(state: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"is|needs|set") as refused:
        explain_state(state, Config())
    assert message in str(refused.value)


def test_fill_rates_and_what_they_earn() -> None:
    """Both sides 0.845385 away: 140 exp(-1.268078) = 39.3921 fills a second, and 2 x 39.3921 x 0.845385."""
    answer = priced(STOIKOV, A=140)
    assert answer["bid_fill_rate_per_s"] == answer["ask_fill_rate_per_s"] == pytest.approx(39.3921, rel=1e-5)
    assert answer["profit_per_s"] == pytest.approx(66.6030, rel=1e-5)
    paying = priced(STOIKOV, A=140, fee=0.1)
    assert paying["profit_per_s"] < answer["profit_per_s"]
    assert "profit_per_s" not in priced(STOIKOV)


def test_a_side_that_is_not_quoted_fills_never() -> None:
    full = priced(SET_A | {"model": "glft_exact"}, q=4, q_max=4)
    assert full["bid_distance"] is None
    assert full["bid_fill_rate_per_s"] == 0.0
    assert full["profit_per_s"] == pytest.approx(full["ask_fill_rate_per_s"] * full["ask_distance"])
