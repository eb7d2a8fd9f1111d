"""risk-service's carried state: latched halts, peaks, and resume requests that are not decided.

Rebuilt from new data: whether a book is live. Limits are not carried: the new configuration's limits apply
to the carried sums.
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.carried import Carried
from schemas.inventory import OpenFee
from schemas.message import Side, TimeNs
from schemas.risk import TradingState


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class CarriedLatch(_Part):
    """One cause of a halt that only an operator's resume ends."""

    cause: str
    text: str


class CarriedRequest(_Part):
    """What the first of two people asks about a halt."""

    principal: str
    time_ns: TimeNs
    halt_sequence: int


class CarriedExecution(_Part):
    """An order with a fill, for the throttle of repeated executions."""

    time_ns: TimeNs
    side: Side
    client_order_id: str


class CarriedVerdict(_Part):
    """A process's first answer to a changed setting."""

    change_id: str
    process: str
    is_taken: bool


class RiskCarried(Carried):
    """For one symbol, or (`*`) for the account. Money is in the reporting currency."""

    type_name: ClassVar[str] = "carried.risk.v1"

    reporting_currency: str = ""
    """Empty: no money is carried."""
    latches: tuple[CarriedLatch, ...] = ()
    halt_sequence: int = 0
    resume_asked: CarriedRequest | None = None
    flatten_asked: CarriedRequest | None = None
    flattens_under: int = 0
    """The halt under which orders that reduce go out; 0: none."""
    state: TradingState | None = None
    """As last published and alerted. None: never."""
    reasons: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    """Limits already warned of in this episode."""
    reached: tuple[str, ...] = ()
    """Reasons whose limit is in breach: it ends below 95 % of the limit."""
    pnl: Decimal = Decimal(0)
    """At the newest mark. The account's is the sum of its symbols', and comes with them."""
    forgiven: Decimal = Decimal(0)
    """Profit from which losses count since the last resume."""
    peak: Decimal = Decimal(0)
    """The account's profit at its highest equity, from which drawdown is measured. It excludes capital, so
    that a change of capital is neither profit nor drawdown."""
    alerts: int = 0
    """The account's number of alerts; ids continue from there."""
    is_held: bool = False
    units: Decimal = Decimal(0)
    """Base units held, without sign."""
    notional: Decimal = Decimal(0)
    """Signed."""
    mark_half_ticks: int | None = None
    tick_size: Decimal | None = None
    """The tick size of the mark; None: the contract was never known."""
    mark_time_ns: TimeNs = 0
    """When the market gave it."""
    has_old_mark: bool = False
    """It was alerted that its market is not followed."""
    executions: tuple[CarriedExecution, ...] = ()
    """Oldest first."""
    open_fees: tuple[OpenFee, ...] = ()
    """Currencies already alerted as without a rate."""
    verdicts: tuple[CarriedVerdict, ...] = ()
    """Of the account, oldest first."""
