"""Positions whose market is no longer followed: they keep counting at their last mark, and are alerted.

A symbol removed from the configuration, or without a feed, gets no signal. Its position stays in the
account's exposure, loss and drawdown, and the account keeps trading: the other symbols' marks are not old.
"""

from decimal import Decimal

from risk_service.core.limits import SymbolRisk
from schemas.units import NS_PER_S

MARK_AGE_NS_MAX = 60 * NS_PER_S
"""A followed market gives its mark every second, also while its book is not live."""
MATTERS_AT = Decimal("0.05")
"""Share of the allowed exposure from which such a position is alerted."""


def old_since_ns(symbol: SymbolRisk, now_ns: int) -> int | None:
    """When a position's mark was last received; None: recently, or there is no position."""
    if not symbol.is_held or now_ns - symbol.mark_ns <= MARK_AGE_NS_MAX:
        return None
    return symbol.mark_ns


def observe_mark_age(symbol: SymbolRisk, since_ns: int | None, allowed: Decimal) -> bool:
    """Apply the age of a mark; true where a significant position has just lost its market.

    `allowed`: the account's maximum exposure.
    """
    if since_ns is None:
        symbol.has_old_mark = False
        return False
    if symbol.has_old_mark or abs(symbol.notional) < MATTERS_AT * allowed:
        return False
    symbol.has_old_mark = True
    return True


def words(symbol: SymbolRisk, since_ns: int, now_ns: int) -> str:
    """The alert's text."""
    return (
        f"nothing was heard of its market for {(now_ns - since_ns) // NS_PER_S} s: {abs(symbol.notional):.2f}"
        " of exposure, its loss and drawdown are counted at its last mark"
    )
