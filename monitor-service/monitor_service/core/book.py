"""The order book of one symbol, built from snapshots and deltas, and whether it can be trusted."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from schemas.market import BookStatus, FeedBook, RefusalReason

BookLevels = tuple[tuple[int, ...], tuple[int, ...]]
"""Prices in ticks and sizes in lots of one side, best first."""


@dataclass(slots=True)
class BookSide:
    """Levels of one side: ascending prices, and the size at each, in lots."""

    prices: list[int] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)

    def replace(self, prices: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Replace all levels by a snapshot's."""
        self.sizes = {price: size for price, size in dict(zip(prices, sizes, strict=True)).items() if size}
        self.prices = sorted(self.sizes)

    def apply(self, prices: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Set levels; size 0 removes one, harmless if there is none."""
        mine = self.sizes
        for price, size in zip(prices, sizes, strict=True):
            if size:
                if price not in mine:
                    insort(self.prices, price)
                mine[price] = size
            elif mine.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]


@dataclass(slots=True)
class BookState:
    """Both sides, the newest update's sequence number, and the resulting status."""

    bids: BookSide = field(default_factory=BookSide)
    asks: BookSide = field(default_factory=BookSide)
    status: BookStatus = "building"
    sequence: int | None = None
    updated_ns: int = 0
    exchange_time_ns: int | None = None

    def accept(self, update: FeedBook) -> RefusalReason | None:
        """Apply an update in sequence; otherwise return why not. A sound snapshot is always in sequence.

        A delta without a sequence number is assumed to follow the one before.
        """
        reason = _unsound(update)
        if reason is not None:
            self.lose()
            return reason
        if update.snapshot:
            self.bids.replace(update.bid_prices, update.bid_sizes)
            self.asks.replace(update.ask_prices, update.ask_sizes)
            self.sequence = update.sequence
        else:
            reason = self._misplaced(update.sequence)
            if reason is not None:
                return reason
            self.bids.apply(update.bid_prices, update.bid_sizes)
            self.asks.apply(update.ask_prices, update.ask_sizes)
            self.sequence = self.sequence if update.sequence is None else update.sequence
        self.exchange_time_ns = update.exchange_time_ns
        self.status = self._judge()
        return None

    def _misplaced(self, sequence: int | None) -> RefusalReason | None:
        if self.status == "building":
            return "delta_before_snapshot"
        if self.status == "gapped":
            return "delta_after_gap"
        if sequence is None or self.sequence is None or sequence == self.sequence + 1:
            return None
        if sequence <= self.sequence:
            return "old_sequence"
        self.lose()
        return "delta_after_gap"

    def lose(self) -> None:
        """An update was missed: nothing is trusted until the next snapshot."""
        if self.status != "building":
            self.status = "gapped"

    def _judge(self) -> BookStatus:
        if not self.bids.prices or not self.asks.prices:
            return "one_sided"
        bid, ask = self.bids.prices[-1], self.asks.prices[0]
        if bid < ask:
            return "live"
        return "locked" if bid == ask else "crossed"

    def best_bids(self, levels: int) -> BookLevels:
        """Prices and sizes, best first."""
        prices = tuple(self.bids.prices[: -levels - 1 : -1])
        return prices, tuple(map(self.bids.sizes.__getitem__, prices))

    def best_asks(self, levels: int) -> BookLevels:
        """Prices and sizes, best first."""
        prices = tuple(self.asks.prices[:levels])
        return prices, tuple(map(self.asks.sizes.__getitem__, prices))


def _unsound(update: FeedBook) -> RefusalReason | None:
    """The reason an update is unusable regardless of its sequence, or None."""
    bid_prices, ask_prices = update.bid_prices, update.ask_prices
    if len(bid_prices) != len(update.bid_sizes) or len(ask_prices) != len(update.ask_sizes):
        return "malformed"
    if (bid_prices and min(bid_prices) <= 0) or (ask_prices and min(ask_prices) <= 0):
        return "bad_price"
    return None
