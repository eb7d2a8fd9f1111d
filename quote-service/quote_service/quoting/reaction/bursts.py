"""Takers that print towards a side: for how long it reacts."""

from dataclasses import dataclass, field

from schemas.reaction_settings import Reaction
from schemas.signals import Signal
from schemas.units import NS_PER_MS


@dataclass(slots=True)
class Burst:
    """The newest burst of takers towards one side."""

    until_ns: int = 0
    depths: float = 0.0
    """The takers' volume, in mean depths of the side."""

    def observe(self, depths: float, now_ns: int, reaction: Reaction) -> bool:
        """Apply the volume of now; true where a burst begins."""
        if reaction.burst_depths is None or depths <= reaction.burst_depths:
            return False
        begins = now_ns >= self.until_ns
        self.until_ns = now_ns + reaction.burst_hold_ms * NS_PER_MS
        self.depths = depths
        return begins


@dataclass(slots=True)
class TakerBursts:
    """Both sides of a symbol. Takers that sell print towards the bid."""

    bid: Burst = field(default_factory=Burst)
    ask: Burst = field(default_factory=Burst)

    def observe(self, signal: Signal, now_ns: int, reaction: Reaction) -> bool:
        """Apply a signal; true where a burst begins on a side."""
        bid = self.bid.observe(signal.taker_sell_depths, now_ns, reaction)
        return self.ask.observe(signal.taker_buy_depths, now_ns, reaction) or bid

    def in_force(self, now_ns: int) -> tuple[float, float]:
        """Of bid and ask: the takers' volume in a burst to which the side still reacts, or 0."""
        bid, ask = self.bid, self.ask
        return (bid.depths if now_ns < bid.until_ns else 0.0, ask.depths if now_ns < ask.until_ns else 0.0)
