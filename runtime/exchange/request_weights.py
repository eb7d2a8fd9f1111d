"""The table of request weights, checked against the venue's own counts.

The difference between two counts of the venue with one request in between is the weight of that request, or
more where others use the same address. Other users make it vary, a wrong table does not: a larger weight is
accepted when the same value was measured repeatedly over gaps of different lengths.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.venues import RequestKind

REPEATS = 6
"""Consecutive measurements needed, where the longest gap was `_GAPS_APART` times the shortest."""
REPEATS_EVENLY = 12
"""The same for similar gaps, since regular requests of another client look like a wrong table."""
_GAPS_APART = 2.0


@dataclass(slots=True)
class _Run:
    """Consecutive equal measurements."""

    cost: int
    count: int
    gap_s_min: float
    gap_s_max: float

    def is_proof(self) -> bool:
        is_uneven = self.gap_s_max >= _GAPS_APART * self.gap_s_min
        return self.count >= (REPEATS if is_uneven else REPEATS_EVENLY)


class Weights:
    """The weight of each kind of request."""

    def __init__(self, table: Mapping[RequestKind, int]) -> None:
        self._table = table
        self._measured: dict[RequestKind, int] = {}
        self._runs: dict[RequestKind, _Run] = {}

    def __getitem__(self, kind: RequestKind) -> int:
        return self._measured.get(kind) or self._table[kind]

    def table(self, kind: RequestKind) -> int:
        """The documented weight."""
        return self._table[kind]

    def apply_measurement(self, kind: RequestKind, cost: int, gap_s: float) -> bool:
        """Apply a measurement; True where a larger weight is used from now on."""
        if cost < self[kind]:  # a measurement can only be too high
            self._measured[kind] = max(cost, self._table[kind])
        if cost <= self[kind]:
            self._runs.pop(kind, None)
            return False
        run = self._runs.get(kind)
        if run is None or run.cost != cost:
            self._runs[kind] = _Run(cost, 1, gap_s, gap_s)
            return False
        run.count += 1
        run.gap_s_min, run.gap_s_max = min(run.gap_s_min, gap_s), max(run.gap_s_max, gap_s)
        if not run.is_proof():
            return False
        self._measured[kind] = cost
        del self._runs[kind]
        return True
