"""The quote as it would be published now: prices and sizes, or the reason for not quoting."""

from bisect import bisect_left
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from quote_service.quoting import reasons
from quote_service.quoting.fair_value.imbalance import flow_in_force
from quote_service.quoting.ladder.levels import DraftSide, barred, cut, levels, too_small
from quote_service.quoting.models.answer import Contribution, ModelFacts
from quote_service.quoting.reaction.touch import left_because
from quote_service.quoting.sizing import (
    SizeLimits,
    budget_share,
    full_size_lots,
    inventory_multiplier,
    least_lots,
    max_inventory_lots,
    order_lots_max,
    order_maxima,
    volatility_factor,
)
from quote_service.quoting.spread import PricedQuote, PricingInputs, price_quote
from schemas.balancing import BalanceOrder
from schemas.config import Config
from schemas.gating import GateRoom
from schemas.market import Book
from schemas.message import Side
from schemas.quoting_settings import MicroPrice, imbalance_bucket
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, bps, side_sign


class QuoteDraft(NamedTuple):
    """Both sides, and how they were priced (None: no prices were computed)."""

    bid: DraftSide
    ask: DraftSide
    priced: PricedQuote | None


def not_quoted(reason: str) -> QuoteDraft:
    """Neither side is quoted, for one reason."""
    side = barred(reason)
    return QuoteDraft(side, side, None)


def volatility_bps(signal: Signal, config: Config) -> float:
    """Per square root of a second; during warm-up the larger of the estimate and the configured default."""
    estimate = signal.volatility_per_sqrt_s
    if signal.volatility_ready and estimate is not None:
        return estimate * BPS_PER_UNIT
    return max((estimate or 0.0) * BPS_PER_UNIT, config.pricing.warmup_volatility_bps)


def fair_ticks(book: Book, config: Config) -> float:
    """Fair value of a live book: mid, weighted mid (by the opposite queues) or micro-price (Stoikov 2018).

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
    """Ticks: the table's entry for the spread and the bucket of the bid's share of the touch."""
    row = table.adjustments_ticks[bisect_left(table.spread_edges_ticks, spread_ticks)]
    return row[imbalance_bucket(table.imbalance_edges, bid_share)]


class Size(NamedTuple):
    """What determines the size of a side's levels."""

    level_lots: float
    """Mean size of a level of the book's side."""
    inventory_share: float = 1.0
    """The share of the maximum inventory that the loss budget leaves."""
    factor: float = 1.0


class HeldInventory(NamedTuple):
    """The symbol's inventory."""

    lots: int = 0
    bias: float = 0.0
    """-1..1: inventory as a share of its maximum, positive when long."""


def moved(
    fair: float, book: Book, signal: Signal, facts: ModelFacts, config: Config
) -> Iterator[Contribution]:
    """The fair value moved by the reference market and by alpha, kept inside the spread."""
    bid, ask = book.bid_prices[0], book.ask_prices[0]
    if facts.reference_ticks is not None:
        by_reference = min(max(facts.reference_ticks, bid), ask)
        away_bps = bps(facts.reference_ticks - fair, fair)
        yield Contribution("reference", away_bps, "pricing.reference_market", by_reference - fair)
        fair = by_reference
    if config.alpha.is_on:
        expected_bps = config.alpha.expected_bps(signal)
        by_alpha = min(max(fair * (1 + expected_bps / BPS_PER_UNIT), bid), ask)
        yield Contribution("alpha", expected_bps, "alpha", by_alpha - fair)


def draft_quote(
    book: Book, signal: Signal, held: HeldInventory, limits: SizeLimits, facts: ModelFacts, config: Config
) -> QuoteDraft:
    """Both sides for a book that passed `reasons.book_reason`, before risk state is applied.

    The sizes in `facts` are filled in here.
    """
    pricing, plain = config.pricing, fair_ticks(book, config)
    fair_parts = tuple(moved(plain, book, signal, facts, config))
    fair = plain + sum(part.ticks for part in fair_parts)
    volatility = volatility_bps(signal, config)
    share = budget_share(fair, volatility, limits, config.shape)
    bias = held.bias if share == 1 else min(max(held.bias / share, -1.0), 1.0)
    bid_level, ask_level = _level_lots(book, signal, config.market_data.depth_levels)
    full_lots = max_inventory_lots(fair, limits) * share
    inputs = PricingInputs(
        book.bid_prices[0],
        book.ask_prices[0],
        fair,
        volatility,
        bias,
        signal.imbalance,
        flow_in_force(signal, pricing),
        facts._replace(
            order_lots=full_size_lots(fair, (bid_level + ask_level) / 2, full_lots, limits, pricing),
            full_lots=full_lots,
        ),
        fair_parts,
    )
    priced = price_quote(inputs, config)
    if priced is None:
        return not_quoted(reasons.PRICE_OUT_OF_RANGE)
    factor = volatility_factor(volatility, config.shape)
    if signal.regime == "high":
        factor *= pricing.high_regime_size_factor
    held = HeldInventory(held.lots, bias)
    bid = draft_side("buy", (priced.bid_ticks, fair), Size(bid_level, share, factor), held, limits, config)
    ask = draft_side("sell", (priced.ask_ticks, fair), Size(ask_level, share, factor), held, limits, config)
    if config.reaction.is_on:
        bid = _unless_left("buy", bid, book, inputs.facts, config)
        ask = _unless_left("sell", ask, book, inputs.facts, config)
    return QuoteDraft(bid, ask, priced)


def _unless_left(name: Side, side: DraftSide, book: Book, facts: ModelFacts, config: Config) -> DraftSide:
    """The side, or why it is left."""
    if not side.prices:
        return side
    because = left_because(name, side.prices[0], book, facts, config.reaction)
    return side if because is None else barred(because)


def draft_side(
    side: Side, ticks: tuple[int, float], size: Size, held: HeldInventory, limits: SizeLimits, config: Config
) -> DraftSide:
    """The levels of a side, within the maximum inventory and the position band.

    `ticks`: the best level's price, and the fair value.
    """
    best, fair = ticks
    growing = held.bias if side == "buy" else -held.bias
    if best <= 0:
        return barred(reasons.PRICE_NOT_POSITIVE)
    multiplier = inventory_multiplier(growing, config.shape)
    if multiplier == 0:
        return barred(reasons.MAX_INVENTORY)
    full_lots = max_inventory_lots(best, limits) * size.inventory_share
    usual = full_size_lots(best, size.level_lots, full_lots, limits, config.pricing)
    lots = usual * multiplier * size.factor, order_lots_max(best, full_lots, limits, config.pricing)
    made = levels(side, best, fair, lots, limits, config.shape)
    if not made.prices and size.factor > 0:
        made = barred(_too_small(best, order_maxima(best, full_lots, limits, config.pricing), limits))
    room = full_lots * (1 - growing)
    if sum(made.sizes) > room:
        made = cut(made, room, reasons.MAX_INVENTORY, limits)
    edge = limits.position_max_lots - held.lots if side == "buy" else held.lots - limits.position_min_lots
    if edge < inf:
        made = cut(made, edge, reasons.POSITION_BAND, limits)
    return made._replace(room_lots=min(room, edge))


def _too_small(price_ticks: int, maxima: tuple[tuple[float, str], ...], limits: SizeLimits) -> str:
    """The maximum that forbids the venue's smallest order, with both sizes in base units."""
    most, key = min(maxima)
    return too_small(least_lots(price_ticks, limits), f"{key} allows", most, limits)


def _level_lots(book: Book, signal: Signal, levels: int) -> tuple[float, float]:
    """Mean size of a level of each side."""
    return (
        signal.bid_depth_lots / min(levels, len(book.bid_prices)),
        signal.ask_depth_lots / min(levels, len(book.ask_prices)),
    )


def reduce_only(draft: QuoteDraft, position_lots: int, limits: SizeLimits) -> QuoteDraft:
    """Keep only what reduces the position, and no more than the position."""
    bid = cut(draft.bid, -position_lots, reasons.RISK_REDUCE_ONLY, limits)
    ask = cut(draft.ask, position_lots, reasons.RISK_REDUCE_ONLY, limits)
    return draft._replace(bid=bid, ask=ask)


def at_touch(draft: QuoteDraft, book: Book, decision: BalanceOrder | None) -> QuoteDraft:
    """The side that reduces the inventory at the market's best price, where the balancer wants that.

    While it takes, the other side is not quoted: our own order there would be in the way, and fills of it
    would undo what is paid for.
    """
    if decision is None:
        return draft
    grows = barred(f"{reasons.BALANCING}: the balancer is taking to {decision.side}")
    if decision.side == "buy":
        bid = _best_at("buy", draft.bid, book.bid_prices[0], decision.urgency)
        return draft._replace(bid=bid, ask=grows if decision.stage == "take" else draft.ask)
    ask = _best_at("sell", draft.ask, book.ask_prices[0], decision.urgency)
    return draft._replace(ask=ask, bid=grows if decision.stage == "take" else draft.bid)


def _best_at(name: Side, side: DraftSide, touch_ticks: int, urgency: float) -> DraftSide:
    if not side.prices or side_sign(name) * (touch_ticks - side.prices[0]) <= 0:
        return side
    return side._replace(prices=(touch_ticks, *side.prices[1:]), urgency=urgency)


def within_gate(
    draft: QuoteDraft, mid_half_ticks: int, position_lots: int, limits: SizeLimits, room: GateRoom | None
) -> QuoteDraft:
    """Cut both sides to what the gate lets through: position, exposure and balances, in its own terms.

    What only reduces the position always fits.
    """
    most, key = min(limits.gate.position_maxima(mid_half_ticks, room))
    code = reasons.EXPOSURE if key == "risk_limits.max_exposure" else reasons.POS_LIMIT
    reason = f"{code}: {key} allows a position of {limits.size_text(most)}"
    bid = _cut_to(draft.bid, max(most - position_lots, -position_lots), reason, limits)
    ask = _cut_to(draft.ask, max(most + position_lots, position_lots), reason, limits)
    if room is not None:
        bid = _cut_to_funds(bid, room.buy_lots_max, limits)
        ask = _cut_to_funds(ask, room.sell_lots_max, limits)
    return draft._replace(bid=bid, ask=ask)


def _cut_to(side: DraftSide, room_lots: float, reason: str, limits: SizeLimits) -> DraftSide:
    return cut(side, room_lots, reason, limits) if sum(side.sizes) > room_lots else side


def _cut_to_funds(side: DraftSide, funded_lots: int | None, limits: SizeLimits) -> DraftSide:
    if funded_lots is None:
        return side
    reason = f"{reasons.INSUFFICIENT_BALANCE}: the account's balance covers {limits.size_text(funded_lots)}"
    return _cut_to(side, funded_lots, reason, limits)
