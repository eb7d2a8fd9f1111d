"""What should stand in the market, and every step that led there."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.message import PriceTicks, SizeLots, SymbolEvent, TimeNs


class QuoteStep(BaseModel):
    """One step from fair value to the final tick."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str
    input: float
    """The value that drove the step, in the unit that the step's documentation names."""
    effect_bps: float
    """What the step moved the price by, in basis points of the first step's price."""
    config_key: str | None
    price_after: float
    """Price after the step, in ticks."""


class QuoteSide(BaseModel):
    """One side's ladder, best level first; empty where `not_quoting_because` says why."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    prices: tuple[PriceTicks, ...]
    sizes: tuple[SizeLots, ...]
    steps: tuple[QuoteStep, ...]
    """How the best level's price came about; the effects sum to it within a tick."""
    not_quoting_because: str | None = None


class QuoteTarget(SymbolEvent):
    """What quote-service wants in the market. Level: the newest per symbol is the truth."""

    type_name: ClassVar[str] = "quote.target.v1"

    instrument_version: int = 1
    sequence: int
    """Counts the targets of this symbol, from 1."""
    valid_until_ns: TimeNs
    """After this time the target may not be acted on: its author may be gone."""
    mid_half_ticks: int | None
    model: str
    """In force for these prices."""
    model_because: str | None = None
    """Why it is another one than was configured."""
    bid: QuoteSide
    ask: QuoteSide
