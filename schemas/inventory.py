"""Position, cost and profit, and the suggested rebalance."""

from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.message import SizeLots, SymbolEvent

RebalanceAction = Literal["buy", "sell", "none"]


class OpenFee(BaseModel):
    """Fees in a currency without a rate: not in any profit yet."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    currency: str
    amount: Decimal
    """In `currency`; positive is a cost."""


class LedgerUnits(BaseModel):
    """The units of a ledger, where they are not those of the contract in force."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    tick_size: Decimal
    lot_size: Decimal
    multiplier: Decimal
    quote_currency: str


class Position(SymbolEvent):
    """Inventory and profit of one symbol. State, compacted. Money is in the quote currency.

    pnl = pnl_capture + pnl_inventory - fees = realised + unrealised - fees, exactly.
    """

    type_name: ClassVar[str] = "inventory.position.v1"

    instrument_version: int = 1
    """Of the contract of these lots and ticks."""
    quote_currency: str
    position_lots: int
    """Signed: positive is long."""
    average_price_ticks: Decimal | None
    mark_half_ticks: int | None
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    """Signed: positive is a cost. Without `open_fees`."""
    pnl: Decimal
    pnl_capture: Decimal
    pnl_inventory: Decimal
    max_drawdown: Decimal
    """Largest fall of pnl from its running maximum (which starts at 0), as a positive amount."""
    pnl_reporting: Decimal
    notional_reporting: Decimal
    """Signed value of the position in the reporting currency."""
    fills: int
    traded_notional: Decimal
    bias: float
    """(position - target) / maximum inventory, clipped to -1..1: the input of the quotes' lean."""
    rebalance_action: RebalanceAction
    rebalance_size_lots: SizeLots
    rebalance_urgency: float
    """0 to 1: how far beyond the threshold, as a share of the room up to the maximum."""
    pnl_balance: Decimal = Decimal(0)
    """What taking liquidity to reduce the position earned, mostly below 0: its capture less its fees in the
    quote currency. Part of `pnl_capture` and `fees`."""
    base_fees_taken: Decimal = Decimal(0)
    """Base units by which fees taken in them have reduced `position_lots` so far, in whole lots; the
    remainder is carried on."""
    adverse_bps: float | None = None
    """The larger of the next two; None where none is significant."""
    adverse_bid_bps: float | None = None
    """The adverse move of the mid to expect after a fill of our bid, positive: the worst significant one of
    `inventory.markout_horizons_ms`."""
    adverse_bid_horizon_ms: int | None = None
    """At which it is that; None: none is significant."""
    adverse_ask_bps: float | None = None
    """The same after a fill of our ask."""
    adverse_ask_horizon_ms: int | None = None
    open_fees: tuple[OpenFee, ...] = ()
    """Charged in a currency without a rate, and booked at the first rate that arrives; until then not in
    `fees` and `pnl`."""
    open_fees_reserve: Decimal = Decimal(0)
    """The value limits assume for `open_fees`, in the reporting currency: a taker's fee, at least 20 bps."""
    owed_lots: Decimal = Decimal(0)
    """Less than a lot that fees took of `position_lots`: profit counts the holdings without it."""
    pnl_peak: Decimal = Decimal(0)
    """The running maximum of pnl, from which `max_drawdown` is measured."""
    adjustments: int = 0
    """How often the ledger was changed other than by trades: opening balances and adjustments. They are in
    no profit, no `fills` and no `traded_notional`."""
    counted_in: LedgerUnits | None = None
    """None: the contract in force. Else the ledger could not be converted to its units exactly."""
    halted_because: str = ""
    """Why the ledger must not be traded on, with the command or setting that fixes it; empty: it may be."""
