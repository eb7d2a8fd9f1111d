"""The risk state per symbol and for the account, with reasons, and alerts."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.message import SymbolEvent, TimeNs

TradingState = Literal["RUN", "REDUCE_ONLY", "HALT"]
Severity = Literal["info", "warning", "critical"]


class LimitUse(BaseModel):
    """The use of one limit."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str
    value: float
    limit: float
    unit: str


class RiskState(SymbolEvent):
    """The state in force for a symbol, or for the account (`*`). State, compacted.

    The account's is republished as a heartbeat: its absence closes the gate.
    """

    type_name: ClassVar[str] = "risk.state.v1"

    state: TradingState
    reasons: tuple[str, ...] = ()
    latched: bool = False
    """True where only a resume command ends the state."""
    halt_sequence: int = 0
    """Counts the halts of this symbol or account; a resume names the one it ends."""
    resume_asked_by: str | None = None
    """The first of two people asks to resume."""
    flattens: bool = False
    """Under this halt the balancer's orders that reduce a position go out; any other halt ends that."""
    flatten_asked_by: str | None = None
    """The first of two people asks to let them out."""
    limits: tuple[LimitUse, ...] = ()
    mark_time_ns: TimeNs | None = None
    """For a position whose market is no longer quoted or followed: when the mark was last received at which
    it still counts in exposure, loss and drawdown. None: recently, or there is no position."""


def flattens_under_halt(*states: RiskState | None) -> bool:
    """Do orders that reduce go out under the halts in force? One that lets nothing out is enough for no."""
    halts = [state for state in states if state is not None and state.state == "HALT"]
    return bool(halts) and all(state.flattens for state in halts)


class RiskAlert(SymbolEvent):
    """An event that needs a person's attention. Event."""

    type_name: ClassVar[str] = "risk.alert.v1"

    alert_id: str
    severity: Severity
    name: str
    message: str
    value: float | None = None
    limit: float | None = None
