"""What is wrong with a value that a person or a program wrote: its field, the remedy, and the value."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from runtime.text import nearest

_LENGTH_MAX = 80
"""A line of a terminal."""


def problem_in(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """One validation error of an object that was to be a `model`."""
    field = ".".join(map(str, detail["loc"]))
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return f"{field}: unknown key{nearest(field, model.model_fields)} (it is {short(detail['input'])})"
    if detail["type"] == "missing":
        return f"{field}: missing: give it{_beside(detail['input'])}"
    if not field:
        return message
    return f"{field}: {message} (it is {short(detail['input'])})"


def _beside(given: Any) -> str:
    return f" (there is {', '.join(given)})" if isinstance(given, Mapping) and given else ""


def short(value: Any) -> str:
    """A value as written, at most 80 characters."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _LENGTH_MAX else f"{text[: _LENGTH_MAX - 3]}..."
