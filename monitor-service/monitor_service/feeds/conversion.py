"""Converts venues' numbers to ticks, lots and nanoseconds."""

import re
from decimal import Decimal
from math import gcd
from typing import NamedTuple, TypeGuard

from schemas.market import RefusalReason
from schemas.numbers import ID_LENGTH_MAX, INTEGER_MAX, TIME_NS_BEFORE, decimal_of

_S_FROM = 10**8
_MS_FROM = 10**11
_US_FROM = 10**14
_NS_FROM = 10**17
_NS_BEFORE = 1 << 63
_VALUE_BEFORE = 10**15
"""Floats are exact to 15 decimal digits: beyond this they cannot resolve even units."""
_FAST_BEFORE = 1e12
_FAST_SLACK = 1e-14
"""Relative tolerance below 1e12 units at which a float quotient still identifies whole units."""
_NUMBERS = (float, int, str)
_WRITTEN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
"""A number as text; Decimal alone would also take `1_0`, spaces and other scripts' digits."""
_STEP_MIN = 1e-15
"""No price or size is smaller: such a number has lost its digits."""
_KNOWN_MAX = 100_000
"""Converted numbers cached per scale."""


class RefusedValueError(ValueError):
    """A value that cannot be converted to ticks or lots."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: RefusalReason = reason


def time_ns(value: object) -> int:
    """A UNIX time in seconds, milli-, micro- or nanoseconds, detected by magnitude, as nanoseconds.

    A fraction is read as written, to the nanosecond. The ranges cover all times from 1973 to 2262. Raises
    RefusedValueError outside them, and for anything but a number.
    """
    if not _is_number(value) or not abs(value) < float("inf"):
        raise RefusedValueError(
            "malformed", f"{short(value)} is not a UNIX time: give s, ms, us or ns since 1970 as a number"
        )
    if value >= _NS_FROM:
        factor = 1
    elif value >= _US_FROM:
        factor = 1_000
    elif value >= _MS_FROM:
        factor = 1_000_000
    elif value >= _S_FROM:
        factor = 1_000_000_000
    else:
        raise RefusedValueError("malformed", f"time {value} is before 1973 in every unit")
    scaled = value * factor if isinstance(value, int) else int(Decimal(repr(value)) * factor)
    if scaled >= _NS_BEFORE:
        raise RefusedValueError("malformed", f"time {short(value)} is after 2262 in every unit")
    return scaled


def exchange_time(time_ns: int | None) -> int | None:
    """A venue's own time, if given. Raises RefusedValueError outside 1970 to 2262."""
    if time_ns is not None and not 0 <= time_ns < TIME_NS_BEFORE:
        raise RefusedValueError("malformed", f"exchange time {short(time_ns)} ns is not from 1970 to 2262")
    return time_ns


def short(value: object) -> str:
    """A value shortened for a message."""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


_SHOWN_MAX = 60


def trade_id_of(value: str | int) -> str:
    """A venue's trade id. Raises RefusedValueError for one that is too long."""
    text = str(value)
    if len(text) > ID_LENGTH_MAX:
        raise RefusedValueError("malformed", f"id {short(text)} has more than {ID_LENGTH_MAX} letters")
    return text


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_range(value: float) -> bool:
    """Finite, not negative, and small enough to be exact; integers are compared as integers."""
    return 0 <= value < _VALUE_BEFORE


def exact(value: float) -> Decimal:
    """The decimal number as written: float artefacts beyond 15 digits are cut."""
    return Decimal(f"{value:.15g}")


def _whole_units(value: float, unit: float) -> int | None:
    """`value` in units, where floats suffice to see that it is a whole number."""
    quotient = value / unit
    if quotient >= _FAST_BEFORE:
        return None
    whole = round(quotient)
    return whole if abs(quotient - whole) <= quotient * _FAST_SLACK else None


class UnitScale:
    """Converts prices or sizes of one instrument to whole units; numbers as text are converted exactly."""

    def __init__(
        self, unit: Decimal, name: str, bad: RefusalReason, off: RefusalReason, *, rounds_down: bool = False
    ) -> None:
        """`rounds_down`: a number between two multiples of the unit counts as the lower one above 0."""
        self._unit = unit
        self._float_unit = float(unit)
        self._name = name
        self._bad: RefusalReason = bad
        self._off: RefusalReason = off
        self._rounds_down = rounds_down
        self._known: dict[float | str, int] = {}

    def all_units(self, values: list[float | str]) -> tuple[int, ...]:
        """As `units`, for many at once; results are cached."""
        known = self._known
        return tuple(
            [
                known[value] if type(value) in _NUMBERS and value in known else self.units(value)
                for value in values
            ]
        )

    def units(self, value: float | str) -> int:
        """`value` as a whole number of units, at least 0. Raises RefusedValueError, naming the value."""
        if not isinstance(value, str) and not _is_number(value):
            raise self._no_number(value)
        known = self._known.get(value)
        if known is not None:
            return known
        whole = None if isinstance(value, str) else self._fast_units(value)
        if whole is None:
            whole = self._exact_units(value)
        if len(self._known) < _KNOWN_MAX:
            self._known[value] = whole
        return whole

    def _no_number(self, value: object) -> RefusedValueError:
        return RefusedValueError("malformed", f"{self._name} {short(value)} is not a number")

    def _fast_units(self, value: float) -> int | None:
        return _whole_units(value, self._float_unit) if _in_range(value) else None

    def _exact_units(self, value: float | str) -> int:
        number = self._number(value)
        if number / self._unit > INTEGER_MAX:
            raise RefusedValueError(
                self._bad, f"{self._name} {short(value)} is more than {INTEGER_MAX:.0e} times {self._unit}"
            )
        whole, rest = divmod(number, self._unit)
        if rest and not (whole and self._rounds_down):
            raise RefusedValueError(
                self._off, f"{self._name} {short(value)} is not a multiple of {self._unit:f}"
            )
        return int(whole)

    def _number(self, value: float | str) -> Decimal:
        if isinstance(value, str):
            if not _WRITTEN.fullmatch(value):
                raise self._no_number(value)
            number = Decimal(value)
        else:
            number = exact(value) if _in_range(value) else Decimal(-1)
        if not 0 <= number < _VALUE_BEFORE:
            raise RefusedValueError(
                self._bad, f"{self._name} {short(value)} must be finite, not negative and below 1e15"
            )
        return number

    def positive_units(self, value: float | str) -> int:
        """As `units`, but 0 is refused too."""
        whole = self.units(value)
        if whole == 0:
            raise RefusedValueError(self._bad, f"{self._name} {value!r} must be positive")
        return whole


class Scales(NamedTuple):
    """Conversion of one contract's numbers to ticks and lots."""

    price: UnitScale
    size: UnitScale
    """Of trades."""
    level_size: UnitScale
    """Rounds down: a level may hold orders from before the venue enlarged its lot."""


def scales_of(tick_size: Decimal, lot_size: Decimal) -> Scales:
    """The scales of a contract."""
    return Scales(
        UnitScale(tick_size, "price", "bad_price", "off_tick"),
        UnitScale(lot_size, "size", "bad_size", "off_lot"),
        UnitScale(lot_size, "size", "bad_size", "off_lot", rounds_down=True),
    )


class StepFinder:
    """The largest step that divides all observed numbers: a tick or lot that no source states."""

    def __init__(self) -> None:
        self._decimals = 0
        self._gcd = 0
        self._float_step = 0.0
        self._known: dict[float | str, None] = {}

    def measure(self, value: object) -> None:
        """Take a number into account; anything but a positive number in range is ignored."""
        if isinstance(value, str):
            self._measure_text(value)
            return
        if not _is_number(value) or not _in_range(value) or value < _STEP_MIN or value in self._known:
            return
        self._remember(value)
        if not self._float_step or not _whole_units(value, self._float_step):
            self._refine(exact(value))

    def _measure_text(self, value: str) -> None:
        if value in self._known or not _WRITTEN.fullmatch(value):
            return
        self._remember(value)
        try:
            number = decimal_of(value)
        except ValueError:
            return
        if 0 < number < _VALUE_BEFORE:
            self._refine(number)

    def _remember(self, value: float | str) -> None:
        if len(self._known) < _KNOWN_MAX:
            self._known[value] = None

    def _refine(self, value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        decimals = max(0, -exponent) if isinstance(exponent, int) else 0
        if decimals > self._decimals:
            self._gcd *= 10 ** (decimals - self._decimals)
            self._decimals = decimals
        self._gcd = gcd(self._gcd, int(value.scaleb(self._decimals)))
        self._float_step = self._gcd / 10**self._decimals

    @property
    def step(self) -> Decimal | None:
        """The step, exact; None before any number."""
        if not self._gcd:
            return None
        step = Decimal(self._gcd).scaleb(-self._decimals).normalize()
        return Decimal(f"{step:f}")
