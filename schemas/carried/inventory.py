"""inventory-service's carried state: the ledgers, exact to the last digit.

Everything booked is carried. Limits, and with them bias and rebalance, follow the new configuration.
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.carried import Carried
from schemas.market import Instrument, Rate
from schemas.message import TimeNs
from schemas.orders import AccountChange, Fill

_NOTHING = Decimal(0)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class CarriedOpenFees(_Part):
    """Fees in a currency without a rate."""

    currency: str
    amount: Decimal
    """In that currency; positive is a cost."""
    reserve: Decimal = _NOTHING
    """The value limits assume for them, in the quote currency."""


class CarriedForward(_Part):
    """Bookings in outdated units, in the quote currency."""

    cash: Decimal = _NOTHING
    capture: Decimal = _NOTHING
    inventory: Decimal = _NOTHING
    traded: Decimal = _NOTHING
    base_fees_taken: Decimal = _NOTHING
    """In base units."""


class CarriedFillMove(_Part):
    """An execution of ours whose horizon is pending, as releases with a single horizon carried it."""

    due_ns: TimeNs
    sign: int
    size_lots: int
    mid_half_ticks: int


class CarriedPendingMove(_Part):
    """An execution of ours whose horizon is pending."""

    time_ns: TimeNs
    sign: int
    size_lots: int
    mid_half_ticks: int
    horizon_ms: int


class CarriedMoveTally(_Part):
    """The adverse moves of one side at one horizon: decayed sums, by lots."""

    sign: int
    horizon_ms: int
    moved_bps: float
    squared_bps: float
    lots: float
    independent: float
    executed_ns: TimeNs


class CarriedAdverseMoves(_Part):
    """Adverse moves of the mid after our executions: model estimates, not money."""

    moved_bps_lots: float = 0.0
    """This and the next four are read from releases with a single horizon, and no longer written."""
    lots: float = 0.0
    at_ns: TimeNs = 0
    fills: int = 0
    waiting: tuple[CarriedFillMove, ...] = ()
    mid_half_ticks: int | None = None
    tallies: tuple[CarriedMoveTally, ...] = ()
    pending: tuple[CarriedPendingMove, ...] = ()


class InventoryCarried(Carried):
    """The ledger of one symbol, or (`*`) state of none. `half` in a name: in half ticks times lots."""

    type_name: ClassVar[str] = "carried.inventory.v1"

    reporting_currency: str = ""
    """The currency of the contract's reporting rate; empty: unknown."""
    contract: Instrument | None = None
    """The contract whose ticks, lots, multiplier and currencies all of this counts in; None: none yet."""
    in_force: Instrument | None = None
    """The contract in force, where the ledger could not be converted to its units."""
    versions: tuple[Instrument, ...] = ()
    """Contracts of the symbol in which fills may still arrive."""
    position_lots: int = 0
    """Signed."""
    owed_lots: Decimal = _NOTHING
    """Less than a lot that fees took but whole lots cannot express."""
    cost_ticks: Decimal | None = None
    """Average cost of the holdings."""
    mark_half_ticks: Decimal | None = None
    cash_half: Decimal = _NOTHING
    capture_half: Decimal = _NOTHING
    inventory_half: Decimal = _NOTHING
    traded_half: Decimal = _NOTHING
    fills: int = 0
    forward: CarriedForward | None = None
    fees: Decimal = _NOTHING
    """Booked, in the quote currency; positive is a cost."""
    balance_pnl: Decimal = _NOTHING
    balance_sequence: int = 0
    """Of the balancer's newest decision."""
    is_flattened: bool = False
    """A person asked for the position to be closed, and it is not closed yet."""
    open_fees: tuple[CarriedOpenFees, ...] = ()
    taken_lots: int = 0
    """Lots by which base currency fees have reduced the position."""
    peak: Decimal = _NOTHING
    """Peak profit after fees so far."""
    max_drawdown: Decimal = _NOTHING
    adjustments: int = 0
    trade_ids: tuple[str, ...] = ()
    """The newest ones that a venue could repeat, oldest first."""
    change_ids: tuple[str, ...] = ()
    """Of adjustments and account changes, oldest first."""
    waiting: tuple[Fill | AccountChange, ...] = ()
    """Received but not booked yet: their contract is unknown, or its units are not the ledger's."""
    lacks: str = ""
    """What the ledger should hold but could not book, for operators."""
    adverse: CarriedAdverseMoves = CarriedAdverseMoves()
    rate_mid_half_ticks: int = 0
    """The symbol's newest mid, as a rate for fees, in ticks of the contract in force; 0: none yet."""
    rates: tuple[Rate, ...] = ()
    """Of no single symbol: prices of unfollowed markets."""
