"""`maker price` with a model's own inputs: its result before rounding, to compare with a paper."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import exp
from typing import Annotated, Any

from pydantic import Strict, TypeAdapter, ValidationError

from quote_service.quoting.models.catalogue import quote_with, unknown_name
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.risk_aversion import gamma_for_deviation, phi_for_deviation
from quote_service.quoting.models.vol_multiple import NAME as VOL_MULTIPLE
from quote_service.quoting.models.vol_multiple import vol_multiple
from schemas.config import Config
from schemas.numbers import shortened
from schemas.quoting_settings import MarketMaking

_DEVIATION = "inventory_deviation"
_MAKING = ("base_spread", "volatility_multiplier", "volatility_horizon_s", "inventory_sensitivity")
_ARRIVAL = ("mid", "k", "fee", "impact")
_AVERSE = (*_ARRIVAL, "sigma", "gamma", "order_size", "q", "drift")
_BOUNDED = ("A", "tau_s", "q_max", "terminal_penalty")
USES: Mapping[str, tuple[str, ...]] = {
    "symmetric": _ARRIVAL,
    "avellaneda_stoikov": (*_AVERSE, "tau_s"),
    "glft": (*_AVERSE, "A", "fill_aversion", _DEVIATION),
    "glft_exact": (*_AVERSE, *_BOUNDED, "fill_aversion", _DEVIATION),
    "cartea_jaimungal": (*_ARRIVAL, *_BOUNDED, "order_size", "q", "drift", "phi", _DEVIATION),
    VOL_MULTIPLE: ("mid", "sigma", "q", "q_max", *_MAKING),
}
"""By model: the inputs its result depends on."""
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "symmetric": ("mid", "k"),
    "avellaneda_stoikov": ("mid", "sigma", "k", "gamma", "tau_s"),
    "glft": ("mid", "sigma", "A", "k"),
    "glft_exact": ("mid", "sigma", "A", "k", "q_max"),
    "cartea_jaimungal": ("mid", "A", "k"),
    VOL_MULTIPLE: ("mid", "sigma"),
}
_UNUSED_VALUES = {"sigma": 0.0, "A": 1.0}
"""Required fields of ModelInputs, for models whose result does not depend on them."""
_NUMBER: TypeAdapter[float] = TypeAdapter(Annotated[float, Strict()])


def price_model(state: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The result of the model that `state` names, in its own units: price, size and seconds.

    Raises ValueError for an unknown model or input (with the nearest name), a missing required input, or a
    value out of bounds.
    """
    model = state["model"]
    if not isinstance(model, str) or model not in USES:
        raise ValueError(unknown_name(shortened(model), tuple(USES)))
    given = _numbers({name: value for name, value in state.items() if name != "model"})
    used = {name: value for name, value in given.items() if name in USES[model]}
    missing = [name for name in _NEEDS[model] if name not in used]
    if missing:
        raise ValueError(f"{model} needs {', '.join(missing)}: add it to the state")
    answer = _vol_multiple(used, config) if model == VOL_MULTIPLE else _of_model(model, used)
    if {"A", "k"} <= given.keys():
        answer |= _earning(answer, given)
    return answer | {"unused": [name for name in given if name not in USES[model]]}


def _numbers(state: Mapping[str, Any]) -> dict[str, float]:
    """The given inputs; null means not given."""
    known = tuple(dict.fromkeys(name for names in USES.values() for name in names))
    given = {}
    for name, value in state.items():
        if name not in known:
            raise ValueError(f"input {unknown_name(name, known).removeprefix('model ')}")
        if value is not None:
            given[name] = _number(name, value)
    return given


def _number(name: str, value: object) -> float:
    try:
        return _NUMBER.validate_python(value)
    except ValidationError:
        raise ValueError(f"{name} is {shortened(repr(value))}: it must be a number") from None


def _of_model(model: str, used: Mapping[str, float]) -> dict[str, Any]:
    fields = {name: value for name, value in used.items() if name != _DEVIATION}
    inputs = ModelInputs(**(_UNUSED_VALUES | fields))
    if _DEVIATION in used:
        field, of_deviation = _AVERSIONS[model]
        if field in used:
            raise ValueError(f"{field} and {_DEVIATION} set the same thing: give only one")
        inputs = ModelInputs(**(asdict(inputs) | {field: of_deviation(inputs, used[_DEVIATION])}))
    quote = asdict(quote_with(model, inputs))
    return quote | {"steps": list(quote["steps"])}


def _earning(quote: Mapping[str, Any], given: Mapping[str, float]) -> dict[str, float]:
    """Fills per second of each side, A exp(-k distance), and what they earn beside a mid without drift: with
    constant distances the expected profit of a session is that times its seconds (FORMULAS.md, Fill rates).
    """
    sides = (quote["bid_distance"], quote["ask_distance"])
    rates = [0.0 if each is None else given["A"] * exp(-given["k"] * max(each, 0.0)) for each in sides]
    cost, size = given.get("fee", 0.0) + given.get("impact", 0.0) / 2, given.get("order_size", 1.0)
    earned = sum(
        rate * size * (each - cost) for rate, each in zip(rates, sides, strict=True) if each is not None
    )
    return {"bid_fill_rate_per_s": rates[0], "ask_fill_rate_per_s": rates[1], "profit_per_s": earned}


_AVERSIONS: Mapping[str, tuple[str, Callable[[ModelInputs, float], float]]] = {
    "glft": ("gamma", gamma_for_deviation),
    "glft_exact": ("gamma", gamma_for_deviation),
    "cartea_jaimungal": ("phi", phi_for_deviation),
}


def _vol_multiple(used: Mapping[str, float], config: Config) -> dict[str, Any]:
    """Defaults come from the configuration; inventory matters only with a `q_max`."""
    own = {name: value for name, value in used.items() if name in _MAKING}
    making = MarketMaking.model_validate(config.market_making.model_dump() | own)
    mid, q, q_max = used["mid"], used.get("q", 0.0), used.get("q_max")
    if q and not q_max:
        raise ValueError(f"q is {q}: {VOL_MULTIPLE} needs q_max, the largest inventory, to skew quotes")
    bias = min(1.0, max(-1.0, q / q_max)) if q_max else 0.0
    base, moving, lean = vol_multiple(mid, used["sigma"], bias, making)
    half = base + moving
    return {
        "model": VOL_MULTIPLE,
        "reservation": mid + lean,
        "bid_distance": half - lean,
        "ask_distance": half + lean,
        "bid": mid + lean - half,
        "ask": mid + lean + half,
        "half_spread": half,
        "skew_per_unit": making.inventory_sensitivity * mid / q_max if q_max else 0.0,
        "steps": [
            {"name": "mid", "bid": mid, "ask": mid},
            {"name": "base_spread", "bid": -base, "ask": base},
            {"name": "volatility", "bid": -moving, "ask": moving},
            {"name": "inventory", "bid": lean, "ask": lean},
        ],
    }
