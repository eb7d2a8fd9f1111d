"""What should stand in the market, by the newest target and what risk leaves of it."""

from collections.abc import Mapping
from typing import NamedTuple

from quote_service.routing.core import codes
from quote_service.routing.core.memory import Slot
from quote_service.routing.core.order_states import Order
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget

Levels = tuple[tuple[int, int], ...]
"""(price in ticks, open size in lots) of each level; size 0: nothing wanted there."""

NOTHING = (0, 0)


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


def in_their_slots(wanted: Wanted, orders: Mapping[Slot, Order]) -> Wanted:
    """The levels with each at the slot of the order that has its price already, if one has.

    So a ladder that moves by a level, or by one that hangs on, does not cost the others their place in the
    queue. Slots that are not wanted any more have a size of 0.
    """
    if len(wanted.levels) <= 1 and not any(level > 0 for _, level in orders):
        return wanted
    held = {
        order.asked_price_ticks: level
        for (side, level), order in orders.items()
        if side == wanted.side and level >= 0
    }
    count = max(len(wanted.levels), 1 + max(held.values(), default=-1))
    slots: list[tuple[int, int] | None] = [None] * count
    others = []
    for price_ticks, size_lots in wanted.levels:
        slot = held.get(price_ticks)
        if slot is None:
            others.append((price_ticks, size_lots))
        else:
            slots[slot] = (price_ticks, size_lots)
    left = iter(others)
    levels = tuple(next(left, NOTHING) if found is None else found for found in slots)
    return wanted._replace(levels=levels)


def _side_of(side: Side, quote: QuoteSide) -> Wanted:
    if len(quote.prices) != len(quote.sizes):
        return Wanted(side, (), codes.BAD_TARGET)
    levels = tuple(zip(quote.prices, quote.sizes, strict=True))
    return Wanted(side, levels, quote.not_quoting_because or codes.NOT_WANTED)
