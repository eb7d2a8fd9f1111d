"""Random quotes around the exchange's own market: prices and sizes that keep changing."""

import random
import time
from collections.abc import Iterable

from sandbox.depth import levels_of
from sandbox.exchange import SandboxExchange
from sandbox.markets import SandboxMarket
from schemas.market import Book, Instrument
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.units import NS_PER_S, ceil_units

VENUE = "binance"
LEVELS = 2
_CHANGE_PROBABILITY = 0.15
"""Per symbol and step."""


class Quotes:
    """Stands in for market data and quoting in one session."""

    def __init__(self, exchange: SandboxExchange, symbols: tuple[str, ...], chance: random.Random) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._chance = chance
        self._sequence = 0

    def instruments(self) -> list[Instrument]:
        """The contracts, as for this venue."""
        return [
            market.instrument.model_copy(update={"venue": VENUE, "event_time_ns": time.time_ns()})
            for market in self._markets()
        ]

    def _markets(self) -> list[SandboxMarket]:
        """The quoted symbols' markets: the exchange may list more."""
        return [self._exchange.markets[symbol] for symbol in self._symbols]

    def books(self) -> Iterable[Book]:
        """The books as the exchange publishes them, our own orders included."""
        for market in self._markets():
            bids = sorted(levels_of(market, "buy").items(), reverse=True)
            asks = sorted(levels_of(market, "sell").items())
            if market.book is not None and bids and asks:
                yield Book(
                    event_time_ns=time.time_ns(),
                    venue=VENUE,
                    symbol=market.instrument.symbol,
                    status="live" if bids[0][0] < asks[0][0] else "crossed",
                    bid_prices=tuple(price for price, _ in bids),
                    bid_sizes=tuple(size for _, size in bids),
                    ask_prices=tuple(price for price, _ in asks),
                    ask_sizes=tuple(size for _, size in asks),
                )

    def targets(self) -> Iterable[QuoteTarget]:
        """New targets of some symbols; occasionally a side is not quoted."""
        for market in self._markets():
            if market.book is not None and self._chance.random() < _CHANGE_PROBABILITY:
                yield self._target(market)

    def _target(self, market: SandboxMarket) -> QuoteTarget:
        self._sequence += 1
        now_ns = time.time_ns()
        return QuoteTarget(
            event_time_ns=now_ns,
            venue=VENUE,
            symbol=market.instrument.symbol,
            sequence=self._sequence,
            valid_until_ns=now_ns + 5 * NS_PER_S,
            mid_half_ticks=None,
            model="venue-check",
            bid=self._side(market, "buy"),
            ask=self._side(market, "sell"),
        )

    def _side(self, market: SandboxMarket, side: Side) -> QuoteSide:
        chance, book, instrument = self._chance, market.book, market.instrument
        if book is None or chance.random() < 0.05:  # noqa: PLR2004
            return QuoteSide(prices=(), sizes=(), steps=(), not_quoting_because="CHECK")
        best, sign = (book.bid_prices[0], -1) if side == "buy" else (book.ask_prices[0], 1)
        distance = chance.randint(0, max(1, best // 1_000))
        prices = tuple(best + sign * (distance + level * max(1, best // 5_000)) for level in range(LEVELS))
        least = ceil_units(2 * instrument.min_notional, instrument.money_per_tick_lot * min(prices))
        return QuoteSide(prices=prices, sizes=tuple(least * chance.randint(1, 4) for _ in prices), steps=())
