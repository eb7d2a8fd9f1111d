"""Receives a source's data: converts numbers to ticks and lots, and queues events for the core."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from monitor_service.feeds.conversion import (
    RefusedValueError,
    Scales,
    exchange_time,
    scales_of,
    short,
    trade_id_of,
)
from monitor_service.feeds.feed_queue import TRADES_MAX, FeedQueue
from monitor_service.feeds.levels import sides_of
from schemas.market import FeedBook, FeedInstrument, FeedRate, FeedRefused, FeedTrade
from schemas.message import ALL_SYMBOLS, Side, SymbolEvent

Levels = Sequence[Sequence[Any]]


class Sink:
    """The queue of one feed."""

    def __init__(self, venue: str, now_ns: Callable[[], int], lag_ms_max: float) -> None:
        self._venue = venue
        self._now_ns = now_ns
        self._scales: dict[str, Scales] = {}
        self._sequences: dict[str, int] = {}
        self.queue = FeedQueue(lag_ms_max)
        self.wake: Callable[[], None] = lambda: None

    def announce(self, instrument: FeedInstrument) -> None:
        """A contract, before its first event."""
        self._scales[instrument.symbol] = scales_of(instrument.tick_size, instrument.lot_size)
        self._put(instrument)

    def rate(self, symbol: str, base_currency: str, quote_currency: str, rate: Decimal) -> None:
        """The mid of a market that is not followed."""
        self._put(
            FeedRate(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                base_currency=base_currency,
                quote_currency=quote_currency,
                rate=rate,
            )
        )

    def book(
        self, symbol: str, bids: Levels, asks: Levels, exchange_time_ns: int | None, *, is_snapshot: bool
    ) -> bool:
        """A book or an update; false where it was not accepted, and the book is now gapped."""
        sequence = self._sequences.get(symbol, 0) + 1
        try:
            sides = sides_of(bids, asks, self._scales[symbol], is_snapshot=is_snapshot)
            event = FeedBook(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                exchange_time_ns=exchange_time(exchange_time_ns),
                snapshot=is_snapshot,
                sequence=sequence,
                bid_prices=sides.bids.prices,
                bid_sizes=sides.bids.sizes,
                ask_prices=sides.asks.prices,
                ask_sizes=sides.asks.sizes,
            )
        except RefusedValueError as error:
            self._refuse(symbol, error, "book")
            return False
        self._sequences[symbol] = sequence
        self._put(event)
        for lost in sides.lost:
            self._refuse(symbol, lost, None)
        return True

    def trade(
        self,
        symbol: str,
        price: Any,
        size: Any,
        side: Side | None,
        trade_id: str,
        exchange_time_ns: int | None,
    ) -> None:
        """A public trade; `side` is the taker's."""
        scales = self._scales[symbol]
        if self.queue.holds_trades_max:
            full = RefusedValueError("malformed", f"{TRADES_MAX} trades wait for the engine already")
            self._refuse(symbol, full, "trade")
            return
        try:
            event = FeedTrade(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                exchange_time_ns=exchange_time(exchange_time_ns),
                price_ticks=scales.price.positive_units(price),
                size_lots=scales.size.positive_units(size),
                side=side,
                trade_id=trade_id_of(trade_id),
            )
        except RefusedValueError as error:
            self._refuse(symbol, error, "trade")
        else:
            self._put(event)

    def gap(self, symbol: str, detail: str) -> None:
        """Updates of a book were lost: it is not quoted from before the next snapshot."""
        self._put(
            FeedRefused(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                reason="delta_after_gap",
                detail=detail,
                event_type="book",
            )
        )

    def refuse(self, refused: FeedRefused) -> None:
        """A symbol that an operator started cannot be followed."""
        self._put(refused)

    def malformed(self, frame: object) -> None:
        """An unreadable frame; if a book lost an update by it, that shows as a gap."""
        self._put(
            FeedRefused(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=ALL_SYMBOLS,
                reason="malformed",
                detail=f"frame {short(frame)}",
            )
        )

    def _refuse(self, symbol: str, error: RefusedValueError, event_type: Any) -> None:
        self._put(
            FeedRefused(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                reason=error.reason,
                detail=str(error),
                event_type=event_type,
            )
        )

    def _put(self, event: SymbolEvent) -> None:
        self.queue.put(event)
        self.wake()
