"""What the venue says of orders and trades, in ticks, lots and money."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from schemas.market import Instrument
from schemas.message import Side
from schemas.orders import Liquidity

OrderState = Literal["open", "ended"]
_OPEN = frozenset({"open", "pending", "new", None})
"""None: a bare yes to an order or an amend."""


class Contract(NamedTuple):
    """How numbers of one instrument version are written at the venue."""

    key: str
    venue: str
    symbol: str
    version: int
    tick_size: Decimal
    lot_size: Decimal
    base_currency: str
    quote_currency: str

    def price(self, ticks: int) -> Decimal:
        """A price in the quote currency."""
        return self.tick_size * ticks

    def size(self, lots: int) -> Decimal:
        """A size in units of the instrument."""
        return self.lot_size * lots


def contract_of(instrument: Instrument) -> Contract:
    """Of the instrument in force."""
    return Contract(
        instrument.key,
        instrument.venue,
        instrument.symbol,
        instrument.version,
        instrument.tick_size,
        instrument.lot_size,
        instrument.base_currency,
        instrument.quote_currency,
    )


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order as the venue holds or held it."""

    symbol: str
    venue_id: str
    wire_id: str | None
    side: Side
    price_ticks: int
    size_lots: int
    """Total size, the filled part included."""
    filled_lots: int
    state: OrderState


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """One execution of ours."""

    symbol: str
    trade_id: str
    venue_id: str
    """Of the order."""
    side: Side
    price_ticks: int
    size_lots: int
    liquidity: Liquidity | None
    fee: Decimal | None
    fee_currency: str | None
    base_fee: Decimal
    """What of it was taken in the base currency, in that."""


def number(value: Any) -> Decimal:
    """A number of ccxt, which has the shortest form that gives the same float: the one the venue wrote."""
    return Decimal(str(value)) if value is not None else Decimal(0)


def order_facts(order: Mapping[str, Any], contract: Contract) -> OrderFacts:
    """A unified order of ccxt; raises KeyError, ValueError or TypeError where something is missing."""
    return OrderFacts(
        symbol=contract.symbol,
        venue_id=str(order["id"]),
        wire_id=_wire_id(order),
        side=_side(order["side"]),
        price_ticks=int(number(order.get("price")) / contract.tick_size),
        size_lots=int(number(order.get("amount")) / contract.lot_size),
        filled_lots=int(number(order.get("filled")) / contract.lot_size),
        state="open" if order.get("status") in _OPEN else "ended",
    )


def _wire_id(order: Mapping[str, Any]) -> str | None:
    """ccxt gives the id of the cancel request for that of a cancelled order; the order's own lies deeper."""
    info = order.get("info") or {}
    original = info.get("origClientOrderId") or info.get("C")
    found = original or order.get("clientOrderId")
    return None if not found else str(found)


def trade_facts(trade: Mapping[str, Any], contract: Contract) -> TradeFacts:
    """A unified trade of ccxt; raises as `order_facts`."""
    price = number(trade["price"])
    fee, fee_currency, base_fee = _fee(trade, contract, price)
    maker = trade.get("takerOrMaker")
    return TradeFacts(
        symbol=contract.symbol,
        trade_id=str(trade["id"]),
        venue_id=str(trade["order"]),
        side=_side(trade["side"]),
        price_ticks=int(price / contract.tick_size),
        size_lots=int(number(trade["amount"]) / contract.lot_size),
        liquidity=maker if maker in {"maker", "taker"} else None,
        fee=fee,
        fee_currency=fee_currency,
        base_fee=base_fee,
    )


def _side(value: Any) -> Side:
    if value == "buy":
        return "buy"
    if value == "sell":
        return "sell"
    raise ValueError(f"side {value!r} is neither buy nor sell")


def _fee(
    trade: Mapping[str, Any], contract: Contract, price: Decimal
) -> tuple[Decimal | None, str | None, Decimal]:
    """A fee in the base currency is worth its quantity times the trade's price: profit is in the quote's."""
    fee = trade.get("fee") or {}
    if fee.get("cost") is None or not fee.get("currency"):
        return None, None, Decimal(0)
    cost, currency = number(fee["cost"]), str(fee["currency"])
    if currency == contract.base_currency:
        return cost * price, contract.quote_currency, cost
    return cost, currency, Decimal(0)
