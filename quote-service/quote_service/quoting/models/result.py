"""The result of a quoting model: distances, prices, and the steps that add up to them."""

from dataclasses import dataclass
from math import isfinite

from quote_service.quoting.models.inputs import ModelInputs

_ROUNDING = 1e-9
"""Of the largest part: what cancels leaves so much of it."""


@dataclass(frozen=True, slots=True)
class ModelStep:
    """One contribution to both prices, in price; None on a side that is not quoted."""

    name: str
    bid: float | None
    ask: float | None


@dataclass(frozen=True, slots=True)
class ModelQuote:
    """Where a model would quote, in price, before rounding and before any post-only clamp.

    A distance may be negative: at a large inventory the model quotes through the fair value. A side that
    would breach `q_max` is None; `reservation` and `half_spread` then come from the other side alone.
    """

    model: str
    reservation: float
    """The reservation price: what one unit is worth to us at this inventory."""
    bid_distance: float | None
    """Mid less bid."""
    ask_distance: float | None
    """Ask less mid."""
    bid: float | None
    ask: float | None
    half_spread: float
    skew_per_unit: float
    """Price per base unit: how much one more unit held lowers the reservation price."""
    steps: tuple[ModelStep, ...]
    """The first is the mid; bids sum to the bid price, asks to the ask price."""


@dataclass(frozen=True, slots=True)
class QuoteParts:
    """A model's result in its own terms, in price: what widens (per side), and what shifts."""

    widening: dict[str, float]
    shifting: dict[str, float]
    skew_per_unit: float
    has_bid: bool = True
    has_ask: bool = True


def assemble(model: str, inputs: ModelInputs, parts: QuoteParts) -> ModelQuote:
    """Turn parts into prices. Raises ValueError where a distance overflows a float."""
    half_spread, shift = sum(parts.widening.values()), sum(parts.shifting.values())
    for name, value in (("half_spread", half_spread), ("shift", shift), ("skew", parts.skew_per_unit)):
        if not isfinite(value):
            raise ValueError(f"{name} of {model} is {value}: it must be finite; check the units of {inputs}")
    if half_spread < -_ROUNDING * max(abs(part) for part in (*parts.widening.values(), shift)):
        raise ValueError(
            f"half_spread of {model} is {half_spread}: its parts are too large to be told apart; check the "
            f"units of {inputs}"
        )
    bid_distance = half_spread - shift if parts.has_bid else None
    ask_distance = half_spread + shift if parts.has_ask else None
    return ModelQuote(
        model=model,
        reservation=inputs.mid + shift,
        bid_distance=bid_distance,
        ask_distance=ask_distance,
        bid=None if bid_distance is None else inputs.mid - bid_distance,
        ask=None if ask_distance is None else inputs.mid + ask_distance,
        half_spread=half_spread,
        skew_per_unit=parts.skew_per_unit,
        steps=_steps(inputs.mid, parts),
    )


def _steps(mid: float, parts: QuoteParts) -> tuple[ModelStep, ...]:
    contributions = [("mid", mid, mid)]
    contributions += [(name, -width, width) for name, width in parts.widening.items()]
    contributions += [(name, shift, shift) for name, shift in parts.shifting.items()]
    return tuple(
        ModelStep(name, bid if parts.has_bid else None, ask if parts.has_ask else None)
        for name, bid, ask in contributions
    )
