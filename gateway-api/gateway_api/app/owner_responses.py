"""A symbol's status, and the answer to a start or stop, in the words of the owner's design."""

from typing import Literal

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from gateway_api.app.responses import Answer, Inventory, Number, Profit, SymbolFacts, Viewed
from schemas.control import CommandAction

MakerStatus = Literal["active", "stopped", "error"]
"""error: halted, or without a market."""


class PricedSize(Answer):
    """A quote of one side."""

    price: Number
    size: Number
    """Remaining, in base units of a spot contract, in contracts of a derivative."""


class CurrentQuotes(Answer):
    """Our best open orders; None on a side without one."""

    bid: PricedSize | None
    ask: PricedSize | None


class RiskStatus(Answer):
    """Which limits are kept, of the symbol and of the account."""

    position_ok: bool
    loss_ok: bool
    exposure_ok: bool
    drawdown_ok: bool
    overall_ok: bool
    """Trading is not restricted for any reason."""


class OwnerStatus(Answer):
    """A symbol's status in plain numbers."""

    symbol: str
    status: MakerStatus
    current_quotes: CurrentQuotes | None
    inventory: Number
    """The position, in base units of a spot contract, in contracts of a derivative; below 0: short."""
    pnl: Number | None
    """Total PnL in the quote currency; None for who may not see it."""
    risk_status: RiskStatus


class StatusResponse(SymbolFacts, OwnerStatus, Viewed):
    """Response of /maker/status: plain numbers, and the exact figures behind them."""

    position: Inventory | None
    profit: Profit | None


_CAMEL = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class CamelRiskStatus(RiskStatus):
    """The same in camel case."""

    model_config = _CAMEL


class CamelStatus(OwnerStatus):
    """Response of /maker/status?case=camel."""

    model_config = _CAMEL

    risk_status: CamelRiskStatus


class StartedWith(Answer):
    """A value of the symbol's own that a start came with."""

    setting_key: str
    value: str
    status: Literal["sent", "proposed", "kept"]
    """kept: it is the symbol's value already. proposed: it awaits a second person."""
    change_id: str | None


class CommandResponse(Answer):
    """A command was sent; the status shows when it is in force."""

    command_id: str
    action: CommandAction
    symbol: str
    venue: str
    status: Literal["sent", "started", "stopped"]
    message: str
    settings: tuple[StartedWith, ...] = ()
    event_time: str
    follow: str | None = None
    """For a symbol not traded yet: where its start or refusal will appear."""
