"""May we trade: the state per symbol and for the account, with the reasons, and the alerts."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.message import SymbolEvent

TradingState = Literal["RUN", "REDUCE_ONLY", "HALT"]
Severity = Literal["info", "warning", "critical"]


class LimitUse(BaseModel):
    """How near one limit is."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str
    value: float
    limit: float
    unit: str


class RiskState(SymbolEvent):
    """The state in force for a symbol, or for the account (`*`). Level, compacted.

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
    """The first of two people, who wants to trade on."""
    limits: tuple[LimitUse, ...] = ()


class RiskAlert(SymbolEvent):
    """Something a person should see. Ledger."""

    type_name: ClassVar[str] = "risk.alert.v1"

    alert_id: str
    severity: Severity
    name: str
    message: str
    value: float | None = None
    limit: float | None = None
