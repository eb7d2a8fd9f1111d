"""Decimal arithmetic that never rounds silently.

Sums and products are exact: an operation that would round raises decimal.Inexact instead. Where an unending
quotient must be rounded, `quotient` or `share_of` does it, and nothing else.
"""

from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)

EXACT = Context(prec=4000, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Numbers in `lines` have at most 18 digits before and 30 after the point: no product or sum gets near
4000 digits, and one that did would raise."""

_QUOTIENT = Context(prec=34, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=4000, rounding=ROUND_HALF_EVEN)

MONEY_STEP = Decimal("1e-30")
"""Rounding of a part of an amount. The other part is the remainder, so both add up to the whole."""


def exactly() -> AbstractContextManager[Context]:
    """Inside it, decimal arithmetic is exact or raises."""
    return localcontext(EXACT)


def quotient(part: Decimal, whole: Decimal) -> Decimal:
    """`part / whole` to 34 significant digits, half to even; `whole` is not 0."""
    return _QUOTIENT.divide(part, whole)


def share_of(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount * part / whole`, to MONEY_STEP, half to even; all of it, exactly, where part is the whole."""
    if part == whole:
        return amount
    return _WIDE.divide(_WIDE.multiply(amount, part), whole).quantize(MONEY_STEP, context=_WIDE)


def ratio(part: Decimal | float, whole: Decimal | float) -> float | None:
    """`part / whole` as a figure to show; None where whole is 0."""
    return float(part) / float(whole) if whole else None
