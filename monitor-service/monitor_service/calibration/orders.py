"""The market orders of one symbol in a recording or an engine's log, each with how deep it went."""

from dataclasses import dataclass, field

from chassis.errors import ConfigError
from monitor_service.calibration.source import market_of
from monitor_service.core.arrival import OrderDepths
from schemas.config import Config
from schemas.market import Book, Instrument, Trade
from schemas.message import Side


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """Depth in half ticks from the mid before it, at least 0."""

    time_ns: int
    side: Side
    depth: int


@dataclass(slots=True)
class OrdersSeen:
    """The orders of one symbol, and the market that they came to."""

    instrument: Instrument | None = None
    orders: list[MarketOrder] = field(default_factory=list)
    mids: float = 0.0
    spreads: float = 0.0
    books: int = 0
    begin_ns: int = 0
    end_ns: int = 0

    @property
    def window_s(self) -> float:
        """From the first live book to the last event."""
        return (self.end_ns - self.begin_ns) / 1e9 if self.begin_ns else 0.0

    @property
    def mid_ticks(self) -> float:
        """Mean over the books."""
        return self.mids / self.books / 2

    @property
    def half_spread(self) -> float:
        """Mean over the books, in half ticks."""
        return self.spreads / self.books


def orders_of(source: str, symbol: str, config: Config) -> OrdersSeen:
    """All orders of `symbol` in a recording or, for a folder, in an engine's log.

    Raises ConfigError where the source has no such symbol, or no trade of it with a book before it.
    """
    seen, depths, mid = OrdersSeen(), OrderDepths(), None
    for event in market_of(source, symbol, config):
        if isinstance(event, Instrument):
            seen.instrument = event
        elif isinstance(event, Book):
            mid = _take_book(seen, event)
        elif isinstance(event, Trade) and mid is not None:
            _take_trade(seen, depths, event, mid)
        seen.end_ns = max(seen.end_ns, event.event_time_ns)
    if depths.side is not None:
        seen.orders.append(MarketOrder(seen.end_ns, depths.side, depths.depth))
    if not seen.orders:
        raise ConfigError(f"{source} holds no trade of {symbol} with a live book before it")
    return seen


def _take_book(seen: OrdersSeen, book: Book) -> int | None:
    if book.status != "live":
        return None
    seen.begin_ns = seen.begin_ns or book.event_time_ns
    seen.books += 1
    seen.mids += book.bid_prices[0] + book.ask_prices[0]
    seen.spreads += book.ask_prices[0] - book.bid_prices[0]
    return book.bid_prices[0] + book.ask_prices[0]


def _take_trade(seen: OrdersSeen, depths: OrderDepths, trade: Trade, mid: int) -> None:
    """An order counts at the time of the trade after it, less than a moment later where it matters."""
    side = depths.side
    ended = depths.add(trade.exchange_time_ns or trade.event_time_ns, trade.side, trade.price_ticks, mid)
    if ended is not None and side is not None:
        seen.orders.append(MarketOrder(trade.event_time_ns, side, ended))
