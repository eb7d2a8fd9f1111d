"""The value of one unit of a contract at a price, so that one ledger serves every kind.

    spot, linear: V(p) =  multiplier p      in quote currency
    inverse:      V(p) = -multiplier / p    in base currency

A position of q units earns q (V(p1) - V(p0)) from price p0 to p1. For an inverse contract of c quote units
that is q c (1/p0 - 1/p1): N contracts of c at p are N c / p base units (docs/FORMULAS.md, Contracts). V of an
inverse contract is rounded to 34 significant digits once per price; everything derived from it is exact.
"""

from decimal import Decimal

from research.attribution.exact import quotient
from research.attribution.lines import Contract


def unit_value(contract: Contract, multiplier: Decimal, price: Decimal) -> Decimal:
    """V(p) in settlement currency for one unit; `price` in quote currency for a base unit, above 0."""
    return -quotient(multiplier, price) if contract == "inverse" else multiplier * price


def price_of(contract: Contract, multiplier: Decimal, value: Decimal) -> Decimal:
    """The price at which one unit is worth `value`: the inverse of `unit_value`, to 34 digits."""
    if contract == "inverse":
        return quotient(-multiplier, value)
    return quotient(value, multiplier)
