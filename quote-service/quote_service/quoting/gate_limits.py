"""The order router's limits as quoting keeps to them: what its gate would refuse is not stated."""

from collections.abc import Iterator
from decimal import Decimal
from math import inf
from typing import NamedTuple

from schemas.config import Config
from schemas.gating import GateRoom
from schemas.market import Instrument
from schemas.units import BPS_PER_UNIT, bps, floor_units


class GateLimits(NamedTuple):
    """In ticks and lots of one instrument; see `routing` and `risk_limits` in the configuration."""

    order_lots_max: float = inf
    order_key: str = "routing.order_size_max"
    """The setting that `order_lots_max` comes from."""
    order_tick_lots_max: float = inf
    position_lots_max: float = inf
    position_half_tick_lots_max: float = inf
    collar: tuple[int, int] | None = None
    """The largest distance from the mid as a share of it: numerator, denominator. None: no limit."""

    @classmethod
    def of(cls, instrument: Instrument, config: Config) -> "GateLimits":
        """The configured limits in the instrument's units, rounded to the strict side as the gate does."""
        routing, risk = config.routing, config.risk_limits
        lot = instrument.lot_size * instrument.multiplier
        reporting = instrument.money_per_tick_lot * instrument.reporting_rate
        return cls(
            floor_units(routing.order_size_max or risk.max_position, lot),
            "risk_limits.max_position" if routing.order_size_max is None else "routing.order_size_max",
            floor_units(routing.order_value_max, reporting),
            floor_units(risk.max_position, lot),
            floor_units(2 * risk.max_position_notional, reporting),
            Decimal(str(routing.price_collar)).as_integer_ratio(),
        )

    def is_beyond_collar(self, price_ticks: float, mid_half_ticks: int) -> bool:
        """Is a price further from the mid than the collar allows?"""
        if self.collar is None:
            return False
        numerator, denominator = self.collar
        return abs(2 * price_ticks - mid_half_ticks) * denominator > numerator * mid_half_ticks

    def collar_text(self, price_ticks: int, mid_half_ticks: int) -> str:
        """A price's distance and the limit of it, for people."""
        numerator, denominator = self.collar or (0, 1)
        distance_bps = bps(abs(2 * price_ticks - mid_half_ticks), mid_half_ticks)
        limit_bps = numerator / denominator * BPS_PER_UNIT
        return f"{distance_bps:.1f} bps from the mid, and routing.price_collar allows {limit_bps:g}"

    def position_maxima(self, mid_half_ticks: int, room: GateRoom | None) -> Iterator[tuple[float, str]]:
        """Each maximum of the position in lots, with the setting that it comes from."""
        yield self.position_lots_max, "risk_limits.max_position"
        yield self.position_half_tick_lots_max // mid_half_ticks, "risk_limits.max_position_notional"
        if room is not None and room.position_lots_max is not None:
            yield room.position_lots_max, "risk_limits.max_exposure"
