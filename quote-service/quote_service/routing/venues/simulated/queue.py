"""An order's place in the queue at its price, estimated from level sizes and trades alone.

Risk-averse: only trades advance us, cancels are assumed behind us. Probabilistic: a share of cancels was
ahead of us, by the size ahead and behind. The forms are those of hftbacktest (docs/FORMULAS.md, Queue and
latency).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log1p

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

    def observe_trade_through(self) -> None:
        """A trade through our price: nobody is ahead of us any more."""
        self.front = 0


@dataclass(frozen=True, slots=True)
class BehindProbability:
    """The share of a decrease that was behind us; 1 with an empty queue. Part of a venue's state."""

    model: str
    """A name in `FORMS`."""
    exponent: float

    def __call__(self, front: float, back: float) -> float:
        """From the sizes ahead of us and behind us."""
        return FORMS[self.model](front, back, self.exponent) if front + back > 0 else 1.0


def _power(front: float, back: float, exponent: float) -> float:
    return float(1.0 - (front / (front + back)) ** exponent)


def _power_1(front: float, back: float, exponent: float) -> float:
    largest = max(front, back)  # powers of shares: those of the sizes themselves may overflow
    behind, ahead = (back / largest) ** exponent, (front / largest) ** exponent
    return float(behind / (behind + ahead))


def _power_2(front: float, back: float, exponent: float) -> float:
    return float((back / (front + back)) ** exponent)


def _log_1(front: float, back: float, _exponent: float) -> float:
    return log1p(back) / (log1p(back) + log1p(front))


def _log_2(front: float, back: float, _exponent: float) -> float:
    return log1p(back) / log1p(front + back)


FORMS: Mapping[str, Callable[[float, float, float], float]] = {
    "power": _power,
    "power_1": _power_1,
    "power_2": _power_2,
    "log_1": _log_1,
    "log_2": _log_2,
}
"""By the value of `venue.queue_model`: (size ahead, size behind, exponent) to the share behind us."""
