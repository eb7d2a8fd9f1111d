"""No message of a test has a field that its type lacks.

A reader ignores fields that it does not know, by the evolution rule of schemas/message.py, so a mistyped one
would go unnoticed, and the test would be about another message than it says. Decoding stays as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from runtime.text import nearest


def refuse_unknown_fields(patch: pytest.MonkeyPatch) -> None:
    """In constructors of messages, and in copies of them with other values."""
    construct, copy = BaseModel.__init__, BaseModel.model_copy

    def checked_construct(self: BaseModel, /, **data: Any) -> None:
        if self.model_config.get("extra") != "forbid":  # pydantic itself refuses there
            check_names(type(self), data)
        construct(self, **data)

    def checked_copy(self: BaseModel, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
        check_names(type(self), update or ())
        return copy(self, update=update, deep=deep)

    checked_construct.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # decoding goes past it
    patch.setattr(BaseModel, "__init__", checked_construct)
    patch.setattr(BaseModel, "model_copy", checked_copy)


def check_names(model: type[BaseModel], names: Iterable[str]) -> None:
    """Raise a TypeError that has the nearest name, as a function's wrong argument does."""
    if not model.__module__.startswith("schemas."):
        return
    for name in names:
        if name not in model.model_fields:
            raise TypeError(f"{model.__name__} has no field {name!r}{nearest(name, model.model_fields)}")
