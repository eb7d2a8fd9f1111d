"""The exchange's own complete books: the reference for tests."""

from typing import Any

from sandbox.accounts import Account, SandboxOrder, SandboxTrade
from sandbox.shapes import text


def truth_of(account: Account) -> dict[str, Any]:
    """An account's complete history."""
    return {
        "orders": [_order(order) for order in account.orders.values()],
        "trades": [_trade(trade) for trade in account.trades],
        "balances": {name: text(free + locked) for name, (free, locked) in account.balances().items()},
    }


def _order(order: SandboxOrder) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "created_ns": order.created_ns,
        "client_id": order.client_id,
        "symbol": order.symbol,
        "side": order.side,
        "price_ticks": order.price_ticks,
        "size_lots": order.size_lots,
        "filled_lots": order.filled_lots,
        "status": order.status,
        "history": order.history,
    }


def _trade(trade: SandboxTrade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "client_id": trade.client_id,
        "symbol": trade.symbol,
        "side": trade.side,
        "price_ticks": trade.price_ticks,
        "size_lots": trade.size_lots,
        "fee": text(trade.fee),
        "fee_currency": trade.fee_currency,
        "steady_ns": trade.steady_ns,
    }
