"""What must not matter, or only in sign: which side, how a fill is cut, in what money is counted.

Decimals are negated by copy_negate: a minus would round them to 28 digits.
"""

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.attribution.lines import FillLine, FundingLine, InstrumentLine, Line, MidLine
from research.attribution.report import SymbolReport
from tests.unit.research.streams import CONTRACTS, SYMBOL, booked, is_near, streams

few = settings(max_examples=40)
"""Each example books a stream twice or more."""

each_contract = pytest.mark.parametrize("contract", CONTRACTS)
TOP = Decimal("20001")
"""Above every price of a stream."""
ROUNDING = Fraction(1, 10**20)
"""Average cost cuts what it releases at 1e-30, and another cut in each step."""


def report_of(lines: list[Line]) -> SymbolReport:
    return booked(lines).finish().symbols[SYMBOL]


def changed(lines: list[Line], change: Callable[[Any], list[Line]]) -> list[Line]:
    return [new for line in lines for new in change(line)]


def swapped(line: Line) -> list[Line]:
    """Bought is sold."""
    if isinstance(line, FillLine):
        return [line.model_copy(update={"side": "sell" if line.side == "buy" else "buy"})]
    return [line]


def upside_down(line: Line) -> list[Line]:
    """Bought is sold, and up is down."""
    prices = {name: TOP - getattr(line, name) for name in ("price", "mid") if getattr(line, name, None)}
    return [new.model_copy(update=prices) for new in swapped(line)]


@each_contract
@few
@given(data=st.data())
def test_swapping_the_sides_turns_every_sign(contract: str, data: st.DataObject) -> None:
    lines = data.draw(streams(contract, in_base=False))
    straight, other = report_of(lines), report_of(changed(lines, swapped))
    assert other.position == straight.position.copy_negate()
    assert other.attribution.capture == straight.attribution.capture.copy_negate()
    assert other.attribution.inventory == straight.attribution.inventory.copy_negate()
    assert other.attribution.fees == straight.attribution.fees
    assert other.attribution.funding == straight.attribution.funding
    for one, two in (
        (straight.costs.average, other.costs.average),
        (straight.costs.fifo, other.costs.fifo),
    ):
        assert two.realised == one.realised.copy_negate()
        assert two.unrealised == one.unrealised.copy_negate()
        assert two.open_price == one.open_price
    for row, mirrored in zip(straight.markouts, other.markouts, strict=True):
        assert mirrored.fills == row.fills
        assert mirrored.markout == row.markout.copy_negate()
        assert mirrored.adverse == row.adverse.copy_negate()
        assert mirrored.standard_error_bps == row.standard_error_bps
    assert (other.fills.bid_fills, other.fills.ask_fills) == (
        straight.fills.ask_fills,
        straight.fills.bid_fills,
    )
    assert other.inventory.turnover == straight.inventory.turnover


@few
@given(data=st.data())
def test_a_linear_market_upside_down_earns_the_same(data: st.DataObject) -> None:
    lines = data.draw(streams("linear"))
    straight, other = report_of(lines), report_of(changed(lines, upside_down))
    assert other.attribution == straight.attribution
    assert other.equity == straight.equity
    assert other.position == straight.position.copy_negate()
    for one, two in (
        (straight.costs.average, other.costs.average),
        (straight.costs.fifo, other.costs.fifo),
    ):
        assert two.total == one.total
        assert abs(Fraction(two.realised) - Fraction(one.realised)) < ROUNDING
    assert [row.markout for row in other.markouts] == [row.markout for row in straight.markouts]


@each_contract
@few
@given(data=st.data())
def test_splitting_fills_in_two_changes_no_total(contract: str, data: st.DataObject) -> None:
    lines = data.draw(streams(contract))
    share = Decimal(data.draw(st.integers(1, 9))) / 10

    def split(line: Line) -> list[Line]:
        if not isinstance(line, FillLine):
            return [line]
        first = line.model_copy(update={"size": line.size * share, "fee": line.fee * share})
        rest = {"size": line.size - first.size, "fee": line.fee - first.fee, "mid": None}
        return [first, line.model_copy(update=rest)]

    whole, parts = report_of(lines), report_of(changed(lines, split))
    assert parts.attribution == whole.attribution
    assert parts.position == whole.position
    assert parts.costs.fifo.total == whole.costs.fifo.total
    assert parts.costs.average.total == whole.costs.average.total
    assert parts.inventory.traded_notional == whole.inventory.traded_notional
    for row, cut in zip(whole.markouts, parts.markouts, strict=True):
        assert (cut.fills, cut.markout, cut.adverse) == (2 * row.fills, row.markout, row.adverse)
        assert cut.mean_bps == row.mean_bps, "weighted by notional"
        assert cut.share_negative == row.share_negative


@each_contract
@few
@given(data=st.data())
def test_splitting_changes_nothing_of_what_each_method_realised(contract: str, data: st.DataObject) -> None:
    """Fees in base come between the parts, so without them."""
    lines = data.draw(streams(contract, in_base=False))

    def split(line: Line) -> list[Line]:
        if not isinstance(line, FillLine):
            return [line]
        half = {"size": line.size / 2, "fee": line.fee / 2}
        return [line.model_copy(update=half)] * 2

    whole, parts = report_of(lines), report_of(changed(lines, split))
    assert parts.costs.fifo.realised == whole.costs.fifo.realised
    gap = Fraction(parts.costs.average.realised) - Fraction(whole.costs.average.realised)
    assert abs(gap) < ROUNDING


@few
@given(data=st.data(), factor=st.sampled_from([Decimal("0.01"), Decimal(1000)]))
def test_money_in_another_unit_is_the_same_money(data: st.DataObject, factor: Decimal) -> None:
    """Prices, fees and funding in cents instead of dollars: every line times 100, every ratio the same."""
    lines = data.draw(streams("linear"))

    def priced(line: Line) -> list[Line]:
        if isinstance(line, InstrumentLine):
            return [line]
        names = {MidLine: ("mid",), FillLine: ("price", "mid", "fee"), FundingLine: ("amount",)}[type(line)]
        scaled = {name: getattr(line, name) * factor for name in names if getattr(line, name) is not None}
        return [line.model_copy(update=scaled)]

    one, other = report_of(lines), report_of(changed(lines, priced))
    for name, amount in asdict(one.attribution).items():
        assert Fraction(getattr(other.attribution, name)) == Fraction(amount) * Fraction(factor)
    assert is_near(other.inventory.turnover, one.inventory.turnover)
    for row, scaled in zip(one.markouts, other.markouts, strict=True):
        assert is_near(scaled.mean_bps, row.mean_bps)
