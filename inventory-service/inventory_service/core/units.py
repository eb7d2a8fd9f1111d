"""Converts ticks and lots between contracts: exactly, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from typing import NamedTuple

from schemas.market import Instrument

WIDE = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Decimal context for sums and products of ledgers."""
_EXACT = Context(prec=100, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""More digits than any ledger has: beyond this a result is unending."""


class Factors(NamedTuple):
    """New units per old unit."""

    ticks: Fraction
    lots: Fraction


def tick_factor(old: Instrument, new: Instrument) -> Fraction | None:
    """New ticks per old tick; None where the currency differs."""
    if old.quote_currency != new.quote_currency:
        return None
    return Fraction(old.tick_size) / Fraction(new.tick_size)


def factors(old: Instrument, new: Instrument) -> Factors | None:
    """None where currency or multiplier differ."""
    ticks = tick_factor(old, new)
    if ticks is None or old.multiplier != new.multiplier:
        return None
    return Factors(ticks, Fraction(old.lot_size) / Fraction(new.lot_size))


def scaled(value: Decimal | int, factor: Fraction) -> Decimal | None:
    """`value` times `factor`; None where the result is unending."""
    try:
        return _EXACT.divide(_EXACT.multiply(Decimal(value), Decimal(factor.numerator)), factor.denominator)
    except Inexact:
        return None


def whole(value: Decimal | None) -> int | None:
    """A whole number; None for any other, and for one with more digits than ledgers keep: writing out a
    million of them takes seconds.
    """
    if value is None or value.adjusted() >= WIDE.prec or value != value.to_integral_value():
        return None
    return int(value)


def plain(value: Decimal | int) -> Decimal | int:
    """A whole number as an int, for exact arithmetic; any other unchanged."""
    number = whole(Decimal(value))
    return value if number is None else number


@contextmanager
def many_digits() -> Iterator[None]:
    """Inside it, sums and products of ledgers are exact."""
    with localcontext(WIDE):
        yield
