"""The levels of one side: prices from the best outward, sizes in whole lots, cut to the room available."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from quote_service.quoting.reasons import BELOW_MIN_NOTIONAL, MAX_INVENTORY
from quote_service.quoting.sizing import SizeLimits, least_lots, order_lots, whole_lots
from schemas.message import Side
from schemas.shape_settings import Shape
from schemas.units import BPS_PER_UNIT, round_outward, side_sign


class DraftSide(NamedTuple):
    """One side, best level first; where it is not quoted it is empty and `reason` says why."""

    prices: tuple[int, ...]
    sizes: tuple[int, ...]
    reason: str | None = None
    size_is_limit: bool = False
    """The sizes were cut to a limit: larger resting ones must not stay."""
    room_lots: float = inf
    """The most that all levels together may show."""
    urgency: float | None = None
    """Of the balancer, that put the best level at the touch; None: it did not."""
    refused_ticks: int | None = None
    """The best price that the collar refuses, in whose place the tick nearer to the market is quoted."""

    @property
    def is_ordered(self) -> bool:
        """Is every level strictly further from the market than the one before?"""
        steps = [after - before for before, after in pairwise(self.prices)]
        return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def barred(reason: str) -> DraftSide:
    """An empty side, with the reason."""
    return DraftSide((), (), reason)


def too_small(least: int, maximum: str, most_lots: float, limits: SizeLimits) -> str:
    """Why a side has no size: the maximum that forbids the venue's smallest order, in base units."""
    sizes = limits.size_text(least), limits.size_text(most_lots)
    return f"{BELOW_MIN_NOTIONAL}: the smallest order is {sizes[0]}, and {maximum} {sizes[1]}"


def level_prices(side: Side, best_ticks: int, fair_ticks: float, shape: Shape) -> list[int]:
    """Ticks of every level beyond the best, each at least a tick further out than the one before."""
    outward = -side_sign(side)
    prices = [best_ticks]
    for offset_bps in _offsets_bps(side, shape)[1:]:
        desired = round_outward(best_ticks + outward * offset_bps * fair_ticks / BPS_PER_UNIT, side)
        next_ticks = prices[-1] + outward
        price = min(desired, next_ticks) if side == "buy" else max(desired, next_ticks)
        if price <= 0:
            break
        prices.append(price)
    return prices


def levels(
    side: Side,
    best_ticks: int,
    fair_ticks: float,
    lots: tuple[float, float],
    limits: SizeLimits,
    shape: Shape,
) -> DraftSide:
    """The side's ladder; `lots` holds a level's regular size and its maximum, not yet rounded."""
    usual, most = lots
    prices, sizes = [], []
    factor = 1.0
    for level, price in enumerate(level_prices(side, best_ticks, fair_ticks, shape)):
        factor = _size_factor(side, level, factor, shape)
        size = order_lots(usual * factor, most, price, limits)
        if size:
            prices.append(price)
            sizes.append(size)
    return DraftSide(tuple(prices), tuple(sizes)) if prices else barred(BELOW_MIN_NOTIONAL)


def cut(side: DraftSide, room_lots: float, reason: str, limits: SizeLimits) -> DraftSide:
    """The levels, best first, until the room is used up; `reason` says what limits it."""
    if not side.prices:
        return side
    if room_lots <= 0:
        return barred(reason)
    left = room_lots
    prices, sizes = [], []
    for price, desired in zip(side.prices, side.sizes, strict=True):
        size = whole_lots(min(desired, room_lots), price, limits)
        if not size:
            break
        room_lots -= size
        prices.append(price)
        sizes.append(size)
    if not prices:
        return barred(too_small(least_lots(side.prices[0], limits), f"{reason} leaves", left, limits))
    return side._replace(prices=tuple(prices), sizes=tuple(sizes), reason=None, size_is_limit=True)


def with_levels(
    side: Side, draft: DraftSide, more: Sequence[tuple[int, int]], limits: SizeLimits
) -> DraftSide:
    """The side with the given levels (price, lots) merged in by price, within its room.

    At an equal price the given level replaces the side's own.
    """
    found = dict(zip(draft.prices, draft.sizes, strict=True)) | dict(more)
    ordered = sorted(found.items(), reverse=side == "buy")
    if not ordered:
        return draft
    prices, sizes = zip(*ordered, strict=True)
    made = draft._replace(prices=prices, sizes=sizes, reason=None)
    return cut(made, draft.room_lots, MAX_INVENTORY, limits) if sum(sizes) > draft.room_lots else made


def _offsets_bps(side: Side, shape: Shape) -> tuple[float, ...]:
    configured = shape.bid_level_offsets_bps if side == "buy" else shape.ask_level_offsets_bps
    return configured or tuple(level * shape.level_step_bps for level in range(shape.levels))


def _size_factor(side: Side, level: int, before: float, shape: Shape) -> float:
    configured = shape.bid_level_size_factors if side == "buy" else shape.ask_level_size_factors
    if configured:
        return configured[min(level, len(configured) - 1)]
    return before * shape.level_size_factor if level else 1.0
