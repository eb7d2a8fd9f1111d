"""The quotes that should rest in the market: the newest target after risk state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from quote_service.routing.gate import codes
from quote_service.routing.gate.contract_terms import ContractTerms
from quote_service.routing.orders.order_states import Order
from quote_service.routing.orders.order_table import Slot
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget

Levels = tuple[tuple[int, int], ...]
"""(price in ticks, open size in lots) of each level; size 0: nothing desired there."""

NOTHING = (0, 0)


class DesiredSide(NamedTuple):
    """One side of the desired quotes, and the reasons for what is left out."""

    side: Side
    levels: Levels
    reason: str
    """Reason code to cancel orders beyond the desired levels."""


_NO_SIDES = (DesiredSide("buy", (), codes.NO_TARGET), DesiredSide("sell", (), codes.NO_TARGET))


@dataclass(slots=True)
class DesiredQuotes:
    """A symbol's newest target, and the quotes desired under it."""

    target: QuoteTarget | None = None
    is_late: bool = False
    """It arrived more than `routing.target_age_ms_max` after it was decided."""
    is_overdue: bool = False
    """It arrived more than `market_data.lag_ms_max` after it was decided: standing quotes are pulled too."""
    sides: tuple[DesiredSide, DesiredSide] = _NO_SIDES
    """Bids first."""

    def replace(self, target: QuoteTarget, *, is_late: bool, is_overdue: bool) -> None:
        """A newer target takes over."""
        self.target, self.sides = target, desired_quotes_of(target)
        self.is_late, self.is_overdue = is_late, is_overdue


def desired_quotes_of(target: QuoteTarget) -> tuple[DesiredSide, DesiredSide]:
    """Both sides of a target, bids first."""
    return _side_of("buy", target.bid), _side_of("sell", target.ask)


def reduced(desired: DesiredSide, room_lots: int) -> DesiredSide:
    """The levels, best first, until their sizes use up the room."""
    cut = []
    for price_ticks, size_lots in desired.levels:
        allowed = min(size_lots, room_lots)
        room_lots -= allowed
        cut.append((price_ticks, allowed))
    return DesiredSide(desired.side, tuple(cut), codes.RISK_REDUCE_ONLY)


def fitted(desired: DesiredSide, terms: ContractTerms) -> DesiredSide:
    """The levels with sizes cut to the largest order that our limits and the venue's filters allow."""
    filters = terms.filters
    size_max = min(terms.order_size_max_lots, filters.size_max)
    value_max = min(terms.order_value_max, filters.value_max)
    levels = tuple(
        (price, min(size, size_max, value_max // price) if price > 0 else size)
        for price, size in desired.levels
    )
    return desired._replace(levels=levels)


def in_their_slots(desired: DesiredSide, orders: Mapping[Slot, Order]) -> DesiredSide:
    """The levels, each at the slot of the order that already has its price, if any.

    So a ladder that shifts by a level, or gains a hanging one, keeps the queue positions of the others.
    Slots that are no longer desired get a size of 0.
    """
    if len(desired.levels) <= 1 and not any(level > 0 for _, level in orders):
        return desired
    held = {
        order.asked_price_ticks: level
        for (side, level), order in orders.items()
        if side == desired.side and level >= 0 and not order.is_taker
    }
    count = max(len(desired.levels), 1 + max(held.values(), default=-1))
    slots: list[tuple[int, int] | None] = [None] * count
    others = []
    for price_ticks, size_lots in desired.levels:
        slot = held.get(price_ticks)
        if slot is None:
            others.append((price_ticks, size_lots))
        else:
            slots[slot] = (price_ticks, size_lots)
    left = iter(others)
    levels = tuple(next(left, NOTHING) if found is None else found for found in slots)
    return desired._replace(levels=levels)


def _side_of(side: Side, quote: QuoteSide) -> DesiredSide:
    if len(quote.prices) != len(quote.sizes):
        return DesiredSide(side, (), codes.BAD_TARGET)
    levels = tuple(zip(quote.prices, quote.sizes, strict=True))
    return DesiredSide(side, levels, quote.not_quoting_because or codes.NOT_WANTED)
