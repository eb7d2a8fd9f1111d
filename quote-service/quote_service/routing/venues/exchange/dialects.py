"""How each venue wants to be asked: the few places where ccxt's unified calls do not say what we mean."""

from typing import Any, NamedTuple

from chassis.exchanges import Client
from quote_service.routing.venues.exchange.facts import Contract
from schemas.message import Side
from schemas.venues import StpMode, Venue, VenueId

_STP_BINANCE: dict[StpMode, str] = {
    "expire_maker": "EXPIRE_MAKER",
    "expire_taker": "EXPIRE_TAKER",
    "expire_both": "EXPIRE_BOTH",
    "decrement": "DECREMENT",
    "none": "NONE",
}
_STP_KRAKEN: dict[StpMode, str] = {
    "expire_maker": "cancel-oldest",
    "expire_taker": "cancel-newest",
    "expire_both": "cancel-both",
}
_STP_OKX: dict[StpMode, str] = {
    "expire_maker": "cancel_maker",
    "expire_taker": "cancel_taker",
    "expire_both": "cancel_both",
}
_STP: dict[VenueId, tuple[str, dict[StpMode, str]]] = {
    "binance": ("selfTradePreventionMode", _STP_BINANCE),
    "binanceusdm": ("selfTradePreventionMode", _STP_BINANCE),
    "kraken": ("stptype", _STP_KRAKEN),
    "okx": ("stpMode", _STP_OKX),
}


class Amended(NamedTuple):
    """Unified orders of ccxt after an amend."""

    order: Any
    """As it now stands."""
    replaced: Any | None
    """The one that ended for it; None: it is the same order."""


class Dialect:
    """ccxt's unified calls, as they are. Prices and sizes are exact multiples of tick and lot."""

    def __init__(self, venue: Venue, client: Client) -> None:
        self.venue = venue
        self.client = client

    def _params(self, wire_id: str) -> dict[str, Any]:
        """Post-only and self-trade prevention stand in every order and every amend."""
        params: dict[str, Any] = {"postOnly": True, "clientOrderId": wire_id}
        if self.venue.stp_modes:
            name, modes = _STP[self.venue.id]
            params[name] = modes[self.venue.stp_modes[0]]
        return params

    async def place(self, contract: Contract, side: Side, ticks: int, lots: int, wire_id: str) -> Any:
        """A new limit order, post-only."""
        return await self.client.create_order(
            contract.symbol,
            "limit",
            side,
            float(contract.size(lots)),
            float(contract.price(ticks)),
            self._params(wire_id),
        )

    async def amend(
        self, contract: Contract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """Another price or more size, of the same order; `lots` is its total size."""
        order = await self.client.edit_order(
            venue_id,
            contract.symbol,
            "limit",
            side,
            float(contract.size(lots)),
            float(contract.price(ticks)),
            self._params(old),
        )
        return Amended(order, None)

    async def shrink(
        self, contract: Contract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """Less size at the same price, which keeps the place in the queue."""
        return await self.amend(contract, side, ticks, lots, old, new, venue_id)

    async def cancel(self, contract: Contract, wire_id: str, venue_id: str | None) -> Any:
        """Withdraw an order by our own id."""
        return await self.client.cancel_order(venue_id, contract.symbol, {"clientOrderId": wire_id})

    async def look_up(self, contract: Contract, wire_id: str | None, venue_id: str | None) -> Any:
        """One order, whatever its state, by the id that is given."""
        by_own_id = {} if wire_id is None else {"clientOrderId": wire_id}
        return await self.client.fetch_order(venue_id, contract.symbol, by_own_id)

    async def recent_orders(self, contract: Contract, since_ms: int) -> list[Any]:
        """All orders of a symbol since a time, open and ended."""
        if self.client.has.get("fetchOrders"):
            return list(await self.client.fetch_orders(contract.symbol, since_ms))
        ended = await self.client.fetch_closed_orders(contract.symbol, since_ms)
        return [*ended, *await self.client.fetch_open_orders(contract.symbol)]

    async def trades_of(self, contract: Contract, venue_id: str) -> list[Any]:
        """The executions of one order."""
        trades = await self.client.fetch_my_trades(contract.symbol, None, None, {"orderId": venue_id})
        return [trade for trade in trades if str(trade["order"]) == venue_id]

    async def arm(self, symbols: tuple[str, ...], timeout_ms: int) -> None:
        """Have the venue cancel everything unless this is called again in time; 0 disarms."""
        await self.client.cancel_all_orders_after(timeout_ms)


class BinanceSpot(Dialect):
    """An amend of price is a new order; less size is an amend proper, which ccxt has no call for."""

    async def amend(
        self, contract: Contract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """Cancel and replace; of an order that cannot be cancelled nothing new is placed."""
        market = self.client.market(contract.symbol)
        request = self.client.edit_spot_order_request(
            venue_id,
            contract.symbol,
            "limit",
            side,
            float(contract.size(lots)),
            float(contract.price(ticks)),
            self._params(new) | {"cancelOrigClientOrderId": old},
        )
        answer = await self.client.privatePostOrderCancelReplace(request)
        return Amended(
            self.client.parse_order(answer["newOrderResponse"], market),
            self.client.parse_order(answer["cancelResponse"], market),
        )

    async def shrink(
        self, contract: Contract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """PUT order/amend/keepPriority, which costs no order count."""
        market = self.client.market(contract.symbol)
        answer = await self.client.request(
            "order/amend/keepPriority",
            ["private"],
            "PUT",
            {
                "symbol": market["id"],
                "origClientOrderId": old,
                "newClientOrderId": old,
                "newQty": self.client.amount_to_precision(contract.symbol, float(contract.size(lots))),
            },
        )
        amended = answer["amendedOrder"]
        order = amended | {"origQty": amended["qty"], "type": "LIMIT_MAKER"}
        return Amended(self.client.parse_order(order, market), None)


class BinanceUsdM(Dialect):
    """Its dead-man's switch counts for one symbol."""

    async def arm(self, symbols: tuple[str, ...], timeout_ms: int) -> None:
        """POST countdownCancelAll of each symbol."""
        for symbol in symbols:
            request = {"symbol": self.client.market_id(symbol), "countdownTime": timeout_ms}
            await self.client.fapiPrivatePostCountdownCancelAll(request)


_DIALECTS: dict[VenueId, type[Dialect]] = {"binance": BinanceSpot, "binanceusdm": BinanceUsdM}


def dialect_of(venue: Venue, client: Client) -> Dialect:
    """The venue's own, or the unified one."""
    return _DIALECTS.get(venue.id, Dialect)(venue, client)
