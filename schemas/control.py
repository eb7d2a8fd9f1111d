"""What people ask of the engine."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.message import PriceTicks, Side, SizeLots, SymbolEvent, TimeNs
from schemas.units import NS_PER_S

CommandAction = Literal["start", "stop", "halt", "resume_request", "resume"]
Principal = Annotated[str, Field(min_length=1, max_length=128)]
OVERRIDE_S_MAX = 300
"""How long two people's word for one order can count."""
PROPOSAL_S_MAX = 900
"""How long a proposal waits for its second person."""
Identifier = Annotated[str, Field(min_length=1, max_length=128)]
Reason = Annotated[str, Field(max_length=1000)]


class Command(SymbolEvent):
    """An instruction by a person or a program. Ledger, keyed by command id; unknown fields are refused.

    start and stop switch quoting of a symbol on and off; halt latches a risk halt; resume ends one, and
    resume_request is the word of the first of two people, which alone never ends it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.command.v1"

    command_id: str = Field(min_length=1, max_length=128)
    action: CommandAction
    principal: Principal
    reason: str = Field(max_length=1000)
    halt_sequence: int | None = None
    """For resume: the halt it ends; None ends the current one."""


class Override(SymbolEvent):
    """Two people let one order pass limits of the gate (RTS 6 Art. 15(6)). Ledger, keyed by its id.

    It is bound to the order: another price or size is another order. It counts once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.override.v1"

    override_id: str = Field(min_length=1, max_length=128)
    instrument_version: int = 1
    side: Side
    price_ticks: PriceTicks
    size_lots: SizeLots
    codes: tuple[str, ...] = Field(min_length=1)
    """Of the gate: what it may pass in spite of."""
    valid_until_ns: TimeNs
    requester: Principal
    approver: Principal
    reason: str = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _two_people_for_a_time(self) -> "Override":
        if self.approver == self.requester:
            raise ValueError(f"{self.requester} cannot approve an override of their own")
        if self.valid_until_ns - self.event_time_ns > OVERRIDE_S_MAX * NS_PER_S:
            raise ValueError(f"an override counts for {OVERRIDE_S_MAX} s at the most")
        return self


class SettingChange(SymbolEvent):
    """A value of the configuration is another from now on, for all symbols. Ledger, keyed by its id.

    What may be changed and who has to agree says schemas/live_settings.py; the processes check it again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.setting.v1"

    change_id: Identifier
    setting_key: Identifier
    """Dotted, as in the configuration: risk_limits.max_loss."""
    value: Annotated[str, Field(min_length=1, max_length=64)]
    requester: Principal
    approver: Principal | None = None
    """The second person, without whom no limit is loosened."""
    reason: Reason = ""


class ProposedOrder(BaseModel):
    """The order that an override is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["override"] = "override"
    instrument_version: int
    side: Side
    price_ticks: PriceTicks
    size_lots: SizeLots
    codes: tuple[str, ...] = Field(min_length=1)
    valid_s: Annotated[int, Field(gt=0, le=OVERRIDE_S_MAX)]
    """Counted from the approval."""


class ProposedSetting(BaseModel):
    """The loosened limit that a proposal is about."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["setting"] = "setting"
    setting_key: Identifier
    value: Annotated[str, Field(min_length=1, max_length=64)]


class Proposal(SymbolEvent):
    """What one person wants and a second has to agree to. Ledger, keyed by its id; changes nothing itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.proposal.v1"

    proposal_id: Identifier
    requester: Principal
    reason: Reason
    valid_until_ns: TimeNs
    subject: Annotated[ProposedOrder | ProposedSetting, Field(discriminator="kind")]


class Decision(SymbolEvent):
    """A second person agreed to a proposal, or did not. Ledger, keyed by the proposal's id."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.decision.v1"

    proposal_id: Identifier
    principal: Principal
    approved: bool
    reason: Reason = ""


class Acknowledgement(SymbolEvent):
    """A person has seen an alert. Ledger, keyed by the alert's id."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.acknowledgement.v1"

    alert_id: Identifier
    principal: Principal
    note: Reason = ""


AccessKind = Literal["signed_in", "sign_in_failed", "signed_out", "token_made", "denied"]


class AccessEvent(SymbolEvent):
    """Somebody came to the gateway, or was turned away. Ledger, for the audit; its scope is the account."""

    type_name: ClassVar[str] = "control.access.v1"

    kind: AccessKind
    principal: str
    """As claimed: of a sign-in that failed nobody knows better."""
    address: str
    detail: str = ""


ControlEvent = Command | Override | SettingChange | Proposal | Decision | Acknowledgement | AccessEvent
"""What the gateway publishes."""
