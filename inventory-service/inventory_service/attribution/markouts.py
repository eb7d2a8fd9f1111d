"""Markouts of our fills: what the mid said of them some time later (quant.md 5).

For a fill s, z, p at mid m, with m_h the mid a horizon h later, in money:

    markout  = s z (V(m_h) - V(p))
    capture  = s z (V(m) - V(p))
    adverse  = s z (V(m_h) - V(m))        so that markout = capture + adverse, exactly

The mean in basis points is weighted by notional, 1e4 sum(markout) / sum(z |V(p)|), which for linear
contracts is the 1e4 sum z M / sum z p of quant.md 5. Only fills whose horizon a mid has reached take part.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from inventory_service.attribution.book import ZERO
from inventory_service.attribution.exact import ratio
from inventory_service.attribution.horizons import Horizons, Mid
from inventory_service.attribution.moments import Moments, RatioError
from inventory_service.attribution.report import MarkoutRow
from schemas.units import BPS_PER_UNIT


class Execution(NamedTuple):
    """A fill of ours; V of its price and of the mid at that time."""

    time_ns: int
    signed_size: Decimal
    value: Decimal
    mark: Decimal


class MarkoutTally:
    """Sums over the fills whose mid after one horizon is known."""

    def __init__(self) -> None:
        self.markout = ZERO
        self.adverse = ZERO
        self._size = ZERO
        self._notional = ZERO
        self._negative = 0
        self._money = Moments()
        self._relative = RatioError()

    def add(self, item: Execution, mid: Mid) -> None:
        """A fill and its mid a horizon later."""
        markout = item.signed_size * (mid.value - item.value)
        notional = abs(item.signed_size * item.value)
        self.markout += markout
        self.adverse += item.signed_size * (mid.value - item.mark)
        self._size += abs(item.signed_size)
        self._notional += notional
        self._negative += markout < 0
        self._money.add(float(markout))
        self._relative.add(float(markout), float(notional))

    def row(self, horizon_ms: int, waiting: int, inventory: Decimal) -> MarkoutRow:
        """The figures, beside the whole inventory profit, of which adverse is a part."""
        count = self._money.count
        mean = ratio(self.markout, self._notional)
        error = None if mean is None else self._relative.standard_error(mean)
        return MarkoutRow(
            horizon_ms=horizon_ms,
            fills=count,
            fills_without=waiting,
            markout=self.markout,
            capture=self.markout - self.adverse,
            adverse=self.adverse,
            residual=inventory - self.adverse,
            per_unit=ratio(self.markout, self._size),
            mean=self._money.mean if count else None,
            standard_error=self._money.standard_error,
            mean_bps=None if mean is None else mean * BPS_PER_UNIT,
            standard_error_bps=None if error is None else error * BPS_PER_UNIT,
            share_negative=ratio(self._negative, count),
        )


class Markouts(Horizons[Execution]):
    """The tallies of all horizons."""

    def __init__(self, horizons_ms: Sequence[int]) -> None:
        self._tallies = {horizon_ms: MarkoutTally() for horizon_ms in horizons_ms}
        super().__init__(self._tallies)

    def rows(self, inventory: Decimal) -> tuple[MarkoutRow, ...]:
        """A row for each horizon."""
        return tuple(
            tally.row(horizon_ms, self.count_waiting(horizon_ms), inventory)
            for horizon_ms, tally in self._tallies.items()
        )
