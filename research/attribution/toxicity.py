"""The flow of public trades in one symbol, and our fills against it."""

from collections.abc import Sequence

from research.attribution.flow import FlowImbalance, VolumeBuckets
from research.attribution.horizons import Mid
from research.attribution.lines import InstrumentLine, TradeLine
from research.attribution.moments import Moments
from research.attribution.report import ToxicityReport
from research.attribution.taker import TakerSpreads, TakerTrade
from schemas.units import side_sign


class Toxicity:
    """Flow imbalance, bucket imbalance and effective spreads of takers."""

    def __init__(self, instrument: InstrumentLine, horizons_ms: Sequence[int]) -> None:
        self._trades = 0
        self._flow = FlowImbalance(instrument.flow_tau_s)
        self._buckets = (
            None
            if instrument.bucket_size is None
            else VolumeBuckets(instrument.bucket_size, instrument.buckets, instrument.unsided_trades)
        )
        self._takers = TakerSpreads(horizons_ms)
        self._against = Moments()

    def trade(self, line: TradeLine, mid: Mid | None) -> None:
        """A public trade, with the mid before it."""
        self._trades += 1
        sign = 0 if line.side is None else side_sign(line.side)
        if self._buckets is not None:
            self._buckets.add(sign, line.size, line.price)
        if sign:
            self._flow.add(line.time_ns, float(sign * line.size))
            if mid is not None:
                self._takers.add(TakerTrade(line.time_ns, sign * line.size, line.price, mid.price))

    def our_fill(self, sign: int) -> None:
        """We bought (+1) or sold."""
        if self._trades:
            self._against.add(-sign * self._flow.imbalance)

    def mid_comes(self, time_ns: int, before: Mid) -> None:
        """A mid arrived; `before` is the previous one."""
        self._takers.pass_to(time_ns, before)

    def report(self, end_ns: int) -> ToxicityReport | None:
        """The figures at `end_ns`; None where there was no trade."""
        if not self._trades:
            return None
        self._flow.decay_to(end_ns)
        buckets = self._buckets
        over_time = None if buckets is None else buckets.over_time
        return ToxicityReport(
            trades=self._trades,
            flow_imbalance=self._flow.imbalance,
            flow_volume=self._flow.volume,
            flow_against_fills=self._against.mean if self._against.count else None,
            bucket_imbalance=None if buckets is None else buckets.value,
            bucket_imbalance_mean=over_time.mean if over_time and over_time.count else None,
            takers=self._takers.rows(),
        )
