"""Orders at the venue: what was intended, what the venue said, what was filled."""

from decimal import Decimal
from typing import ClassVar, Literal

from schemas.message import PriceTicks, Side, SizeLots, SymbolEvent

OrderStatus = Literal[
    "pending_new",
    "live",
    "pending_amend",
    "pending_cancel",
    "unknown",
    "filled",
    "cancelled",
    "rejected",
    "denied",
]
TERMINAL_STATUSES: frozenset[OrderStatus] = frozenset({"filled", "cancelled", "rejected", "denied"})

OrderEventKind = Literal[
    "place_intent",
    "amend_intent",
    "cancel_intent",
    "denied",
    "accepted",
    "amended",
    "amend_rejected",
    "cancelled",
    "cancel_rejected",
    "rejected",
    "partial_fill",
    "filled",
    "unknown",
]
ReportKind = Literal[
    "accepted", "amended", "amend_rejected", "cancelled", "cancel_rejected", "rejected", "fill"
]
Liquidity = Literal["maker", "taker"]


class OrderEvent(SymbolEvent):
    """A step in the life of one order. Ledger, keyed by client order id.

    An intent is in the log before anything is sent: the venue adapter acts on intents and on nothing else.
    """

    type_name: ClassVar[str] = "order.event.v1"

    instrument_version: int = 1
    kind: OrderEventKind
    status: OrderStatus
    client_order_id: str
    side: Side
    level: int
    price_ticks: PriceTicks
    """Price of the order after this event; for an amend intent, the price asked for."""
    size_lots: SizeLots
    """Total size, the filled part included; for an amend intent, the size asked for."""
    filled_lots: SizeLots = 0
    target_sequence: int
    """Sequence of the quote.target that wanted this."""
    reasons: tuple[str, ...] = ()
    """Codes: why denied (all failing checks), rejected, or cancelled."""


class VenueReport(SymbolEvent):
    """What the venue said about an order, as it was received. Ledger."""

    type_name: ClassVar[str] = "venue.report.v1"

    kind: ReportKind
    client_order_id: str
    side: Side | None = None
    """Our side, where the venue says it: for a fill of an order that we no longer know."""
    price_ticks: PriceTicks = 0
    """Order price after the report; the trade's price for a fill."""
    size_lots: SizeLots = 0
    """Order's total size after the report; the trade's size for a fill."""
    venue_trade_id: str | None = None
    liquidity: Liquidity | None = None
    reason: str | None = None


class Fill(SymbolEvent):
    """An execution of ours, once per venue trade id. Ledger."""

    type_name: ClassVar[str] = "order.fill.v1"

    instrument_version: int = 1
    venue_trade_id: str
    client_order_id: str
    side: Side
    price_ticks: PriceTicks
    size_lots: SizeLots
    liquidity: Liquidity
    fee: Decimal
    """Money in `fee_currency`; positive is a cost, negative a rebate."""
    fee_currency: str
    mid_half_ticks: int
    """Twice the mid, in ticks, of the last sound book before the fill: the base of capture."""
