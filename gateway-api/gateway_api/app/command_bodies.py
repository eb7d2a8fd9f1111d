"""Bodies of commands."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from gateway_api.app.bodies import WholeNumber
from schemas.names import Reason, Words
from schemas.numbers import DIGITS_MAX

Amount = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=DIGITS_MAX)]
Symbol = Annotated[str, Field(min_length=1, max_length=128, description="a symbol, or * for all")]


class SwitchRequest(BaseModel):
    """Start or stop the quoting of a symbol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Words = ""


class RemoveRequest(BaseModel):
    """Remove a symbol: cancel its orders, and end its market data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Annotated[str, Field(min_length=1, max_length=128)]
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Reason
    force: StrictBool = False
    """Although a position is held: it stays in the ledger, and counts at its last mark."""


class StartRequest(SwitchRequest):
    """Start the quoting of a symbol, with values of its own from now on; left out, those in force stay."""

    max_position: Amount | None = None
    """Base units, long or short; see `risk_limits.max_position`."""
    max_loss: Amount | None = None
    """Reporting currency, below 0; see `risk_limits.max_loss`."""
    base_spread: Amount | None = None
    """Fraction of the price; see `market_making.base_spread`."""

    def values(self) -> dict[str, str]:
        """By account-wide key, in text form."""
        found = {
            f"{section}.{name}": getattr(self, name)
            for section, name in (
                ("risk_limits", "max_position"),
                ("risk_limits", "max_loss"),
                ("market_making", "base_spread"),
            )
        }
        return {key: f"{value:f}" for key, value in found.items() if value is not None}


class HaltRequest(BaseModel):
    """Stop trading, until a resume."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Reason


class ResumeRequest(HaltRequest):
    """End a halt."""

    halt_sequence: Annotated[WholeNumber | None, Field(ge=0)] = None
    """The halt to end, so that a newer one stays; default: the current one."""


class FlattenRequest(BaseModel):
    """Stop quoting, and trade away what is held."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol | None = None
    """None: all symbols."""
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Reason
    halt: StrictBool = False
    """Halt it too: a resume ends both. Where a halt is in force, nothing goes out without this."""


class FlattenApproval(BaseModel):
    """The second person's word for a flatten under a halt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol | None = None
    """None: all symbols."""
    venue: Annotated[str | None, Field(max_length=64)] = None
    reason: Reason
    halt_sequence: Annotated[WholeNumber | None, Field(ge=0)] = None
    """The halt that it was asked for; default: the current one."""
