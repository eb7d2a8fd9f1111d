"""Realised and unrealised profit by two methods: average cost, and first in, first out.

Source: docs/FORMULAS.md, PnL identity.

Both process the same trades. Realised differs until flat, but realised + unrealised = capture + inventory
at every event, for both: fees and funding are separate lines and never part of the cost.
"""

from abc import ABC, abstractmethod
from collections import deque
from decimal import Decimal

from research.attribution.exact import share_of

ZERO = Decimal(0)


class CostMethod(ABC):
    """Cost of the position, in settlement currency and signed like the position (q times the unit cost)."""

    def __init__(self) -> None:
        self.position = ZERO
        self.cost = ZERO
        self.realised = ZERO

    def trade(self, signed_size: Decimal, value: Decimal) -> None:
        """Bought (positive) or sold at a price worth `value` per unit.

        In the position's direction it adds to the cost; against it, it realises; beyond flat it opens anew.
        """
        opening = signed_size
        if self.position * signed_size < 0:
            size = min(abs(signed_size), abs(self.position))
            closed = size if self.position > 0 else -size
            released = self._release(closed)
            self.realised += closed * value - released
            self.cost -= released
            opening += closed
        if opening:
            self._open(opening, value)
            self.cost += opening * value
        self.position += signed_size

    def adjust(self, signed_size: Decimal, value: Decimal, valued_at: Decimal) -> None:
        """Like a trade at a cost of `value` that earned nothing while a unit was worth `valued_at`."""
        self.trade(signed_size, value)
        self.realised += signed_size * (value - valued_at)

    def carry(self, position: Decimal, value: Decimal, realised: Decimal) -> None:
        """The position before the first trade, with its cost and the profit realised so far."""
        if position:
            self.trade(position, value)
        self.realised += realised

    def unrealised(self, mark: Decimal | None) -> Decimal:
        """The position's value at the mark beyond its cost."""
        return ZERO if mark is None else self.position * mark - self.cost

    @abstractmethod
    def _release(self, closed: Decimal) -> Decimal:
        """The cost of `closed` units of the position, signed like it."""

    @abstractmethod
    def _open(self, opening: Decimal, value: Decimal) -> None:
        """`opening` units were added at `value`."""


class AverageCost(CostMethod):
    """Every unit held costs the same: a reduction releases its share of the cost."""

    def _release(self, closed: Decimal) -> Decimal:
        return share_of(self.cost, closed, self.position)

    def _open(self, opening: Decimal, value: Decimal) -> None:
        """Nothing more to do: the total cost is enough."""


class FifoCost(CostMethod):
    """The oldest lot is closed first. Open lots are kept; neighbours of equal value are merged."""

    def __init__(self) -> None:
        super().__init__()
        self._lots: deque[tuple[Decimal, Decimal]] = deque()
        """(units, signed; value of one), oldest first."""

    def _release(self, closed: Decimal) -> Decimal:
        released = ZERO
        while closed:
            units, value = self._lots.popleft()
            taken = units if abs(units) <= abs(closed) else closed
            released += taken * value
            closed -= taken
            if taken != units:
                self._lots.appendleft((units - taken, value))
        return released

    def _open(self, opening: Decimal, value: Decimal) -> None:
        if self._lots and self._lots[-1][1] == value:
            opening += self._lots.pop()[0]
        self._lots.append((opening, value))
