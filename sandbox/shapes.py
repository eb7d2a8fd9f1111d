"""The protocol's form of orders, trades and symbols."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.accounts import Account, Balances, SandboxOrder, SandboxTrade
from sandbox.exchange import Happening
from sandbox.markets import OPEN_ORDERS_MAX, PRICE_BAND, Prevented
from schemas.market import Instrument
from schemas.message import Side
from schemas.units import BPS_PER_UNIT

_ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET"]
_AMENDED_FIELDS = (
    "symbol",
    "orderId",
    "orderListId",
    "clientOrderId",
    "price",
    "executedQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "workingTime",
    "selfTradePreventionMode",
)
TRADE_GROUP = -1
"""No account is in a trade group."""


def symbol_id(symbol: str) -> str:
    """The venue writes BTC/USDT as BTCUSDT."""
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


def order_body(instrument: Instrument, order: SandboxOrder) -> dict[str, Any]:
    """An order, as in most answers."""
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
    } | (
        {} if not order.prevented_lots else {"preventedQuantity": size_text(instrument, order.prevented_lots)}
    )


def amended_body(instrument: Instrument, order: SandboxOrder, replaced_id: str) -> dict[str, Any]:
    """The answer to an amend that keeps priority."""
    body = order_body(instrument, order)
    shown = {name: body[name] for name in _AMENDED_FIELDS}
    return {
        "transactTime": order.updated_ms,
        "executionId": order.execution_id,
        "amendedOrder": shown
        | {
            "origClientOrderId": replaced_id,
            "qty": body["origQty"],
            "preventedQty": "0.00000000",
            "quoteOrderQty": "0.00000000",
            "cumulativeQuoteQty": body["cummulativeQuoteQty"],
        },
    }


def cancelled_body(instrument: Instrument, order: SandboxOrder, cancel_id: str) -> dict[str, Any]:
    """The answer to a cancel: with its own client id, and the order's as the original one."""
    return order_body(instrument, order) | {"clientOrderId": cancel_id, "origClientOrderId": order.client_id}


def fills_body(instrument: Instrument, account: Account, order: SandboxOrder) -> list[dict[str, Any]]:
    """A new order's immediate fills, in its answer."""
    return [
        {
            "price": price_text(instrument, trade.price_ticks),
            "qty": size_text(instrument, trade.size_lots),
            "commission": text(trade.fee),
            "commissionAsset": trade.fee_currency,
            "tradeId": trade.trade_id,
        }
        for trade in account.trades
        if (trade.symbol, trade.order_id) == (order.symbol, order.order_id)
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


def trade_body(instrument: Instrument, trade: SandboxTrade) -> dict[str, Any]:
    """An entry of myTrades."""
    return {
        "symbol": symbol_id(trade.symbol),
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": price_text(instrument, trade.price_ticks),
        "qty": size_text(instrument, trade.size_lots),
        "quoteQty": _money(instrument, trade.price_ticks, trade.size_lots),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_currency,
        "time": trade.time_ms,
        "isBuyer": trade.side == "buy",
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def prevented_body(instrument: Instrument, match: Prevented) -> dict[str, Any]:
    """An entry of myPreventedMatches."""
    return {
        "symbol": symbol_id(instrument.symbol),
        "preventedMatchId": match.match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": symbol_id(match.counter_symbol),
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": TRADE_GROUP,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "price": price_text(instrument, match.price_ticks),
        "makerPreventedQuantity": size_text(instrument, match.lots),
        "transactTime": match.time_ms,
    }


def account_body(account: Account, balances: Balances, now_ms: int) -> dict[str, Any]:
    """The answer to GET account."""
    return {
        "makerCommission": 0,
        "takerCommission": 0,
        "canTrade": account.can_trade,
        "canWithdraw": True,
        "canDeposit": True,
        "requireSelfTradePrevention": False,
        "accountType": "SPOT",
        "updateTime": now_ms,
        "balances": [
            {"asset": name, "free": text(free), "locked": text(locked)}
            for name, (free, locked) in balances.items()
        ],
        "permissions": ["SPOT"],
    }


def commission_body(instrument: Instrument, account: Account) -> dict[str, Any]:
    """The answer to GET account/commission."""
    nothing = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000")
    third = account.commission
    return {
        "symbol": symbol_id(instrument.symbol),
        "standardCommission": nothing
        | {
            "maker": text(instrument.maker_fee_bps / BPS_PER_UNIT),
            "taker": text(instrument.taker_fee_bps / BPS_PER_UNIT),
        },
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": third is not None,
            "enabledForSymbol": True,
            "discountAsset": "BNB" if third is None else third.currency,
            "discount": "0.00000000" if third is None else text(third.discount),
        },
    }


def execution_report(instrument: Instrument, happening: Happening) -> dict[str, Any]:
    """An event of the account's stream."""
    order, trade = happening.order, happening.trade
    is_cancel = happening.execution == "CANCELED"
    zero = "0"
    return {
        "e": "executionReport",
        "E": order.updated_ms,
        "s": symbol_id(order.symbol),
        "c": happening.request_id or order.client_id,
        "S": order.side.upper(),
        "o": order.order_type,
        "f": order.time_in_force,
        "q": size_text(instrument, order.size_lots),
        "p": price_text(instrument, order.price_ticks),
        "P": zero,
        "F": zero,
        "g": -1,
        "C": order.client_id if is_cancel else happening.replaced_id or "",
        "x": happening.execution,
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
        "I": order.execution_id,
        "w": order.is_live,
        "m": trade is not None and trade.is_maker,
        "M": False,
        "O": order.created_ms,
        "Z": text(order.quote_filled),
        "Y": zero if trade is None else _money(instrument, trade.price_ticks, trade.size_lots),
        "Q": zero,
        "W": order.created_ms,
        "V": order.stp_mode,
    } | _conditional(instrument, happening)


def _conditional(instrument: Instrument, happening: Happening) -> dict[str, Any]:
    """Additional fields of an event where an order expired."""
    if happening.expiry_reason is not None:
        return {"eR": happening.expiry_reason}
    match = happening.prevented
    if match is None:
        return {}
    prevented = size_text(instrument, happening.order.prevented_lots)
    return {
        "v": match.match_id,
        "A": prevented,
        "B": prevented,
        "u": TRADE_GROUP,
        "U": match.counter_order_id,
        "Cs": symbol_id(match.counter_symbol),
        "pl": size_text(instrument, match.lots),
        "pL": price_text(instrument, match.price_ticks),
        "pY": _money(instrument, match.price_ticks, match.lots),
    }


def _money(instrument: Instrument, price_ticks: int, lots: int) -> str:
    return text(instrument.money_per_tick_lot * price_ticks * lots)


def balance_update(currency: str, amount: Decimal, now_ms: int) -> dict[str, Any]:
    """The event of a deposit or withdrawal."""
    return {"e": "balanceUpdate", "E": now_ms, "a": currency, "d": text(amount), "T": now_ms}


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
