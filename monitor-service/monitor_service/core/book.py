"""The order book of one symbol, from snapshots and deltas, and whether it may be trusted."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from schemas.market import BookStatus, FeedBook, RefusalReason


@dataclass(slots=True)
class BookSide:
    """Levels of one side: prices ascending, and the size at each, in lots."""

    prices: list[int] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)

    def replace(self, prices: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Take a snapshot's levels."""
        self.sizes = {price: size for price, size in dict(zip(prices, sizes, strict=True)).items() if size}
        self.prices = sorted(self.sizes)

    def apply(self, prices: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        """Set levels; size 0 removes one, and one that is not there is harmless."""
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
    """Both sides, the sequence of the newest update, and the status that follows from them."""

    bids: BookSide = field(default_factory=BookSide)
    asks: BookSide = field(default_factory=BookSide)
    status: BookStatus = "building"
    sequence: int | None = None
    updated_ns: int = 0
    exchange_time_ns: int | None = None

    def accept(self, update: FeedBook) -> RefusalReason | None:
        """Apply an update in its place; the reason where it has none. A sound snapshot always has one.

        A delta without a sequence number is taken to follow what came before it.
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
        """Something was missed: nothing is trusted until the next snapshot."""
        if self.status != "building":
            self.status = "gapped"

    def _judge(self) -> BookStatus:
        if not self.bids.prices or not self.asks.prices:
            return "one_sided"
        bid, ask = self.bids.prices[-1], self.asks.prices[0]
        if bid < ask:
            return "live"
        return "locked" if bid == ask else "crossed"

    def best_bids(self, levels: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Prices and sizes, best first."""
        prices = tuple(self.bids.prices[: -levels - 1 : -1])
        return prices, tuple(map(self.bids.sizes.__getitem__, prices))

    def best_asks(self, levels: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Prices and sizes, best first."""
        prices = tuple(self.asks.prices[:levels])
        return prices, tuple(map(self.asks.sizes.__getitem__, prices))


def _unsound(update: FeedBook) -> RefusalReason | None:
    """What makes an update unusable wherever it stands."""
    bid_prices, ask_prices = update.bid_prices, update.ask_prices
    if len(bid_prices) != len(update.bid_sizes) or len(ask_prices) != len(update.ask_sizes):
        return "malformed"
    if (bid_prices and min(bid_prices) <= 0) or (ask_prices and min(ask_prices) <= 0):
        return "bad_price"
    return None
