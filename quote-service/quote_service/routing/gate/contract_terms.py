"""One contract version as the gate needs it: every limit as a whole number.

Limits in money are divided once by the contract's money per tick and lot, rounded to the strict
side, so that checking an order is an exact comparison of integers.
"""

from dataclasses import dataclass
from decimal import Decimal

from schemas.config import Config
from schemas.market import Instrument
from schemas.message import Side
from schemas.units import BPS_PER_UNIT, ceil_units, floor_units

MICRO = 1_000_000
"""Exposure is summed in millionths of the reporting currency: whole numbers add up exactly."""


UNLIMITED = 2**62
"""Used where a venue states no maximum."""


@dataclass(frozen=True, slots=True)
class PriceBand:
    """Prices of one side as multiples of a reference price, which is the mid here."""

    least: tuple[int, int] | None
    most: tuple[int, int] | None

    def holds(self, price_ticks: int, mid_half_ticks: int) -> bool:
        """Is a price inside, its ends included?"""
        doubled = 2 * price_ticks
        if self.least is not None and doubled * self.least[1] < self.least[0] * mid_half_ticks:
            return False
        return self.most is None or doubled * self.most[1] <= self.most[0] * mid_half_ticks


@dataclass(frozen=True, slots=True)
class FilterTerms:
    """A venue's filters in ticks and lots."""

    price_min: int
    price_max: int
    size_min: int
    size_max: int
    value_max: int
    """Largest price in ticks times size in lots."""
    bids: PriceBand
    asks: PriceBand
    open_orders_max: int
    amends_max: int
    position_max_lots: int

    def allows_price(self, side: Side, price_ticks: int, mid_half_ticks: int) -> bool:
        """Is the price inside the venue's band for that side?"""
        return (self.bids if side == "buy" else self.asks).holds(price_ticks, mid_half_ticks)


@dataclass(frozen=True, slots=True)
class ContractTerms:
    """Limits and money of one instrument version. Build it with `contract_terms`."""

    version: int
    order_size_max_lots: int
    order_value_max: int
    """Largest price in ticks times size in lots."""
    order_value_min: int
    """Smallest price in ticks times size in lots."""
    position_max_lots: int
    position_value_max: int
    """Largest position in lots times mid in half ticks."""
    micro_numerator: int
    micro_denominator: int
    """Millionths of the reporting currency of one half tick times one lot, as a fraction."""
    money_per_tick_lot: Decimal
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal
    fee_currency: str
    """The quote currency."""
    base_currency: str
    lot_size: Decimal
    base_per_lot: Decimal
    is_spot: bool
    filters: FilterTerms

    def position_limit_lots(self, mid_half_ticks: int) -> int:
        """Largest position, long or short, at a mid: units and money, the tighter of the two binds."""
        return min(self.position_max_lots, self.position_value_max // mid_half_ticks)

    def exposure_micro(self, lots: int, mid_half_ticks: int) -> int:
        """Value of `lots` at a mid in millionths of the reporting currency, rounded up."""
        return -(-lots * mid_half_ticks * self.micro_numerator // self.micro_denominator)

    def fee(self, price_ticks: int, size_lots: int, *, maker: bool) -> Decimal:
        """Fee of an execution in the quote currency; positive is a cost, negative a rebate."""
        fee_bps = self.maker_fee_bps if maker else self.taker_fee_bps
        return self.money_per_tick_lot * (price_ticks * size_lots) * fee_bps / BPS_PER_UNIT


def contract_terms(instrument: Instrument, config: Config) -> ContractTerms | None:
    """The terms of a contract under a configuration, by its symbol's own limits where it has any; None where
    it cannot be traded.
    """
    positives = (instrument.tick_size, instrument.lot_size, instrument.multiplier, instrument.reporting_rate)
    if not all(value.is_finite() and value > 0 for value in positives):
        return None
    risk, routing = config.of_symbol(instrument.symbol).risk_limits, config.routing
    base_per_lot = instrument.lot_size * instrument.multiplier
    money = instrument.money_per_tick_lot
    reporting = money * instrument.reporting_rate
    numerator, denominator = (reporting * MICRO / 2).as_integer_ratio()
    return ContractTerms(
        version=instrument.version,
        order_size_max_lots=floor_units(routing.order_size_max or risk.max_position, base_per_lot),
        order_value_max=floor_units(routing.order_value_max, reporting),
        order_value_min=ceil_units(instrument.min_notional, money),
        position_max_lots=floor_units(risk.max_position, base_per_lot),
        position_value_max=floor_units(2 * risk.max_position_notional, reporting),
        micro_numerator=numerator,
        micro_denominator=denominator,
        money_per_tick_lot=money,
        maker_fee_bps=instrument.maker_fee_bps,
        taker_fee_bps=instrument.taker_fee_bps,
        fee_currency=instrument.quote_currency,
        base_currency=instrument.base_currency,
        lot_size=instrument.lot_size,
        base_per_lot=base_per_lot,
        is_spot=instrument.contract_kind == "spot",
        filters=_filter_terms(instrument),
    )


def _filter_terms(instrument: Instrument) -> FilterTerms:
    filters = instrument.filters
    tick, lot, base_per_lot = (
        instrument.tick_size,
        instrument.lot_size,
        instrument.lot_size * instrument.multiplier,
    )
    return FilterTerms(
        price_min=_least(filters.price_min, tick),
        price_max=_most(filters.price_max, tick),
        size_min=_least(filters.size_min, lot),
        size_max=_most(filters.size_max, lot),
        value_max=_most(filters.notional_max, instrument.money_per_tick_lot),
        bids=PriceBand(_ratio(filters.bid_multiplier_min), _ratio(filters.bid_multiplier_max)),
        asks=PriceBand(_ratio(filters.ask_multiplier_min), _ratio(filters.ask_multiplier_max)),
        open_orders_max=UNLIMITED if filters.open_orders_max is None else filters.open_orders_max,
        amends_max=UNLIMITED if filters.amends_max is None else filters.amends_max,
        position_max_lots=_most(filters.position_max, base_per_lot),
    )


def _least(value: Decimal | None, unit: Decimal) -> int:
    return 0 if value is None else ceil_units(value, unit)


def _most(value: Decimal | None, unit: Decimal) -> int:
    return UNLIMITED if value is None else min(UNLIMITED, floor_units(value, unit))


def _ratio(value: Decimal | None) -> tuple[int, int] | None:
    return None if value is None else value.as_integer_ratio()
