"""The models by name, each a pure function of ModelInputs."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from quote_service.quoting.models import (
    avellaneda_stoikov,
    cartea_jaimungal,
    glft,
    glft_exact,
    symmetric,
)
from quote_service.quoting.models.inputs import ModelInputs
from quote_service.quoting.models.result import ModelQuote

Model = Callable[[ModelInputs], ModelQuote]
MODELS: dict[str, Model] = {
    avellaneda_stoikov.NAME: avellaneda_stoikov.quote,
    cartea_jaimungal.NAME: cartea_jaimungal.quote,
    glft.NAME: glft.quote,
    glft_exact.NAME: glft_exact.quote,
    symmetric.NAME: symmetric.quote,
}


_SOLVED = frozenset({cartea_jaimungal.NAME, glft_exact.NAME})
"""Those that solve equations by numpy."""


def prepare(names: Iterable[str]) -> None:
    """Load what these models compute with, if they are of the catalogue: no quote should wait for it."""
    if not _SOLVED.isdisjoint(names):
        from quote_service.quoting.models import bounded  # noqa: F401, PLC0415  it loads numpy


def model_named(name: str) -> Model:
    """Raises ValueError, with the nearest name, for an unknown one."""
    model = MODELS.get(name)
    if model is None:
        raise ValueError(unknown_name(name, tuple(MODELS)))
    return model


def unknown_name(name: str, known: tuple[str, ...]) -> str:
    """The error text for a name that is not among `known`."""
    nearest = get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return f"model is {name!r}: it must be one of {', '.join(known)}; {nearest!r} is the nearest"


def quote_with(name: str, inputs: ModelInputs) -> ModelQuote:
    """The quote of the named model. Raises ValueError for an unknown name, and as the model does."""
    return model_named(name)(inputs)
