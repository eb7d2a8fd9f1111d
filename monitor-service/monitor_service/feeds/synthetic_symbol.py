"""One synthetic market: a latent fair price, a book around it, and clustered takers.

- the fair price is a random walk whose volatility switches between calm, normal and wild (Markov);
- takers arrive as a self-exciting (Hawkes) process: each trade makes the next more likely for a while;
- takers tend to repeat the last trade's side, move the fair price, and eat the touch, which refills;
- the spread wanders around its setting, and widens with volatility.
"""

from dataclasses import dataclass
from math import ceil, exp, floor, log, sqrt
from random import Random

from schemas.feed_settings import SyntheticSymbol
from schemas.market import FeedBook, FeedInstrument, FeedTrade
from schemas.message import Side, SymbolEvent
from schemas.units import BPS_PER_UNIT, NS_PER_S

LEVELS = 20
SNAPSHOT_INTERVAL_NS = 60 * NS_PER_S
REGIMES = ((0.5, 60.0), (1.0, 90.0), (3.0, 20.0))
"""Factor on volatility, and mean duration in seconds."""
SPREAD_REVERSION_PER_S = 0.2
SPREAD_NOISE = 0.15
"""Of the log spread, per square root of a second."""
EXCITATION = 0.6
"""Trades that one trade triggers, on average."""
EXCITATION_DECAY_PER_S = 3.0
SAME_SIDE = 0.65
"""Probability that a taker repeats the last one's side."""
IMPACT_SHARE = 0.08
"""Share of the half-spread by which a trade of a level's typical size moves the fair price."""
SIZE_SIGMA = 0.8
"""Of the log of level and trade sizes."""
TRADE_SHARE = 0.3
"""Typical trade, as a share of a level's typical size."""
LEVELS_CHANGED = 3
"""Resting sizes that change per update, beside those due to the price move."""
LEVELS_EATEN_MAX = 3


@dataclass(slots=True)
class _Side:
    """Resting sizes by price, in lots."""

    sizes: dict[int, int]

    def eat(self, prices: list[int], lots: int) -> list[tuple[int, int]]:
        """Take `lots` from the best price on; returns what was taken at each. One level always remains."""
        taken = []
        for price in prices[:LEVELS_EATEN_MAX]:
            here = min(lots, self.sizes[price])
            taken.append((price, here))
            lots -= here
            if here == self.sizes[price]:
                del self.sizes[price]
            else:
                self.sizes[price] -= here
            if not lots:
                break
        return taken


class SyntheticMarket:
    """Produces the events of one symbol, each at `next_time_ns`."""

    def __init__(
        self, instrument: FeedInstrument, settings: SyntheticSymbol, seed: int, start_ns: int
    ) -> None:
        self._random = Random(f"{seed} {instrument.symbol}")  # noqa: S311  a market, not a secret
        self._instrument = instrument
        self._settings = settings
        self._fair = float(settings.price / instrument.tick_size)
        level_value = float(settings.price * instrument.lot_size * instrument.multiplier)
        self._level_lots = max(1.0, settings.depth_notional / level_value)
        self._sigma = settings.volatility_bps / BPS_PER_UNIT
        self._regime = 1
        self._log_spread = 0.0
        self._excitement = 0.0
        self._last_side: Side = "buy"
        self._bids, self._asks = _Side({}), _Side({})
        self._published_bids: dict[int, int] = {}
        self._published_asks: dict[int, int] = {}
        self._sequence = 0
        self._trades = 0
        self._start_ns = start_ns
        self._moved_ns = start_ns
        self._snapshot_due_ns = start_ns + SNAPSHOT_INTERVAL_NS
        self._update_ns = self._in_s(self._random.expovariate(settings.updates_per_s), start_ns)
        self._trade_ns = self._next_trade_ns(start_ns)
        self._shape()

    @property
    def key(self) -> str:
        """`venue:symbol`."""
        return self._instrument.key

    @property
    def next_time_ns(self) -> int:
        """Time of the next event."""
        return min(self._update_ns, self._trade_ns)

    @staticmethod
    def _in_s(seconds: float, now_ns: int) -> int:
        return now_ns + 1 + int(seconds * NS_PER_S)

    def advance(self, now_ns: int) -> list[SymbolEvent]:
        """The events at `now_ns`, which is `next_time_ns`."""
        self._move(now_ns)
        if self._trade_ns <= self._update_ns:
            events = self._trade(now_ns)
            self._trade_ns = self._next_trade_ns(now_ns)
            return events
        self._update_ns = self._in_s(self._random.expovariate(self._settings.updates_per_s), now_ns)
        update: list[SymbolEvent] = [self._delta(now_ns)]
        if now_ns >= self._snapshot_due_ns:
            self._snapshot_due_ns += SNAPSHOT_INTERVAL_NS
            update.append(self.snapshot(now_ns))
        return update

    def _move(self, now_ns: int) -> None:
        """Advance fair price, regime, spread and excitement to `now_ns`."""
        dt_s = (now_ns - self._moved_ns) / NS_PER_S
        self._moved_ns = now_ns
        factor, stay_s = REGIMES[self._regime]
        if self._random.random() < 1 - exp(-dt_s / stay_s):
            self._regime = self._random.choice([each for each in range(len(REGIMES)) if each != self._regime])
        self._fair *= exp(self._random.gauss(0.0, self._sigma * factor * sqrt(dt_s)))
        remembered_s = min(dt_s, 1 / SPREAD_REVERSION_PER_S)  # a longer step would overshoot and diverge
        self._log_spread += -SPREAD_REVERSION_PER_S * remembered_s * self._log_spread
        self._log_spread += self._random.gauss(0.0, SPREAD_NOISE * sqrt(remembered_s))
        self._excitement *= exp(-EXCITATION_DECAY_PER_S * dt_s)

    def _next_trade_ns(self, now_ns: int) -> int:
        """The next arrival, by thinning (Ogata 1981)."""
        base = self._settings.trades_per_s * (1 - EXCITATION)
        excited, waited_s = self._excitement, 0.0
        while True:
            most = base + excited
            step_s = self._random.expovariate(most)
            waited_s += step_s
            excited *= exp(-EXCITATION_DECAY_PER_S * step_s)
            if self._random.random() * most <= base + excited:
                return self._in_s(waited_s, now_ns)

    def _half_spread_ticks(self) -> float:
        factor = sqrt(REGIMES[self._regime][0])
        spread_bps = self._settings.spread_bps * factor * exp(self._log_spread)
        return max(0.5, self._fair * spread_bps / BPS_PER_UNIT / 2)

    def _draw_lots(self, typical: float) -> int:
        return max(1, round(self._random.lognormvariate(log(typical), SIZE_SIGMA)))

    def _target_prices(self) -> tuple[list[int], list[int]]:
        """Prices of both sides, best first: the touch at the spread, then a fixed grid."""
        half = self._half_spread_ticks()
        bid = max(1, floor(self._fair - half))
        ask = max(ceil(self._fair + half), bid + 1)
        step = max(1, round(half / 5))
        first_bid, first_ask = (bid - 1) // step * step, -(-(ask + 1) // step) * step
        bids = [bid, *(first_bid - step * number for number in range(LEVELS - 1))]
        asks = [ask, *(first_ask + step * number for number in range(LEVELS - 1))]
        return [price for price in bids if price > 0], asks

    def _shape(self) -> None:
        """Move resting sizes to the target prices; a level that stays keeps its size."""
        for side, prices in zip((self._bids, self._asks), self._target_prices(), strict=True):
            old = side.sizes
            side.sizes = {price: old.get(price) or self._draw_lots(self._level_lots) for price in prices}
            for _ in range(LEVELS_CHANGED):
                price = prices[self._random.randrange(len(prices))]
                side.sizes[price] = self._draw_lots(self._level_lots)

    def _delta(self, now_ns: int) -> FeedBook:
        before = (dict(self._published_bids), dict(self._published_asks))
        self._shape()
        return self._book(
            now_ns, _changes(before[0], self._bids.sizes), _changes(before[1], self._asks.sizes)
        )

    def snapshot(self, now_ns: int) -> FeedBook:
        """The whole book."""
        return self._book(now_ns, self._bids.sizes, self._asks.sizes, snapshot=True)

    def _book(
        self, now_ns: int, bids: dict[int, int], asks: dict[int, int], *, snapshot: bool = False
    ) -> FeedBook:
        self._sequence += 1
        self._published_bids, self._published_asks = dict(self._bids.sizes), dict(self._asks.sizes)
        return FeedBook(
            event_time_ns=now_ns,
            venue=self._instrument.venue,
            symbol=self._instrument.symbol,
            exchange_time_ns=now_ns,
            snapshot=snapshot,
            sequence=self._sequence,
            bid_prices=tuple(bids),
            bid_sizes=tuple(bids.values()),
            ask_prices=tuple(asks),
            ask_sizes=tuple(asks.values()),
        )

    def _trade(self, now_ns: int) -> list[SymbolEvent]:
        """A taker arrives: prints at the touch, the touch shrinks, the fair price follows."""
        self._excitement += EXCITATION * EXCITATION_DECAY_PER_S
        same = self._random.random() < SAME_SIDE
        side: Side = self._last_side if same else ("sell" if self._last_side == "buy" else "buy")
        self._last_side = side
        lots = self._draw_lots(self._level_lots * TRADE_SHARE)
        sign = 1 if side == "buy" else -1
        impact = IMPACT_SHARE * self._half_spread_ticks() * min(3.0, lots / self._level_lots)
        self._fair = max(1.0, self._fair + sign * impact)
        resting = self._asks if side == "buy" else self._bids
        taken = resting.eat(sorted(resting.sizes, reverse=side == "sell"), lots)
        return [self._print(now_ns, price, size, side) for price, size in taken]

    def _print(self, now_ns: int, price_ticks: int, size_lots: int, side: Side) -> FeedTrade:
        self._trades += 1
        return FeedTrade(
            event_time_ns=now_ns,
            venue=self._instrument.venue,
            symbol=self._instrument.symbol,
            exchange_time_ns=now_ns,
            price_ticks=price_ticks,
            size_lots=size_lots,
            side=side,
            trade_id=f"{self._start_ns}-{self._trades}",
        )


def _changes(before: dict[int, int], after: dict[int, int]) -> dict[int, int]:
    """The levels of a delta: new and changed sizes, and 0 for removed levels."""
    changed = {price: size for price, size in after.items() if before.get(price) != size}
    return changed | {price: 0 for price in before if price not in after}
