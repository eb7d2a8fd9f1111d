"""When a new quote is worth its place in the queue, by side and level."""

from dataclasses import dataclass

from quote_service.quoting.core.drafting import QuoteDraft
from quote_service.quoting.core.ladder import DraftSide
from schemas.config import Config
from schemas.market import Book
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.shape_settings import Shape
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S, side_sign


@dataclass(slots=True)
class SideMemory:
    """How long what stands on a side has stood, and since when it is wanted nearer to the market."""

    priced_ns: int = 0
    inward_ns: int | None = None

    def holds_back(self, inward: bool, now_ns: int, shape: Shape) -> bool:
        """Has the side been wanted nearer to the market for too short a time?"""
        if not inward:
            self.inward_ns = None
            return False
        if self.inward_ns is None:
            self.inward_ns = now_ns
        return now_ns - self.inward_ns < shape.narrow_after_ms * NS_PER_MS

    def is_old(self, now_ns: int, shape: Shape) -> bool:
        """May the price not be kept for being near enough any more?"""
        return shape.price_age_max_s is not None and (
            now_ns - self.priced_ns >= shape.price_age_max_s * NS_PER_S
        )


def merged(
    standing: QuoteTarget,
    draft: QuoteDraft,
    book: Book | None,
    memories: tuple[SideMemory, SideMemory],
    now_ns: int,
    config: Config,
) -> tuple[DraftSide, DraftSide]:
    """Both sides as they should stand: of each level what stands already, where the draft is near enough.

    Together they are no nearer to each other than both drafts are, or both standing sides were.
    """
    bid = _side("buy", standing.bid, draft.bid, book, memories[0], now_ns, config)
    ask = _side("sell", standing.ask, draft.ask, book, memories[1], now_ns, config)
    if bid.prices and ask.prices:
        spreads = [
            sides[1][0] - sides[0][0]
            for sides in (
                (draft.bid.prices, draft.ask.prices),
                (standing.bid.prices, standing.ask.prices),
            )
            if sides[0] and sides[1]
        ]
        if ask.prices[0] - bid.prices[0] < min(spreads):
            return draft.bid, draft.ask
    return bid, ask


def stands(standing: QuoteSide, side: DraftSide) -> bool:
    """Is it what stands already?"""
    return (standing.prices, standing.sizes, standing.not_quoting_because) == (
        side.prices,
        side.sizes,
        side.reason,
    )


def _side(
    name: Side,
    standing: QuoteSide,
    draft: DraftSide,
    book: Book | None,
    memory: SideMemory,
    now_ns: int,
    config: Config,
) -> DraftSide:
    if not draft.prices or not standing.prices or (book is not None and _would_cross(name, standing, book)):
        return draft
    inward = side_sign(name) * (draft.prices[0] - standing.prices[0]) > 0
    held_back = memory.holds_back(inward, now_ns, config.shape)
    kept = DraftSide(standing.prices, standing.sizes, None, draft.size_is_limit)
    if held_back and not (draft.size_is_limit and sum(draft.sizes) < sum(kept.sizes)):
        return kept
    if len(draft.prices) != len(kept.prices) or memory.is_old(now_ns, config.shape):
        return draft
    if kept.prices == draft.prices and kept.sizes == draft.sizes:
        return kept
    return _by_level(name, kept, draft, config)


def _by_level(name: Side, kept: DraftSide, draft: DraftSide, config: Config) -> DraftSide:
    """Of each level the standing one or the draft's; the draft, where they do not fit together."""
    found = [
        old if _is_near(level, old, new, name, draft.size_is_limit, config) else new
        for level, (old, new) in enumerate(
            zip(
                zip(kept.prices, kept.sizes, strict=True),
                zip(draft.prices, draft.sizes, strict=True),
                strict=True,
            )
        )
    ]
    side = DraftSide(
        tuple(price for price, _ in found), tuple(size for _, size in found), None, draft.size_is_limit
    )
    if side.prices == kept.prices and side.sizes == kept.sizes:
        return kept
    return side if side.is_ordered and len(found) > 1 else draft


def _is_near(
    level: int, old: tuple[int, int], new: tuple[int, int], name: Side, is_limit: bool, config: Config
) -> bool:
    (old_price, old_size), (price, size) = old, new
    moved = abs(price - old_price)
    if moved and moved * BPS_PER_UNIT >= _threshold_bps(name, level, config) * old_price:
        return False
    if is_limit and size < old_size:
        return False
    return abs(size - old_size) <= config.market_making.requote_size_change * old_size


def _threshold_bps(name: Side, level: int, config: Config) -> float:
    shape = config.shape
    told = shape.bid_requote_thresholds_bps if name == "buy" else shape.ask_requote_thresholds_bps
    return told[min(level, len(told) - 1)] if told else config.market_making.requote_threshold_bps


def _would_cross(name: Side, standing: QuoteSide, book: Book) -> bool:
    if name == "buy":
        return bool(book.ask_prices) and standing.prices[0] >= book.ask_prices[0]
    return bool(book.bid_prices) and standing.prices[0] <= book.bid_prices[0]
