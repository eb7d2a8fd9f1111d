"""Markouts of our fills: the mid some time later against the fill (docs/FORMULAS.md, Markouts).

For an execution s, z, p with m the mid just before it, and m_h the mid a horizon h later, in money:

    markout  = s z (V(m_h) - V(p))
    capture  = s z (V(m) - V(p))
    adverse  = s z (V(m_h) - V(m))        so that markout = capture + adverse, exactly

Adverse is about fills, not positions: a position closed within the horizon keeps counting. So it is a
part of the inventory profit only together with its residual, which offsets that.

The mean in basis points is weighted by notional, 1e4 sum(markout) / sum(z |V(p)|), which for linear
contracts is the 1e4 sum z M / sum z p. Only fills whose horizon a mid has reached are included.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from research.attribution.exact import ratio
from research.attribution.horizons import Horizons, Mid
from research.attribution.moments import RatioMean
from research.attribution.report import MarkoutRow
from research.attribution.symbol_account import ZERO
from schemas.units import BPS_PER_UNIT

_ONE = Decimal(1)


class MarkedExecution(NamedTuple):
    """A fill of ours; V of its price and of the mid just before the execution."""

    time_ns: int
    """Of the execution."""
    signed_size: Decimal
    value: Decimal
    mark: Decimal


class MarkoutTally:
    """Sums over the fills whose mid after one horizon is known."""

    def __init__(self) -> None:
        self._adverse = ZERO
        self._size = ZERO
        self._negative = 0
        self._each = RatioMean()
        self._relative = RatioMean()

    def add(self, item: MarkedExecution, mid: Mid) -> None:
        """A fill and its mid a horizon later."""
        markout = item.signed_size * (mid.value - item.value)
        self._adverse += item.signed_size * (mid.value - item.mark)
        self._size += abs(item.signed_size)
        self._negative += markout < 0
        self._each.add(markout, _ONE)
        self._relative.add(markout, abs(item.signed_size * item.value))

    def row(self, horizon_ms: int, waiting: int, inventory: Decimal) -> MarkoutRow:
        """The figures, with the total inventory profit split into adverse and residual."""
        each, relative = self._each, self._relative
        return MarkoutRow(
            horizon_ms=horizon_ms,
            fills=each.count,
            fills_without=waiting,
            markout=each.y,
            capture=each.y - self._adverse,
            adverse=self._adverse,
            residual=inventory - self._adverse,
            per_unit=ratio(each.y, self._size),
            mean=each.mean,
            standard_error=each.standard_error,
            mean_bps=_bps(relative.mean),
            standard_error_bps=_bps(relative.standard_error),
            share_negative=ratio(self._negative, each.count),
        )


def _bps(part: float | None) -> float | None:
    return None if part is None else part * BPS_PER_UNIT


class Markouts(Horizons[MarkedExecution]):
    """The tallies of all horizons."""

    def __init__(self, horizons_ms: Sequence[int]) -> None:
        self._tallies = {horizon_ms: MarkoutTally() for horizon_ms in horizons_ms}
        super().__init__(self._tallies)

    def rows(self, inventory: Decimal) -> tuple[MarkoutRow, ...]:
        """A row for each horizon."""
        return tuple(
            tally.row(horizon_ms, self.count_without(horizon_ms), inventory)
            for horizon_ms, tally in self._tallies.items()
        )
