"""The newest book of one symbol, and the best prices of others in it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.market import Book
from schemas.message import Side

NOBODY: Mapping[int, int] = {}
MIDS_KEPT = 64
"""At ten changes a second, those of the last six seconds: reports of executions take some milliseconds."""


class PastMid(NamedTuple):
    """A mid and from when on it was known, by our clock."""

    from_ns: int
    half_ticks: int
    version: int
    """Instrument version of its ticks."""


@dataclass(slots=True)
class MarketView:
    """The market prices that orders are checked against."""

    book: Book | None = None
    """The newest one, whatever its status."""
    is_live: bool = False
    """The newest book is live and has two sides that do not cross."""
    best_bid_ticks: int = 0
    best_ask_ticks: int = 0
    mid_half_ticks: int | None = None
    """Of the last sound book."""
    mid_version: int = 0
    """Instrument version of its ticks."""
    mids: deque[PastMid] = field(default_factory=lambda: deque(maxlen=MIDS_KEPT))
    """The newest changes of the mid, oldest first."""

    def mid_before(self, time_ns: int) -> PastMid | None:
        """The mid of the last sound book received before a time; None: older than what is kept."""
        return next((mid for mid in reversed(self.mids) if mid.from_ns < time_ns), None)

    def observe_book(self, book: Book, own: Mapping[Side, Mapping[int, int]]) -> None:
        """The newest book. `own`: lots by price that may be ours, and are no reference."""
        self.book = book
        bid = _best(book.bid_prices, book.bid_sizes, own.get("buy", NOBODY))
        ask = _best(book.ask_prices, book.ask_sizes, own.get("sell", NOBODY))
        self.is_live = book.status == "live" and 0 < bid < ask
        if self.is_live:
            self.best_bid_ticks, self.best_ask_ticks = bid, ask
            if bid + ask != self.mid_half_ticks or book.instrument_version != self.mid_version:
                self.mids.append(PastMid(book.event_time_ns, bid + ask, book.instrument_version))
            self.mid_half_ticks, self.mid_version = bid + ask, book.instrument_version


def _best(prices: tuple[int, ...], sizes: tuple[int, ...], own: Mapping[int, int]) -> int:
    """The best price with size of others; 0 where there is none."""
    if not own:
        return prices[0] if prices else 0
    return next((price for price, size in zip(prices, sizes, strict=False) if size > own.get(price, 0)), 0)
