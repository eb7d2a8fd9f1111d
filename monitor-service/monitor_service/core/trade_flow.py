"""Taker flow: time-decayed volumes of taker buys and sells."""

from dataclasses import dataclass
from math import exp

from schemas.message import Side
from schemas.units import NS_PER_S


@dataclass(slots=True)
class TradeFlow:
    """Accumulators B and S, each multiplied by e^(-dt/tau) and then incremented; flow = (B - S)/(B + S)."""

    tau_s: float
    buys: float = 0.0
    sells: float = 0.0
    time_ns: int = 0

    def add(self, time_ns: int, side: Side | None, size_lots: int) -> None:
        """Add a trade; without a taker side it only advances time."""
        self.decay_to(time_ns)
        if side == "buy":
            self.buys += size_lots
        elif side == "sell":
            self.sells += size_lots

    def decay_to(self, time_ns: int) -> None:
        """Decay to the given time, unless it is earlier."""
        if time_ns > self.time_ns:
            factor = exp(-(time_ns - self.time_ns) / (self.tau_s * NS_PER_S))
            self.buys *= factor
            self.sells *= factor
            self.time_ns = time_ns

    @property
    def imbalance(self) -> float:
        """-1..1; 0 without trades."""
        volume = self.buys + self.sells
        return (self.buys - self.sells) / volume if volume else 0.0

    @property
    def volume_lots(self) -> float:
        """Decayed taker volume, lots."""
        return self.buys + self.sells
