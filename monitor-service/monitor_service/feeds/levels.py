"""One side of a book in ticks and lots: one rule for live and recorded data about what is wrong in it.

A level whose price cannot be used is left out. Where only its size cannot, the level is removed (size 0):
what stood there before no longer does. A size between two lots counts as the lower one. Each level lost
is counted. A snapshot that would lose more than half of its levels has another tick or lot than we
think: it is refused.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from monitor_service.feeds.conversion import RefusedValueError, Scales, short
from schemas.market import RefusalReason

_SHARE_LOST_MAX = 0.5


class Side(NamedTuple):
    """Prices in ticks and sizes in lots, parallel, and what is wrong with the levels that were lost."""

    prices: tuple[int, ...]
    sizes: tuple[int, ...]
    lost: tuple[RefusedValueError, ...] = ()


class Sides(NamedTuple):
    """Both sides of a book or of an update."""

    bids: Side
    asks: Side

    @property
    def lost(self) -> Iterator[RefusedValueError]:
        """By reason, the first level lost, and how many there were."""
        by_reason: dict[RefusalReason, list[RefusedValueError]] = {}
        for error in (*self.bids.lost, *self.asks.lost):
            by_reason.setdefault(error.reason, []).append(error)
        for reason, errors in by_reason.items():
            more = (
                f", the first of {len(errors)} levels left out" if len(errors) > 1 else ", a level left out"
            )
            yield RefusedValueError(reason, f"{errors[0]}{more}")


def sides_of(bids: Sequence[Any], asks: Sequence[Any], scales: Scales, *, is_snapshot: bool) -> Sides:
    """Both sides; raises the first error of a snapshot that would lose too many levels."""
    sides = Sides(_side(bids, scales), _side(asks, scales))
    if is_snapshot:
        lost = (*sides.bids.lost, *sides.asks.lost)
        if len(lost) > (len(bids) + len(asks)) * _SHARE_LOST_MAX:
            raise lost[0]
    return sides


def _side(levels: Sequence[Any], scales: Scales) -> Side:
    try:
        prices = scales.price.all_units([price for price, _ in levels])
        if 0 not in prices:
            return Side(prices, scales.level_size.all_units([size for _, size in levels]))
    except (RefusedValueError, TypeError, ValueError):
        pass  # told below, level by level
    return _level_by_level(levels, scales)


def _level_by_level(levels: Sequence[Any], scales: Scales) -> Side:
    found: list[tuple[int, int]] = []
    lost: list[RefusedValueError] = []
    for level in levels:
        try:
            price, size = _pair(level)
            price_ticks = scales.price.positive_units(price)
        except RefusedValueError as error:
            lost.append(error)
            continue
        try:
            found.append((price_ticks, scales.level_size.units(size)))
        except RefusedValueError as error:
            found.append((price_ticks, 0))
            lost.append(error)
    return Side(tuple(price for price, _ in found), tuple(size for _, size in found), tuple(lost))


def _pair(level: Any) -> tuple[Any, Any]:
    try:
        price, size = level
    except (TypeError, ValueError):
        raise RefusedValueError("malformed", f"level {short(level)} is not [price, size]") from None
    return price, size
