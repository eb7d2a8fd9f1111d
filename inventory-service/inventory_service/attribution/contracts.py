"""What one unit of a contract is worth at a price, so that one ledger serves every kind.

    spot, linear: V(p) =  multiplier p      in quote currency
    inverse:      V(p) = -multiplier / p    in base currency

A position of q units earns q (V(p1) - V(p0)) from price p0 to p1. For an inverse contract of c quote units
that is q c (1/p0 - 1/p1) (quant.md 9: N contracts of c at p are N c / p base units). V of an inverse contract
is cut to 34 significant digits once for each price; what is built from it is exact.
"""

from decimal import Decimal

from inventory_service.attribution.exact import quotient
from inventory_service.attribution.lines import Contract


def unit_value(contract: Contract, multiplier: Decimal, price: Decimal) -> Decimal:
    """V(p) in settlement currency for one unit; `price` in quote currency for a base unit, above 0."""
    return -quotient(multiplier, price) if contract == "inverse" else multiplier * price


def price_of(contract: Contract, multiplier: Decimal, value: Decimal) -> Decimal:
    """The price at which one unit is worth `value`: the inverse of `unit_value`, to 34 digits."""
    if contract == "inverse":
        return quotient(-multiplier, value)
    return quotient(value, multiplier)
