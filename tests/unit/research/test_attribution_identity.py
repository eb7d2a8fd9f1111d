"""capture + inventory - fees + funding = equity change, at every event, to the last digit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.attribution.lines import CarriedLine, InstrumentLine, Line
from tests.unit.research.streams import (
    CONTRACTS,
    SYMBOL,
    Account,
    booked,
    fill,
    funding,
    instrument,
    mid,
    pn1,
    streams,
    symbol_of,
)

each_contract = pytest.mark.parametrize("contract", CONTRACTS)
INVERSE_ERROR = Fraction(1, 10**24)
"""V of an inverse contract has 34 digits, and every amount here is below 1e9."""


@pytest.mark.case("PN1")
def test_the_lines_of_attribution_add_up_to_the_last_digit() -> None:
    report = booked(pn1()).finish().symbols[SYMBOL]
    lines = report.attribution
    assert lines.capture == Decimal("0.13")
    assert lines.inventory == Decimal("0.02")
    assert lines.fees == Decimal("-0.0300045")
    assert (lines.fees_paid, lines.rebates) == (Decimal(0), Decimal("0.0300045"))
    assert lines.equity_change == Decimal("0.1800045")
    assert (lines.residual_max, report.position) == (Decimal(0), Decimal(0))


@pytest.mark.case("PN1")
def test_adverse_selection_is_a_part_of_inventory_and_the_last_fill_has_none() -> None:
    report = booked(pn1(), [1_000]).finish().symbols[SYMBOL]
    (row,) = report.markouts
    assert (row.fills, row.fills_without) == (3, 1)
    assert (row.adverse, row.residual) == (Decimal("-0.12"), Decimal("0.14"))
    assert row.adverse + row.residual == report.attribution.inventory


@each_contract
@given(data=st.data())
def test_the_identity_holds_at_every_event(contract: str, data: st.DataObject) -> None:
    """And both of its sides are those of an account that is kept apart."""
    lines: list[Line] = data.draw(streams(contract))
    attribution = booked(lines[:1])
    apart, account = Account(contract), symbol_of(attribution).account
    slack = INVERSE_ERROR if contract == "inverse" else Fraction(0)
    for line in lines[1:]:
        attribution.on_line(line)
        apart.on_line(line)
        explained = Fraction(account.capture) + Fraction(account.inventory)
        sides = explained - Fraction(account.fees) + Fraction(account.funding)
        marked = Fraction(account.position) * Fraction(account.mark or 0)
        assert sides == Fraction(account.cash) + marked, "exactly, whatever V was cut to"
        assert Fraction(account.position) == apart.position
        assert Fraction(account.fees) == apart.fees
        assert Fraction(account.funding) == apart.funding
        assert abs(sides - apart.equity) <= slack
        assert abs(Fraction(account.capture) - apart.capture) <= slack
        assert abs(Fraction(account.inventory) - apart.inventory) <= slack
    report = attribution.finish()
    assert report.symbols[SYMBOL].attribution.residual_max == 0
    (currency,) = report.currencies.values()
    assert currency.attribution == report.symbols[SYMBOL].attribution


def test_an_inverse_contract_earns_in_base_currency() -> None:
    """100 contracts of 100 USD from 50,000 to 40,000 lose 10,000 (1/40,000 - 1/50,000) = 0.05 XBT."""
    lines: list[Line] = [
        instrument("inverse", multiplier=100),
        mid(0, "50000"),
        fill(1, 100, "50000"),
        mid(2, "40000"),
    ]
    report = booked(lines).finish()
    assert list(report.currencies) == ["XBT"]
    assert report.symbols[SYMBOL].attribution.equity_change == Decimal("-0.05")


def test_a_linear_contract_counts_its_multiplier() -> None:
    lines: list[Line] = [instrument(multiplier="0.001"), mid(0, "100"), fill(1, 10, "99"), mid(2, "103")]
    attribution = booked(lines).finish().symbols[SYMBOL].attribution
    assert (attribution.capture, attribution.inventory) == (Decimal("0.01"), Decimal("0.03"))


def test_a_fee_in_a_third_currency_counts_at_the_rate_of_its_fill() -> None:
    rates = ("500", "600")
    charged = [
        fill(at, 1, "100", fee="0.001", fee_currency="BNB", fee_rate=rate) for at, rate in enumerate(rates)
    ]
    attribution = booked([instrument(), mid(0, "100"), *charged]).finish().symbols[SYMBOL].attribution
    assert (attribution.fees, attribution.equity_change) == (Decimal("1.1"), Decimal("-1.1"))


def test_a_spot_fee_in_base_leaves_the_position_at_the_mid() -> None:
    """Bought 2 at 99, of which 0.01 went as the fee: 1.99 are held, the fee was worth 1 at 100."""
    bought = fill(1, 2, "99", fee="0.01", fee_currency="XBT")
    report = booked([instrument("spot"), mid(0, "100"), bought, mid(2, "110")]).finish().symbols[SYMBOL]
    lines = report.attribution
    assert report.position == Decimal("1.99")
    assert (lines.capture, lines.fees, lines.inventory) == (Decimal(2), Decimal(1), Decimal("19.9"))
    assert lines.equity_change == Decimal("1.99") * 110 - 198
    assert report.inventory.traded_notional == 198, "paying a fee is no trade"


def test_funding_is_a_line_of_its_own() -> None:
    paid = [funding(1, "-0.5"), funding(2, "0.1", currency="EUR", rate="1.1")]
    report = booked([instrument(), mid(0, "100"), *paid]).finish().symbols[SYMBOL].attribution
    assert (report.funding, report.equity_change, report.fees) == (
        Decimal("-0.39"),
        Decimal("-0.39"),
        Decimal(0),
    )


def test_what_balancing_earned_is_a_part_of_capture_and_fees_and_of_no_sum() -> None:
    """Sold 2 at 99 against a mid of 100, for a fee of 0.5; the quote's fill before it is not in it."""
    carried = {"kind": "carried", "time_ns": 0, "symbol": SYMBOL, "position": "0", "cash": "0"}
    before = CarriedLine.model_validate(
        carried | {"capture": "0", "inventory": "0", "net_fees": "0", "balance": "-1"}
    )
    lines: list[Line] = [
        before,
        mid(0, "100"),
        fill(1, 3, "99"),
        fill(2, -2, "99", fee="0.5", purpose="balance"),
    ]
    report = booked([instrument(), *lines]).finish().symbols[SYMBOL].attribution
    assert (report.balance, report.capture, report.fees) == (Decimal("-3.5"), Decimal(1), Decimal("0.5"))
    assert report.equity_change == report.capture + report.inventory - report.fees


def test_the_mid_of_a_fill_is_a_mid_like_any_other() -> None:
    apart: list[Line] = [instrument(), mid(0, "100"), fill(1, 3, "99"), mid(2, "104"), fill(2, -1, "105")]
    within: list[Line] = [instrument(), mid(0, "100"), fill(1, 3, "99"), fill(2, -1, "105", mid="104")]
    assert booked(apart).finish().symbols[SYMBOL].attribution == (
        booked(within).finish().symbols[SYMBOL].attribution
    )


def test_currencies_are_summed_over_their_symbols_alone() -> None:
    eth = InstrumentLine(symbol="ETH", contract="spot", base_currency="ETH", quote_currency="EUR")
    doge = InstrumentLine(symbol="DOGE", contract="spot", base_currency="DOGE", quote_currency="USD")
    lines: list[Line] = [instrument(), eth, doge]
    gains = {SYMBOL: "101", "ETH": "107", "DOGE": "103"}
    for name in gains:
        lines += [
            mid(0, "100", symbol=name),
            fill(0, 1, "100", symbol=name),
        ]
    for name, gain in gains.items():
        lines.append(mid(1, gain, symbol=name))
    currencies = booked(lines).finish().currencies
    sums = {name: (each.symbols, each.attribution.equity_change) for name, each in currencies.items()}
    assert sums == {"USD": (2, Decimal(4)), "EUR": (1, Decimal(7))}
