"""The exchange's contract terms, tightened by the configuration."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from monitor_service.feeds.instruments import configured, form_of, without_rate
from runtime.errors import ConfigError
from schemas.config import Config
from schemas.feed_settings import InstrumentConfig
from schemas.market import ContractKind, FeedInstrument, VenueFilters
from schemas.numbers import decimal_of
from schemas.units import BPS_PER_UNIT


def announce_market(market: Mapping[str, Any], config: Config, now_ns: int) -> FeedInstrument:
    """The instrument of a unified ccxt market; raises ConfigError where it cannot be traded here."""
    venue, symbol = config.exchange.id, str(market["symbol"])
    ours = configured(venue, symbol, config) or InstrumentConfig()
    tick, lot = _number(market["precision"]["price"]), _number(market["precision"]["amount"])
    if tick is None or lot is None:
        raise ConfigError(f"exchange.symbols: {venue} states no tick or lot for {symbol}")
    is_ours = configured(venue, symbol, config) is not None
    form = form_of(symbol, ours, config.reporting.currency)
    rate = config.reporting.rate_of(form.quote_currency)
    if rate is None:
        raise ConfigError(without_rate(symbol, form.quote_currency))
    least = _number((market.get("limits") or {}).get("cost", {}).get("min")) or Decimal(0)
    return FeedInstrument(
        event_time_ns=now_ns,
        venue=venue,
        symbol=symbol,
        tick_size=_coarser(ours.tick_size, tick, symbol, "tick_size"),
        lot_size=_coarser(ours.lot_size, lot, symbol, "lot_size"),
        min_notional=max(least, ours.min_notional),
        maker_fee_bps=ours.maker_fee_bps if is_ours else _bps(market.get("maker"), ours.maker_fee_bps),
        taker_fee_bps=ours.taker_fee_bps if is_ours else _bps(market.get("taker"), ours.taker_fee_bps),
        contract_kind=_kind(market, symbol),
        multiplier=_number(market.get("contractSize")) or Decimal(1),
        base_currency=form.base_currency,
        quote_currency=form.quote_currency,
        reporting_rate=rate,
        filters=filters_of(market),
    )


def filters_of(market: Mapping[str, Any]) -> VenueFilters:
    """The exchange's filters, from ccxt's unified limits and from those that only Binance states."""
    limits = market.get("limits") or {}
    price, amount, cost = (limits.get(name) or {} for name in ("price", "amount", "cost"))
    named = {str(each.get("filterType")): each for each in (market.get("info") or {}).get("filters") or ()}
    by_side = named.get("PERCENT_PRICE_BY_SIDE") or {}
    both = named.get("PERCENT_PRICE") or {}
    orders, amends = named.get("MAX_NUM_ORDERS") or {}, named.get("MAX_NUM_ORDER_AMENDS") or {}
    return VenueFilters(
        price_min=_limit(price.get("min")),
        price_max=_limit(price.get("max")),
        size_min=_limit(amount.get("min")),
        size_max=_limit(amount.get("max")),
        notional_max=_limit(cost.get("max")),
        bid_multiplier_min=_limit(by_side.get("bidMultiplierDown") or both.get("multiplierDown")),
        bid_multiplier_max=_limit(by_side.get("bidMultiplierUp") or both.get("multiplierUp")),
        ask_multiplier_min=_limit(by_side.get("askMultiplierDown") or both.get("multiplierDown")),
        ask_multiplier_max=_limit(by_side.get("askMultiplierUp") or both.get("multiplierUp")),
        open_orders_max=_count(orders.get("maxNumOrders") or orders.get("limit")),
        amends_max=_count(amends.get("maxNumOrderAmends")),
        position_max=_limit((named.get("MAX_POSITION") or {}).get("maxPosition")),
    )


def _limit(value: Any) -> Decimal | None:
    """A limit; exchanges write 0 for none."""
    number = _number(value)
    return number or None


def _count(value: Any) -> int | None:
    return None if value is None else int(_decimal(value))


def _number(value: Any) -> Decimal | None:
    return None if value is None else _decimal(value).normalize()


def _decimal(value: Any) -> Decimal:
    """Raises ConfigError for an invalid number."""
    try:
        return decimal_of(value)
    except ValueError as error:
        raise ConfigError(f"the exchange's contract: {error}") from None


def _bps(fraction: Any, otherwise: Decimal) -> Decimal:
    return otherwise if fraction is None else _decimal(fraction) * BPS_PER_UNIT


def _coarser(ours: Decimal | None, theirs: Decimal, symbol: str, name: str) -> Decimal:
    """Ours may be a multiple of the venue's: what we send is then a multiple of both."""
    if ours is None:
        return theirs
    if ours % theirs:
        raise ConfigError(f"instruments.{symbol}.{name} {ours} is no multiple of the venue's {theirs:f}")
    return theirs


def _kind(market: Mapping[str, Any], symbol: str) -> ContractKind:
    if market.get("spot"):
        return "spot"
    if market.get("linear"):
        return "linear"
    raise ConfigError(f"exchange.symbols: {symbol} is neither spot nor a linear contract")
