"""`maker price`: the quote for a market state given by hand."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from quote_service.quoting.explain.price_model import price_model
from quote_service.quoting.quoter import QuoterCore
from runtime.invalid import problem_in
from runtime.replay.explain import explain_target
from schemas.config import Config
from schemas.inventory import Position
from schemas.market import Book, Instrument
from schemas.message import ALL_SYMBOLS, Event, Instruction
from schemas.names import Name
from schemas.numbers import Bps, NonNegative, NonNegativeDecimal, PositiveDecimal, SignedDecimal
from schemas.quoting import QuoteTarget
from schemas.risk import RiskState, TradingState
from schemas.signals import Regime, Signal
from schemas.symbol_form import SymbolForm, symbol_form
from schemas.units import BPS_PER_UNIT, to_units

Level = tuple[PositiveDecimal, PositiveDecimal]
Levels = Annotated[tuple[Level, ...], Field(max_length=1_000)]
_VENUE = "by hand"
_NOW_NS = 1


class MarketState(Instruction):
    """A market and our inventory in it, in human units: prices, base units, bps, fractions."""

    symbol: Name
    venue: Name = _VENUE
    tick_size: PositiveDecimal
    lot_size: PositiveDecimal
    min_notional: NonNegativeDecimal = Decimal(0)
    reporting_rate: PositiveDecimal | None = None
    """Reporting currency for one unit of the symbol's quote currency; None: from `reporting.rates`."""
    bids: Levels
    """(price, size), best first."""
    asks: Levels
    volatility_bps: Bps
    """Per square root of a second."""
    jump_volatility_bps: Bps = 0.0
    """The same of the jumps that it leaves out."""
    regime: Regime = "medium"
    flow_imbalance: Annotated[float, Field(ge=-1, le=1)] = 0.0
    flow_volume: NonNegative = 0.0
    """Base units."""
    inventory: SignedDecimal = Decimal(0)
    """Base units, positive is long."""
    risk_state: TradingState = "RUN"

    @field_validator("bids")
    @classmethod
    def _descending(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        return _ordered(levels, -1)

    @field_validator("asks")
    @classmethod
    def _ascending(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        return _ordered(levels, 1)


def _ordered(levels: tuple[Level, ...], sign: int) -> tuple[Level, ...]:
    prices = [price * sign for price, _ in levels]
    if prices != sorted(set(prices)):
        raise ValueError("levels must be ordered from the best price outward, each price once")
    return levels


def explain_state(state: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """The quote for a state, computed by the live core; same form as `maker why`.

    A state that names a `model` is priced by that model alone, see `price_model`.

    Raises ValueError naming each field and value that is invalid.
    """
    if "model" in state:
        return price_model(state, config)
    market = _checked(state)
    return explain_facts(_events(market, config), config) | {"time": None, "causes": []}


def _checked(state: Mapping[str, Any]) -> MarketState:
    try:
        return MarketState.model_validate(state)
    except ValidationError as error:
        problems = (problem_in(detail, MarketState) for detail in error.errors(include_url=False))
        raise ValueError("\n".join(problems)) from None


def _rate(market: MarketState, quote: str, config: Config) -> Decimal:
    """Limits in money need the rate; it is never assumed to be 1."""
    rate = market.reporting_rate or config.reporting.rate_of(quote)
    if rate is None:
        raise ValueError(f"reporting_rate: give it, reporting.rates has none for {quote}")
    return rate


def explain_facts(facts: Iterable[Event], config: Config) -> dict[str, Any]:
    """The quote that follows from one symbol's messages, its contract included."""
    core = QuoterCore(config)
    quoted: list[QuoteTarget] = []
    instrument = None
    for event in facts:
        quoted += [output for output in core.on_event(event) if isinstance(output, QuoteTarget)]
        instrument = event if isinstance(event, Instrument) else instrument
    return explain_target(quoted[-1], instrument)


def _events(
    market: MarketState, config: Config
) -> tuple[Instrument | RiskState | Signal | Position | Book, ...]:
    """The facts as the core would have received them, the book last."""
    form = symbol_form(market.symbol, config.reporting.currency)
    rate = _rate(market, form.quote_currency, config)
    return (
        _instrument(market, form, rate),
        _risk(market, ALL_SYMBOLS, "RUN"),
        _risk(market, market.symbol, market.risk_state),
        _signal(market, config),
        _position(market, form, rate, config),
        _book(market),
    )


def _instrument(market: MarketState, form: SymbolForm, rate: Decimal) -> Instrument:
    return Instrument(
        event_time_ns=_NOW_NS,
        venue=market.venue,
        symbol=market.symbol,
        tick_size=market.tick_size,
        lot_size=market.lot_size,
        min_notional=market.min_notional,
        contract_kind=form.kind,
        base_currency=form.base_currency,
        quote_currency=form.quote_currency,
        reporting_rate=rate,
    )


def _risk(market: MarketState, symbol: str, state: TradingState) -> RiskState:
    reasons = () if state == "RUN" else ("BY_HAND",)
    return RiskState(event_time_ns=_NOW_NS, venue=market.venue, symbol=symbol, state=state, reasons=reasons)


def _levels(levels: tuple[Level, ...], market: MarketState) -> tuple[tuple[int, ...], tuple[int, ...]]:
    prices = tuple(to_units(price, market.tick_size) for price, _ in levels)
    return prices, tuple(to_units(size, market.lot_size) for _, size in levels)


def _book(market: MarketState) -> Book:
    bid_prices, bid_sizes = _levels(market.bids, market)
    ask_prices, ask_sizes = _levels(market.asks, market)
    return Book(
        event_time_ns=_NOW_NS,
        venue=market.venue,
        symbol=market.symbol,
        status="live",  # as given: the core checks it
        bid_prices=bid_prices,
        bid_sizes=bid_sizes,
        ask_prices=ask_prices,
        ask_sizes=ask_sizes,
    )


def _signal(market: MarketState, config: Config) -> Signal:
    levels = config.market_data.depth_levels
    bid_lots, ask_lots = (sum(_levels(side[:levels], market)[1]) for side in (market.bids, market.asks))
    total = bid_lots + ask_lots
    return Signal(
        event_time_ns=_NOW_NS,
        venue=market.venue,
        symbol=market.symbol,
        book_status="live",
        book_time_ns=_NOW_NS,
        mid_half_ticks=None,
        spread_ticks=None,
        weighted_mid_ticks=None,
        volatility_per_sqrt_s=market.volatility_bps / BPS_PER_UNIT,
        volatility_ready=True,
        jump_volatility_per_sqrt_s=market.jump_volatility_bps / BPS_PER_UNIT,
        regime=market.regime,
        jump=False,
        bid_depth_lots=bid_lots,
        ask_depth_lots=ask_lots,
        imbalance=(bid_lots - ask_lots) / total if total else 0.0,
        flow_imbalance=market.flow_imbalance,
        flow_volume_lots=market.flow_volume / float(market.lot_size),
    )


def _position(market: MarketState, form: SymbolForm, rate: Decimal, config: Config) -> Position:
    limits = config.inventory
    prices = [side[0][0] for side in (market.bids, market.asks) if side]
    largest = limits.max_inventory
    if prices:
        mid = sum(prices, Decimal(0)) / len(prices)
        largest = min(largest, limits.max_inventory_notional / (mid * rate))
    bias = (market.inventory - limits.target_inventory) / largest
    nothing = Decimal(0)
    return Position(
        event_time_ns=_NOW_NS,
        venue=market.venue,
        symbol=market.symbol,
        quote_currency=form.quote_currency,
        position_lots=to_units(market.inventory, market.lot_size),
        average_price_ticks=None,
        mark_half_ticks=None,
        realised=nothing,
        unrealised=nothing,
        fees=nothing,
        pnl=nothing,
        pnl_capture=nothing,
        pnl_inventory=nothing,
        max_drawdown=nothing,
        pnl_reporting=nothing,
        notional_reporting=nothing,
        fills=0,
        traded_notional=nothing,
        bias=float(min(Decimal(1), max(Decimal(-1), bias))),
        rebalance_action="none",
        rebalance_size_lots=0,
        rebalance_urgency=0.0,
    )
