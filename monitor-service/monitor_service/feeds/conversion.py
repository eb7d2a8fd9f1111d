"""Numbers as venues write them to ticks, lots and nanoseconds."""

from decimal import Decimal
from math import gcd, isfinite

from schemas.market import RefusalReason

_NS_FROM = 10**17
_US_FROM = 10**14
_MS_FROM = 10**11
ALIGNMENT_SLACK = 1e-3
"""Part of a unit by which a float may miss it; real steps between valid numbers are whole units."""


class RefusedValueError(ValueError):
    """A value that cannot become ticks or lots."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: RefusalReason = reason


def time_ns(value: int) -> int:
    """A UNIX time in seconds, milli-, micro- or nanoseconds, recognised by its magnitude, as nanoseconds.

    The ranges hold for all times from 1973 to 5138. Raises RefusedValueError outside them.
    """
    if value >= _NS_FROM:
        return value
    if value >= _US_FROM:
        return value * 1_000
    if value >= _MS_FROM:
        return value * 1_000_000
    if value >= 10**8:
        return value * 1_000_000_000
    raise RefusedValueError("malformed", f"time {value} is before 1973 in every unit")


class UnitScale:
    """Converts prices or sizes of one instrument to whole units."""

    def __init__(self, unit: Decimal, name: str, bad: RefusalReason, off: RefusalReason) -> None:
        self._unit = float(unit)
        self._name = name
        self._bad: RefusalReason = bad
        self._off: RefusalReason = off
        self._known: dict[float, int] = {}

    def all_units(self, values: list[float]) -> tuple[int, ...]:
        """As `units`, for many at once; what was seen before is looked up."""
        known = self._known
        return tuple([known[value] if value in known else self.units(value) for value in values])

    def units(self, value: float) -> int:
        """`value` as a whole number of units, at least 0. Raises RefusedValueError, naming the value."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RefusedValueError("malformed", f"{self._name} {value!r} is not a number")
        if not isfinite(value) or value < 0:
            raise RefusedValueError(self._bad, f"{self._name} {value} must be finite and not negative")
        exact = value / self._unit
        whole = round(exact)
        if abs(exact - whole) > ALIGNMENT_SLACK:
            raise RefusedValueError(self._off, f"{self._name} {value} is not a multiple of {self._unit}")
        if len(self._known) < _KNOWN_MAX:
            self._known[value] = whole
        return whole

    def positive_units(self, value: float) -> int:
        """As `units`, but 0 is refused too."""
        whole = self._known.get(value) or self.units(value)
        if whole == 0:
            raise RefusedValueError(self._bad, f"{self._name} {value} must be positive")
        return whole


_KNOWN_MAX = 100_000


def price_scale(tick_size: Decimal) -> UnitScale:
    """Prices to ticks."""
    return UnitScale(tick_size, "price", "bad_price", "off_tick")


def size_scale(lot_size: Decimal) -> UnitScale:
    """Sizes to lots."""
    return UnitScale(lot_size, "size", "bad_size", "off_lot")


class StepFinder:
    """The largest step of which all numbers seen are multiples: a tick or lot that nobody told us."""

    def __init__(self) -> None:
        self._seen: set[float] = set()
        self._decimals = 0
        self._gcd = 0

    def see(self, value: object) -> None:
        """Take a number into account; what is not a positive finite number is not evidence."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value in self._seen:
            return
        if not isfinite(value) or value <= 0:
            return
        if len(self._seen) < _KNOWN_MAX:
            self._seen.add(value)
        exponent = Decimal(str(value)).as_tuple().exponent
        decimals = max(0, -exponent) if isinstance(exponent, int) else 0
        if decimals > self._decimals:
            self._gcd *= 10 ** (decimals - self._decimals)
            self._decimals = decimals
        self._gcd = gcd(self._gcd, int(Decimal(str(value)).scaleb(self._decimals)))

    @property
    def step(self) -> Decimal | None:
        """The step; None before any number. Powers of ten and their multiples by 2 and 5 are usual."""
        if not self._gcd:
            return None
        return Decimal(self._gcd).scaleb(-self._decimals).normalize()
