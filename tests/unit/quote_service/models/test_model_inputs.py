"""What the models refuse, and how they say it."""

from math import inf, nan
from re import escape

import pytest
from quote_service.quoting.models import glft
from quote_service.quoting.models.catalogue import MODELS, model_named, quote_with
from quote_service.quoting.models.inputs import ModelInputs

from tests.unit.quote_service.models.model_cases import NAMES, PAPER, given


@pytest.mark.parametrize(
    "name",
    [
        "mid",
        "sigma",
        "A",
        "k",
        "gamma",
        "order_size",
        "q",
        "tau_s",
        "fee",
        "impact",
        "drift",
        "q_max",
        "phi",
        "terminal_penalty",
        "fill_aversion",
    ],
)
@pytest.mark.parametrize("value", [nan, inf, -inf, 1e16])
def test_no_number_and_no_end_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is {escape(str(value))}: it must be .*; pass "):
        given(PAPER, **{name: value})


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("sigma", -1.0, "0"),
        ("gamma", -0.1, "0"),
        ("impact", -0.1, "0"),
        ("phi", -0.1, "0"),
        ("terminal_penalty", -0.1, "0"),
        ("fill_aversion", -0.1, "0"),
        ("mid", 0.0, "1e-15"),
        ("A", 0.0, "1e-15"),
        ("k", -2.0, "1e-15"),
        ("k", 0.0, "1e-15"),
        ("order_size", 0.0, "1e-15"),
        ("q_max", -1.0, "1e-15"),
    ],
)
def test_values_below_their_bound_are_refused(name: str, value: float, least: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is {value}: it must be from {least} to 1e\+15; pass "):
        given(PAPER, **{name: value})


def test_a_cost_in_the_wrong_unit_is_refused() -> None:
    """Two basis points of 60 000 told as 2 per cent of it."""
    with pytest.raises(ValueError, match=r"fee is 1200\.0 and impact .* with k 0\.5: .* 600\.0 and must be"):
        ModelInputs(mid=60_000, sigma=5, A=1, k=0.5, fee=1200.0)


def test_a_horizon_in_nanoseconds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tau_s is 3600000000000\.0: it must be at most 1e\+09; pass None"):
        given(PAPER, tau_s=3600e9)


def test_what_is_told_by_name_cannot_be_told_by_place() -> None:
    with pytest.raises(TypeError):
        ModelInputs(100.0, 2.0, 140.0, 1.5)  # type: ignore[call-arg]


def test_the_catalogue_has_every_model_under_its_own_name() -> None:
    assert tuple(sorted(MODELS)) == NAMES
    for name in NAMES:
        assert quote_with(name, given(PAPER, tau_s=1, q_max=20)).model == name
    assert model_named("glft") is glft.quote


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("gltf", "glft"),
        ("GLFT exact", "glft_exact"),
        ("avellaneda-stoikov", "avellaneda_stoikov"),
        ("cartea", "cartea_jaimungal"),
        ("symetric", "symmetric"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"^model is '{name}': .*glft_exact.*; '{nearest}' is the nearest$"):
        model_named(name)


def test_a_name_like_no_other_is_refused_too() -> None:
    with pytest.raises(ValueError, match=r"model is '': it must be one of "):
        model_named("")
