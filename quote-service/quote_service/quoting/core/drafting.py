"""The quote as it would be published now: prices and sizes, or the reason for none."""

from bisect import bisect_left
from typing import NamedTuple

from quote_service.quoting.core import reasons
from quote_service.quoting.core.models import ModelFacts
from quote_service.quoting.core.pressure import flow_in_force
from quote_service.quoting.core.pricing import PricedQuote, PricingInputs, price_quote
from quote_service.quoting.core.sizing import (
    SizeLimits,
    full_size_lots,
    max_inventory_lots,
    quote_size_lots,
)
from schemas.config import Config
from schemas.market import Book
from schemas.message import Side
from schemas.quoting_settings import MicroPrice, imbalance_bucket
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT


class DraftSide(NamedTuple):
    """One side; `price_ticks` is None where it is not quoted, and `reason` says why."""

    price_ticks: int | None
    size_lots: int
    reason: str | None
    size_is_limit: bool = False
    """The size was cut to what is allowed: a larger one may not stay standing."""


class QuoteDraft(NamedTuple):
    """Both sides, and how their prices came about (None: they were not computed)."""

    bid: DraftSide
    ask: DraftSide
    priced: PricedQuote | None


def not_quoted(reason: str) -> QuoteDraft:
    """Neither side, for one reason."""
    side = DraftSide(None, 0, reason)
    return QuoteDraft(side, side, None)


def volatility_bps(signal: Signal, config: Config) -> float:
    """Per square root of a second; during warm-up the larger of the estimate and the configured stand-in."""
    estimate = signal.volatility_per_sqrt_s
    if signal.volatility_ready and estimate is not None:
        return estimate * BPS_PER_UNIT
    return max((estimate or 0.0) * BPS_PER_UNIT, config.pricing.warmup_volatility_bps)


def fair_ticks(book: Book, config: Config) -> float:
    """Of a live book: the mid, the mid weighted by the opposite queues, or the micro-price (Stoikov 2018).

    All of them lie inside the spread.
    """
    bid, ask = book.bid_prices[0], book.ask_prices[0]
    total_lots = book.bid_sizes[0] + book.ask_sizes[0]
    mid = (bid + ask) / 2
    if config.pricing.fair_value == "mid" or not total_lots:
        return mid
    bid_share = book.bid_sizes[0] / total_lots
    if config.pricing.fair_value == "weighted_mid":
        return bid + bid_share * (ask - bid)
    most = (ask - bid) / 2
    return mid + min(max(micro_adjustment(bid_share, ask - bid, config.micro_price), -most), most)


def micro_adjustment(bid_share: float, spread_ticks: int, table: MicroPrice) -> float:
    """Ticks, by the table's row for the spread and its bucket for the bid's share of the best sizes."""
    row = table.adjustments_ticks[bisect_left(table.spread_edges_ticks, spread_ticks)]
    return row[imbalance_bucket(table.imbalance_edges, bid_share)]


def draft_quote(
    book: Book, signal: Signal, bias: float, limits: SizeLimits, facts: ModelFacts, config: Config
) -> QuoteDraft:
    """Both sides for a book that `reasons.book_reason` has nothing against, before risk has its say.

    The sizes in `facts` are filled in here.
    """
    pricing, fair = config.pricing, fair_ticks(book, config)
    bid_level, ask_level = _level_lots(book, signal, config.market_data.depth_levels)
    inputs = PricingInputs(
        book.bid_prices[0],
        book.ask_prices[0],
        fair,
        volatility_bps(signal, config),
        bias,
        signal.imbalance,
        flow_in_force(signal, pricing),
        facts._replace(
            order_lots=full_size_lots(fair, (bid_level + ask_level) / 2, limits, pricing),
            full_lots=max_inventory_lots(fair, limits),
        ),
    )
    priced = price_quote(inputs, config)
    if priced is None:
        return not_quoted(reasons.PRICE_OUT_OF_RANGE)
    sides = []
    of_sides: tuple[tuple[Side, int, float], ...] = (
        ("buy", priced.bid_ticks, bid_level),
        ("sell", priced.ask_ticks, ask_level),
    )
    for side, price, level_lots in of_sides:
        if price <= 0:
            sides.append(DraftSide(None, 0, reasons.PRICE_NOT_POSITIVE))
            continue
        size, reason = quote_size_lots(side, price, level_lots, bias, signal.regime, limits, pricing)
        sides.append(DraftSide(None if reason else price, size, reason))
    return QuoteDraft(sides[0], sides[1], priced)


def _level_lots(book: Book, signal: Signal, levels: int) -> tuple[float, float]:
    """Mean size of a level of each side."""
    return (
        signal.bid_depth_lots / min(levels, len(book.bid_prices)),
        signal.ask_depth_lots / min(levels, len(book.ask_prices)),
    )


def reduce_only(draft: QuoteDraft, position_lots: int, limits: SizeLimits) -> QuoteDraft:
    """Leave only what lowers the position, and no more of it than there is."""
    bid = _reducing(draft.bid, max(0, -position_lots), limits)
    ask = _reducing(draft.ask, max(0, position_lots), limits)
    return QuoteDraft(bid, ask, draft.priced)


def _reducing(side: DraftSide, reducible_lots: int, limits: SizeLimits) -> DraftSide:
    if side.price_ticks is None:
        return side
    size = min(side.size_lots, reducible_lots)
    if size == 0:
        return DraftSide(None, 0, reasons.RISK_REDUCE_ONLY)
    if size * side.price_ticks < limits.min_tick_lots:
        return DraftSide(None, 0, reasons.BELOW_MIN_NOTIONAL)
    return DraftSide(side.price_ticks, size, None, size_is_limit=True)
