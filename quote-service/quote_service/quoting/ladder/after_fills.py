"""How a side is quoted after fills: paused for a while, or with the orders that were left hanging."""

from dataclasses import dataclass, field

from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.shape_settings import LEVELS_MAX, Shape
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S, side_sign


@dataclass(slots=True)
class Hanging:
    """An order that is kept in place after the other side was filled."""

    price_ticks: int
    lots: int
    since_ns: int


@dataclass(slots=True)
class FilledSide:
    """One side's fills, and the orders hanging on it after fills of the other side."""

    filled_ns: int | None = None
    hanging: list[Hanging] = field(default_factory=list)
    """Oldest first; at most LEVELS_MAX."""

    def is_delayed(self, now_ns: int, shape: Shape) -> bool:
        """Is the pause after the side's last fill still running?"""
        return (
            self.filled_ns is not None and now_ns - self.filled_ns < shape.filled_order_delay_ms * NS_PER_MS
        )

    def hang(self, current: QuoteSide, count: int, now_ns: int) -> None:
        """Keep the best resting levels, in addition to those hanging already."""
        known = {each.price_ticks for each in self.hanging}
        for price, lots in list(zip(current.prices, current.sizes, strict=True))[:count]:
            if price not in known and len(self.hanging) < LEVELS_MAX:
                self.hanging.append(Hanging(price, lots, now_ns))

    def absorb(self, side: Side, lots: int, current: QuoteSide) -> int:
        """Apply a fill of this many lots, best price first; returns how many levels it touched."""
        levels = dict(zip(current.prices, current.sizes, strict=True))
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

    def keep_hanging(
        self, side: Side, best_opposite_ticks: int, fair_ticks: float, now_ns: int, shape: Shape
    ) -> list[tuple[int, int]]:
        """Keep hanging orders near and young enough and not through the market; returns (price, lots)."""
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

    def observe(self, change_lots: int, current: QuoteTarget | None, now_ns: int, shape: Shape) -> None:
        """Apply a change of position through own fills, in lots."""
        if current is None or not change_lots:
            return
        bought = change_lots > 0
        side, other = (self.bid, self.ask) if bought else (self.ask, self.bid)
        side.filled_ns = now_ns
        own, opposite = (current.bid, current.ask) if bought else (current.ask, current.bid)
        filled_levels = side.absorb("buy" if bought else "sell", abs(change_lots), own)
        if shape.hanging:
            other.hang(opposite, filled_levels, now_ns)
