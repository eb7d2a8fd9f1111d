"""Classifies ccxt requests by method, path and parameters: the venue's weight depends on these."""

from collections.abc import Mapping
from typing import Any

from schemas.venues import RequestKind, VenueId

ORDER_KINDS: frozenset[RequestKind] = frozenset({"place", "amend", "shrink"})
"""Requests that must not be executed late, as the market has moved on since."""
_BINANCE: Mapping[tuple[str, str], RequestKind] = {
    ("POST", "order"): "place",
    ("PUT", "order"): "amend",
    ("POST", "order/cancelReplace"): "amend",
    ("PUT", "order/amend/keepPriority"): "shrink",
    ("DELETE", "order"): "cancel",
    ("DELETE", "openOrders"): "cancel_all",
    ("DELETE", "allOpenOrders"): "cancel_all",
    ("GET", "order"): "look_up",
    ("GET", "allOrders"): "recent_orders",
    ("GET", "account"): "account",
    ("GET", "rateLimit/order"): "order_counts",
    ("GET", "account/apiRestrictions"): "key_permissions",
    ("POST", "countdownCancelAll"): "dead_mans_switch",
    ("POST", "listenKey"): "listen_key",
    ("PUT", "listenKey"): "listen_key",
    ("GET", "exchangeInfo"): "markets",
    ("GET", "time"): "time",
}
_DEPTHS: tuple[tuple[int, RequestKind], ...] = ((100, "depth_100"), (500, "depth_500"))


def kind_of(venue: VenueId, method: str, path: str, params: Mapping[str, Any]) -> RequestKind | None:
    """The kind of a request; None where the venue counts no weight, or we never send such a request."""
    if venue not in {"binance", "binanceusdm"}:
        return None
    if method == "GET":
        if path == "openOrders":
            return "open_orders_symbol" if "symbol" in params else "open_orders"
        if path in {"myTrades", "userTrades"}:
            return "trades_of_order" if "orderId" in params else "trades"
        if path == "depth":
            levels = int(params.get("limit", 100))
            return next((kind for up_to, kind in _DEPTHS if levels <= up_to), "depth_1000")
    return _BINANCE.get((method, path))
