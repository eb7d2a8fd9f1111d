"""Where a source puts what it received: numbers become ticks and lots, and events wait for the core."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from monitor_service.feeds.conversion import RefusedValueError, UnitScale, price_scale, short, size_scale
from schemas.market import FeedBook, FeedInstrument, FeedRefused, FeedTrade
from schemas.message import ALL_SYMBOLS, Event, Side

QUEUED_MAX = 20_000
"""Events that wait for the core; beyond it books are let go and begun again, and trades are refused."""

Levels = Sequence[Sequence[Any]]


class Sink:
    """The queue of one feed."""

    def __init__(self, venue: str, now_ns: Callable[[], int]) -> None:
        self._venue = venue
        self._now_ns = now_ns
        self._scales: dict[str, tuple[UnitScale, UnitScale]] = {}
        self._sequences: dict[str, int] = {}
        self.queue: deque[Event] = deque()
        self.wake: Callable[[], None] = lambda: None

    @property
    def is_full(self) -> bool:
        """Is the core behind?"""
        return len(self.queue) >= QUEUED_MAX

    def announce(self, instrument: FeedInstrument) -> None:
        """A contract, before its first event."""
        self._scales[instrument.symbol] = (
            price_scale(instrument.tick_size),
            size_scale(instrument.lot_size),
        )
        self._put(instrument)

    def book(
        self, symbol: str, bids: Levels, asks: Levels, exchange_time_ns: int | None, *, is_snapshot: bool
    ) -> bool:
        """A book or a difference; false where it could not be taken, and the book is now gapped."""
        if self.is_full and not is_snapshot:
            self.gap(symbol, "the queue is full")
            return False
        prices, sizes = self._scales[symbol]
        sequence = self._sequences.get(symbol, 0) + 1
        try:
            event = FeedBook(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                exchange_time_ns=exchange_time_ns,
                snapshot=is_snapshot,
                sequence=sequence,
                bid_prices=tuple([prices.any_units(level[0]) for level in bids]),
                bid_sizes=tuple([sizes.whole_units(level[1]) for level in bids]),
                ask_prices=tuple([prices.any_units(level[0]) for level in asks]),
                ask_sizes=tuple([sizes.whole_units(level[1]) for level in asks]),
            )
        except RefusedValueError as error:
            self._refuse(symbol, error, "book")
            return False
        self._sequences[symbol] = sequence
        self._put(event)
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
        prices, sizes = self._scales[symbol]
        if self.is_full:
            self._refuse(symbol, RefusedValueError("malformed", "the queue is full"), "trade")
            return
        try:
            event = FeedTrade(
                event_time_ns=self._now_ns(),
                venue=self._venue,
                symbol=symbol,
                exchange_time_ns=exchange_time_ns,
                price_ticks=prices.any_units(price),
                size_lots=sizes.any_units(size),
                side=side,
                trade_id=trade_id,
            )
        except RefusedValueError as error:
            self._refuse(symbol, error, "trade")
        else:
            self._put(event)

    def gap(self, symbol: str, detail: str) -> None:
        """Updates of a book were lost: nothing is quoted from it before the next snapshot."""
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

    def malformed(self, frame: object) -> None:
        """Something came that nobody can read; a book that lost an update by it shows a gap."""
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

    def _put(self, event: Event) -> None:
        self.queue.append(event)
        self.wake()
