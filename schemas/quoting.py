"""Quote targets, with every step of their prices."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.message import PriceTicks, SizeLots, SymbolEvent, TimeNs


class QuoteStep(BaseModel):
    """One step from fair value to the final tick."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    name: str
    input: float
    """The value that drove the step, in the unit given in its documentation."""
    effect_bps: float
    """The step's effect on the price, in basis points of the first step's price."""
    config_key: str | None
    price_after: float
    """Price after the step, in ticks."""


class QuoteSide(BaseModel):
    """One side's ladder, best level first; empty where `not_quoting_because` says why."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    prices: tuple[PriceTicks, ...]
    sizes: tuple[SizeLots, ...]
    steps: tuple[QuoteStep, ...]
    """The steps of the best level's price; the effects sum to it within a tick."""
    not_quoting_because: str | None = None


class QuoteTarget(SymbolEvent):
    """The quotes that quote-service wants in the market. State: the newest per symbol is authoritative."""

    type_name: ClassVar[str] = "quote.target.v1"

    instrument_version: int = 1
    sequence: int
    """Numbers the targets of this symbol, from 1."""
    valid_until_ns: TimeNs
    """After this time the target must not be acted on: the quoter may be gone."""
    mid_half_ticks: int | None
    model: str
    """The model in force for these prices."""
    model_because: str | None = None
    """Why it is not the configured one."""
    bid: QuoteSide
    ask: QuoteSide
