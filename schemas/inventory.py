"""What we hold, what it cost, what it earned, and what should be done about it."""

from decimal import Decimal
from typing import ClassVar, Literal

from schemas.message import SizeLots, SymbolEvent

RebalanceAction = Literal["buy", "sell", "none"]


class Position(SymbolEvent):
    """Inventory and profit of one symbol. Level, compacted. Money is in the quote currency.

    pnl = pnl_capture + pnl_inventory - fees = realised + unrealised - fees, exactly.
    """

    type_name: ClassVar[str] = "inventory.position.v1"

    instrument_version: int = 1
    quote_currency: str
    position_lots: int
    """Signed: positive is long."""
    average_price_ticks: Decimal | None
    mark_half_ticks: int | None
    realised: Decimal
    unrealised: Decimal
    fees: Decimal
    """Signed: positive is a cost."""
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
    """(position - target) / maximum inventory, clipped to -1..1: what quoting leans against."""
    rebalance_action: RebalanceAction
    rebalance_size_lots: SizeLots
    rebalance_urgency: float
    """0 to 1: how far beyond the threshold, of the room up to the maximum."""
    base_fees_taken: Decimal = Decimal(0)
    """Base units by which fees that the venue took in them have lowered `position_lots` so far, whole lots;
    what is less than a lot is carried on."""
    adverse_bps: float | None = None
    """How far the mid moved against our newest fills within `inventory.markout_horizon_ms`, positive where it
    did; None before there were 20."""
