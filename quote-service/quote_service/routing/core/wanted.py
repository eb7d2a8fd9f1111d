"""What should stand in the market, by the newest target and what risk leaves of it."""

from typing import NamedTuple

from quote_service.routing.core import codes
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget

Levels = tuple[tuple[int, int], ...]
"""(price in ticks, open size in lots) of each level; size 0: nothing wanted there."""


class Wanted(NamedTuple):
    """One side of what should stand, and why the rest should not."""

    side: Side
    levels: Levels
    reason: str
    """Code for orders beyond the levels."""


def wanted_of(target: QuoteTarget) -> tuple[Wanted, Wanted]:
    """Both sides of a target, bids first."""
    return _side_of("buy", target.bid), _side_of("sell", target.ask)


def reduced(wanted: Wanted, room_lots: int) -> Wanted:
    """The levels, best first, until their sizes fill the room."""
    cut = []
    for price_ticks, size_lots in wanted.levels:
        allowed = min(size_lots, room_lots)
        room_lots -= allowed
        cut.append((price_ticks, allowed))
    return Wanted(wanted.side, tuple(cut), codes.RISK_REDUCE_ONLY)


def _side_of(side: Side, quote: QuoteSide) -> Wanted:
    if len(quote.prices) != len(quote.sizes):
        return Wanted(side, (), codes.BAD_TARGET)
    levels = tuple(zip(quote.prices, quote.sizes, strict=True))
    return Wanted(side, levels, quote.not_quoting_because or codes.NOT_WANTED)
