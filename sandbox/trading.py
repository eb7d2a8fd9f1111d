"""Requests that place, replace, amend and cancel: matching answers them itself, so they never lag."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from sandbox import errors
from sandbox.accounts import Account, SandboxOrder
from sandbox.errors import VenueError
from sandbox.exchange import SandboxExchange
from sandbox.faults import Faults
from sandbox.markets import NewOrder, SandboxMarket
from sandbox.params import Params, market_of, one_of, units, whole
from sandbox.shapes import amended_body, cancelled_body, fills_body, order_body
from schemas.message import Side

STP_MODES = ("EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "NONE")
_PARTIALLY, _ALTOGETHER = -2021, -2022
_TEXTS = {
    _PARTIALLY: "SandboxOrder cancel-replace partially failed.",
    _ALTOGETHER: "SandboxOrder cancel-replace failed.",
}


class Trading:
    """Orders of all accounts."""

    def __init__(self, exchange: SandboxExchange, faults: Faults, now_ms: Callable[[], int]) -> None:
        self._exchange = exchange
        self._faults = faults
        self._now_ms = now_ms
        self._ids = count(1)
        self.requests: Mapping[tuple[str, str], Callable[[Account, Params], Any]] = {
            ("POST", "order"): self._place,
            ("DELETE", "order"): self._cancel,
            ("POST", "order/cancelReplace"): self._replace,
            ("PUT", "order/amend/keepPriority"): self._shrink,
            ("DELETE", "openOrders"): self._cancel_all,
        }

    def _market(self, params: Params) -> SandboxMarket:
        return market_of(params, self._exchange.markets)

    def _own_id(self) -> str:
        """A generated id, for an order sent without one."""
        return f"sandbox{next(self._ids)}"

    def _new_order(self, params: Params, market: SandboxMarket) -> NewOrder:
        kind = one_of(params, "type", ("LIMIT", "LIMIT_MAKER", "MARKET"))
        side: Side = "buy" if one_of(params, "side", ("BUY", "SELL")) == "BUY" else "sell"
        instrument = market.instrument
        return NewOrder(
            symbol=instrument.symbol,
            side=side,
            order_type=kind,
            time_in_force=one_of(params, "timeInForce", ("GTC", "IOC", "FOK"), "GTC"),
            price_ticks=units(params.get("price", "0"), instrument.tick_size, "PRICE_FILTER"),
            size_lots=units(params.get("quantity", "0"), instrument.lot_size, "LOT_SIZE"),
            client_id=params.get("newClientOrderId", self._own_id()),
            stp_mode=one_of(params, "selfTradePreventionMode", STP_MODES, "EXPIRE_MAKER"),
        )

    def _place(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        new = self._new_order(params, market)
        self._exchange.check(account, new)
        account.order_counts.check(self._now_ms())
        account.order_counts.count(self._now_ms())
        order = self._exchange.enter(account, new)
        return order_body(market.instrument, order) | {"fills": fills_body(market.instrument, account, order)}

    def _to_cancel(self, account: Account, params: Params, *, id_name: str, client_name: str) -> SandboxOrder:
        symbol = self._market(params).instrument.symbol
        order = named_order(self._exchange, account, symbol, params, id_name=id_name, client_name=client_name)
        if order is None or not order.is_live:
            raise errors.unknown_order()
        if self._faults.next(frozenset({"fill_on_cancel"})) is not None:
            self._exchange.force_fill(order, order.remaining_lots)
        return order

    def _cancel(self, account: Account, params: Params) -> Any:
        order = self._to_cancel(account, params, id_name="orderId", client_name="origClientOrderId")
        return self._cancelled(account, order, params.get("newClientOrderId"))

    def _cancelled(self, account: Account, order: SandboxOrder, request_id: str | None) -> Any:
        """Cancel an order; the cancel has its own client id, which the event carries too."""
        request_id = request_id or self._own_id()
        instrument = self._exchange.markets[order.symbol].instrument
        return cancelled_body(instrument, self._exchange.cancel(account, order, request_id), request_id)

    def _replace(self, account: Account, params: Params) -> Any:
        """Filters and order counts are checked first: if they refuse, the old order stays."""
        market = self._market(params)
        new = self._new_order(params, market)
        self._exchange.check(account, new)
        goes_on = params.get("cancelReplaceMode") == "ALLOW_FAILURE"
        room = self._try(lambda: account.order_counts.check(self._now_ms()))
        if isinstance(room, VenueError) and params.get("orderRateLimitExceededMode") != "CANCEL_ONLY":
            raise room
        account.order_counts.count(self._now_ms())
        cancelled = self._try(lambda: self._cancel_for(account, params))
        if isinstance(cancelled, VenueError) and not goes_on:
            raise _replace_failed(cancelled, None)
        if isinstance(room, VenueError):
            raise _replace_failed(cancelled, room, status=None if goes_on else 429)
        if self._faults.next(frozenset({"cancel_partial"})) is not None:
            raise _replace_failed(cancelled, errors.refused(errors.WOULD_TAKE))
        placed = self._try(lambda: order_body(market.instrument, self._exchange.enter(account, new)))
        if isinstance(placed, VenueError) or isinstance(cancelled, VenueError):
            raise _replace_failed(cancelled, placed)
        return {
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }

    def _cancel_for(self, account: Account, params: Params) -> Any:
        order = self._to_cancel(
            account, params, id_name="cancelOrderId", client_name="cancelOrigClientOrderId"
        )
        return self._cancelled(account, order, params.get("cancelNewClientOrderId"))

    @staticmethod
    def _try(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except VenueError as error:
            return error

    def _shrink(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = named_order(
            self._exchange,
            account,
            market.instrument.symbol,
            params,
            id_name="orderId",
            client_name="origClientOrderId",
        )
        if order is None:
            raise errors.amend_rejected("Unknown order sent.")
        if self._faults.next(frozenset({"fill_on_cancel"})) is not None:
            self._exchange.force_fill(order, order.remaining_lots)
        lots = units(params.get("newQty", ""), market.instrument.lot_size, "LOT_SIZE")
        replaced_id = order.client_id
        self._exchange.shrink(account, order, lots, params.get("newClientOrderId") or self._own_id())
        return amended_body(market.instrument, order, replaced_id)

    def _cancel_all(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        orders = account.live(market.instrument.symbol)
        if not orders:
            raise errors.unknown_order()
        if self._faults.next(frozenset({"cancel_partial"})) is not None:
            orders = orders[: len(orders) // 2]
        return [self._cancelled(account, order, None) for order in orders]


def named_order(
    exchange: SandboxExchange,
    account: Account,
    symbol: str,
    params: Params,
    *,
    id_name: str,
    client_name: str,
) -> SandboxOrder | None:
    """The order that a request names by either id; raises VenueError where it names none."""
    venue_id, client_id = params.get(id_name), params.get(client_name)
    if not venue_id and not client_id:
        text = f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!"
        raise VenueError(-1102, text)
    number = whole(params, id_name, 0) if venue_id else None
    return exchange.find(account, symbol, number, client_id)


def _replace_failed(cancelled: Any, placed: Any, status: int | None = None) -> VenueError:
    """Cancel, new order or both failed; `placed` None: not attempted."""
    results = [
        "NOT_ATTEMPTED" if answer is None else "FAILURE" if isinstance(answer, VenueError) else "SUCCESS"
        for answer in (cancelled, placed)
    ]
    code = _PARTIALLY if "SUCCESS" in results else _ALTOGETHER
    bodies = [answer.body if isinstance(answer, VenueError) else answer for answer in (cancelled, placed)]
    data = {
        "cancelResult": results[0],
        "newOrderResult": results[1],
        "cancelResponse": bodies[0],
        "newOrderResponse": bodies[1],
    }
    return VenueError(code, _TEXTS[code], status or (409 if code == _PARTIALLY else 400), data)
