"""Position, cost and profit of one symbol, exact.

Prices are ticks, sizes lots, mids half ticks, so cash, capture and inventory profit are integers in half
ticks times lots, and exact decimals where fees took fractions of lots. The average cost is kept to 1e-12 of a
tick, and realised profit is the total less the unrealised part, so the two add up exactly.

    q         = position - owed: what the account holds
    capture   = sum s z (mid just before the execution - p)
    inventory = sum q (mid now - mid before), over all mids, q as held between them; a fill counts from
                the mid just before it on
    pnl before fees = cash + q * mid = capture + inventory = realised + unrealised, at every event

Changes other than trades (`adjust`) are valued at the mid, so that they earn nothing: their price only sets
the cost, and its difference from the mid is unrealised, with the opposite amount realised.

A contract with other ticks or lots (`rescaled`) preserves every price, size and sum of money: bookings in
the old units are carried forward in money.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from inventory_service.core.units import WIDE, Factors, many_digits, plain, scaled, whole

COST_STEP_TICKS = Decimal("1e-12")
"""Rounding of the average cost."""
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Forward:
    """Bookings in outdated units, in the quote currency."""

    cash: Decimal = _NOTHING
    capture: Decimal = _NOTHING
    inventory: Decimal = _NOTHING
    traded: Decimal = _NOTHING
    base_fees_taken: Decimal = _NOTHING
    """In base units."""


class Money(NamedTuple):
    """The ledger in the quote currency, before fees."""

    realised: Decimal
    unrealised: Decimal
    pnl: Decimal
    capture: Decimal
    inventory: Decimal
    traded: Decimal


@dataclass(slots=True)
class Ledger:
    """Double entry for one symbol. `half` in a name: in half ticks times lots."""

    position_lots: int = 0
    owed_lots: Decimal = Decimal(0)
    """Less than a lot that fees took but whole lots cannot express. Below 0: held in addition."""
    cash_half: int | Decimal = 0
    capture_half: int | Decimal = 0
    inventory_half: int | Decimal = 0
    cost_ticks: Decimal | None = None
    """Average cost of the holdings; None when flat, or until the first mark sets it."""
    mark_half_ticks: int | Decimal | None = None
    """A decimal where the newest mid lies between the ticks of a later contract."""
    traded_half: int | Decimal = 0
    """Sum of price times size of all fills."""
    fills: int = 0
    taken_lots: int = 0
    """Lots by which base currency fees have reduced the position."""
    forward: Forward | None = None
    """None: still in the ledger's original units."""

    def mark(self, mid_half_ticks: int | Decimal) -> None:
        """The mid is now `mid_half_ticks`: holdings gain or lose by its move."""
        if self.mark_half_ticks is not None:
            self.inventory_half += self.held_lots * (mid_half_ticks - self.mark_half_ticks)
        elif self.position_lots:
            self._mark_first(mid_half_ticks)
        self.mark_half_ticks = mid_half_ticks

    def _mark_first(self, mid_half_ticks: int | Decimal) -> None:
        """All holdings came by adjustments, since a fill brings its mid: the first mark values them."""
        self.cash_half -= self.position_lots * mid_half_ticks
        if self.cost_ticks is None:
            self.cost_ticks = Decimal(mid_half_ticks) / 2

    def fill(
        self,
        sign: int,
        price_ticks: int | Decimal,
        size_lots: int | Decimal,
        mid_half_ticks: int | Decimal,
        mark_half_ticks: int | Decimal,
    ) -> None:
        """An execution: sign +1 for our buy, -1 for our sell; capture is against the mid just before it.

        The mark is the mid when its report arrived: what the mid moved meanwhile is inventory profit.
        Fractions of lots, of an order from before lots became larger, are held beside the position.
        """
        self.mark(mark_half_ticks)
        self.fills += 1
        self.traded_half += 2 * price_ticks * size_lots
        self.cash_half -= sign * 2 * price_ticks * size_lots
        self.capture_half += sign * size_lots * (mid_half_ticks - 2 * price_ticks)
        self.inventory_half += sign * size_lots * (mark_half_ticks - mid_half_ticks)
        whole_lots = int(size_lots)
        if whole_lots:
            self._move_cost(sign, price_ticks, whole_lots)
            self.position_lots += sign * whole_lots
        if whole_lots != size_lots:
            self.owed_lots -= sign * (size_lots - whole_lots)
            self._reduce_whole_lots(mark_half_ticks)

    def transfer(self, size_lots: Decimal, mid_half_ticks: int | Decimal) -> None:
        """An amount taken as a fee, which is booked in money: treated as sold at the mid.

        A rebate is negative: treated as bought. The position changes by whole lots.
        """
        self.mark(mid_half_ticks)
        self.cash_half += size_lots * mid_half_ticks
        self.owed_lots += size_lots
        self.taken_lots += self._reduce_whole_lots(mid_half_ticks)

    def _reduce_whole_lots(self, mid_half_ticks: int | Decimal) -> int:
        """Reduce the position by the whole lots owed; returns how many."""
        whole_lots = int(self.owed_lots)
        self.owed_lots -= whole_lots
        if whole_lots:
            sign = -1 if whole_lots > 0 else 1
            self._move_cost(sign, Decimal(mid_half_ticks) / 2, abs(whole_lots))
            self.position_lots -= whole_lots
        return whole_lots

    def adjust(self, size_lots: int, price_ticks: Decimal | None) -> None:
        """Change the holdings, signed, other than by a trade. The price sets the cost; None: the mark."""
        mark = self.mark_half_ticks
        if mark is not None:
            self.cash_half -= size_lots * mark
            price_ticks = Decimal(mark) / 2 if price_ticks is None else price_ticks
        if price_ticks is None or (self.position_lots and self.cost_ticks is None):
            self.cost_ticks = None
        else:
            self._move_cost(1 if size_lots > 0 else -1, price_ticks, abs(size_lots))
        self.position_lots += size_lots

    @property
    def held_lots(self) -> int | Decimal:
        """The account's holdings: an integer as long as there are no fractions of lots."""
        return self.position_lots - self.owed_lots if self.owed_lots else self.position_lots

    @property
    def is_flat(self) -> bool:
        """Is nothing held, and nothing owed?"""
        return not self.position_lots and not self.owed_lots

    def _move_cost(self, sign: int, price_ticks: int | Decimal, size_lots: int) -> None:
        """Average cost: adding averages, reducing leaves it, a flip opens the rest at the new price."""
        held = abs(self.position_lots)
        if self.position_lots * sign >= 0:
            cost = self.cost_ticks or Decimal(0)
            average = (held * cost + size_lots * price_ticks) / (held + size_lots)
            self.cost_ticks = average.quantize(COST_STEP_TICKS, context=WIDE)
        elif size_lots == held:
            self.cost_ticks = None
        elif size_lots > held:
            self.cost_ticks = Decimal(price_ticks)

    @property
    def pnl_half(self) -> int | Decimal:
        """Cash plus holdings at the mark: profit before fees, in present units."""
        return self.cash_half + self.held_lots * (self.mark_half_ticks or 0)

    @property
    def unrealised_half(self) -> Decimal:
        """Profit of closing at the mark against the average cost."""
        if self.cost_ticks is None or self.mark_half_ticks is None:
            return Decimal(0)
        return self.position_lots * (self.mark_half_ticks - 2 * self.cost_ticks)

    @property
    def realised_half(self) -> Decimal:
        """Profit of closed lots against the average cost, in present units."""
        return self.pnl_half - self.unrealised_half

    def profit(self, half: Decimal) -> Decimal:
        """Profit before fees, in the quote currency: `money` has it with its parts."""
        if self.forward is None:
            return self.pnl_half * half
        with many_digits():
            return self.pnl_half * half + self.forward.cash

    def money(self, half: Decimal) -> Money:
        """The ledger in the quote currency; `half` is the value of half a tick times a lot."""
        if self.forward is None:
            return self._money(half)
        with many_digits():
            money, forward = self._money(half), self.forward
            return Money(
                money.realised + forward.cash,
                money.unrealised,
                money.pnl + forward.cash,
                money.capture + forward.capture,
                money.inventory + forward.inventory,
                money.traded + forward.traded,
            )

    def _money(self, half: Decimal) -> Money:
        return Money(
            self.realised_half * half,
            self.unrealised_half * half,
            self.pnl_half * half,
            self.capture_half * half,
            self.inventory_half * half,
            self.traded_half * half,
        )

    def base_fees_taken(self, lot: Decimal) -> Decimal:
        """Base units by which fees have reduced the position; `lot` is a lot in base units."""
        taken = self.taken_lots * lot
        return taken if self.forward is None else self.forward.base_fees_taken + taken

    def rescaled(self, by: Factors, half: Decimal, lot: Decimal) -> "Ledger | None":
        """The same ledger in other ticks and lots; `half` and `lot` are the present ones. None: not exact."""
        position = whole(scaled(self.position_lots, by.lots))
        owed = scaled(self.owed_lots, by.lots)
        cost, cost_is_exact = _scaled_price(self.cost_ticks, by)
        mark, mark_is_exact = _scaled_price(self.mark_half_ticks, by)
        if position is None or owed is None or not cost_is_exact:
            return None
        if not mark_is_exact and not self.is_flat:
            return None
        ledger = Ledger(
            position_lots=position,
            owed_lots=owed,
            cost_ticks=cost,
            mark_half_ticks=None if mark is None else plain(mark),
            fills=self.fills,
            forward=self._forward(half, lot),
        )
        if ledger.mark_half_ticks is not None:
            ledger.taken_lots = ledger._reduce_whole_lots(ledger.mark_half_ticks)
        return ledger

    def replaced(
        self, mark_half_ticks: int | Decimal | None, half: Decimal, lot: Decimal, rate: Decimal
    ) -> "Ledger":
        """An empty ledger of another contract, at its mark, with the profit of this one.

        `half` and `lot` are the present ones, `rate` converts the present money to the new.
        """
        with many_digits():
            money = self.money(half)
            forward = Forward(
                cash=money.pnl * rate,
                capture=money.capture * rate,
                inventory=(money.pnl - money.capture) * rate,
                traded=money.traded * rate,
                base_fees_taken=self.base_fees_taken(lot),
            )
        return Ledger(mark_half_ticks=mark_half_ticks, fills=self.fills, forward=forward)

    def _forward(self, half: Decimal, lot: Decimal) -> Forward:
        """All bookings so far; cash only, without holdings."""
        before = self.forward or Forward()
        with many_digits():
            return Forward(
                cash=before.cash + self.cash_half * half,
                capture=before.capture + self.capture_half * half,
                inventory=before.inventory + self.inventory_half * half,
                traded=before.traded + self.traded_half * half,
                base_fees_taken=before.base_fees_taken + self.taken_lots * lot,
            )


def _scaled_price(ticks: Decimal | int | None, by: Factors) -> tuple[Decimal | None, bool]:
    """A price in other ticks, and whether it is exact."""
    if ticks is None:
        return None, True
    price = scaled(ticks, by.ticks)
    return price, price is not None
