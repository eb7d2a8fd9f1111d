"""When a new quote is worth losing queue position, by side and level."""

from dataclasses import dataclass

from quote_service.quoting.draft import QuoteDraft
from quote_service.quoting.ladder.levels import DraftSide
from quote_service.quoting.reasons import code_of
from schemas.config import Config
from schemas.market import Book
from schemas.message import Side
from schemas.quoting import QuoteSide, QuoteTarget
from schemas.shape_settings import Shape
from schemas.units import BPS_PER_UNIT, NS_PER_MS, NS_PER_S, side_sign


@dataclass(slots=True)
class SideMemory:
    """How long a side's quote has rested, and since when a price nearer to the market is desired."""

    priced_ns: int = 0
    inward_ns: int | None = None

    def observe(self, inward: bool, now_ns: int, shape: Shape) -> bool:
        """Apply whether a nearer price is desired; true where that is too recent to follow."""
        if not inward:
            self.inward_ns = None
            return False
        if self.inward_ns is None:
            self.inward_ns = now_ns
        return now_ns - self.inward_ns < shape.narrow_after_ms * NS_PER_MS

    def is_old(self, now_ns: int, shape: Shape) -> bool:
        """Has the price rested so long that being near enough no longer keeps it?"""
        return shape.price_age_max_s is not None and (
            now_ns - self.priced_ns >= shape.price_age_max_s * NS_PER_S
        )


def merge(
    current: QuoteTarget,
    draft: QuoteDraft,
    book: Book | None,
    memories: tuple[SideMemory, SideMemory],
    now_ns: int,
    config: Config,
) -> tuple[DraftSide, DraftSide]:
    """Both sides as they should rest: each level keeps its current quote where the draft is near enough.

    The merged spread is no tighter than that of both drafts or of both current sides.
    """
    bid = _merge_side("buy", current.bid, draft.bid, book, memories[0], now_ns, config)
    ask = _merge_side("sell", current.ask, draft.ask, book, memories[1], now_ns, config)
    if bid.prices and ask.prices:
        spreads = [
            sides[1][0] - sides[0][0]
            for sides in (
                (draft.bid.prices, draft.ask.prices),
                (current.bid.prices, current.ask.prices),
            )
            if sides[0] and sides[1]
        ]
        if ask.prices[0] - bid.prices[0] < min(spreads):
            return draft.bid, draft.ask
    return bid, ask


def stands(current: QuoteSide, side: DraftSide) -> bool:
    """Does the draft equal the current quote? Of a reason the code counts: its figures follow the market."""
    reason = code_of(current.not_quoting_because)
    return (current.prices, current.sizes, reason) == (side.prices, side.sizes, code_of(side.reason))


def _merge_side(
    name: Side,
    current: QuoteSide,
    draft: DraftSide,
    book: Book | None,
    memory: SideMemory,
    now_ns: int,
    config: Config,
) -> DraftSide:
    if not draft.prices or not current.prices or (book is not None and _would_cross(name, current, book)):
        return draft
    inward = side_sign(name) * (draft.prices[0] - current.prices[0]) > 0
    held_back = memory.observe(inward, now_ns, config.shape)
    kept = DraftSide(current.prices, current.sizes, None, draft.size_is_limit)
    if held_back and not (draft.size_is_limit and sum(draft.sizes) < sum(kept.sizes)):
        return kept
    if len(draft.prices) != len(kept.prices) or memory.is_old(now_ns, config.shape):
        return draft
    if kept.prices == draft.prices and kept.sizes == draft.sizes:
        return kept
    return _by_level(name, kept, draft, config)


def _by_level(name: Side, kept: DraftSide, draft: DraftSide, config: Config) -> DraftSide:
    """Per level the current quote or the draft's; the whole draft where the mix is not ordered."""
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
    thresholds = shape.bid_requote_thresholds_bps if name == "buy" else shape.ask_requote_thresholds_bps
    return (
        thresholds[min(level, len(thresholds) - 1)]
        if thresholds
        else config.market_making.requote_threshold_bps
    )


def _would_cross(name: Side, current: QuoteSide, book: Book) -> bool:
    if name == "buy":
        return bool(book.ask_prices) and current.prices[0] >= book.ask_prices[0]
    return bool(book.bid_prices) and current.prices[0] <= book.bid_prices[0]
