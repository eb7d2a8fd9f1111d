"""The value of a fee in a third currency, and the record of fees that have no rate yet.

The rate is, in this order: 1 for the quote currency itself; that of `reporting.rates`; the newest mid of a
market of that currency at the same venue, preferring markets in our own quote currency, spot over contracts,
and followed over unfollowed ones. There is no other: a fee without a rate stays open in its own currency, and
is booked at the first rate that arrives. `maker pnl` applies the same rule to the log, so both agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal

from schemas.config import Reporting
from schemas.market import Instrument, Rate
from schemas.orders import Fill
from schemas.units import BPS_PER_UNIT

RESERVE_BPS_MIN = Decimal(20)
"""Twice a large exchange's taker fee without discounts: no fee that is charged exceeds the reserve for one
without a rate."""
_MONEY = Context(prec=28)
"""A context of its own, so that a fee converts to the same digits everywhere."""
_CONVERTED_STEP = Decimal("1e-18")
"""Conversions are rounded to this. Sums of unending quotients would otherwise round differently in the
ledger and in `maker pnl`, which keep different numbers of digits."""
_WIDE = Context(prec=60)
_NOTHING = Decimal(0)
_Rank = tuple[bool, int]


@dataclass(slots=True)
class _Market:
    """One market, as a price of its base currency."""

    instrument: Instrument | None = None
    mid_half_ticks: int = 0
    """0: none yet."""

    def price(self) -> Decimal | None:
        """Of one base unit, in its quote currency."""
        if self.instrument is None or self.mid_half_ticks <= 0:
            return None
        return self.mid_half_ticks * self.instrument.tick_size / 2


@dataclass(slots=True)
class FeeRates:
    """Rates as of the newest event."""

    reporting: Reporting
    markets: dict[str, _Market] = field(default_factory=dict)
    """By `venue:symbol`."""
    unfollowed: dict[str, Rate] = field(default_factory=dict)
    """Of markets that are not followed, by `venue:symbol`."""

    def observe_instrument(self, instrument: Instrument) -> None:
        """The contract in force: mids count in its ticks; a mid in another's is dropped."""
        market = self._market(instrument.key)
        known, market.instrument = market.instrument, instrument
        if known is not None and not instrument.has_units_of(known):
            market.mid_half_ticks = 0

    def observe_mid(self, key: str, mid_half_ticks: int) -> None:
        """The newest sound mid."""
        self._market(key).mid_half_ticks = mid_half_ticks

    def mid_half_ticks(self, key: str) -> int:
        """The newest mid of a market; 0: none yet."""
        market = self.markets.get(key)
        return 0 if market is None else market.mid_half_ticks

    def observe_rate(self, rate: Rate) -> None:
        """The newest price of a market that is not followed."""
        self.unfollowed[rate.key] = rate

    def _market(self, key: str) -> _Market:
        market = self.markets.get(key)
        if market is None:
            market = self.markets[key] = _Market()
        return market

    def value(self, amount: Decimal, currency: str, instrument: Instrument) -> Decimal | None:
        """An amount of `currency` in the quote currency of `instrument`; None without a rate."""
        if currency == instrument.quote_currency:
            return amount
        if instrument.reporting_rate <= 0:
            return None
        reported = self.reporting.rate_of(currency)
        if reported is None:
            value = self._value_at_market(amount, currency, instrument)
        else:
            value = _MONEY.divide(_MONEY.multiply(amount, reported), instrument.reporting_rate)
        return None if value is None else value.quantize(_CONVERTED_STEP, context=_WIDE)

    def _value_at_market(self, amount: Decimal, currency: str, instrument: Instrument) -> Decimal | None:
        """A market in another quote currency is converted at that currency's rate."""
        found = min(self._prices(currency, instrument), key=lambda each: each[0], default=None)
        if found is None:
            return None
        _, price, rate = found
        worth = _MONEY.multiply(amount, price)
        if rate == instrument.reporting_rate:
            return worth
        return _MONEY.divide(_MONEY.multiply(worth, rate), instrument.reporting_rate)

    def _prices(self, currency: str, instrument: Instrument) -> Iterator[tuple[_Rank, Decimal, Decimal]]:
        """Rank (lowest preferred), price of one unit, and the reporting rate of that price's currency."""
        ours, rate = instrument.quote_currency, instrument.reporting_rate
        for market in self.markets.values():
            other, price = market.instrument, market.price()
            if other is None or price is None:
                continue
            if (other.base_currency, other.venue) == (currency, instrument.venue):
                is_same = other.quote_currency == ours
                rank = (not is_same, 0 if other.contract_kind == "spot" else 1)
                yield rank, price, rate if is_same else other.reporting_rate
        for each in self.unfollowed.values():
            if (each.base_currency, each.venue) == (currency, instrument.venue):
                is_same = each.quote_currency == ours
                cross = rate if is_same else self.reporting.rate_of(each.quote_currency)
                if cross is not None:
                    yield (not is_same, 2), each.rate, cross


@dataclass(slots=True)
class OpenFees:
    """Fees of one symbol in one currency that has no rate yet."""

    amount: Decimal = _NOTHING
    """In that currency; positive is a cost."""
    reserve: Decimal = _NOTHING
    """The value limits assume for them, in the quote currency."""

    def add(self, fill: Fill, instrument: Instrument) -> None:
        """Add a fill's fee. A rebate counts as nothing until it has a rate."""
        self.amount += fill.fee
        if fill.fee > 0:
            notional = abs(fill.price_ticks) * fill.size_lots * instrument.money_per_tick_lot
            self.reserve += notional * max(instrument.taker_fee_bps, RESERVE_BPS_MIN) / BPS_PER_UNIT
