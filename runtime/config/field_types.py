"""Texts that people wrote, as the types of the fields that they are for.

Numbers are those of the core schema of YAML 1.2 (yaml.org/spec/1.2.2, section 10.3.2), without leading zeros:
people write `0100` for an octal, a decimal or a code, and nobody can tell which.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.config import Config
from schemas.quoting_settings import SymbolSettings

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_DIGITS_MAX = 400
"""Of a whole number; beyond the largest float it is none of ours."""
_NUMBERS = (int, float, Decimal)


class Plain(str):
    """A scalar without quotes: text, number, truth value or nothing, as its field wants."""

    __slots__ = ()

    def __repr__(self) -> str:
        """As it was written, for messages."""
        return str(self)


class _WrongError(Exception):
    """A value was reported as wrong: what contains it leaves it out."""


@dataclass(slots=True)
class FieldTypes:
    """Converts values, and collects what is wrong with them."""

    wrong: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """By dotted place: what is wanted there, and the value."""

    def convert(self, value: Any, annotation: Any, place: str) -> tuple[Any, ...]:
        """The value as its field's type, alone in a tuple; none where it is reported in `wrong`."""
        try:
            return (self._of_type(value, annotation, place),)
        except _WrongError:
            return ()

    def _of_type(self, value: Any, annotation: Any, place: str) -> Any:
        options = _options(annotation)
        if isinstance(value, Mapping):
            return self._mapping(value, options, place)
        if isinstance(value, list):
            return self._items(value, options, place)
        if isinstance(value, Plain) and is_nothing(value) and not _stays_text(value, options):
            return None
        if _wants_number(options) and (isinstance(value, str | bool)):
            return self._number(value, options, place)
        return str(value) if isinstance(value, Plain) else value

    def _mapping(self, value: Mapping[str, Any], options: list[Any], place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, each in value.items():
            for converted in self.convert(
                each, _type_at(name, options), f"{place}.{name}" if place else name
            ):
                found[name] = converted
        return found

    def _items(self, value: list[Any], options: list[Any], place: str) -> list[Any]:
        of_lists = [get_args(option) for option in options if get_origin(option) in (tuple, list)]
        types = [each for each in of_lists[0] if each is not Ellipsis] if of_lists else [Any]
        return [
            self._of_type(each, types[min(index, len(types) - 1)], f"{place}.{index}")
            for index, each in enumerate(value)
        ]

    def _number(self, value: str | bool, options: list[Any], place: str) -> Any:
        words = [word for option in options if get_origin(option) is Literal for word in get_args(option)]
        if isinstance(value, str):
            if value in words:
                return str(value)
            number = number_of(value, exact=Decimal in options)
            if number is not None:
                return number
        texts = [repr(word) for word in words if isinstance(word, str)]
        self.wrong[place] = (" or ".join(["a number", *texts]) + " is wanted", value)
        raise _WrongError


def is_nothing(value: object) -> bool:
    """Whether it says that there is no value: nothing, null or ~ without quotes."""
    return value is None or (isinstance(value, Plain) and value in _NOTHING)


def number_of(text: str, *, exact: bool) -> int | float | str | None:
    """The number that a text is; None for any other text.

    `exact`: a text whose digits a float cannot hold stays as it is, for a decimal.
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text) if len(text) <= _DIGITS_MAX else None
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0) if len(text) <= _DIGITS_MAX else None
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    if not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    return text if exact and Decimal(repr(number)) != Decimal(text) else number


def _options(annotation: Any) -> list[Any]:
    """The alternatives of a type, without the bounds around them."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [each for option in get_args(annotation) for each in _options(option)]
    return [annotation]


def _wants_number(options: list[Any]) -> bool:
    """Without free text as an alternative; Literal[1, 2] is a number too."""
    if str in options or bool in options:
        return False
    choices = [word for option in options if get_origin(option) is Literal for word in get_args(option)]
    return any(number in options for number in _NUMBERS) or any(isinstance(word, int) for word in choices)


def _stays_text(value: str, options: list[Any]) -> bool:
    """`null` is a text where nothing else is wanted; an empty value is none."""
    return bool(value) and str in options and NoneType not in options


def _type_at(name: str, options: list[Any]) -> Any:
    """The type of a value in a mapping; Any where the key is unknown, which validation reports."""
    for option in options:
        if isinstance(option, type) and issubclass(option, BaseModel):
            # the sections of a symbol are parts of the sections of the same name
            fields = (Config if option is SymbolSettings else option).model_fields
            return fields[name].annotation if name in fields else Any
        if get_origin(option) is dict:
            return get_args(option)[1]
    return Any
