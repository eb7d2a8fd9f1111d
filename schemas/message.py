"""Common to every message: immutability, a key, a time and a wire type.

Evolution rule: an event may gain optional fields, so a reader ignores fields it does not know
(`Event`); a command or a configuration is an instruction, so an unknown field is refused
(`Instruction`). A field never changes its unit or meaning: that is a new type with the next version.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Side = Literal["buy", "sell"]
ALL_SYMBOLS = "*"

TimeNs = Annotated[int, Field(ge=0, description="nanoseconds since 1970-01-01 UTC")]
PriceTicks = Annotated[int, Field(description="price in ticks of the instrument version")]
SizeLots = Annotated[int, Field(ge=0, description="size in lots of the instrument version")]


class Event(BaseModel):
    """A fact on a topic. Unknown fields are ignored, see the evolution rule above."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
    type_name: ClassVar[str] = ""

    event_time_ns: TimeNs
    """When the fact held by the engine's clock (receive time), nanoseconds UTC."""

    @property
    def key(self) -> str:
        """The partition key; overridden where a message belongs to a symbol."""
        return ALL_SYMBOLS


class SymbolEvent(Event):
    """A fact about one symbol at one venue; `*` as symbol means the whole account."""

    venue: str
    symbol: str

    @property
    def key(self) -> str:
        """`venue:symbol`, the same on every topic so that a symbol has one partition number."""
        return f"{self.venue}:{self.symbol}"


class Instruction(BaseModel):
    """A request by a person or a file. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
