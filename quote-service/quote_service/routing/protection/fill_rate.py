"""Market maker protection on our side: many own fills in a short time freeze a symbol.

Many fills suggest an informed taker. A frozen symbol is not quoted for a short time; the third freeze
within ten minutes stops it until an operator resumes it.
"""

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from operator import itemgetter

from quote_service.routing.gate.share import Share
from schemas.config import Protection
from schemas.units import NS_PER_MS, NS_PER_S


@dataclass(slots=True)
class FillRateProtection:
    """The recent fills of one symbol, and its freezes."""

    fills: deque[tuple[int, int]] = field(default_factory=deque)
    """Time and signed size in lots, oldest first."""
    trips: deque[int] = field(default_factory=deque)
    frozen_until_ns: int = 0

    def forget(self) -> None:
        """Reset after an operator's resume."""
        self.fills.clear()
        self.trips.clear()
        self.frozen_until_ns = 0


@dataclass(frozen=True, slots=True)
class Trip:
    """A freeze that has just started."""

    text: str
    is_last: bool
    """The symbol must not unfreeze on its own."""


class FillLimits:
    """How much may be filled in what time."""

    def __init__(self, protection: Protection) -> None:
        self._window_ns = protection.fill_window_ms * NS_PER_MS
        self._quantity = Share.of(protection.fill_quantity_max)
        self._delta = Share.of(protection.fill_delta_max)
        self._freeze_ns = protection.freeze_ms * NS_PER_MS
        self._trips_max = protection.trips_max
        self._trip_window_ns = int(protection.trip_window_s * NS_PER_S)

    def observe(
        self,
        fill_rate: FillRateProtection,
        signed_lots: int,
        quote_lots: int,
        now_ns: int,
        executed_ns: int | None = None,
    ) -> Trip | None:
        """Count an own fill of a symbol that quotes `quote_lots` on its larger side; the freeze, if any.

        `executed_ns`: of a fill that was read later, with others of a longer time. None: just now.
        """
        fills = fill_rate.fills
        insort(fills, (now_ns if executed_ns is None else executed_ns, signed_lots), key=itemgetter(0))
        while fills[-1][0] - fills[0][0] >= self._window_ns:
            fills.popleft()
        filled = sum(abs(lots) for _, lots in fills)
        net = abs(sum(lots for _, lots in fills))
        if not (self._quantity.is_exceeded(filled, quote_lots) or self._delta.is_exceeded(net, quote_lots)):
            return None
        return self._freeze(fill_rate, f"{filled} lots filled, {net} net, at a quote of {quote_lots}", now_ns)

    def _freeze(self, fill_rate: FillRateProtection, text: str, now_ns: int) -> Trip:
        fill_rate.fills.clear()
        fill_rate.frozen_until_ns = now_ns + self._freeze_ns
        fill_rate.trips.append(now_ns)
        while now_ns - fill_rate.trips[0] >= self._trip_window_ns:
            fill_rate.trips.popleft()
        return Trip(text, is_last=len(fill_rate.trips) >= self._trips_max)
