"""What the tests of the quoting models share: the worked examples' parameters, and worlds drawn at random."""

from typing import Any

from hypothesis import strategies as st
from quote_service.quoting.models.inputs import ModelInputs

PAPER: dict[str, float] = {"mid": 100.0, "sigma": 2.0, "A": 140.0, "k": 1.5, "gamma": 0.1}
"""Avellaneda and Stoikov (2008)."""
SET_A: dict[str, float] = {"mid": 100.0, "sigma": 0.4, "A": 0.9, "k": 0.3, "gamma": 0.01}
"""Gueant, Lehalle and Fernandez-Tapia (2013), figures left; in ticks."""
SET_B = SET_A | {"sigma": 1.0, "A": 0.2}
SET_C = SET_A | {"sigma": 0.3}
SETS = {"A": SET_A, "B": SET_B, "C": SET_C}
PENALISED: dict[str, float] = {
    "mid": 100.0,
    "sigma": 0.0,
    "A": 140.0,
    "k": 1.5,
    "phi": 0.01,
    "terminal_penalty": 0.001,
    "q_max": 100.0,
}
SIX_FIGURES = 5e-7
"""Relative tolerance of a worked example that is given to six significant figures."""
NAMES = ("avellaneda_stoikov", "cartea_jaimungal", "glft", "glft_exact", "symmetric")
EXACT = ("cartea_jaimungal", "glft_exact")


def given(case: dict[str, float], **changes: Any) -> ModelInputs:
    return ModelInputs(**{**case, **changes})


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers between powers of ten, as likely in each decade."""
    return st.floats(low, high).map(lambda exponent: 10.0**exponent)


@st.composite
def worlds(draw: st.DrawFn, *, driftless: bool = False, frictionless: bool = False) -> dict[str, Any]:
    """Any market that a quote can be wanted in, with the distances a fair share of the mid."""
    k = draw(decades(-2, 2))
    size = draw(decades(-2, 2))
    rate = draw(decades(-2, 2))
    # risk in units of the market's own: k sigma over the mean time between fills
    sigma = draw(decades(-3, 0.5)) / k * rate**0.5
    orders_max = draw(st.integers(2, 15))
    world = {
        "mid": 1000 / k,
        "sigma": sigma,
        "A": rate,
        "k": k,
        "gamma": draw(decades(-4, 0.5)) * k / size,
        "order_size": size,
        "q": draw(st.integers(1 - orders_max, orders_max - 1)) * size,
        "tau_s": draw(decades(-2, 2)) / rate,
        "q_max": orders_max * size,
        "phi": draw(decades(-4, 0)) * rate / (k * size),
        "terminal_penalty": draw(st.sampled_from([0.0, 0.1, 1.0])) / (k * size),
    }
    if not frictionless:
        world["fee"] = draw(st.floats(-0.1, 1)) / k
        world["impact"] = draw(st.floats(0, 1)) / k
    if not driftless:
        world["drift"] = draw(st.floats(-1, 1)) * sigma**2 * world["gamma"] * size
    return world
