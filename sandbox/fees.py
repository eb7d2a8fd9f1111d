"""Commissions: taken from what is received, or in a third currency at a discount, by account."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from schemas.market import Instrument
from schemas.message import Side
from schemas.units import BPS_PER_UNIT

PLACES = Decimal("1e-8")
"""Commissions have eight decimals."""


@dataclass(frozen=True, slots=True)
class Commission:
    """An account's choice to pay commissions in a third currency."""

    currency: str = "BNB"
    price: Decimal = Decimal(600)
    """Of one unit, in the quote currency; where the exchange lists that market, its mid is used instead."""
    discount: Decimal = Decimal("0.25")
    """The discount for paying that way."""


class Charge(NamedTuple):
    """One commission."""

    amount: Decimal
    currency: str


def charge(
    instrument: Instrument,
    side: Side,
    price_ticks: int,
    lots: int,
    *,
    is_maker: bool,
    third: Commission | None,
    held: Callable[[str], Decimal],
    mid_of: Callable[[str, str], Decimal | None],
) -> Charge:
    """The commission of one execution. `held`: a currency's free amount; `mid_of`: its price in another.

    Where the third currency does not suffice, all is taken from what is received, without a discount.
    """
    size, money = instrument.lot_size * lots, instrument.money_per_tick_lot * price_ticks * lots
    got, currency = (size, instrument.base_currency) if side == "buy" else (money, instrument.quote_currency)
    rate = (instrument.maker_fee_bps if is_maker else instrument.taker_fee_bps) / BPS_PER_UNIT
    if third is not None and rate > 0:
        price = mid_of(third.currency, instrument.quote_currency) or third.price
        amount = (money * rate / price * (1 - third.discount)).quantize(PLACES, ROUND_DOWN)
        if held(third.currency) >= amount:
            return Charge(amount, third.currency)
    return Charge((got * rate).quantize(PLACES, ROUND_DOWN), currency)
