"""The expected move of the mid from order flow, with coefficients fitted on recordings."""

from typing import Annotated

from pydantic import Field

from schemas.message import Instruction
from schemas.numbers import PositiveBps, SignedBps
from schemas.signals import Signal

Coefficients = Annotated[tuple[SignedBps, ...], Field(max_length=20)]


def flow_pressure(signal: Signal) -> float:
    """-1 to 1: taker imbalance, at full weight where takers traded much more than a side's depth."""
    depth_lots = (signal.bid_depth_lots + signal.ask_depth_lots) / 2
    total = signal.flow_volume_lots + depth_lots
    return signal.flow_imbalance * signal.flow_volume_lots / total if total else 0.0


def burst_pressure(signal: Signal) -> float:
    """-1 to 1: takers of the last moment, at full weight where they took much more than a side's depth."""
    buys, sells = signal.taker_buy_depths, signal.taker_sell_depths
    return (buys - sells) / (1 + buys + sells)


class Alpha(Instruction):
    """Moves the fair value by the expected move of the mid; `maker calibrate --alpha` fits the coefficients.

    expected bps = flow_bps x taker imbalance + burst_bps x takers of the last moment + imbalance_bps x depth
    imbalance + the sum over levels of ofi_bps x order flow imbalance. The fair value stays inside the spread.
    """

    flow_bps: SignedBps = 0.0
    """At full flow: all takers buy, in large volume."""
    burst_bps: SignedBps = 0.0
    """In a large burst of takers that buy, see `market_data.burst_half_life_s`."""
    imbalance_bps: SignedBps = 0.0
    """At full imbalance: a book with bids only."""
    ofi_bps: Coefficients = ()
    """By level, best first: per order flow of one mean level size."""
    max_bps: PositiveBps = 5.0
    """Cap of the expected move."""

    @property
    def is_on(self) -> bool:
        """Is any coefficient set?"""
        return bool(self.flow_bps or self.burst_bps or self.imbalance_bps or any(self.ofi_bps))

    def expected_bps(self, signal: Signal) -> float:
        """The expected move of the mid, positive upward."""
        found = self.flow_bps * flow_pressure(signal) + self.imbalance_bps * signal.imbalance
        found += self.burst_bps * burst_pressure(signal) if self.burst_bps else 0.0
        found += sum(each * flow for each, flow in zip(self.ofi_bps, signal.ofi, strict=False))
        return min(max(found, -self.max_bps), self.max_bps)
