"""Baselines for the engine's quoting: three simple rules in place of `draft_quote`.

Each has the signature of `draft_quote`, so that gate, venue, fills and fees are the engine's own.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, floor, sqrt

from quote_service.quoting.draft import HeldInventory, QuoteDraft
from quote_service.quoting.ladder.levels import DraftSide, barred
from quote_service.quoting.models.answer import ModelFacts
from quote_service.quoting.reasons import BELOW_MIN_NOTIONAL, FILLED_ORDER_DELAY, MAX_INVENTORY
from quote_service.quoting.sizing import SizeLimits, full_size_lots, max_inventory_lots

from schemas.config import Config
from schemas.market import Book
from schemas.message import Side
from schemas.signals import Signal
from schemas.units import BPS_PER_UNIT, NS_PER_S, round_outward

Draft = Callable[[Book, Signal, HeldInventory, SizeLimits, ModelFacts, Config], QuoteDraft]


def usual_lots(book: Book, signal: Signal, limits: SizeLimits, config: Config) -> float:
    """The engine's own order size at zero inventory, so that all compare at one size."""
    mid = (book.bid_prices[0] + book.ask_prices[0]) / 2
    levels = min(config.market_data.depth_levels, len(book.bid_prices), len(book.ask_prices))
    mean_lots = (signal.bid_depth_lots + signal.ask_depth_lots) / 2 / levels
    return full_size_lots(mid, mean_lots, max_inventory_lots(mid, limits), limits, config.pricing)


def side_at(name: Side, price_ticks: float, lots: float, bias: float, limits: SizeLimits) -> DraftSide:
    """One level, rounded outward; nothing that would add to a full inventory."""
    if (bias if name == "buy" else -bias) >= 1:
        return barred(MAX_INVENTORY)
    price, size = round_outward(price_ticks, name), floor(lots)
    if price <= 0 or size * price < limits.min_tick_lots or not size:
        return barred(BELOW_MIN_NOTIONAL)
    return DraftSide((price,), (size,))


def symmetric(half_spread_bps: float) -> Draft:
    """The mid plus and minus a constant, whatever the inventory."""

    def draft(
        book: Book, signal: Signal, held: HeldInventory, limits: SizeLimits, facts: ModelFacts, config: Config
    ) -> QuoteDraft:
        mid = (book.bid_prices[0] + book.ask_prices[0]) / 2
        half, lots = mid * half_spread_bps / BPS_PER_UNIT, usual_lots(book, signal, limits, config)
        bid = min(mid - half, book.ask_prices[0] - 1)
        ask = max(mid + half, book.bid_prices[0] + 1)
        return QuoteDraft(
            side_at("buy", bid, lots, held.bias, limits), side_at("sell", ask, lots, held.bias, limits), None
        )

    return draft


@dataclass
class PureMarketMaking:
    """Hummingbot's pure market making: fixed distances from the mid, refreshed at intervals.

    After a fill the side pauses; with the skew, sizes go from 0 to twice the regular size across the
    inventory range (inventory_skew_enabled, with a multiplier that makes the range the maximum inventory).
    """

    half_spread_bps: float
    refresh_s: float
    skew: bool = True
    filled_delay_s: float = 60.0
    _draft: QuoteDraft | None = None
    _priced_ns: int = 0
    _held_lots: int = 0
    _waits_until_ns: dict[Side, int] = field(default_factory=lambda: {"buy": 0, "sell": 0})

    def __call__(
        self,
        book: Book,
        signal: Signal,
        held: HeldInventory,
        limits: SizeLimits,
        facts: ModelFacts,
        config: Config,
    ) -> QuoteDraft:
        """The current quote, until it is time to refresh it."""
        if held.lots != self._held_lots:
            filled: Side = "buy" if held.lots > self._held_lots else "sell"
            self._waits_until_ns[filled] = facts.now_ns + int(self.filled_delay_s * NS_PER_S)
            self._held_lots = held.lots
        if self._draft is None or facts.now_ns - self._priced_ns >= self.refresh_s * NS_PER_S:
            self._draft = self._renewed(book, signal, held, limits, config)
            self._priced_ns = facts.now_ns
        made = self._draft
        if facts.now_ns < self._waits_until_ns["buy"]:
            made = made._replace(bid=barred(FILLED_ORDER_DELAY))
        if facts.now_ns < self._waits_until_ns["sell"]:
            made = made._replace(ask=barred(FILLED_ORDER_DELAY))
        return made

    def _renewed(
        self, book: Book, signal: Signal, held: HeldInventory, limits: SizeLimits, config: Config
    ) -> QuoteDraft:
        mid = (book.bid_prices[0] + book.ask_prices[0]) / 2
        half, lots = mid * self.half_spread_bps / BPS_PER_UNIT, usual_lots(book, signal, limits, config)
        more = held.bias if self.skew else 0.0
        bid = side_at("buy", mid - half, lots * (1 - more), held.bias, limits)
        return QuoteDraft(bid, side_at("sell", mid + half, lots * (1 + more), held.bias, limits), None)


@dataclass
class LiteralFormulas:
    """The formulas of the configuration's first draft, taken literally.

    Volatility is a number per tick with weights exp(0), exp(1), ...; the lean is scaled twice; pressure and
    emergency move both prices up or down by factors, even through the market.
    """

    returns_max: int = 100
    _mids: deque[float] = field(default_factory=deque)

    def __call__(
        self,
        book: Book,
        signal: Signal,
        held: HeldInventory,
        limits: SizeLimits,
        facts: ModelFacts,
        config: Config,
    ) -> QuoteDraft:
        """Both prices from the mid, the spread, the lean, and the pressure from the book's imbalance."""
        making, pricing = config.market_making, config.pricing
        mid = (book.bid_prices[0] + book.ask_prices[0]) / 2
        self._mids.append(mid)
        if len(self._mids) > self.returns_max + 1:
            self._mids.popleft()
        spread = 0.002 + making.volatility_multiplier * self.volatility()
        lean = -held.bias * 0.0005 * 0.0005
        bid, ask = mid * (1 + lean - spread / 2), mid * (1 + lean + spread / 2)
        imbalance = signal.imbalance
        if abs(imbalance) > pricing.emergency_flow_threshold:
            move = 1 + 0.003 * (1 if imbalance > 0 else -1)
            bid, ask = bid * move, ask * move
        elif imbalance > pricing.pressure_threshold:
            bid, ask = bid * 1.001, ask * 1.0005
        elif imbalance < -pricing.pressure_threshold:
            bid, ask = bid * 0.9995, ask * 0.999
        lots = usual_lots(book, signal, limits, config)
        return QuoteDraft(
            side_at("buy", bid, lots, held.bias, limits), side_at("sell", ask, lots, held.bias, limits), None
        )

    def volatility(self) -> float:
        """Of the returns so far, per tick; 0.01 before there are any."""
        mids = list(self._mids)
        returns = [after / before - 1 for before, after in pairwise(mids)]
        if not returns:
            return 0.01
        weights = [exp(place - len(returns) + 1) for place in range(len(returns))]
        return sqrt(
            sum(weight * each**2 for weight, each in zip(weights, returns, strict=True)) / sum(weights)
        )
