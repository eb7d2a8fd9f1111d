"""Time-weighted inventory: turnover, holding time, deviation (docs/FORMULAS.md, Performance).

Each value is weighted by the time from its event to the next: the position, and its value at the mid. The
deviation is the root mean square distance from the target, computed exactly, without cancellation.
"""

from decimal import Decimal
from math import sqrt

from research.attribution.exact import ratio
from research.attribution.report import InventoryReport
from research.attribution.symbol_account import ZERO, SymbolAccount
from schemas.units import NS_PER_S


class InventoryTime:
    """Integrals over time of a symbol's position, in units and in settlement currency."""

    def __init__(self, target_position: Decimal) -> None:
        self._target = target_position
        self._passed_ns = 0
        self._position_ns = ZERO
        self._square_ns = ZERO
        self._notional_ns = ZERO
        self._largest = ZERO
        self._traded = ZERO

    def pass_time(self, time_ns: int, account: SymbolAccount) -> None:
        """`account` held for `time_ns`."""
        self._passed_ns += time_ns
        position = account.position
        self._position_ns += position * time_ns
        self._square_ns += (position - self._target) ** 2 * time_ns
        if position and account.mark is not None:
            self._notional_ns += abs(position * account.mark) * time_ns

    def trade(self, size: Decimal, value: Decimal, account: SymbolAccount) -> None:
        """A fill of ours, after it was booked."""
        self._traded += abs(size * value)
        self._largest = max(self._largest, abs(account.position))

    def hold(self, account: SymbolAccount) -> None:
        """The position changed other than by a trade."""
        self._largest = max(self._largest, abs(account.position))

    def report(self) -> InventoryReport:
        """The figures so far. Holding time: mean |inventory| over one-way traded value per second."""
        square = ratio(self._square_ns, self._passed_ns)
        seconds = self._passed_ns / NS_PER_S
        notional = ratio(self._notional_ns, self._passed_ns)
        turnover = None if notional is None else ratio(self._traded, notional)
        traded_each_way = float(self._traded) / 2
        holding = None if notional is None else ratio(notional * seconds, traded_each_way)
        return InventoryReport(
            traded_notional=self._traded,
            mean_inventory_notional=notional,
            turnover=turnover,
            holding_time_s=holding,
            mean_position=ratio(self._position_ns, self._passed_ns),
            inventory_deviation=None if square is None else sqrt(square),
            largest_position=self._largest,
        )
