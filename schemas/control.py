"""What people ask of the engine."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from schemas.message import PriceTicks, Side, SizeLots, SymbolEvent, TimeNs
from schemas.units import NS_PER_S

CommandAction = Literal["start", "stop", "halt", "resume"]
Principal = Annotated[str, Field(min_length=1, max_length=128)]
OVERRIDE_S_MAX = 300
"""How long two people's word for one order can count."""


class Command(SymbolEvent):
    """An instruction by a person or a program. Ledger, keyed by command id; unknown fields are refused.

    start and stop switch quoting of a symbol on and off; halt latches a risk halt; resume ends one.
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
