"""Ticks, lots, basis points and nanoseconds: the one place where they are converted and rounded.

Prices travel as integer ticks and sizes as integer lots. A mid is half of a sum of two ticks, so it
travels as integer half ticks (`bid + ask`), which keeps profit and loss exact.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil, floor, isfinite

from schemas.message import Side
from schemas.numbers import UNITS_MAX, shortened

BPS_PER_UNIT = 10_000
NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

_MONEY_DECIMALS = 4
_SNAP = 1e-9
"""Relative tolerance, in ticks, within which a model price counts as on its tick: after a division a
float may miss its tick by rounding alone, and must not be pushed a whole tick out."""
_SNAP_TICKS_MAX = 1e-3
"""Absolute cap of it: at prices of billions of ticks, a billionth would be a tick."""


def side_sign(side: Side) -> int:
    """+1 for a buy of ours, -1 for a sell of ours."""
    return 1 if side == "buy" else -1


def to_units(value: Decimal, unit: Decimal) -> int:
    """`value` as a whole number of `unit`s (a tick or a lot).

    Raises ValueError, naming both, where `value` is not finite or not a multiple of `unit`.
    """
    if not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    units = value / unit
    whole = units.to_integral_value()
    if whole != units:
        raise ValueError(f"{value} is not a multiple of {unit}")
    return int(whole)


def order_units(value: Decimal, unit: Decimal) -> int:
    """As `to_units`, for a price or size of an order: above 0, and below an absurd bound."""
    units = to_units(value, unit)
    if not 0 < units <= UNITS_MAX:
        raise ValueError(f"{shortened(str(value))} is not above 0 and at most {UNITS_MAX:.0e} times {unit}")
    return units


def from_units(units: int, unit: Decimal) -> Decimal:
    """`units` ticks or lots as an exact decimal."""
    return unit * units


def money_text(value: Decimal) -> str:
    """Money with all its digits, at least four decimals, without an exponent; never a negative zero."""
    whole, _, part = format(value if value else abs(value), "f").partition(".")
    return f"{whole}.{part.rstrip('0').ljust(_MONEY_DECIMALS, '0')}"


def floor_units(value: Decimal, unit: Decimal) -> int:
    """The largest number of whole `unit`s not above `value`, exact."""
    return int((value / unit).to_integral_value(rounding=ROUND_FLOOR))


def ceil_units(value: Decimal, unit: Decimal) -> int:
    """The smallest number of whole `unit`s not below `value`, exact."""
    return int((value / unit).to_integral_value(rounding=ROUND_CEILING))


def round_outward(price_ticks: float, side: Side) -> int:
    """A model price in ticks to whole ticks, away from the market: a bid down, an ask up.

    Raises ValueError where the price is not finite.
    """
    if not isfinite(price_ticks):
        raise ValueError(f"a price of {price_ticks} ticks cannot be quoted")
    nearest = round(price_ticks)
    if abs(price_ticks - nearest) <= min(_SNAP_TICKS_MAX, _SNAP * max(1.0, abs(price_ticks))):
        return nearest
    return floor(price_ticks) if side == "buy" else ceil(price_ticks)


def bps(part: float, whole: float) -> float:
    """`part` in basis points of `whole`."""
    return part / whole * BPS_PER_UNIT
