"""What an exchange says of a contract becomes an instrument with its filters."""

from decimal import Decimal
from typing import Any

import ccxt
import pytest
from monitor_service.feeds.live.contracts import announce_market, filters_of

from runtime.errors import ConfigError
from schemas.config import Config
from schemas.market import VenueFilters

FILTERS: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0", "stepSize": "0.00001"},
    {"filterType": "NOTIONAL", "minNotional": "5.0", "maxNotional": "9000000.0", "avgPriceMins": 5},
    {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "5",
        "bidMultiplierDown": "0.2",
        "askMultiplierUp": "4",
        "askMultiplierDown": "0.25",
        "avgPriceMins": 5,
    },
    {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    {"filterType": "MAX_POSITION", "maxPosition": "10.0"},
]


def binance_market() -> dict[str, Any]:
    """ccxt's own reading of an entry of exchangeInfo."""
    entry = {
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
        "baseAssetPrecision": 8, "quoteAssetPrecision": 8, "isSpotTradingAllowed": True,
        "orderTypes": ["LIMIT"], "filters": FILTERS, "permissions": [], "permissionSets": [["SPOT"]],
    }  # fmt: skip
    client = ccxt.binance({"options": {"crossMarginPairsData": [], "isolatedMarginPairsData": []}})
    market: dict[str, Any] = client.parse_market(entry)
    return market


def test_an_exchange_states_tick_lot_and_filters() -> None:
    config = Config.model_validate({"feed": {"kind": "live"}, "exchange": {"symbols": ["BTC/USDT"]}})
    made = announce_market(binance_market(), config, 7)
    assert (made.tick_size, made.lot_size, made.min_notional) == (
        Decimal("0.01"),
        Decimal("0.00001"),
        Decimal(5),
    )
    assert made.filters == VenueFilters(
        price_min=Decimal("0.01"),
        price_max=Decimal(1_000_000),
        size_min=Decimal("0.00001"),
        size_max=Decimal(9_000),
        notional_max=Decimal(9_000_000),
        bid_multiplier_min=Decimal("0.2"),
        bid_multiplier_max=Decimal(5),
        ask_multiplier_min=Decimal("0.25"),
        ask_multiplier_max=Decimal(4),
        open_orders_max=200,
        amends_max=10,
        position_max=Decimal(10),
    )


def test_a_zero_is_no_bound_and_what_is_not_stated_binds_nothing() -> None:
    assert filters_of({"limits": {"price": {"min": 0.0, "max": None}}}) == VenueFilters()
    band = {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"}
    usdm = {"info": {"filters": [band, {"filterType": "MAX_NUM_ORDERS", "limit": 200}]}}
    found = filters_of(usdm)
    assert (found.bid_multiplier_max, found.ask_multiplier_min) == (Decimal("1.05"), Decimal("0.95"))
    assert found.open_orders_max == 200


def test_a_tick_of_ours_that_is_no_multiple_of_theirs_is_refused() -> None:
    config = Config.model_validate(
        {
            "feed": {"kind": "live"},
            "exchange": {"symbols": ["BTC/USDT"]},
            "instruments": {"BTC/USDT": {"venue": "binance", "tick_size": "0.015"}},
        }
    )
    with pytest.raises(ConfigError, match=r"0\.015 is no multiple of the venue's 0\.01"):
        announce_market(binance_market(), config, 7)


def test_an_inverse_contract_is_refused_by_name() -> None:
    config = Config.model_validate({"feed": {"kind": "live"}, "exchange": {"symbols": ["BTC/USD:BTC"]}})
    with pytest.raises(ConfigError, match="BTC/USD:BTC is an inverse contract, settled in BTC"):
        announce_market(binance_market() | {"symbol": "BTC/USD:BTC"}, config, 7)
