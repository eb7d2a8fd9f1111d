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


class Alpha(Instruction):
    """Moves the fair value by the expected move of the mid; `maker calibrate --alpha` fits the coefficients.

    expected bps = flow_bps x taker imbalance + imbalance_bps x depth imbalance + the sum over levels of
    ofi_bps x order flow imbalance. The fair value stays inside the spread.
    """

    flow_bps: SignedBps = 0.0
    """At full flow: all takers buy, in large volume."""
    imbalance_bps: SignedBps = 0.0
    """At full imbalance: a book with bids only."""
    ofi_bps: Coefficients = ()
    """By level, best first: per order flow of one mean level size."""
    max_bps: PositiveBps = 5.0
    """Cap of the expected move."""

    @property
    def is_on(self) -> bool:
        """Is any coefficient set?"""
        return bool(self.flow_bps or self.imbalance_bps or any(self.ofi_bps))

    def expected_bps(self, signal: Signal) -> float:
        """The expected move of the mid, positive upward."""
        found = self.flow_bps * flow_pressure(signal) + self.imbalance_bps * signal.imbalance
        found += sum(each * flow for each, flow in zip(self.ofi_bps, signal.ofi, strict=False))
        return min(max(found, -self.max_bps), self.max_bps)
