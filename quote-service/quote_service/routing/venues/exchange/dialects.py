"""Venue dialects: the few places where ccxt's unified calls are not sufficient."""

from typing import Any, NamedTuple

from quote_service.routing.venues.exchange.facts import VenueContract
from runtime.exchange.clients import Client
from schemas.message import Side
from schemas.orders import TimeInForce
from schemas.venues import StpMode, VenueCapabilities, VenueId

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
    """The result of an amend, as unified ccxt orders."""

    order: Any
    """The amended order."""
    replaced: Any | None
    """The order it replaced; None: amended in place."""


class KeyPermissions(NamedTuple):
    """What a key may do; None: the venue does not report it."""

    can_trade: bool | None = None
    can_withdraw: bool | None = None


_PAGE = 1_000
_DAY_MS = 86_400_000


class Dialect:
    """ccxt's unified calls. Prices and sizes are exact multiples of tick and lot."""

    def __init__(self, venue: VenueCapabilities, client: Client) -> None:
        self.venue = venue
        self.client = client

    def _params(self, venue_client_id: str, time_in_force: TimeInForce = "gtc") -> dict[str, Any]:
        """Self-trade prevention for every order and amend; post-only for all but IOC orders.

        The venue applies the taker's mode: an IOC order reduces risk, so the own quote that it meets expires.
        """
        kind = {"postOnly": True} if time_in_force == "gtc" else {"timeInForce": "IOC"}
        params: dict[str, Any] = {**kind, "clientOrderId": venue_client_id}
        if self.venue.stp_modes:
            name, modes = _STP[self.venue.id]
            takes = time_in_force == "ioc" and "expire_maker" in self.venue.stp_modes
            params[name] = modes["expire_maker" if takes else self.venue.stp_modes[0]]
        return params

    async def place(
        self,
        contract: VenueContract,
        side: Side,
        ticks: int,
        lots: int,
        venue_client_id: str,
        time_in_force: TimeInForce = "gtc",
    ) -> Any:
        """Place a limit order: post-only, or IOC."""
        return await self.client.create_order(
            contract.symbol,
            "limit",
            side,
            float(contract.size(lots)),
            float(contract.price(ticks)),
            self._params(venue_client_id, time_in_force),
        )

    async def amend(
        self, contract: VenueContract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """Change price or increase size of an order; `lots` is its total size."""
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
        self, contract: VenueContract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """Reduce size at the same price, which keeps queue position."""
        return await self.amend(contract, side, ticks, lots, old, new, venue_id)

    async def cancel(self, contract: VenueContract, venue_client_id: str, venue_id: str | None) -> Any:
        """Cancel an order by client order id."""
        return await self.client.cancel_order(venue_id, contract.symbol, {"clientOrderId": venue_client_id})

    async def cancel_by_venue_id(self, symbol: str, venue_id: str) -> Any:
        """Cancel an order by the venue's order id."""
        return await self.client.cancel_order(venue_id, symbol)

    async def look_up(
        self, contract: VenueContract, venue_client_id: str | None, venue_id: str | None
    ) -> Any:
        """An order in any state, by either id."""
        by_client_id = {} if venue_client_id is None else {"clientOrderId": venue_client_id}
        return await self.client.fetch_order(venue_id, contract.symbol, by_client_id)

    async def recent_orders(self, contract: VenueContract, since_ms: int) -> list[Any]:
        """All orders of a symbol since a time, open and closed."""
        if self.client.has.get("fetchOrders"):
            return list(await self.client.fetch_orders(contract.symbol, since_ms))
        ended = await self.client.fetch_closed_orders(contract.symbol, since_ms)
        return [*ended, *await self.client.fetch_open_orders(contract.symbol)]

    async def trades_of(self, contract: VenueContract, venue_id: str) -> list[Any]:
        """The trades of one order."""
        trades = await self.client.fetch_my_trades(contract.symbol, None, None, {"orderId": venue_id})
        return [trade for trade in trades if str(trade["order"]) == venue_id]

    async def trades_since(self, contract: VenueContract, last_id: int | None, since_ms: int) -> list[Any]:
        """A page of our trades of a symbol: after a known trade id, else since a time."""
        return list(await self.client.fetch_my_trades(contract.symbol, since_ms))

    async def positions(self) -> list[Any]:
        """All derivatives positions of the account."""
        return list(await self.client.fetch_positions())

    async def key_permissions(self) -> KeyPermissions:
        """The key's permissions; raises ccxt's errors where the venue rejects the key."""
        await self.client.fetch_balance()
        return KeyPermissions()

    async def arm(self, symbols: tuple[str, ...], timeout_ms: int) -> None:
        """Cancel all orders at the venue unless called again in time; 0 disarms."""
        await self.client.cancel_all_orders_after(timeout_ms)


class BinanceSpot(Dialect):
    """Changing the price replaces the order; a size reduction amends it, which ccxt does not support."""

    async def recent_orders(self, contract: VenueContract, since_ms: int) -> list[Any]:
        """GET allOrders: the first page by time, one day per request; the following pages by order id."""
        symbol, now_ms = contract.symbol, self.client.milliseconds()
        page: list[Any] = []
        while not page and since_ms <= now_ms:
            until = {"endTime": since_ms + _DAY_MS - 1}
            page = await self.client.fetch_orders(symbol, since_ms, _PAGE, until)
            since_ms += _DAY_MS
        found: dict[str, Any] = {}
        while any(order["id"] not in found for order in page):
            found |= {order["id"]: order for order in page}
            following = {"orderId": int(page[-1]["id"]) + 1}
            page = await self.client.fetch_orders(symbol, None, _PAGE, following)
        return list(found.values())

    async def trades_since(self, contract: VenueContract, last_id: int | None, since_ms: int) -> list[Any]:
        """GET myTrades, by trade id where one is known."""
        if last_id is None:
            return list(await self.client.fetch_my_trades(contract.symbol, since_ms, _PAGE))
        return list(await self.client.fetch_my_trades(contract.symbol, None, _PAGE, {"fromId": last_id + 1}))

    async def key_permissions(self) -> KeyPermissions:
        """GET apiRestrictions of the key, combined with the account's permissions."""
        account = (await self.client.fetch_balance())["info"]
        try:
            key = await self.client.sapiGetAccountApiRestrictions()
        except Exception as error:
            if " 404 " not in str(error):  # unknown only where a venue lacks this endpoint
                raise
            return KeyPermissions(account.get("canTrade"), account.get("canWithdraw"))
        can_trade = bool(account.get("canTrade", True)) and bool(key.get("enableSpotAndMarginTrading", True))
        return KeyPermissions(can_trade, bool(key.get("enableWithdrawals")))

    async def amend(
        self, contract: VenueContract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """POST cancelReplace; if the cancel fails, no new order is placed."""
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
        self, contract: VenueContract, side: Side, ticks: int, lots: int, old: str, new: str, venue_id: str
    ) -> Amended:
        """PUT order/amend/keepPriority, which does not count towards the order limit."""
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
    """Its dead-man's switch is armed per symbol."""

    async def arm(self, symbols: tuple[str, ...], timeout_ms: int) -> None:
        """POST countdownCancelAll for each symbol."""
        for symbol in symbols:
            request = {"symbol": self.client.market_id(symbol), "countdownTime": timeout_ms}
            await self.client.fapiPrivatePostCountdownCancelAll(request)


_DIALECTS: dict[VenueId, type[Dialect]] = {"binance": BinanceSpot, "binanceusdm": BinanceUsdM}


def dialect_of(venue: VenueCapabilities, client: Client) -> Dialect:
    """The venue's dialect; the unified one where it needs none."""
    return _DIALECTS.get(venue.id, Dialect)(venue, client)
