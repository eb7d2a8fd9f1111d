"""Bands that stop one or both sides from being quoted: fixed prices, and a moving range of fair value."""

from dataclasses import dataclass

from quote_service.quoting.reasons import MOVING_BAND, PRICE_BAND
from schemas.market import Instrument
from schemas.message import Side
from schemas.shape_settings import Shape
from schemas.units import NS_PER_S


@dataclass(slots=True)
class MovingBand:
    """The fair value from which the band is measured, renewed every `band_refresh_s`."""

    reference_ticks: float | None = None
    since_ns: int = 0

    def update(self, fair_ticks: float, now_ns: int, shape: Shape) -> float:
        """The reference in ticks, renewed where it is due; the first fair value starts the band."""
        if self.reference_ticks is None or now_ns - self.since_ns >= shape.band_refresh_s * NS_PER_S:
            self.reference_ticks, self.since_ns = fair_ticks, now_ns
        return self.reference_ticks


def price_bar(side: Side, fair_ticks: float, instrument: Instrument, shape: Shape) -> str | None:
    """The reason a fixed price bound bars the side, or None."""
    bound = shape.price_ceiling if side == "buy" else shape.price_floor
    if bound is None:
        return None
    bound_ticks = float(bound / instrument.tick_size)
    beyond = fair_ticks > bound_ticks if side == "buy" else fair_ticks < bound_ticks
    return PRICE_BAND if beyond else None


def moving_bar(side: Side, fair_ticks: float, reference_ticks: float, shape: Shape) -> str | None:
    """The reason the moving band bars the side, or None."""
    if side == "buy":
        too_far = shape.band_above is not None and fair_ticks > reference_ticks * (1 + shape.band_above)
    else:
        too_far = shape.band_below is not None and fair_ticks < reference_ticks * (1 - shape.band_below)
    return MOVING_BAND if too_far else None
