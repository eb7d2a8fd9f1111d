"""Types of numbers from outside, each with its bounds, for use in field types.

Within its bounds a number is finite as a float and exact as a decimal, and so are products and quotients of a
few of them: no input by people, files or venues makes arithmetic fail.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from sys import float_info
from typing import Annotated, Any

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

DIGITS_MAX = 28
"""Significant digits: as many as decimal arithmetic keeps."""
AMOUNT_MAX = Decimal("1e18")
AMOUNT_MIN = Decimal("1e-18")
"""Least size of a number other than 0."""
UNITS_MAX = 10**18
"""Ticks or lots of a requested order."""
INTEGER_MAX = 10**24
"""Of any count of ticks, lots or messages: finite as a float, as is a product of a dozen."""
_EXPONENTS = range(-60, 41)
"""Powers of ten of the first digit of any amount, including products of a few amounts."""
TIME_NS_BEFORE = 2**63
"""The end of 64 bits: in the year 2262."""
ID_LENGTH_MAX = 128
"""Of a trade, as the venue names it."""
_SHOWN_MAX = 60
_WHOLE_DIGITS_MAX = 18
_DAY_MS = 86_400_000
_YEAR_S = 366 * 86_400


def shortened(value: object) -> str:
    """A value shortened for a message."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def whole_number(text: str) -> int | None:
    """A number of plain digits, at most 18 of them; None for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _WHOLE_DIGITS_MAX else None


@dataclass(frozen=True, slots=True)
class Scale:
    """Bounds for the absolute value of a number other than 0, and for its digits.

    In a field's type it is part of its validation. A negative zero is a zero.
    """

    least: float | Decimal
    most: float | Decimal
    digits: int = DIGITS_MAX

    def check(self, value: Any) -> Any:
        """The value; raises ValueError, naming it and the bounds, where it is out of scale."""
        if not value:
            return abs(value)
        if not self.least <= abs(value) <= self.most:
            bounds = f"0, or {self.least:g} to {self.most:g}"
            raise ValueError(f"{shortened(str(value))} is out of scale: {bounds}")
        if isinstance(value, Decimal) and len(value.as_tuple().digits) > self.digits:
            raise ValueError(f"{shortened(str(value))} has more than {self.digits} digits")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


AMOUNT = Scale(AMOUNT_MIN, AMOUNT_MAX)
_NORMAL = float_info.min
"""Smaller floats have lost digits. A pure multiplier may be as small as that."""
_DIVISOR = Scale(1e-12, 1e12)
_FACTOR = Scale(_NORMAL, 1e12)
_BPS = Scale(_NORMAL, 1e6)
_SECONDS = Scale(1e-6, float(10 * _YEAR_S))

Positive = Annotated[float, Field(gt=0), _DIVISOR]
NonNegative = Annotated[float, Field(ge=0), _FACTOR]
Fraction = Annotated[float, Field(ge=0, le=1), _FACTOR]
BelowOne = Annotated[float, Field(ge=0, lt=1), _FACTOR]
"""A fraction of a price; 1 would leave none of it."""
Widening = Annotated[float, Field(ge=1), _FACTOR]
Bps = Annotated[float, Field(ge=0), _BPS]
PositiveBps = Annotated[float, Field(gt=0), Scale(1e-9, 1e6)]
NegativeFraction = Annotated[float, Field(lt=0, gt=-1), Scale(1e-9, 1.0)]
SignedBps = Annotated[float, _BPS]
Seconds = Annotated[float, Field(gt=0), _SECONDS]
SignedTicks = Annotated[float, _FACTOR]
Milliseconds = Annotated[int, Field(gt=0, le=366 * _DAY_MS)]
DelayMs = Annotated[float, Field(ge=0), Scale(_NORMAL, float(366 * _DAY_MS))]
"""0: none."""
Seed = Annotated[int, Field(ge=-TIME_NS_BEFORE, lt=TIME_NS_BEFORE)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
PositiveDecimal = Annotated[Decimal, Field(gt=0), AMOUNT]
NonNegativeDecimal = Annotated[Decimal, Field(ge=0), AMOUNT]
NegativeDecimal = Annotated[Decimal, Field(lt=0), AMOUNT]
SignedDecimal = Annotated[Decimal, AMOUNT]
FeeBps = Annotated[Decimal, Scale(Decimal("1e-6"), Decimal(10_000))]
"""Positive is a cost, negative a rebate."""


def decimal_of(value: object) -> Decimal:
    """A number from outside; raises ValueError, naming it, where it is invalid or out of scale."""
    text = str(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{shortened(text)} is not a valid number") from None
    if not number.is_finite():
        raise ValueError(f"{shortened(text)} is not a finite number")
    return Decimal(AMOUNT.check(number))


class OutOfScaleError(ValueError):
    """A message holds a number beyond the bounds of safe arithmetic."""


def check_scale(message: BaseModel) -> None:
    """Raises OutOfScaleError, naming field, value and bound, for a number beyond safe arithmetic.

    Messages decode whatever they hold, so that an old log can be read; this check refuses them.
    """
    for name, value in message.__dict__.items():
        _check_value(name, value)


def _check_value(name: str, value: object) -> None:
    if isinstance(value, int):
        bound = TIME_NS_BEFORE if name.endswith("_ns") else INTEGER_MAX
        if not -bound < value < bound:
            raise OutOfScaleError(f"{name} {shortened(value)} is not within {bound:.0e}")
    elif isinstance(value, Decimal):
        if value.adjusted() not in _EXPONENTS:
            raise OutOfScaleError(
                f"{name} {shortened(str(value))} is not from 1e{_EXPONENTS[0]} to 1e{_EXPONENTS[-1]}"
            )
    elif isinstance(value, tuple) and value:
        if isinstance(value[0], int):
            _check_value(name, max(value))
            _check_value(name, min(value))
        elif not isinstance(value[0], str):
            for each in value:
                _check_value(name, each)
    elif isinstance(value, BaseModel):
        check_scale(value)
