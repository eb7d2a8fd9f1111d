"""Orders at the venue: what was intended, what the venue said, what was filled."""

from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.message import PriceTicks, Side, SizeLots, SymbolEvent, TimeNs

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
    "orphan",
]
INTENT_KINDS: frozenset[OrderEventKind] = frozenset({"place_intent", "amend_intent", "cancel_intent"})
ReportKind = Literal[
    "accepted",
    "amended",
    "amend_rejected",
    "cancelled",
    "cancel_rejected",
    "rejected",
    "fill",
    "unknown",
    "orphan",
]
"""unknown: a request got no answer that says what became of it. orphan: the venue holds an order with our
prefix that the router does not count as open."""
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
    revision: int = 0
    """Counts the amends asked for: where an amend is a new order at the venue, its id there carries it."""
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
    fee: Decimal | None = None
    """As the venue charged it, in `fee_currency`; positive is a cost. None: it did not say."""
    fee_currency: str | None = None
    base_fee: Decimal = Decimal(0)
    """What of the fee was taken in the base currency, in that: it lowers what the account holds."""
    recovered: bool = False
    """The stream did not bring it: it was found when the venue was asked."""
    reason: str | None = None


VenueState = Literal["connecting", "reconciling", "ready", "degraded"]


class VenueStatus(SymbolEvent):
    """How the connection to a venue stands, as its adapter found it. Symbol is `*`. Level.

    Only at a venue that is `ready` may anything be placed or amended; cancels are tried always. A simulated
    venue says nothing of the kind: it is always ready.
    """

    type_name: ClassVar[str] = "venue.status.v1"

    state: VenueState
    reason: str = ""
    """Why it is not ready, for people: what failed, where, with which error."""
    clock_offset_us: int | None = None
    """The venue's clock minus ours."""
    dead_mans_switch_armed: bool | None = None
    """None: the venue has none, the watchdog process stands in for it."""


class VenueBalance(BaseModel):
    """What the account has of one currency."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    currency: str
    free: Decimal
    locked: Decimal
    """Held by open orders."""


class VenueBalances(SymbolEvent):
    """The account's balances as the venue stated them; symbol is `*`. Level."""

    type_name: ClassVar[str] = "venue.balances.v1"

    balances: tuple[VenueBalance, ...]


class VenueOpenOrders(SymbolEvent):
    """All open orders that the venue showed when it was asked; symbol is `*`. Level.

    What was sent after `asked_ns` is not in the answer.
    """

    type_name: ClassVar[str] = "venue.orders.open.v1"

    asked_ns: TimeNs
    """When the question was asked."""
    own: tuple[str, ...]
    """Client order ids that begin with our prefix."""
    foreign: int
    """Orders of others in the account: reported, and left alone."""


KillState = Literal["none", "cancelling", "incomplete", "confirmed"]


class KillReport(SymbolEvent):
    """How far the withdrawal of all orders is, after a halt; symbol `*` for the account. Level, compacted.

    confirmed: the venue itself showed zero of our orders after the last cancel. incomplete: it has not
    within `routing.kill_deadline_ms`, and the cancels are repeated until it does.
    """

    type_name: ClassVar[str] = "order.kill.v1"

    state: KillState
    reasons: tuple[str, ...] = ()
    """Why everything is withdrawn: codes of the gate."""
    began_ns: TimeNs
    open_orders: tuple[str, ...] = ()
    """Client order ids that may still be live."""
    orders: int = 0
    """How many were open at any time since it began: with `open_orders`, so many are gone of so many."""


StopCode = Literal["MMP", "POSITION_BREAK", "UNACCOUNTED_FILL"]


class TradingStop(SymbolEvent):
    """The router stopped a symbol by itself. Ledger. risk-service halts it where it needs a person."""

    type_name: ClassVar[str] = "order.stop.v1"

    code: StopCode
    text: str
    """What was found, with the figures, for people."""
    needs_person: bool
    """False: it ends by itself."""


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
    base_fee: Decimal = Decimal(0)
    """What of it was taken in the base currency, in that: it lowers what the account holds."""
    mid_half_ticks: int
    """Twice the mid, in ticks, of the last sound book before the fill: the base of capture."""
