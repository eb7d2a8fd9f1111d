"""What people ask of the engine."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from schemas.message import SymbolEvent

CommandAction = Literal["start", "stop", "halt", "resume"]


class Command(SymbolEvent):
    """An instruction by a person or a program. Ledger, keyed by command id; unknown fields are refused.

    start and stop switch quoting of a symbol on and off; halt latches a risk halt; resume ends one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    type_name: ClassVar[str] = "control.command.v1"

    command_id: str = Field(min_length=1, max_length=128)
    action: CommandAction
    principal: str = Field(min_length=1, max_length=128)
    reason: str = Field(max_length=1000)
    halt_sequence: int | None = None
    """For resume: the halt it ends; None ends the current one."""
