"""`maker calibrate --realised` and `--toxicity`: a recording's volatility, and its takers."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from decimal import Decimal
from math import log, sqrt
from typing import Any

from research.attribution.flow import FlowImbalance, VolumeBuckets
from research.calibration.adverse import TakerMoves
from research.calibration.realised import Realised, realised
from research.calibration.source import market_of
from runtime.config.settings import load_config
from runtime.errors import ConfigError
from schemas.market import Book, Trade
from schemas.market_data_settings import MarketData
from schemas.message import Event
from schemas.refusals import RefusalTally
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S, side_sign

HORIZONS_S = (1, 5, 30, 60)


@dataclass(frozen=True, slots=True)
class RealisedReport:
    """Realised measures of the mid, sampled at equal intervals."""

    symbol: str
    interval_s: float
    found: Realised

    def _bps(self, variance: float) -> float:
        """Per square root of a second."""
        return sqrt(variance / (self.found.returns * self.interval_s)) * BPS_PER_UNIT

    def as_json(self) -> dict[str, Any]:
        """Variances of the log mid over the sample, and volatilities in bps per square root of a second."""
        found = self.found
        return {
            "symbol": self.symbol,
            "interval_s": self.interval_s,
            **asdict(found),
            "jump_share": found.jump_share,
            "jump_statistic": found.jump_statistic,
            "volatility_bps": self._bps(found.variance),
            "bipower_volatility_bps": self._bps(found.bipower),
            "median_volatility_bps": self._bps(found.median_rv),
        }

    def as_text(self) -> str:
        """A line a measure."""
        fields = self.as_json()
        statistic = fields["jump_statistic"]
        return "\n".join(
            (
                f"{self.symbol}: {self.found.returns} returns of {self.interval_s:g} s",
                f"volatility             {fields['volatility_bps']:.5g} bps per square root of a second",
                f"without jumps, bipower {fields['bipower_volatility_bps']:.5g}",
                f"without jumps, median  {fields['median_volatility_bps']:.5g}",
                f"tripower quarticity    {self.found.tripower_quarticity:.5g}",
                f"jumps                  {self.found.jump_share:.1%} of the variance, statistic "
                + ("-" if statistic is None else f"{statistic:.2f}"),
            )
        )


def sampled_returns(events: Iterable[Event], interval_ns: int) -> list[float]:
    """Log returns of the mid of live books, each sample the last mid at or before its time."""
    found: list[float] = []
    due_ns, mid, last = 0, 0, 0
    for event in events:
        if not isinstance(event, Book) or event.status != "live":
            continue
        while due_ns and event.event_time_ns > due_ns:
            if last:
                found.append(log(mid / last))
            last, due_ns = mid, due_ns + interval_ns
        mid, due_ns = event.bid_prices[0] + event.ask_prices[0], due_ns or event.event_time_ns
    return found


def run_realised(source: str, symbol: str) -> RealisedReport:
    """Of a recording or a log, sampled every `market_data.volatility.sample_ms`.

    Raises ConfigError where it is too short.
    """
    config = load_config((), {}, {}).config
    interval_ns = config.market_data.volatility.sample_ms * NS_PER_MS
    returns = sampled_returns(market_of(source, symbol, config, RefusalTally()), interval_ns)
    try:
        return RealisedReport(symbol, interval_ns / NS_PER_S, realised(returns))
    except ValueError as error:
        raise ConfigError(f"{source}: no realised measures of {symbol}: {error}") from None


class FlowTally:
    """The one-sidedness of takers, and how far the mid follows them."""

    def __init__(self, settings: MarketData) -> None:
        self.trades = 0
        self.volume_lots = 0
        self.begin_ns = self.end_ns = 0
        self.flow = FlowImbalance(settings.flow_half_life_s / log(2))
        self.moves = {each: TakerMoves(each) for each in HORIZONS_S}
        self._sided: list[tuple[int, int, int]] = []
        """(sign, lots, price in ticks) of every trade with a side: buckets follow from the whole volume."""
        self._settings = settings
        self._mid: int | None = None

    def apply(self, event: Event) -> None:
        """One message, in order."""
        if isinstance(event, Book) and event.status == "live":
            self._mid = event.bid_prices[0] + event.ask_prices[0]
            for moves in self.moves.values():
                moves.pass_to(event.event_time_ns, self._mid)
        elif isinstance(event, Trade) and event.side is not None:
            self.begin_ns, self.end_ns = self.begin_ns or event.event_time_ns, event.event_time_ns
            self.trades, self.volume_lots = self.trades + 1, self.volume_lots + event.size_lots
            sign = side_sign(event.side)
            self.flow.add(event.event_time_ns, sign * event.size_lots)
            self._sided.append((sign, event.size_lots, event.price_ticks))
            if self._mid is not None:
                for moves in self.moves.values():
                    moves.add(event.event_time_ns, event.side, self._mid)

    def buckets(self) -> VolumeBuckets | None:
        """Of the volume that the sample traded in `toxicity_bucket_s` on average; None without any time."""
        span_s = (self.end_ns - self.begin_ns) / NS_PER_S
        if not span_s:
            return None
        size = Decimal(self.volume_lots * self._settings.toxicity_bucket_s / span_s)
        found = VolumeBuckets(size, self._settings.toxicity_buckets)
        for sign, lots, price in self._sided:
            found.add(sign, Decimal(lots), Decimal(price))
        return found


@dataclass(frozen=True, slots=True)
class FlowReport:
    """How one-sided takers were, and how far the mid followed them."""

    symbol: str
    tally: FlowTally

    def as_json(self) -> dict[str, Any]:
        """Imbalances from -1 to 1 and 0 to 1; moves in bps with the taker, by horizon in seconds."""
        buckets, tally = self.tally.buckets(), self.tally
        over_time = None if buckets is None or not buckets.over_time.count else buckets.over_time
        return {
            "symbol": self.symbol,
            "trades": tally.trades,
            "flow_imbalance": tally.flow.imbalance,
            "toxicity": None if buckets is None else buckets.value,
            "toxicity_mean": None if over_time is None else over_time.mean,
            "moves": [
                {"horizon_s": each, "move_bps": moves.mean_bps, "error_bps": moves.error_bps}
                for each, moves in tally.moves.items()
            ],
        }

    def as_text(self) -> str:
        """A line a figure."""
        fields = self.as_json()
        lines = [
            f"{self.symbol}: {fields['trades']} trades with a side",
            f"flow imbalance at the end   {fields['flow_imbalance']:+.3f}",
            f"toxicity at the end, mean   {_shown(fields['toxicity'])}, {_shown(fields['toxicity_mean'])}",
        ]
        for row in fields["moves"]:
            moved = f"{_shown(row['move_bps'])} +- {_shown(row['error_bps'])} bps"
            lines.append(f"mid {row['horizon_s']:>2} s after a trade    {moved} with the taker")
        return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def run_toxicity(source: str, symbol: str) -> FlowReport:
    """Of a recording or a log. Raises ConfigError where no trade has a side."""
    config = load_config((), {}, {}).config
    tally = FlowTally(config.market_data)
    for event in market_of(source, symbol, config, RefusalTally()):
        tally.apply(event)
    if not tally.trades:
        raise ConfigError(f"{source} holds no trade of {symbol} with a taker's side")
    return FlowReport(symbol, tally)
