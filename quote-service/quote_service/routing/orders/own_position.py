"""The router's position of one symbol: inventory-service's figure plus own fills since."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from schemas.inventory import Position
from schemas.message import Side
from schemas.orders import Fill
from schemas.units import side_sign

LotsIn = Callable[[int, int, int], int]
"""Converts lots from one instrument version to another: (lots, from, to)."""


@dataclass(slots=True)
class OwnPosition:
    """Position in lots: inventory-service's newest, plus own fills not yet included in it."""

    lots: int = 0
    version: int | None = None
    """Instrument version of the lots; None: there never was a position."""
    base_fees_taken: Decimal = Decimal(0)
    """Fees in base units already deducted from `lots`."""
    base_fees_reported: Decimal = Decimal(0)
    """Fees in base units of all own fills, and those deducted from `lots` before them."""
    fills_counted: int = 0
    adjustments: int = 0
    """How often `lots` was changed other than by trades."""
    uncounted: deque[tuple[int, int]] = field(default_factory=deque)
    """Signed size and instrument version of the own fills since then, oldest first."""

    def add(self, fill: Fill, lots_in: LotsIn) -> None:
        """Count an own fill at once; inventory-service reports it later."""
        signed_lots = side_sign(fill.side) * fill.size_lots
        self.uncounted.append((signed_lots, fill.instrument_version))
        self.base_fees_reported += fill.base_fee
        if self.version is None:
            self.version = fill.instrument_version
        self.lots += lots_in(signed_lots, fill.instrument_version, self.version)

    @property
    def is_empty(self) -> bool:
        """Was nothing ever held or traded, as far as is known?"""
        return self.lots == 0 and self.fills_counted == 0 and not self.uncounted and not self.adjustments

    @property
    def base_fees_owed(self) -> Decimal:
        """Fees in base units still to be deducted from `lots`."""
        return self.base_fees_reported - self.base_fees_taken

    def reconcile(self, position: Position, lots_in: LotsIn) -> None:
        """Adopt inventory-service's position; an outdated message changes nothing."""
        newly_counted = position.fills - self.fills_counted
        if newly_counted < 0:
            return
        self.fills_counted = position.fills
        for _ in range(min(newly_counted, len(self.uncounted))):
            self.uncounted.popleft()
        if self.version is None:
            self.base_fees_reported = position.base_fees_taken
        self.version = position.instrument_version
        self.lots = position.position_lots + sum(lots_in(*each, self.version) for each in self.uncounted)
        self.base_fees_taken = position.base_fees_taken
        self.adjustments = position.adjustments

    def reducing_room_lots(self, side: Side) -> int:
        """Size on a side that only reduces the absolute position; 0 on the increasing side."""
        return max(0, -side_sign(side) * self.lots)
