"""Orders and trades as the venue reports them, converted to ticks, lots and decimals."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from schemas.market import Instrument
from schemas.message import Side
from schemas.numbers import decimal_of
from schemas.orders import Liquidity

OrderState = Literal["open", "ended"]
_OPEN = frozenset({"open", "pending", "new", None})
"""None: the acknowledgement of an order or an amend without its state."""


class VenueOrderKey(NamedTuple):
    """An order's identity at the venue, where order ids are unique per symbol only."""

    symbol: str
    venue_id: str


class VenueContract(NamedTuple):
    """Converts one instrument version's ticks and lots to the venue's decimals, and back."""

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

    def ticks(self, price: Decimal) -> int:
        """Whole ticks of a price."""
        return int(price / self.tick_size)

    def lots(self, size: Decimal) -> int:
        """Whole lots of a size."""
        return int(size / self.lot_size)

    def is_whole(self, price: Decimal, size: Decimal) -> bool:
        """Whether price and size are multiples of tick and lot."""
        return not price % self.tick_size and not size % self.lot_size


def contract_of(instrument: Instrument) -> VenueContract:
    """The contract of an instrument version."""
    return VenueContract(
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
    """An order as the venue reports it."""

    symbol: str
    venue_id: str
    venue_client_id: str | None
    side: Side
    price_ticks: int
    size_lots: int
    """Total size, including the filled part."""
    filled_lots: int
    state: OrderState
    created_ms: int | None = None
    """Creation time on the venue's clock; None: not reported."""

    @property
    def venue_key(self) -> VenueOrderKey:
        """Its identity at the venue."""
        return VenueOrderKey(self.symbol, self.venue_id)


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """One of our trades as the venue reports it."""

    symbol: str
    trade_id: str
    venue_id: str
    """The order's id."""
    side: Side
    price: Decimal
    size: Decimal
    """As reported, not in lots: the order may use another instrument version's ticks and lots."""
    liquidity: Liquidity | None
    fee: Decimal | None
    fee_currency: str | None
    base_fee: Decimal
    """The fee charged in the base currency, in base units."""
    executed_ms: int | None = None
    """Execution time on the venue's clock; None: not reported."""

    @property
    def venue_key(self) -> VenueOrderKey:
        """Its order's identity."""
        return VenueOrderKey(self.symbol, self.venue_id)


def number(value: Any) -> Decimal:
    """A ccxt float as a decimal: its shortest representation is the venue's number."""
    return decimal_of(value) if value is not None else Decimal(0)


def order_facts(order: Mapping[str, Any], contract: VenueContract) -> OrderFacts:
    """From a unified ccxt order; raises KeyError, ValueError or TypeError where something is missing."""
    return OrderFacts(
        symbol=contract.symbol,
        venue_id=str(order["id"]),
        venue_client_id=venue_client_id_of(order),
        side=_side(order["side"]),
        price_ticks=contract.ticks(number(order.get("price"))),
        size_lots=contract.lots(number(order.get("amount"))),
        filled_lots=contract.lots(number(order.get("filled"))),
        state="open" if order.get("status") in _OPEN else "ended",
        created_ms=_time_ms(order),
    )


def _time_ms(stated: Mapping[str, Any]) -> int | None:
    time_ms = stated.get("timestamp")
    return None if time_ms is None else int(time_ms)


def venue_client_id_of(order: Mapping[str, Any]) -> str | None:
    """For a cancelled order ccxt returns the cancel request's id; the order's own id is in the raw data."""
    info = order.get("info") or {}
    original = info.get("origClientOrderId") or info.get("C")
    found = original or order.get("clientOrderId")
    return None if not found else str(found)


def trade_facts(trade: Mapping[str, Any], contract: VenueContract) -> TradeFacts:
    """From a unified ccxt trade; raises as `order_facts`."""
    price = number(trade["price"])
    fee, fee_currency, base_fee = _fee(trade, contract, price)
    maker = trade.get("takerOrMaker")
    return TradeFacts(
        symbol=contract.symbol,
        trade_id=str(trade["id"]),
        venue_id=str(trade["order"]),
        side=_side(trade["side"]),
        price=price,
        size=number(trade["amount"]),
        liquidity=maker if maker in {"maker", "taker"} else None,
        fee=fee,
        fee_currency=fee_currency,
        base_fee=base_fee,
        executed_ms=_time_ms(trade),
    )


def _side(value: Any) -> Side:
    if value == "buy":
        return "buy"
    if value == "sell":
        return "sell"
    raise ValueError(f"side {value!r} is neither buy nor sell")


def _fee(
    trade: Mapping[str, Any], contract: VenueContract, price: Decimal
) -> tuple[Decimal | None, str | None, Decimal]:
    """A fee in the base currency is converted at the trade's price: profit is in the quote currency."""
    fee = trade.get("fee") or {}
    if fee.get("cost") is None or not fee.get("currency"):
        return None, None, Decimal(0)
    cost, currency = number(fee["cost"]), str(fee["currency"])
    if currency == contract.base_currency:
        return cost * price, contract.quote_currency, cost
    return cost, currency, Decimal(0)
