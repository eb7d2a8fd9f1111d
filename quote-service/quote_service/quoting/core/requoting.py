"""When a new quote is worth its place in the queue."""

from typing import NamedTuple

from schemas.config import MarketMaking
from schemas.market import Book
from schemas.quoting import QuoteSide
from schemas.units import BPS_PER_UNIT


class Standing(NamedTuple):
    """One side that stands, beside what would be quoted now (None: nothing, for a reason)."""

    side: QuoteSide
    price_ticks: int | None
    size_lots: int
    reason: str | None


def must_requote(bid: Standing, ask: Standing, book: Book, making: MarketMaking) -> bool:
    """True where a side changed enough, appears, goes, or would cross the book if it stayed."""
    return (
        _changed(bid, making)
        or _changed(ask, making)
        or bool(bid.side.prices and book.ask_prices and bid.side.prices[0] >= book.ask_prices[0])
        or bool(ask.side.prices and book.bid_prices and ask.side.prices[0] <= book.bid_prices[0])
    )


def _changed(standing: Standing, making: MarketMaking) -> bool:
    side, price = standing.side, standing.price_ticks
    if price is None or not side.prices:
        return standing.reason != side.not_quoting_because or (price is None) != (not side.prices)
    old_price, old_size = side.prices[0], side.sizes[0]
    if (
        abs(price - old_price) * BPS_PER_UNIT >= making.requote_threshold_bps * old_price
        and price != old_price
    ):
        return True
    return abs(standing.size_lots - old_size) > making.requote_size_change * old_size
