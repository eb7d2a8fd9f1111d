"""Cost of takers, split by the mid a horizon later (docs/FORMULAS.md, Costs).

With D +1 for a taker buy, -1 for a sell, p the price, m the mid before and m_h the mid a horizon later:

    effective spread 2 D (p - m) = realised 2 D (p - m_h) + impact 2 D (m_h - m)

in quote currency for a base unit, weighted by size; in basis points of sum z m.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from research.attribution.exact import ratio
from research.attribution.horizons import Horizons, Mid
from research.attribution.report import TakerRow
from research.attribution.symbol_account import ZERO
from schemas.units import BPS_PER_UNIT


class TakerTrade(NamedTuple):
    """A public trade with the mid before it."""

    time_ns: int
    signed_size: Decimal
    price: Decimal
    mid: Decimal


class TakerTally:
    """Sums over the trades whose mid after one horizon is known."""

    def __init__(self) -> None:
        self._count = 0
        self._size = ZERO
        self._notional = ZERO
        self._effective = ZERO
        self._impact = ZERO

    def add(self, item: TakerTrade, mid: Mid) -> None:
        """A trade and its mid a horizon later."""
        self._count += 1
        self._size += abs(item.signed_size)
        self._notional += abs(item.signed_size) * item.mid
        self._effective += 2 * item.signed_size * (item.price - item.mid)
        self._impact += 2 * item.signed_size * (mid.price - item.mid)

    def row(self, horizon_ms: int) -> TakerRow:
        """The means."""
        effective_bps = ratio(self._effective * BPS_PER_UNIT, self._notional)
        return TakerRow(
            horizon_ms=horizon_ms,
            trades=self._count,
            effective_spread=ratio(self._effective, self._size),
            effective_spread_bps=effective_bps,
            realised_spread=ratio(self._effective - self._impact, self._size),
            impact=ratio(self._impact, self._size),
        )


class TakerSpreads(Horizons[TakerTrade]):
    """The tallies of all horizons."""

    def __init__(self, horizons_ms: Sequence[int]) -> None:
        self._tallies = {horizon_ms: TakerTally() for horizon_ms in horizons_ms}
        super().__init__(self._tallies)

    def rows(self) -> tuple[TakerRow, ...]:
        """A row for each horizon."""
        return tuple(tally.row(horizon_ms) for horizon_ms, tally in self._tallies.items())
