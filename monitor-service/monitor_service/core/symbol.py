"""monitor-service's state of one symbol."""

from dataclasses import dataclass, field
from math import log

from monitor_service.core.arrival import ArrivalEstimate
from monitor_service.core.book import BookLevels, BookState
from monitor_service.core.bucket_flow import BucketFlow
from monitor_service.core.depth import TimeAverage, imbalance, weighted_mid
from monitor_service.core.order_flow import OrderFlow
from monitor_service.core.sampled_variance import SampledVariance
from monitor_service.core.signal_gate import SignalGate
from monitor_service.core.trade_flow import TradeFlow
from monitor_service.core.volatility import VarianceRate, next_regime
from schemas.config import Config
from schemas.market import Book, BookStatus, Instrument
from schemas.recent_keys import RecentKeys
from schemas.signals import Regime, Signal
from schemas.units import BPS_PER_UNIT, NS_PER_MS

_COMPARABLE = ("live", "one_sided")
"""Book statuses that order flow uses: crossed books show orders that are gone."""
TRADE_IDS_MAX = 10_000
"""Trade ids kept per symbol: a repeat within this many trades is refused."""


@dataclass(slots=True)
class SymbolMonitor:
    """Book, volatility, flow, and the signal derived from them."""

    instrument: Instrument
    variance: VarianceRate
    sampled: SampledVariance
    is_robust: bool
    """Quoting uses the estimate of `sampled`."""
    order_flow: OrderFlow
    buckets: BucketFlow
    arrival: ArrivalEstimate
    flow: TradeFlow
    burst: TradeFlow | None
    """Of the last fractions of a second; None: quoting does not react to it."""
    imbalance: TimeAverage
    bid_depth: TimeAverage
    ask_depth: TimeAverage
    gate: SignalGate
    book: BookState = field(default_factory=BookState)
    trade_ids: RecentKeys = field(default_factory=lambda: RecentKeys(TRADE_IDS_MAX))
    regime: Regime = "low"
    newest_ns: int = 0
    """Receive time of the newest market event."""
    now_ns: int = 0
    """Time of the newest input of any kind, ticks included: nothing is published with an earlier time."""
    mid_half_ticks: int | None = None
    spread_ticks: int | None = None
    weighted_mid_ticks: float | None = None
    is_lagging: bool = False
    """Newer data has waited for more than `market_data.lag_ms_max`."""

    @classmethod
    def of(cls, instrument: Instrument, config: Config) -> "SymbolMonitor":
        """A symbol without any data."""
        volatility, own = config.market_data.volatility, config.of_symbol(instrument.symbol)
        reads_bursts = own.reaction.burst_depths is not None or own.alpha.burst_bps
        return cls(
            instrument,
            VarianceRate(volatility.half_life_s / log(2), volatility.jump_sigma),
            SampledVariance(
                volatility.half_life_s / log(2), volatility.sample_ms * NS_PER_MS, volatility.slow_samples
            ),
            volatility.estimator == "two_scale",
            OrderFlow(config.market_data.ofi_levels, config.market_data.ofi_half_life_s / log(2)),
            BucketFlow(config.market_data.toxicity_bucket_s, config.market_data.toxicity_buckets),
            ArrivalEstimate(config.market_data.arrival_half_life_s / log(2)),
            TradeFlow(config.market_data.flow_half_life_s / log(2)),
            TradeFlow(config.market_data.burst_half_life_s / log(2)) if reads_bursts else None,
            TimeAverage(config.market_data.imbalance_half_life_s / log(2)),
            TimeAverage(config.market_data.depth_half_life_s / log(2)),
            TimeAverage(config.market_data.depth_half_life_s / log(2)),
            SignalGate.of(own),
        )

    @property
    def status(self) -> BookStatus:
        """The book's, as published: a sound one that newer data has overtaken is no reference."""
        return "lagging" if self.is_lagging and self.book.status == "live" else self.book.status

    @property
    def has_book(self) -> bool:
        """Has there been a snapshot?"""
        return self.book.status != "building"

    def advance(self, time_ns: int) -> int:
        """Advance to a market event's time; returns the time at which the event counts."""
        self.newest_ns = max(self.newest_ns, time_ns)
        self.now_ns = max(self.now_ns, time_ns)
        return self.now_ns

    def succeeded_by(self, instrument: Instrument, config: Config) -> "SymbolMonitor":
        """The same symbol under other terms: only times and trade ids are kept."""
        fresh = SymbolMonitor.of(instrument, config)
        fresh.newest_ns, fresh.now_ns = self.newest_ns, self.now_ns
        fresh.trade_ids = self.trade_ids
        return fresh

    def observe_book(self, now_ns: int, bids: BookLevels, asks: BookLevels, depth_levels: int) -> None:
        """Advance depth, imbalance, mid, volatility and order flow to the book's best levels."""
        (bid_prices, bid_sizes), (ask_prices, ask_sizes) = bids, asks
        bid_lots, ask_lots = sum(bid_sizes[:depth_levels]), sum(ask_sizes[:depth_levels])
        self.bid_depth.set(now_ns, bid_lots)
        self.ask_depth.set(now_ns, ask_lots)
        self.imbalance.set(now_ns, imbalance(bid_lots, ask_lots))
        if self.book.status == "live":
            self._observe_mid(now_ns, bid_prices[0], bid_sizes[0], ask_prices[0], ask_sizes[0])
        if self.book.status in _COMPARABLE:
            self.order_flow.observe(now_ns, bid_prices, bid_sizes, ask_prices, ask_sizes)
        else:
            self.order_flow.lose()

    def book_message(self, now_ns: int, bids: BookLevels, asks: BookLevels) -> Book:
        """The book as published: its best levels and its status."""
        instrument = self.instrument
        return Book(
            event_time_ns=now_ns,
            venue=instrument.venue,
            symbol=instrument.symbol,
            instrument_version=instrument.version,
            exchange_time_ns=self.book.exchange_time_ns,
            status=self.status,
            bid_prices=bids[0],
            bid_sizes=bids[1],
            ask_prices=asks[0],
            ask_sizes=asks[1],
        )

    def _observe_mid(self, now_ns: int, bid: int, bid_lots: int, ask: int, ask_lots: int) -> None:
        self.mid_half_ticks = bid + ask
        self.spread_ticks = ask - bid
        self.weighted_mid_ticks = weighted_mid(bid, bid_lots, ask, ask_lots)
        self.variance.observe(now_ns, self.mid_half_ticks)
        self.sampled.observe(now_ns, self.mid_half_ticks)
        self.arrival.observe_book(now_ns, self.spread_ticks)

    def hold_mid(self, now_ns: int) -> None:
        """Time passes, as a trade or a tick shows, and the live book's mid stays: volatility falls."""
        if self.book.status == "live" and self.mid_half_ticks is not None:
            self.variance.observe(now_ns, self.mid_half_ticks)
            self.sampled.observe(now_ns, self.mid_half_ticks)

    def publish_signal_if_due(self, now_ns: int, config: Config) -> Signal | None:
        """Publish the current signal where it changed enough."""
        self.flow.decay_to(now_ns)
        volatility, is_ready = self.volatility
        if volatility is not None and is_ready:
            self.regime = next_regime(self.regime, volatility * BPS_PER_UNIT, config.market_data.volatility)
        due = self.gate.is_due(
            now_ns=now_ns,
            status=self.status,
            regime=self.regime,
            jump=self.variance.jump,
            mid_half_ticks=self.mid_half_ticks,
            volatility=volatility,
            book_imbalance=self.imbalance.advance_to(now_ns),
            flow_imbalance=self.flow.imbalance,
            bursts=self._bursts(now_ns),
        )
        return self.publish_signal(now_ns) if due else None

    def _bursts(self, now_ns: int) -> tuple[float, float]:
        """Volume of takers that just bought and sold, in mean depths of the side that they took from."""
        burst = self.burst
        if burst is None or not (burst.buys or burst.sells):
            return (0.0, 0.0)
        burst.decay_to(now_ns)
        asks, bids = self.ask_depth.advance_to(now_ns), self.bid_depth.advance_to(now_ns)
        return (burst.buys / asks if asks else 0.0, burst.sells / bids if bids else 0.0)

    @property
    def has_unpublished_mid(self) -> bool:
        """Does the newest published signal have another mid?"""
        return self.gate.last is not None and self.gate.last.mid_half_ticks != self.mid_half_ticks

    def publish_signal(self, now_ns: int) -> Signal:
        """Publish the current signal."""
        self.gate.last = self.make_signal(now_ns)
        return self.gate.last

    @property
    def volatility(self) -> tuple[float | None, bool]:
        """The volatility that quoting uses, per square root of a second, and whether it is warmed up."""
        robust = self.sampled.per_sqrt_s if self.is_robust else None
        if robust is not None:
            return robust, True
        return self.variance.per_sqrt_s, self.variance.is_ready

    def make_signal(self, now_ns: int) -> Signal:
        """All features, advanced to a time."""
        self.flow.decay_to(now_ns)
        volatility, is_ready = self.volatility
        law, bursts = self.arrival.law, self._bursts(now_ns)
        return Signal(
            event_time_ns=now_ns,
            venue=self.instrument.venue,
            symbol=self.instrument.symbol,
            book_status=self.status,
            book_time_ns=self.book.updated_ns,
            mid_half_ticks=self.mid_half_ticks,
            spread_ticks=self.spread_ticks,
            weighted_mid_ticks=self.weighted_mid_ticks,
            volatility_per_sqrt_s=volatility,
            volatility_ready=is_ready,
            regime=self.regime,
            jump=self.variance.jump,
            bid_depth_lots=round(self.bid_depth.advance_to(now_ns)),
            ask_depth_lots=round(self.ask_depth.advance_to(now_ns)),
            imbalance=self.imbalance.advance_to(now_ns),
            flow_imbalance=self.flow.imbalance,
            flow_volume_lots=self.flow.volume_lots,
            robust_volatility_per_sqrt_s=self.sampled.per_sqrt_s,
            noise=self.sampled.noise,
            jump_volatility_per_sqrt_s=0.0 if self.is_robust else self.variance.jump_per_sqrt_s,
            without_jumps_per_sqrt_s=self.sampled.without_jumps_per_sqrt_s,
            ofi=self.order_flow.advance_to(now_ns),
            toxicity=self.buckets.value,
            arrival_rate_per_s=None if law is None else law.A,
            arrival_decay_per_tick=None if law is None else law.k,
            arrival_ready=law is not None,
            taker_buy_depths=bursts[0],
            taker_sell_depths=bursts[1],
        )
