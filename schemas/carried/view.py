"""view-projector's carried state: the present documents, and counts that only it keeps."""

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from schemas.carried import Carried
from schemas.control import Acknowledgement, Command, Proposal, SettingChange
from schemas.market import Instrument
from schemas.orders import OrderEvent
from schemas.process import SettingApplied
from schemas.risk import RiskAlert
from schemas.statistics import MinuteStatistics
from schemas.tallies import Counters, RequestSeen


class CarriedProfit(BaseModel):
    """The PnL of one symbol, in its quote currency, at the old session's end."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    total: Decimal = Decimal(0)
    """At the mark: the next session's PnL is counted from it."""
    day_base: Decimal = Decimal(0)
    """The total at the start of the day."""
    session_base: Decimal | None = None
    """The total at the start of the old session; None: recorded before it was carried."""
    day_began_ns: int = 0
    mark_half_ticks: int | None = None
    """Twice the mid, in ticks of `contract`."""
    marked_ns: int = 0
    """Time of that mid."""
    contract: Instrument | None = None
    """The contract whose units the position counts in."""


class CarriedChange(BaseModel):
    """A changed setting, and the processes' answers."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    change: SettingChange
    applied: tuple[SettingApplied, ...] = ()
    file_value: str | None = None
    """The setting's value in the configuration file: if the file has changed since, the change lapsed."""


class ViewCarried(Carried):
    """For one symbol, or (`*`) for the account; the account may have several, each a part."""

    type_name: ClassVar[str] = "carried.view.v1"

    newest_ns: int = 0
    """Of the symbol's newest message, or of any."""
    first_book_ns: int | None = None
    counters: Counters | None = None
    """As of `newest_ns`."""
    refusals_by_reason: dict[str, int] = Field(default_factory=dict)
    """Of the symbol, or of what named no known one."""
    first_refusals: dict[str, str] = Field(default_factory=dict)
    """By reason: what was refused first, and where."""
    halted: bool = False
    """It was halted, by itself or with the account: a halt repeated at the start is not a new one."""
    removed_ns: int | None = None
    """When an operator removed it; None: it is followed."""
    profit: CarriedProfit | None = None
    live_orders: tuple[OrderEvent, ...] = ()
    """The newest event of each order that had not ended."""
    standing_orders: tuple[tuple[str, int], ...] = ()
    """(client order id, price in ticks) of those that the venue had acknowledged."""
    minutes: tuple[MinuteStatistics, ...] = ()
    """The newest hour."""

    refusals_without_symbol: int = 0
    alerts: tuple[RiskAlert, ...] = ()
    """The newest, oldest first."""
    open_alerts: tuple[RiskAlert, ...] = ()
    """Those not acknowledged."""
    acknowledgements: tuple[Acknowledgement, ...] = ()
    """Of the alerts above."""
    commands: tuple[Command, ...] = ()
    """The newest, oldest first."""
    commands_in_force: tuple[Command, ...] = ()
    """The newest of each action and key, least recent first."""
    all_stopped: bool = False
    stopped: tuple[tuple[str, bool], ...] = ()
    """(key, is it stopped), since the newest command for all symbols."""
    proposals: tuple[Proposal, ...] = ()
    """Waiting for a second person."""
    changes: tuple[CarriedChange, ...] = ()
    """The newest, oldest first."""
    settings_in_force: tuple[CarriedChange, ...] = ()
    settings_asked: tuple[CarriedChange, ...] = ()
    """Not decided yet."""
    requests: tuple[tuple[str, RequestSeen], ...] = ()
    """(person, their requests with an idempotency key), oldest first per person."""
