"""Market maker protection on our side: many own fills in a short time freeze a symbol.

Somebody may know more than our quotes do. A frozen symbol quotes nothing for a moment; the third freeze
within ten minutes stops it until people resume it.
"""

from collections import deque
from dataclasses import dataclass, field

from quote_service.routing.core.share import Share
from schemas.config import Protection
from schemas.units import NS_PER_MS, NS_PER_S


@dataclass(slots=True)
class FillGuard:
    """The newest fills of one symbol, and its freezes."""

    fills: deque[tuple[int, int]] = field(default_factory=deque)
    """Time and signed size in lots, oldest first."""
    trips: deque[int] = field(default_factory=deque)
    frozen_until_ns: int = 0

    def forget(self) -> None:
        """Begin anew: people have looked."""
        self.fills.clear()
        self.trips.clear()
        self.frozen_until_ns = 0


@dataclass(frozen=True, slots=True)
class Trip:
    """A freeze that has just begun."""

    text: str
    is_last: bool
    """The symbol may not thaw by itself again."""


class FillLimits:
    """How much may be filled in how short a time."""

    def __init__(self, protection: Protection) -> None:
        self._window_ns = protection.fill_window_ms * NS_PER_MS
        self._quantity = Share.of(protection.fill_quantity_max)
        self._delta = Share.of(protection.fill_delta_max)
        self._freeze_ns = protection.freeze_ms * NS_PER_MS
        self._trips_max = protection.trips_max
        self._trip_window_ns = int(protection.trip_window_s * NS_PER_S)

    def see(self, guard: FillGuard, signed_lots: int, quote_lots: int, now_ns: int) -> Trip | None:
        """Count an own fill of a symbol whose larger side quotes `quote_lots`; the freeze it leads to."""
        fills = guard.fills
        fills.append((now_ns, signed_lots))
        while now_ns - fills[0][0] >= self._window_ns:
            fills.popleft()
        filled = sum(abs(lots) for _, lots in fills)
        net = abs(sum(lots for _, lots in fills))
        if not (self._quantity.is_exceeded(filled, quote_lots) or self._delta.is_exceeded(net, quote_lots)):
            return None
        return self._freeze(guard, f"{filled} lots filled, {net} net, at a quote of {quote_lots}", now_ns)

    def _freeze(self, guard: FillGuard, text: str, now_ns: int) -> Trip:
        guard.fills.clear()
        guard.frozen_until_ns = now_ns + self._freeze_ns
        guard.trips.append(now_ns)
        while now_ns - guard.trips[0] >= self._trip_window_ns:
            guard.trips.popleft()
        return Trip(text, is_last=len(guard.trips) >= self._trips_max)
