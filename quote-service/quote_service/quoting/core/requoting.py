"""When a new quote is worth its place in the queue."""

from quote_service.quoting.core.drafting import DraftSide, QuoteDraft
from schemas.market import Book
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.quoting_settings import MarketMaking
from schemas.units import BPS_PER_UNIT


def must_requote(standing: QuoteTarget, draft: QuoteDraft, book: Book | None, making: MarketMaking) -> bool:
    """True where a side changed enough, appears, goes, or would cross the book if it stayed."""
    return (
        _changed(standing.bid, draft.bid, making)
        or _changed(standing.ask, draft.ask, making)
        or (book is not None and _would_cross(standing, book))
    )


def _would_cross(standing: QuoteTarget, book: Book) -> bool:
    bids, asks = standing.bid.prices, standing.ask.prices
    return bool(
        (bids and book.ask_prices and bids[0] >= book.ask_prices[0])
        or (asks and book.bid_prices and asks[0] <= book.bid_prices[0])
    )


def _changed(standing: QuoteSide, draft: DraftSide, making: MarketMaking) -> bool:
    price = draft.price_ticks
    if price is None or not standing.prices:
        return price is not None or draft.reason != standing.not_quoting_because
    old_price, old_size = standing.prices[0], standing.sizes[0]
    moved = abs(price - old_price)
    if moved and moved * BPS_PER_UNIT >= making.requote_threshold_bps * old_price:
        return True
    if draft.size_is_limit and draft.size_lots < old_size:
        return True
    return abs(draft.size_lots - old_size) > making.requote_size_change * old_size
