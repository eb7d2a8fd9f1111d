"""Commands and requests by people."""

import json
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.message import ALL_SYMBOLS, PriceTicks, Side, SizeLots, SymbolEvent, TimeNs
from schemas.numbers import PositiveDecimal, SignedDecimal
from schemas.setting_keys import VALUE_LENGTH_MAX, symbol_of
from schemas.units import NS_PER_S

CommandAction = Literal[
    "start",
    "stop",
    "halt",
    "resume_request",
    "resume",
    "remove",
    "flatten",
    "halt_flatten",
    "approve_flatten",
]
SWITCHES: tuple[CommandAction, ...] = ("start", "stop", "remove", "flatten")
"""Those that decide whether a symbol is quoted, start alone says yes: the newest of a symbol counts."""
Principal = Annotated[str, Field(min_length=1, max_length=128)]
OVERRIDE_S_MAX = 300
"""How long an override approved by two people may be valid."""
PROPOSAL_S_MAX = 900
"""How long a proposal waits for its second person."""
Identifier = Annotated[str, Field(min_length=1, max_length=128)]
Reason = Annotated[str, Field(max_length=1000)]
SettingText = Annotated[str, Field(min_length=1, max_length=VALUE_LENGTH_MAX)]
OPEN_PROPOSALS_MAX = 10
"""How many proposals of one person may await a second at a time."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RequestId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}-[0-9a-f]{32}$")]


class PeopleEvent(SymbolEvent):
    """Published by a gateway on behalf of a person, signed (docs/adr/0010)."""

    request: RequestId | None = None
    """For a request with an idempotency key: digests of (principal, key) and of the request."""
    scope: tuple[str, ...] = ("*",)
    """The sender's permission, as known to the gateway: `*`, or what this message is about. The rest of
    their scope is not disclosed."""
    signature: Annotated[str, Field(max_length=2048)] | None = None
    """A JWS of the gateway, see `signed_digest`; none in logs of before there were signatures."""

    def is_in_scope(self) -> bool:
        """Does the sender's scope include what it is about?"""
        return "*" in self.scope or self.key in self.scope

    def signed_digest(self) -> str:
        """The signed content: type and fields. Fields at their defaults are left out, so that a field added
        to the type later changes no digest.
        """
        content = self.model_dump_json(exclude_defaults=True, exclude={"signature"})
        return sha256(f"{self.type_name}\n{content}".encode()).hexdigest()


def shown_digest(proposal_id: str, key: str, requester: str, reason: str, subject: dict[str, Any]) -> str:
    """Digest of the approved content: who requests what, for what, why, and replacing what."""
    shown = json.dumps([proposal_id, key, requester, reason, subject], sort_keys=True, default=str)
    return sha256(shown.encode()).hexdigest()


class Command(PeopleEvent):
    """An instruction by a person or a program. Event, keyed by command id; unknown fields are refused.

    start and stop switch quoting of a symbol on and off; flatten stops it, and takes liquidity within
    `balance` until nothing is held; halt latches a risk halt; resume ends one, and resume_request is the
    first of two people's requests, which alone never ends it. halt_flatten latches a halt under which only
    orders of the balancer that reduce go out, until nothing is held; where two people are needed it only
    halts, and approve_flatten is the second person's word for those orders. remove stops a symbol and, once
    the venue has shown that no order of ours is left, ends its market data too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.command.v1"

    command_id: str = Field(min_length=1, max_length=128)
    action: CommandAction
    principal: Principal
    reason: str = Field(max_length=1000)
    halt_sequence: int | None = None
    """For resume and approve_flatten: the halt it is about; None: the current one."""
    agrees_with: str | None = None
    """For resume and approve_flatten: whose request it agrees to; empty: nobody's. None, in older logs:
    anyone's."""
    force: bool = False
    """For remove: although a position is held, which stays in the ledger."""


class Override(PeopleEvent):
    """Two people let one order pass limits of the gate (RTS 6 Art. 15(6)). Event, keyed by its id.

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
    """Codes of the gate that it overrides."""
    valid_until_ns: TimeNs
    requester: Principal
    approver: Principal
    reason: str = Field(min_length=1, max_length=1000)
    valid_s: int | None = None
    """As proposed: counted from the approval."""
    approved_digest: Digest | None = None
    """Digest of the content the approver was shown, see `shown_digest`."""

    def held_digest(self) -> str:
        """Digest of this override, to compare with what the approver was shown."""
        subject = self.model_dump(mode="json", include=set(ProposedOrder.model_fields) - {"kind"})
        asked = {"kind": "override", **subject}
        return shown_digest(self.override_id, self.key, self.requester, self.reason, asked)

    @model_validator(mode="after")
    def _two_people_for_a_time(self) -> "Override":
        if self.approver == self.requester:
            raise ValueError(f"{self.requester} cannot approve an override of their own")
        if self.valid_until_ns - self.event_time_ns > OVERRIDE_S_MAX * NS_PER_S:
            raise ValueError(f"an override counts for {OVERRIDE_S_MAX} s at the most")
        return self


class SettingChange(PeopleEvent):
    """A configuration value changes from now on, for all symbols or for one. Event, keyed by its id.

    It is about the account in either case, so that every process reads all changes in one order.
    schemas/live_settings.py defines what may be changed and who has to agree; the processes check it again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.setting.v1"

    change_id: Identifier
    setting_key: Identifier
    """Dotted, as in the configuration: risk_limits.max_loss, per_symbol.BTC/USDT.risk_limits.max_loss."""
    value: SettingText
    """`account` takes a symbol's own value away."""
    was: SettingText | None = None
    """In force when it was requested, in the same form; None in older logs."""
    requester: Principal
    approver: Principal | None = None
    """The second person, required to loosen a limit."""
    reason: Reason = ""
    approved_digest: Digest | None = None
    """Digest of the content the approver was shown, see `shown_digest`."""

    def is_in_scope(self) -> bool:
        """See PeopleEvent: of one symbol's setting, the symbol at any venue."""
        symbol = symbol_of(self.setting_key)
        return super().is_in_scope() or symbol in {each.partition(":")[2] for each in self.scope}

    def held_digest(self, now: str) -> str:
        """Digest of this change with `now` in force, to compare with what the approver was shown."""
        asked = {"kind": "setting", "setting_key": self.setting_key, "value": self.value, "was": now}
        return shown_digest(self.change_id, self.key, self.requester, self.reason, asked)


AdjustmentKind = Literal["adopt", "adjust"]
"""adopt: account and ledger differ, and the account is right. adjust: the ledger takes the size
stated."""


class Adjustment(PeopleEvent):
    """An operator states what a symbol's ledger holds from now on. Event, keyed by its id.

    Not a trade: it earns and trades nothing, and is no drawdown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.adjustment.v1"

    adjustment_id: Identifier
    kind: AdjustmentKind
    size_change: SignedDecimal
    """Signed; in base units of a spot contract, in contracts of a derivative."""
    price: PositiveDecimal | None = None
    """Price at which the ledger books it, in the quote currency; None: the mark."""
    principal: Principal
    approver: Principal | None = None
    """The second person, where two have to agree."""
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    approved_digest: Digest | None = None
    """Digest of the content the approver was shown, see `shown_digest`."""

    def held_digest(self) -> str:
        """Digest of this adjustment, to compare with what the approver was shown."""
        asked = ProposedAdjustment(how=self.kind, size_change=self.size_change, price=self.price)
        subject = asked.model_dump(mode="json")
        return shown_digest(self.adjustment_id, self.key, self.principal, self.reason, subject)

    @model_validator(mode="after")
    def _two_people(self) -> "Adjustment":
        if self.approver == self.principal:
            raise ValueError(f"{self.principal} cannot approve an adjustment of their own")
        return self


ProposalKind = Literal["override", "setting", "adjustment"]


class ProposedOrder(BaseModel):
    """The order for which an override is requested."""

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
    """The loosened limit of a proposal."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["setting"] = "setting"
    setting_key: Identifier
    value: SettingText
    was: SettingText | None = None
    """In force when requested."""


class ProposedAdjustment(BaseModel):
    """The ledger change of a proposal."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["adjustment"] = "adjustment"
    how: AdjustmentKind
    size_change: SignedDecimal
    price: PositiveDecimal | None = None


class Proposal(PeopleEvent):
    """One person's request that a second has to agree to. Event, keyed by its id; has no effect itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.proposal.v1"

    proposal_id: Identifier
    requester: Principal
    reason: Reason
    valid_until_ns: TimeNs
    subject: Annotated[ProposedOrder | ProposedSetting | ProposedAdjustment, Field(discriminator="kind")]

    def shown_digest(self) -> str:
        """Digest of the content a second person is shown. A setting's change is about the account."""
        asked = self.subject.model_dump(mode="json")
        key = f"{ALL_SYMBOLS}:{ALL_SYMBOLS}" if isinstance(self.subject, ProposedSetting) else self.key
        return shown_digest(self.proposal_id, key, self.requester, self.reason, asked)


class Decision(PeopleEvent):
    """A second person's answer to a proposal. Event, keyed by the proposal's id."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.decision.v1"

    proposal_id: Identifier
    principal: Principal
    approved: bool
    reason: Reason = ""
    approved_digest: Digest | None = None
    """Of the content the person was shown."""


class Acknowledgement(PeopleEvent):
    """A person has acknowledged an alert. Event, keyed by the alert's id."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.acknowledgement.v1"

    alert_id: Identifier
    principal: Principal
    note: Reason = ""


AccessKind = Literal["signed_in", "sign_in_failed", "signed_out", "token_made", "denied"]


class AccessEvent(PeopleEvent):
    """A sign-in at the gateway, or its refusal. Event, for the audit; its scope is the account."""

    type_name: ClassVar[str] = "control.access.v1"

    kind: AccessKind
    principal: str
    """As claimed: for a failed sign-in the name is unverified."""
    address: str
    detail: str = ""


ControlEvent = (
    Command | Override | SettingChange | Adjustment | Proposal | Decision | Acknowledgement | AccessEvent
)
"""The messages that the gateway publishes."""
