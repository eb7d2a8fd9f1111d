"""The market orders of one symbol in a recording or an engine's log, each with its depth."""

from dataclasses import dataclass, field

from monitor_service.core.arrival import OrderDepths

from research.calibration.adverse import TakerMoves
from research.calibration.source import market_of
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.market import Book, Instrument, Trade
from schemas.message import Side
from schemas.refusals import RefusalTally


@dataclass(frozen=True, slots=True)
class MarketOrder:
    """Depth in half ticks from the mid before it, at least 0."""

    time_ns: int
    side: Side
    depth: int


@dataclass(slots=True)
class OrdersSeen:
    """The orders of one symbol, and the market they traded in."""

    instrument: Instrument | None = None
    orders: list[MarketOrder] = field(default_factory=list)
    mids: float = 0.0
    spreads: float = 0.0
    books: int = 0
    begin_ns: int = 0
    end_ns: int = 0
    refused: RefusalTally = field(default_factory=RefusalTally)
    adverse: TakerMoves = field(default_factory=TakerMoves)

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
    observed, depths, mid = OrdersSeen(), OrderDepths(), None
    for event in market_of(source, symbol, config, observed.refused):
        if isinstance(event, Instrument):
            observed.instrument = event
        elif isinstance(event, Book):
            mid = _apply_book(observed, event)
        elif isinstance(event, Trade) and mid is not None:
            _apply_trade(observed, depths, event, mid)
        observed.end_ns = max(observed.end_ns, event.event_time_ns)
    if depths.side is not None:
        observed.orders.append(MarketOrder(observed.end_ns, depths.side, depths.depth))
    if not observed.orders:
        raise ConfigError(f"{source} holds no trade of {symbol} with a live book before it")
    return observed


def _apply_book(observed: OrdersSeen, book: Book) -> int | None:
    if book.status != "live":
        return None
    observed.begin_ns = observed.begin_ns or book.event_time_ns
    observed.books += 1
    observed.adverse.pass_to(book.event_time_ns, book.bid_prices[0] + book.ask_prices[0])
    observed.mids += book.bid_prices[0] + book.ask_prices[0]
    observed.spreads += book.ask_prices[0] - book.bid_prices[0]
    return book.bid_prices[0] + book.ask_prices[0]


def _apply_trade(observed: OrdersSeen, depths: OrderDepths, trade: Trade, mid: int) -> None:
    """An order is counted at the time of the next trade, which is close enough."""
    side = depths.side
    ended = depths.add(trade.exchange_time_ns or trade.event_time_ns, trade.side, trade.price_ticks, mid)
    if trade.side is not None and (ended is not None or side is None):
        observed.adverse.add(trade.event_time_ns, trade.side, mid)
    if ended is not None and side is not None:
        observed.orders.append(MarketOrder(trade.event_time_ns, side, ended))
