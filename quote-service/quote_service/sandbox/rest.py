"""REST: what each request does, without a network. Raises VenueError for what the venue would refuse."""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from decimal import Decimal, DivisionByZero, InvalidOperation
from itertools import count
from typing import Any

from quote_service.sandbox import errors
from quote_service.sandbox.accounts import Account, Order
from quote_service.sandbox.depth import Depth, book_ticker
from quote_service.sandbox.errors import VenueError
from quote_service.sandbox.exchange import Exchange, Market, NewOrder
from quote_service.sandbox.faults import Faults
from quote_service.sandbox.limits import ORDERS_1D_LIMIT, ORDERS_10S_LIMIT, WEIGHT_LIMIT, Limits
from quote_service.sandbox.shapes import (
    balances_body,
    cancelled_body,
    fills_body,
    order_body,
    symbol_id,
    symbol_info,
    text,
    trade_body,
)
from schemas.message import Side

Params = Mapping[str, str]
_ORDERS_LIMIT = 500
_TRADES_KEPT = 1_000
STP_MODES = ("EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "NONE")
_RATE_LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_10S_LIMIT},
    {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": ORDERS_1D_LIMIT},
]


class Rest:
    """Public and private requests, by method and path."""

    def __init__(
        self,
        exchange: Exchange,
        depths: Mapping[str, Depth],
        faults: Faults,
        now_ms: Callable[[], int],
        limits: Limits,
    ) -> None:
        self._exchange = exchange
        self._depths = depths
        self._faults = faults
        self._now_ms = now_ms
        self._limits = limits
        self._ids = count(1)
        self._recent: dict[str, deque[Mapping[str, Any]]] = defaultdict(lambda: deque(maxlen=_TRADES_KEPT))
        self.cancel_id: str | None = None
        """Client id of the cancel under way."""
        self.hidden_since_ms: int | None = None
        """Orders younger than this are not shown, as long as the fault lasts."""
        self.public: Mapping[tuple[str, str], Callable[[Params], Any]] = {
            ("GET", "ping"): lambda params: {},
            ("GET", "time"): lambda params: {"serverTime": self._now_ms()},
            ("GET", "exchangeInfo"): self._exchange_info,
            ("GET", "depth"): self._depth,
            ("GET", "ticker/bookTicker"): self._book_ticker,
            ("GET", "trades"): self._trades,
        }
        self.private: Mapping[tuple[str, str], Callable[[Account, Params], Any]] = {
            ("GET", "account"): self._account,
            ("GET", "rateLimit/order"): self._order_counts,
            ("POST", "order"): self._place,
            ("GET", "order"): self._look_up,
            ("DELETE", "order"): self._cancel,
            ("POST", "order/cancelReplace"): self._replace,
            ("PUT", "order/amend/keepPriority"): self._shrink,
            ("GET", "openOrders"): self._open_orders,
            ("DELETE", "openOrders"): self._cancel_all,
            ("GET", "allOrders"): self._all_orders,
            ("GET", "myTrades"): self._my_trades,
        }

    def _market(self, params: Params) -> Market:
        wanted = params.get("symbol", "")
        for market in self._exchange.markets.values():
            if symbol_id(market.instrument.symbol) == wanted:
                return market
        raise VenueError(-1121, "Invalid symbol.")

    def _exchange_info(self, params: Params) -> Any:
        is_open = self._exchange.is_open
        markets = self._exchange.markets.values()
        return {
            "timezone": "UTC",
            "serverTime": self._now_ms(),
            "rateLimits": _RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [symbol_info(market.instrument, is_open=is_open) for market in markets],
        }

    def _depth(self, params: Params) -> Any:
        market = self._market(params)
        return self._depths[market.instrument.symbol].snapshot(market, whole(params, "limit", 100))

    def _book_ticker(self, params: Params) -> Any:
        market = self._market(params)
        best = book_ticker(self._depths[market.instrument.symbol], market)
        names = {"symbol": "s", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
        return {name: best[short] for name, short in names.items()}

    def see_trade(self, symbol: str, event: Mapping[str, Any]) -> None:
        """A public trade, as its stream tells it."""
        self._recent[symbol].append(event)

    def _trades(self, params: Params) -> Any:
        market = self._market(params)
        newest = list(self._recent[market.instrument.symbol])[-whole(params, "limit", _ORDERS_LIMIT) :]
        return [
            {
                "id": event["t"],
                "price": event["p"],
                "qty": event["q"],
                "quoteQty": text(Decimal(event["p"]) * Decimal(event["q"])),
                "time": event["T"],
                "isBuyerMaker": event["m"],
                "isBestMatch": True,
            }
            for event in newest
        ]

    def _order_counts(self, account: Account, params: Params) -> Any:
        counts = self._limits.order_counts()
        return [rate | {"count": counts[str(rate["interval"])]} for rate in _RATE_LIMITS[1:]]

    def _account(self, account: Account, params: Params) -> Any:
        return {
            "makerCommission": 0,
            "takerCommission": 0,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "accountType": "SPOT",
            "updateTime": self._now_ms(),
            "balances": balances_body(account),
            "permissions": ["SPOT"],
        }

    def _new_order(self, params: Params, market: Market, default_id: str) -> NewOrder:
        kind = _one_of(params, "type", ("LIMIT", "LIMIT_MAKER", "MARKET"))
        side: Side = "buy" if _one_of(params, "side", ("BUY", "SELL")) == "BUY" else "sell"
        instrument = market.instrument
        price = _units(params.get("price", "0"), instrument.tick_size, "PRICE_FILTER")
        size = _units(params.get("quantity", "0"), instrument.lot_size, "LOT_SIZE")
        return NewOrder(
            symbol=instrument.symbol,
            side=side,
            order_type=kind,
            time_in_force=_one_of(params, "timeInForce", ("GTC", "IOC", "FOK"), "GTC"),
            price_ticks=price,
            size_lots=size,
            client_id=params.get("newClientOrderId", default_id),
            stp_mode=_one_of(params, "selfTradePreventionMode", STP_MODES, "EXPIRE_MAKER"),
        )

    def _place(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = self._exchange.place(account, self._new_order(params, market, self._own_id()))
        return order_body(market.instrument, order) | {"fills": fills_body(market.instrument, account, order)}

    def _own_id(self) -> str:
        """Of an order whose account gave it none."""
        return f"sandbox{next(self._ids)}"

    def _found(self, account: Account, params: Params, *, id_name: str, client_name: str) -> Order | None:
        venue_id = params.get(id_name)
        if not venue_id and not params.get(client_name):
            raise VenueError(-1102, f"Param '{client_name}' or '{id_name}' must be sent.")
        number = whole(params, id_name, 0) if venue_id else None
        return self._exchange.find(account, number, params.get(client_name))

    def _is_hidden(self, order: Order) -> bool:
        return self.hidden_since_ms is not None and order.created_ms >= self.hidden_since_ms

    def _look_up(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = self._found(account, params, id_name="orderId", client_name="origClientOrderId")
        if order is None or self._is_hidden(order):
            raise errors.no_such_order()
        return order_body(market.instrument, order)

    def _to_cancel(self, account: Account, params: Params, *, id_name: str, client_name: str) -> Order:
        order = self._found(account, params, id_name=id_name, client_name=client_name)
        if order is None or not order.is_live:
            raise errors.unknown_order()
        if self._faults.next(frozenset({"fill_on_cancel"})) is not None:
            self._exchange.force_fill(order.order_id, order.remaining_lots)
        return order

    def _cancel(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = self._to_cancel(account, params, id_name="orderId", client_name="origClientOrderId")
        return self._cancelled(account, market, order, params.get("newClientOrderId"))

    def _cancelled(self, account: Account, market: Market, order: Order, cancel_id: str | None) -> Any:
        """Take it off; the cancel has a client id of its own, which the event carries too."""
        self.cancel_id = cancel_id or self._own_id()
        body = cancelled_body(market.instrument, self._exchange.cancel(account, order), self.cancel_id)
        self.cancel_id = None
        return body

    def _replace(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        new = self._new_order(params, market, self._own_id())
        goes_on = params.get("cancelReplaceMode") == "ALLOW_FAILURE"
        cancelled = self._try(lambda: self._cancel_for(account, params))
        if isinstance(cancelled, VenueError) and not goes_on:
            raise self._replace_failed(-2022, cancelled, None)
        if self._faults.next(frozenset({"cancel_partial"})) is not None:
            raise self._replace_failed(-2021, cancelled, errors.refused(errors.WOULD_TAKE))
        placed = self._try(lambda: order_body(market.instrument, self._exchange.place(account, new)))
        if isinstance(placed, VenueError) or isinstance(cancelled, VenueError):
            raise self._replace_failed(-2021, cancelled, placed)
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }

    def _cancel_for(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = self._to_cancel(
            account, params, id_name="cancelOrderId", client_name="cancelOrigClientOrderId"
        )
        return self._cancelled(account, market, order, None)

    @staticmethod
    def _try(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except VenueError as error:
            return error

    @staticmethod
    def _replace_failed(code: int, cancelled: Any, placed: Any) -> VenueError:
        texts = {
            -2021: "Order cancel-replace partially failed.",
            -2022: "Order cancel-replace failed.",
        }
        data = {
            "cancelResult": "FAILURE" if isinstance(cancelled, VenueError) else "SUCCESS",
            "newOrderResult": "NOT_ATTEMPTED"
            if placed is None
            else "FAILURE"
            if isinstance(placed, VenueError)
            else "SUCCESS",
            "cancelResponse": cancelled.body if isinstance(cancelled, VenueError) else cancelled,
            "newOrderResponse": placed.body if isinstance(placed, VenueError) else placed,
        }
        return VenueError(code, texts[code], 409 if code == -2021 else 400, data)  # noqa: PLR2004

    def _shrink(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = self._to_cancel(account, params, id_name="orderId", client_name="origClientOrderId")
        lots = _units(params.get("newQty", ""), market.instrument.lot_size, "LOT_SIZE")
        self._exchange.shrink(account, order, lots)
        new_id = params.get("newClientOrderId") or self._own_id()
        if new_id != order.client_id:
            account.by_client_id.pop(order.client_id, None)
            order.client_id = new_id
            account.by_client_id[new_id] = order
        body = order_body(market.instrument, order)
        return {
            "transactTime": self._now_ms(),
            "executionId": order.order_id,
            "amendedOrder": body | {"qty": body["origQty"], "preventedQty": "0"},
        }

    def _open_orders(self, account: Account, params: Params) -> Any:
        symbol = self._market(params).instrument.symbol if "symbol" in params else None
        return [
            order_body(self._exchange.markets[order.symbol].instrument, order)
            for order in account.live(symbol)
            if not self._is_hidden(order)
        ]

    def _cancel_all(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        orders = account.live(market.instrument.symbol)
        if not orders:
            raise errors.unknown_order()
        if self._faults.next(frozenset({"cancel_partial"})) is not None:
            orders = orders[: len(orders) // 2]
        return [self._cancelled(account, market, order, None) for order in orders]

    def _all_orders(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        since_ms = whole(params, "startTime", 0)
        found = [
            order_body(market.instrument, order)
            for order in account.orders.values()
            if order.symbol == market.instrument.symbol and order.created_ms >= since_ms
        ]
        return found[: whole(params, "limit", _ORDERS_LIMIT)]

    def _my_trades(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order_id, from_id = params.get("orderId"), whole(params, "fromId", 0)
        since_ms = whole(params, "startTime", 0)
        found = [
            trade_body(market.instrument, trade)
            for trade in account.trades
            if trade.symbol == market.instrument.symbol
            and order_id in {None, str(trade.order_id)}
            and trade.trade_id >= from_id
            and trade.time_ms >= since_ms
        ]
        return found[: whole(params, "limit", _ORDERS_LIMIT)]


def _one_of(params: Params, name: str, known: tuple[str, ...], otherwise: str | None = None) -> str:
    value = params.get(name, otherwise)
    if value not in known:
        raise VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def whole(params: Params, name: str, otherwise: int) -> int:
    """A parameter that is a whole number; raises VenueError."""
    value = params.get(name, str(otherwise))
    if not value.isdecimal():
        raise VenueError(-1100, f"Illegal characters found in parameter '{name}'.")
    return int(value)


def _units(value: str, unit: Decimal, filter_name: str) -> int:
    """A number as a whole number of units; raises VenueError."""
    try:
        units, rest = divmod(Decimal(value), unit)
    except (InvalidOperation, DivisionByZero):
        raise VenueError(-1100, f"Illegal characters found in parameter; {value!r} is no number.") from None
    if rest:
        raise errors.filter_failure(filter_name)
    return int(units)


def truth_of(account: Account) -> dict[str, Any]:
    """Everything that ever happened to an account: the judge of tests."""
    return {
        "orders": [
            {
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
            for order in account.orders.values()
        ],
        "trades": [
            {
                "trade_id": trade.trade_id,
                "client_id": trade.client_id,
                "symbol": trade.symbol,
                "side": trade.side,
                "price_ticks": trade.price_ticks,
                "size_lots": trade.size_lots,
            }
            for trade in account.trades
        ],
        "balances": {name: text(account.free[name] + account.locked[name]) for name in sorted(account.free)},
    }
