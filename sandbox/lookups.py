"""Look-ups and lists. They are served from a replica beside matching, which a fault may let lag."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from sandbox import errors
from sandbox.accounts import Account, SandboxOrder, SandboxTrade
from sandbox.exchange import SandboxExchange
from sandbox.faults import Faults
from sandbox.markets import Prevented, SandboxMarket
from sandbox.params import Params, market_of, period, rows, whole
from sandbox.public_data import ORDER_LIMITS
from sandbox.shapes import (
    account_body,
    commission_body,
    order_body,
    prevented_body,
    trade_body,
)
from sandbox.trading import named_order
from schemas.units import NS_PER_S

Row = TypeVar("Row")


class _Hidden(NamedTuple):
    since_ns: int
    until_ns: int


class Lookups:
    """Queries of an account about itself."""

    def __init__(
        self,
        exchange: SandboxExchange,
        faults: Faults,
        now_ms: Callable[[], int],
        steady_ns: Callable[[], int],
    ) -> None:
        self._exchange = exchange
        self._faults = faults
        self._now_ms = now_ms
        self._steady_ns = steady_ns
        self._hidden = _Hidden(0, 0)
        self.requests: Mapping[tuple[str, str], Callable[[Account, Params], Any]] = {
            ("GET", "account"): self._account,
            ("GET", "account/commission"): self._commission,
            ("GET", "rateLimit/order"): self._order_counts,
            ("GET", "order"): self._look_up,
            ("GET", "openOrders"): self._open_orders,
            ("GET", "allOrders"): self._all_orders,
            ("GET", "myTrades"): self._my_trades,
            ("GET", "myPreventedMatches"): self._prevented_matches,
        }

    def hide_younger(self, seconds: float) -> None:
        """For this long, orders created from now on are not shown."""
        now_ns = self._steady_ns()
        self._hidden = _Hidden(now_ns, now_ns + round(seconds * NS_PER_S))

    def _shown_at_ns(self, path: str) -> int:
        """The time whose state is shown: now, unless this look-up lags."""
        now_ns = self._steady_ns()
        lags = self._faults.next(frozenset({"lookup_lags"}), "GET", path)
        return now_ns if lags is None else now_ns - round(lags.seconds * NS_PER_S)

    def _shown(self, order: SandboxOrder, at_ns: int) -> SandboxOrder | None:
        """Its state at that time; None where it did not exist, or is hidden."""
        is_hiding = self._steady_ns() < self._hidden.until_ns
        if is_hiding and order.states[0].since_ns >= self._hidden.since_ns:
            return None
        return order.as_of(at_ns)

    def _all_shown(self, orders: Iterable[SandboxOrder], at_ns: int) -> list[SandboxOrder]:
        return [shown for order in orders if (shown := self._shown(order, at_ns)) is not None]

    def _market(self, params: Params) -> SandboxMarket:
        return market_of(params, self._exchange.markets)

    def _account(self, account: Account, params: Params) -> Any:
        balances = account.balances_as_of(self._shown_at_ns("account"))
        return account_body(account, balances, self._now_ms())

    def _commission(self, account: Account, params: Params) -> Any:
        return commission_body(self._market(params).instrument, account)

    def _order_counts(self, account: Account, params: Params) -> Any:
        used = account.order_counts.used(self._now_ms())
        return [rate | {"count": used[str(rate["interval"])]} for rate in ORDER_LIMITS]

    def _look_up(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        order = named_order(
            self._exchange,
            account,
            market.instrument.symbol,
            params,
            id_name="orderId",
            client_name="origClientOrderId",
        )
        shown = None if order is None else self._shown(order, self._shown_at_ns("order"))
        if shown is None:
            raise errors.no_such_order()
        return order_body(market.instrument, shown)

    def _open_orders(self, account: Account, params: Params) -> Any:
        symbol = self._market(params).instrument.symbol if "symbol" in params else None
        orders = (order for order in account.orders.values() if symbol in {None, order.symbol})
        return [
            order_body(self._exchange.markets[order.symbol].instrument, order)
            for order in self._all_shown(orders, self._shown_at_ns("openOrders"))
            if order.is_live
        ]

    def _all_orders(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        start_ms, end_ms = period(params)
        from_id = whole(params, "orderId", 0)
        at_ns = self._shown_at_ns("allOrders")
        found = [
            order
            for order in self._all_shown(account.orders.values(), at_ns)
            if order.symbol == market.instrument.symbol
            and order.order_id >= from_id
            and order.created_ms >= start_ms
            and (end_ms is None or order.created_ms <= end_ms)
        ]
        return [order_body(market.instrument, order) for order in _part(found, params, "orderId")]

    def _my_trades(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        start_ms, end_ms = period(params)
        order_id, from_id = params.get("orderId"), whole(params, "fromId", 0)
        at_ns = self._shown_at_ns("myTrades")

        def fits(trade: SandboxTrade) -> bool:
            return (
                trade.symbol == market.instrument.symbol
                and order_id in {None, str(trade.order_id)}
                and trade.trade_id >= from_id
                and trade.time_ms >= start_ms
                and (end_ms is None or trade.time_ms <= end_ms)
                and trade.steady_ns <= at_ns
            )

        found = [trade for trade in account.trades if fits(trade)]
        return [trade_body(market.instrument, trade) for trade in _part(found, params, "fromId")]

    def _prevented_matches(self, account: Account, params: Params) -> Any:
        market = self._market(params)
        match_id, order_id = params.get("preventedMatchId"), params.get("orderId")

        def fits(match: Prevented) -> bool:
            ids = {match.taker_order_id, match.maker_order_id}
            is_own = any((market.instrument.symbol, number) in account.orders for number in ids)
            is_wanted = order_id is None or order_id in {str(number) for number in ids}
            return is_own and is_wanted and match_id in {None, str(match.match_id)}

        matches = {match.match_id: match for match in market.prevented if fits(match)}
        return [prevented_body(market.instrument, match) for match in matches.values()][: rows(params)]


def _part(found: list[Row], params: Params, id_name: str) -> list[Row]:
    """The oldest from a start on, otherwise the newest, up to the limit."""
    limit = rows(params)
    is_forward = "startTime" in params or id_name in params
    return found[:limit] if is_forward else found[-limit:]
