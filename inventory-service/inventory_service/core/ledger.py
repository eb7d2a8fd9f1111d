"""Position, cost and profit of one symbol, exact.

Prices are ticks, sizes lots, mids half ticks, so cash, capture and inventory profit are integers in half
ticks times lots. The average cost is kept to 1e-12 of a tick, and what is realised is what remains beside
the unrealised part, so the two add up exactly.

    capture   = sum s z (mid at the fill - p)
    inventory = sum q (mid now - mid before), over all mids, q the position held between them
    pnl before fees = cash + q * mid = capture + inventory = realised + unrealised, at every event
"""

from dataclasses import dataclass
from decimal import Decimal

COST_STEP_TICKS = Decimal("1e-12")
"""The average cost is rounded to this."""


@dataclass(slots=True)
class Ledger:
    """Double entry for one symbol. `half` in a name: in half ticks times lots."""

    position_lots: int = 0
    cash_half: int = 0
    capture_half: int = 0
    inventory_half: int = 0
    cost_ticks: Decimal | None = None
    """Average cost of what is held; None when flat."""
    mark_half_ticks: int | None = None
    traded_half: int = 0
    """Sum of price times size of all fills."""
    fills: int = 0

    def mark(self, mid_half_ticks: int) -> None:
        """The mid is now `mid_half_ticks`: what is held gains or loses by its move."""
        if self.mark_half_ticks is not None:
            self.inventory_half += self.position_lots * (mid_half_ticks - self.mark_half_ticks)
        self.mark_half_ticks = mid_half_ticks

    def fill(self, sign: int, price_ticks: int, size_lots: int, mid_half_ticks: int) -> None:
        """An execution: sign +1 for a buy of ours, -1 for a sale; the mid is that at the fill."""
        self.mark(mid_half_ticks)
        self.fills += 1
        self.traded_half += 2 * price_ticks * size_lots
        self.cash_half -= sign * 2 * price_ticks * size_lots
        self.capture_half += sign * size_lots * (mid_half_ticks - 2 * price_ticks)
        self._move_cost(sign, price_ticks, size_lots)
        self.position_lots += sign * size_lots

    def take(self, size_lots: int, mid_half_ticks: int) -> None:
        """So much of what is held was taken as a fee, which is told in money: as if sold at the mid."""
        self.mark(mid_half_ticks)
        self.cash_half += size_lots * mid_half_ticks
        self._move_cost(-1, Decimal(mid_half_ticks) / 2, size_lots)
        self.position_lots -= size_lots

    def _move_cost(self, sign: int, price_ticks: int | Decimal, size_lots: int) -> None:
        """Average cost: adding averages, reducing leaves it, a flip opens the rest at the new price."""
        held = abs(self.position_lots)
        if self.position_lots * sign >= 0:
            cost = self.cost_ticks or Decimal(0)
            average = (held * cost + size_lots * price_ticks) / (held + size_lots)
            self.cost_ticks = average.quantize(COST_STEP_TICKS)
        elif size_lots == held:
            self.cost_ticks = None
        elif size_lots > held:
            self.cost_ticks = Decimal(price_ticks)

    @property
    def pnl_half(self) -> int:
        """Cash plus the position at the mark: profit before fees."""
        return self.cash_half + self.position_lots * (self.mark_half_ticks or 0)

    @property
    def unrealised_half(self) -> Decimal:
        """What closing at the mark would earn beyond the average cost."""
        if self.cost_ticks is None or self.mark_half_ticks is None:
            return Decimal(0)
        return self.position_lots * (self.mark_half_ticks - 2 * self.cost_ticks)

    @property
    def realised_half(self) -> Decimal:
        """What closed lots earned against the average cost."""
        return self.pnl_half - self.unrealised_half
