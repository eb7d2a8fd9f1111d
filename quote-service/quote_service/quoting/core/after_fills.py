"""What stays on a side after fills: nothing for a while, or the orders that were there."""

from dataclasses import dataclass, field

from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.shape_settings import LEVELS_MAX, Shape
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S, side_sign


@dataclass(slots=True)
class Hanging:
    """An order that stays where it is since the other side was filled."""

    price_ticks: int
    lots: int
    since_ns: int


@dataclass(slots=True)
class FilledSide:
    """One side's fills, and what hangs there because of the other side's."""

    filled_ns: int | None = None
    hanging: list[Hanging] = field(default_factory=list)
    """In the order in which they began to; at most LEVELS_MAX."""

    def is_delayed(self, now_ns: int, shape: Shape) -> bool:
        """Was the side filled a short time ago?"""
        return (
            self.filled_ns is not None and now_ns - self.filled_ns < shape.filled_order_delay_ms * NS_PER_MS
        )

    def hang(self, standing: QuoteSide, count: int, now_ns: int) -> None:
        """Keep the best levels that stand, beside what hangs already."""
        known = {each.price_ticks for each in self.hanging}
        for price, lots in list(zip(standing.prices, standing.sizes, strict=True))[:count]:
            if price not in known and len(self.hanging) < LEVELS_MAX:
                self.hanging.append(Hanging(price, lots, now_ns))

    def take(self, side: Side, lots: int, standing: QuoteSide) -> int:
        """So many lots of the side were filled, the best prices first; of how many levels."""
        levels = dict(zip(standing.prices, standing.sizes, strict=True))
        levels |= {each.price_ticks: each.lots for each in self.hanging}
        count = 0
        for price in sorted(levels, reverse=side == "buy"):
            filled = min(lots, levels[price])
            lots -= filled
            count += filled > 0
            for each in self.hanging:
                if each.price_ticks == price:
                    each.lots -= filled
        self.hanging = [each for each in self.hanging if each.lots > 0]
        return count

    def levels(
        self, side: Side, best_opposite_ticks: int, fair_ticks: float, now_ns: int, shape: Shape
    ) -> list[tuple[int, int]]:
        """(price, lots) of what may hang on: near and young enough, and not through the market."""
        sign = side_sign(side)
        self.hanging = [
            each
            for each in self.hanging
            if now_ns - each.since_ns < shape.hanging_age_max_s * NS_PER_S
            and abs(each.price_ticks - fair_ticks) * BPS_PER_UNIT
            <= shape.hanging_distance_max_bps * fair_ticks
            and sign * (best_opposite_ticks - each.price_ticks) > 0
        ]
        return [(each.price_ticks, each.lots) for each in self.hanging]


@dataclass(slots=True)
class AfterFills:
    """Both sides of a symbol."""

    bid: FilledSide = field(default_factory=FilledSide)
    ask: FilledSide = field(default_factory=FilledSide)

    def see(self, change_lots: int, standing: QuoteTarget | None, now_ns: int, shape: Shape) -> None:
        """Own fills changed the position by so many lots."""
        if standing is None or not change_lots:
            return
        bought = change_lots > 0
        side, other = (self.bid, self.ask) if bought else (self.ask, self.bid)
        side.filled_ns = now_ns
        own, opposite = (standing.bid, standing.ask) if bought else (standing.ask, standing.bid)
        filled_levels = side.take("buy" if bought else "sell", abs(change_lots), own)
        if shape.hanging:
            other.hang(opposite, filled_levels, now_ns)
