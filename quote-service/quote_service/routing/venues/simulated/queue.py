"""An order's place in the queue at its price, estimated from level sizes and trades alone.

Two models. Risk-averse: only trades advance us, cancels are assumed behind us. Probabilistic: a share of
cancels was ahead of us, by the size ahead and behind (hftbacktest's queue models; the power function gives
1 - (front / (front + back))^n for the share behind us).
"""

from collections.abc import Callable
from dataclasses import dataclass

Probability = Callable[[float, float], float]
"""(size ahead of us, size behind us) to the share of a decrease that was behind us, 0 to 1."""


@dataclass(slots=True)
class QueuePlace:
    """One order's place. Sizes in lots."""

    front: float | None
    """Size ahead of us; None: the level is not shown, so only trades through our price fill."""
    shown: int | None
    """Size of the level when last shown, without ours."""
    traded: int = 0
    """Trades at the price since then, which also reduce the level's size."""

    def observe_depth(self, size: int, probability: Probability | None) -> None:
        """The level's size is now `size`; `probability` None is the risk-averse model."""
        front, shown, traded = self.front, self.shown, self.traded
        self.shown = size
        self.traded = 0
        if front is None or shown is None or probability is None:
            self.front = size if front is None else min(front, size)
            return
        decrease = shown - size - traded
        if decrease < 0:
            self.front = min(front, size)
            return
        back = max(0.0, shown - front)
        behind = probability(front, back)
        moved = front - (1.0 - behind) * decrease + min(back - behind * decrease, 0.0)
        self.front = max(0.0, min(moved, size))

    def observe_trade(self, size: int) -> int:
        """A trade of `size` lots at our price; returns how much of it got past those ahead of us."""
        self.traded += size
        if self.front is None:
            return 0
        front = self.front - size
        self.front = max(0.0, front)
        return min(size, round(-front)) if front < 0 else 0

    def observe_trade_through(self, size: int) -> int:
        """A trade of `size` lots through our price: nobody is ahead of us any more."""
        self.front = 0
        return size


@dataclass(frozen=True, slots=True)
class PowerProbability:
    """1 - (front / (front + back))^exponent; 1 with an empty queue. Part of a venue's state."""

    exponent: float

    def __call__(self, front: float, back: float) -> float:
        """The share of a decrease that was behind us."""
        total = front + back
        return 1.0 if total <= 0 else float(1.0 - (front / total) ** self.exponent)
