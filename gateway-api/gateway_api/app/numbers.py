"""Ticks, lots, money and nanoseconds formatted for display. Prices and sizes stay exact decimals."""

from decimal import Decimal

from schemas.market import Instrument
from schemas.units import NS_PER_MS, from_units

_AMOUNT_STEP = Decimal("0.00000001")


def plain(value: Decimal) -> str:
    """A decimal without an exponent."""
    return format(value, "f")


def price_text(price_ticks: int, instrument: Instrument) -> str:
    """A price in the quote currency, exact, with as many decimals as the tick."""
    return plain(from_units(price_ticks, instrument.tick_size))


def size_text(size_lots: int, instrument: Instrument) -> str:
    """A size in the venue's unit of size (base units for spot), exact."""
    return plain(from_units(size_lots, instrument.lot_size))


def mid_text(mid_half_ticks: int, instrument: Instrument) -> str:
    """A mid in the quote currency, exact."""
    return plain(from_units(mid_half_ticks, instrument.tick_size) / 2)


def amount_text(value: Decimal) -> str:
    """An amount of any currency, to eight decimals: with four, a fee in BTC or BNB would round to zero."""
    text = plain(value.quantize(_AMOUNT_STEP))
    text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text


def milliseconds(time_ns: int) -> float:
    """A time or a duration in milliseconds, to the microsecond."""
    return round(time_ns / NS_PER_MS, 3)
