"""Orders at the venue: intents, the venue's reports, fills."""

from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict

from schemas.message import ALL_SYMBOLS, PriceTicks, Side, SizeLots, SymbolEvent, TimeNs

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
"""unknown: no answer establishes a request's outcome. orphan: the venue holds an order with our prefix
that the router does not count as open."""
Liquidity = Literal["maker", "taker"]
TimeInForce = Literal["gtc", "ioc"]
"""gtc: a quote, post-only, until it is cancelled. ioc: it executes at once, and the rest is cancelled."""
FillPurpose = Literal["quote", "balance"]


class OrderEvent(SymbolEvent):
    """A step in the life of one order. Event, keyed by client order id.

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
    """Price of the order after this event; for an amend intent, the requested price."""
    size_lots: SizeLots
    """Total size, including the filled part; for an amend intent, the requested size."""
    filled_lots: SizeLots = 0
    revision: int = 0
    """Number of amends requested: where an amend is a new order at the venue, its id there includes it."""
    target_sequence: int
    """Sequence of the quote.target behind this; of an IOC order, of the inventory.balance."""
    time_in_force: TimeInForce = "gtc"
    reasons: tuple[str, ...] = ()
    """Codes: why denied (all failing checks), rejected, or cancelled."""


class VenueReport(SymbolEvent):
    """A venue's report about an order, as received. Event."""

    type_name: ClassVar[str] = "venue.report.v1"

    kind: ReportKind
    client_order_id: str
    side: Side | None = None
    """Our side, where the venue states it: for a fill of an order we no longer know."""
    price_ticks: PriceTicks = 0
    """Order price after the report; the trade's price for a fill."""
    size_lots: SizeLots = 0
    """Order's total size after the report; the trade's size for a fill."""
    instrument_version: int = 0
    """Of the report's ticks and lots; 0: the order's. An order may outlive a change of contract."""
    venue_trade_id: str | None = None
    liquidity: Liquidity | None = None
    fee: Decimal | None = None
    """As the venue charged it, in `fee_currency`; positive is a cost. None: not stated."""
    fee_currency: str | None = None
    base_fee: Decimal = Decimal(0)
    """The part of the fee taken in the base currency, in that currency: it reduces the account's holdings."""
    executed_ns: TimeNs | None = None
    """When the venue executed the trade, by our clock: its time less the offset. None: not stated."""
    mid_half_ticks: int = 0
    """Twice the mid of the venue's book just before the execution, in ticks; 0: not stated."""
    recovered: bool = False
    """The stream did not deliver it: a request found it."""
    reason: str | None = None
    """Why the venue refused or ended the order; of a fill, why it cannot be true and is not counted."""


VenueState = Literal["connecting", "reconciling", "ready", "degraded", "refused"]
"""refused: the venue does not accept our key, its permissions or this address: an operator must fix it."""


class VenueStatus(SymbolEvent):
    """Status of the connection to a venue, as its adapter found it. Symbol is `*`. State.

    Orders are placed or amended only at a venue that is `ready`; cancels are always tried. A simulated
    venue publishes no status: it is always ready.
    """

    type_name: ClassVar[str] = "venue.status.v1"

    state: VenueState
    reason: str = ""
    """Why it is not ready, for operators: what failed, where, with which error."""
    clock_offset_us: int | None = None
    """The venue's clock minus ours."""
    dead_mans_switch_armed: bool | None = None
    """None: the venue has none, the watchdog process stands in for it."""
    held_until_ns: TimeNs = 0
    """Until then orders and amends wait: the venue demanded it, or its limits are used up. Cancels do not
    wait. 0: no hold."""


class VenueBalance(BaseModel):
    """The account's balance of one currency."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    currency: str
    free: Decimal
    locked: Decimal
    """Held by open orders."""


class VenueBalances(SymbolEvent):
    """The account's balances as the venue stated them; symbol is `*`. State."""

    type_name: ClassVar[str] = "venue.balances.v1"

    asked_ns: TimeNs = 0
    """When it was requested: the statement is of a moment between then and `event_time_ns`. 0: pushed by the
    account's stream."""
    balances: tuple[VenueBalance, ...]
    trades_read: tuple[tuple[str, TimeNs], ...] = ()
    """Symbols whose own trades were read by request since the statement before this one, each with the time
    of the request: reports of all trades executed until then precede this statement."""


class VenuePosition(BaseModel):
    """The account's position in one derivative."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    symbol: str
    size: Decimal
    """Signed, in base units: positive is long."""
    entry_price: Decimal | None = None
    """Average, in the quote currency; None: not stated."""


class VenuePositions(SymbolEvent):
    """The account's positions in derivatives as the venue stated them; symbol is `*`. State."""

    type_name: ClassVar[str] = "venue.positions.v1"

    asked_ns: TimeNs = 0
    """When it was requested: the statement is of a moment between then and `event_time_ns`."""
    positions: tuple[VenuePosition, ...] = ()
    """Whatever is missing is not held."""


class VenueOpenOrders(SymbolEvent):
    """All open orders in the venue's answer; symbol is `*`. State.

    Orders sent after `asked_ns` are not in the answer.
    """

    type_name: ClassVar[str] = "venue.orders.open.v1"

    asked_ns: TimeNs
    """When it was requested."""
    own: tuple[str, ...]
    """Client order ids that begin with our prefix."""
    foreign: int
    """Others' orders in the account: reported, and left alone."""


KillState = Literal["none", "cancelling", "incomplete", "confirmed"]
KILL_STATES: tuple[KillState, ...] = get_args(KillState)
"""In order of progress, the least first."""


class KillReport(SymbolEvent):
    """Progress of a mass cancel, after a halt; symbol `*` for the account, of which each shard of the router
    reports its part, with venue `*`. State, compacted.

    confirmed: the venue itself showed no order of ours after the last cancel. incomplete: it has not
    within `routing.kill_deadline_ms`, and the cancels are repeated until it does.
    """

    type_name: ClassVar[str] = "order.kill.v1"

    state: KillState
    reasons: tuple[str, ...] = ()
    """Why everything is cancelled: codes of the gate."""
    began_ns: TimeNs
    open_orders: tuple[str, ...] = ()
    """Client order ids that may still be live."""
    orders: int = 0
    """How many were open at any time since it began: together with `open_orders` this gives the progress."""
    shard: int | None = None
    """The shard whose part of the account this is; None: all of it, or one symbol."""
    shards: int = 1
    """How many such parts there are."""

    @property
    def key(self) -> str:
        """`venue:symbol`; of a part of the account `venue.shard:*`, so that the newest of each counts."""
        is_part = self.shard is not None and self.symbol == ALL_SYMBOLS
        return f"{self.venue}.{self.shard}:{self.symbol}" if is_part else f"{self.venue}:{self.symbol}"


def progress_of(reports: Iterable[KillReport]) -> KillState | None:
    """Of the reports of one halt the slowest state; None: there is none. While a shard of the account has not
    reported, its orders are being cancelled.
    """
    found = list(reports)
    parts = {each.shard for each in found if each.shard is not None}
    states = [each.state for each in found]
    if parts and len(parts) < max(each.shards for each in found):
        states.append("cancelling")
    return min(states, key=KILL_STATES.index, default=None)


StopCode = Literal["MMP", "POSITION_BREAK", "UNACCOUNTED_FILL", "FAULT", "REMOVE_REFUSED"]
REMOVED = "REMOVED"
"""Code of the gate, and the reason of the mass cancel, of a symbol that an operator removes."""


class TradingStop(SymbolEvent):
    """The router stopped a symbol by itself. Event. risk-service halts it where it needs a person."""

    type_name: ClassVar[str] = "order.stop.v1"

    code: StopCode
    text: str
    """The finding, with the figures, for operators."""
    needs_person: bool
    """False: it ends by itself."""
    asks_trades: bool = False
    """The account may hold what no report has told: its trades in this symbol are to be read by request."""


class Fill(SymbolEvent):
    """An execution of ours, once per venue trade id. Event."""

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
    """The part of the fee taken in the base currency, in that currency: it reduces the account's holdings."""
    executed_ns: TimeNs = 0
    """When the venue executed it, by our clock; 0: not stated, or written before this field was."""
    mid_half_ticks: int
    """Twice the mid, in ticks, of the last sound book before the execution: the base of capture and of the
    adverse move. Where that is unknown, the mid at the report."""
    report_mid_half_ticks: int = 0
    """The same of the last sound book when the report arrived, at which the holdings are marked; 0: the mid
    before, in records from before this field."""
    purpose: FillPurpose = "quote"
    """balance: of an order that took liquidity to reduce the position."""

    @property
    def mark_half_ticks(self) -> int:
        """The mid at which a ledger marks its holdings when it books the fill."""
        return self.report_mid_half_ticks or self.mid_half_ticks


class AccountBalance(SymbolEvent):
    """The account's balance of a symbol's quote currency, as the venue stated it. State.

    Published for symbols whose target is a share of the account (`inventory.target_share`), on change.
    """

    type_name: ClassVar[str] = "account.balance.v1"

    currency: str
    total: Decimal
    """Free and locked, less the part in `inventory.reserved`."""


AccountChangeKind = Literal["opening"]
"""opening: the account's holdings when the ledger began."""


class AccountChange(SymbolEvent):
    """The account's holdings changed other than by our trades. Event, keyed by its id.

    It earns and trades nothing, and is no drawdown.
    """

    type_name: ClassVar[str] = "order.account.change.v1"

    instrument_version: int = 1
    change_id: str
    kind: AccountChangeKind
    size_change_lots: int
    """Signed."""
    price: Decimal | None = None
    """Price at which the ledger books it, in quote currency: the venue position's entry. None: the mark."""
    reason: str
    """The finding, with the figures, for operators."""
