"""How orders, trades and symbols stand in the protocol."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from quote_service.sandbox.accounts import Account, Order, Trade
from quote_service.sandbox.exchange import OPEN_ORDERS_MAX, PRICE_BAND
from schemas.market import Instrument
from schemas.message import Side

_ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET"]


def symbol_id(symbol: str) -> str:
    """BTC/USDT is BTCUSDT there."""
    return symbol.replace("/", "")


def text(value: Decimal) -> str:
    """A decimal without an exponent."""
    return f"{value:f}"


def price_text(instrument: Instrument, ticks: int) -> str:
    """A price."""
    return text(instrument.tick_size * ticks)


def size_text(instrument: Instrument, lots: int) -> str:
    """A size."""
    return text(instrument.lot_size * lots)


def symbol_info(instrument: Instrument, *, is_open: bool) -> dict[str, Any]:
    """An entry of exchangeInfo."""
    tick, lot = text(instrument.tick_size), text(instrument.lot_size)
    band = text(PRICE_BAND)
    low = text(1 / PRICE_BAND)
    return {
        "symbol": symbol_id(instrument.symbol),
        "status": "TRADING" if is_open else "BREAK",
        "baseAsset": instrument.base_currency,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote_currency,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": _ORDER_TYPES,
        "icebergAllowed": False,
        "ocoAllowed": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "1000000000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "1000000000", "stepSize": lot},
            {
                "filterType": "NOTIONAL",
                "minNotional": text(instrument.min_notional),
                "maxNotional": "9000000000",
                "applyMinToMarket": True,
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": band,
                "bidMultiplierDown": low,
                "askMultiplierUp": band,
                "askMultiplierDown": low,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": OPEN_ORDERS_MAX},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "NONE"],
    }


def order_body(instrument: Instrument, order: Order) -> dict[str, Any]:
    """An order, as most answers have it."""
    return {
        "symbol": symbol_id(order.symbol),
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": price_text(instrument, order.price_ticks),
        "origQty": size_text(instrument, order.size_lots),
        "executedQty": size_text(instrument, order.filled_lots),
        "cummulativeQuoteQty": text(order.quote_filled),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.order_type,
        "side": order.side.upper(),
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "transactTime": order.updated_ms,
        "isWorking": True,
        "workingTime": order.created_ms,
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": order.stp_mode,
    }


def cancelled_body(instrument: Instrument, order: Order, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: its own client id, and the order's as the original one."""
    return order_body(instrument, order) | {"clientOrderId": cancel_id, "origClientOrderId": order.client_id}


def fills_body(instrument: Instrument, account: Account, order: Order) -> list[dict[str, Any]]:
    """What a new order met at once, in the answer to it."""
    return [
        {
            "price": price_text(instrument, trade.price_ticks),
            "qty": size_text(instrument, trade.size_lots),
            "commission": text(trade.fee),
            "commissionAsset": trade.fee_currency,
            "tradeId": trade.trade_id,
        }
        for trade in account.trades
        if trade.order_id == order.order_id
    ]


def public_trade(
    instrument: Instrument, number: int, price_ticks: int, size_lots: int, now_ms: int, taker: Side | None
) -> dict[str, Any]:
    """The event of the trade stream."""
    return {
        "e": "trade",
        "E": now_ms,
        "s": symbol_id(instrument.symbol),
        "t": number,
        "p": price_text(instrument, price_ticks),
        "q": size_text(instrument, size_lots),
        "T": now_ms,
        "m": taker == "sell",
        "M": True,
    }


def trade_body(instrument: Instrument, trade: Trade) -> dict[str, Any]:
    """An entry of myTrades."""
    return {
        "symbol": symbol_id(trade.symbol),
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": price_text(instrument, trade.price_ticks),
        "qty": size_text(instrument, trade.size_lots),
        "quoteQty": text(instrument.money_per_tick_lot * trade.price_ticks * trade.size_lots),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_currency,
        "time": trade.time_ms,
        "isBuyer": trade.side == "buy",
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def balances_body(account: Account) -> list[dict[str, str]]:
    """Every currency that the account has or had."""
    names = sorted({*account.free, *account.locked})
    return [
        {"asset": name, "free": text(account.free[name]), "locked": text(account.locked[name])}
        for name in names
    ]


def execution_report(
    instrument: Instrument, order: Order, execution: str, trade: Trade | None, cancel_id: str | None
) -> dict[str, Any]:
    """An event of the account's stream."""
    is_cancel = execution == "CANCELED"
    zero = "0"
    return {
        "e": "executionReport",
        "E": order.updated_ms,
        "s": symbol_id(order.symbol),
        "c": cancel_id or order.client_id if is_cancel else order.client_id,
        "S": order.side.upper(),
        "o": order.order_type,
        "f": order.time_in_force,
        "q": size_text(instrument, order.size_lots),
        "p": price_text(instrument, order.price_ticks),
        "P": zero,
        "F": zero,
        "g": -1,
        "C": order.client_id if is_cancel else "",
        "x": "TRADE_PREVENTION" if execution == "EXPIRED_IN_MATCH" else execution,
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        "l": zero if trade is None else size_text(instrument, trade.size_lots),
        "z": size_text(instrument, order.filled_lots),
        "L": zero if trade is None else price_text(instrument, trade.price_ticks),
        "n": zero if trade is None else text(trade.fee),
        "N": None if trade is None else trade.fee_currency,
        "T": order.updated_ms,
        "t": -1 if trade is None else trade.trade_id,
        "I": order.order_id,
        "w": order.is_live,
        "m": trade is not None and trade.is_maker,
        "M": False,
        "O": order.created_ms,
        "Z": text(order.quote_filled),
        "Y": zero,
        "Q": zero,
        "W": order.created_ms,
        "V": order.stp_mode,
    }


def account_position(account: Account, now_ms: int, currencies: Iterable[str]) -> dict[str, Any]:
    """The event that follows each change of balances."""
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": now_ms,
        "B": [
            {"a": name, "f": text(account.free[name]), "l": text(account.locked[name])} for name in currencies
        ],
    }
