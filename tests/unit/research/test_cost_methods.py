"""Average cost and FIFO: what is realised differs, the total never."""

from collections import deque
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.attribution.costs import AverageCost, CostMethod, FifoCost
from research.attribution.exact import exactly
from research.attribution.lines import Line
from tests.unit.research.streams import (
    CONTRACTS,
    SYMBOL,
    booked,
    fill,
    instrument,
    mid,
    pn1,
    prices,
    signs,
    sizes,
    streams,
    symbol_of,
)

few = settings(max_examples=40)
"""Each example books a stream twice or more."""

each_method = pytest.mark.parametrize("method", [AverageCost, FifoCost])
Trade = tuple[int, int]


def after(method: type[CostMethod], *trades: Trade) -> CostMethod:
    """A method after (signed size, price) trades."""
    cost = method()
    for signed, price in trades:
        cost.trade(Decimal(signed), Decimal(price))
    return cost


def both(*trades: Trade, mark: int) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    """(realised, unrealised) of average cost and of FIFO."""
    average, fifo = after(AverageCost, *trades), after(FifoCost, *trades)
    at = Decimal(mark)
    return (average.realised, average.unrealised(at)), (fifo.realised, fifo.unrealised(at))


def test_a_reduction_realises_the_average_or_the_oldest() -> None:
    """Bought 2 at 100 and 2 at 106, sold 1 at 110: the average is 103, the oldest cost 100."""
    assert both((2, 100), (2, 106), (-1, 110), mark=108) == (
        (Decimal(7), Decimal(15)),
        (Decimal(10), Decimal(12)),
    )


def test_a_reduction_may_take_several_lots() -> None:
    assert both((2, 100), (2, 106), (-3, 110), mark=110) == (
        (Decimal(21), Decimal(7)),
        (Decimal(24), Decimal(4)),
    )


@each_method
def test_a_flip_closes_at_the_cost_and_opens_at_the_price(method: type[CostMethod]) -> None:
    cost = after(method, (3, 100), (-5, 104))
    assert (cost.realised, cost.position, cost.cost) == (Decimal(12), Decimal(-2), Decimal(-208))
    assert cost.unrealised(Decimal(101)) == 6


@each_method
def test_a_flip_back_from_short(method: type[CostMethod]) -> None:
    cost = after(method, (-5, 104), (8, 100))
    assert (cost.realised, cost.position, cost.cost) == (Decimal(20), Decimal(3), Decimal(300))


@each_method
def test_flat_has_no_cost_and_forgets_the_old_one(method: type[CostMethod]) -> None:
    cost = after(method, (3, 100), (-3, 104))
    assert (cost.realised, cost.cost, cost.unrealised(Decimal(9))) == (Decimal(12), Decimal(0), Decimal(0))
    cost.trade(Decimal(-1), Decimal(90))
    assert cost.cost == -90


def test_before_a_mark_nothing_is_unrealised() -> None:
    assert AverageCost().unrealised(None) == 0


def test_a_cost_without_end_is_cut_and_the_rest_keeps_what_was_cut() -> None:
    """3 units for 100 in all: a third of it cannot be written, three thirds are all of it."""
    cost = AverageCost()
    with exactly():
        cost.trade(Decimal(1), Decimal(34))
        cost.trade(Decimal(2), Decimal(33))
        for _ in range(3):
            cost.trade(Decimal(-1), Decimal(40))
    assert (cost.realised, cost.cost) == (Decimal(20), Decimal(0))


@pytest.mark.case("PN1")
def test_profit_of_a_flat_position_is_realised_by_both_methods() -> None:
    costs = booked(pn1()).finish().symbols[SYMBOL].costs
    for each in (costs.average, costs.fifo):
        assert (each.realised, each.unrealised, each.total) == (Decimal("0.15"), Decimal(0), Decimal("0.15"))
        assert each.open_price is None


def test_the_open_price_is_the_mean_and_for_inverse_contracts_the_harmonic_mean() -> None:
    for contract, expected in (("linear", 1500), ("inverse", Fraction(4000, 3))):
        lines: list[Line] = [instrument(contract), mid(0, "1000"), fill(0, 5, "1000"), fill(0, 5, "2000")]
        costs = booked(lines).finish().symbols[SYMBOL].costs
        for each in (costs.average, costs.fifo):
            assert each.open_price is not None
            assert abs(Fraction(each.open_price) - expected) < Fraction(1, 10**28)


def test_the_open_price_of_fifo_is_that_of_the_lots_left() -> None:
    lines: list[Line] = [instrument(), mid(0, "10"), fill(0, 2, "10"), fill(0, 2, "16"), fill(0, -2, "16")]
    costs = booked(lines).finish().symbols[SYMBOL].costs
    assert (costs.average.open_price, costs.fifo.open_price) == (Decimal(13), Decimal(16))


@pytest.mark.parametrize("contract", CONTRACTS)
@few
@given(data=st.data())
def test_both_totals_are_the_profit_before_fees_at_every_event(contract: str, data: st.DataObject) -> None:
    lines: list[Line] = data.draw(streams(contract))
    attribution = booked(lines[:1])
    symbol = symbol_of(attribution)
    for line in lines[1:]:
        attribution.on_line(line)
        with exactly():
            profit = symbol.account.capture + symbol.account.inventory
            for cost in (symbol.average, symbol.fifo):
                assert cost.realised + cost.unrealised(symbol.account.mark) == profit
                assert cost.position == symbol.account.position
    with exactly():
        for each in (symbol.average, symbol.fifo):
            assert (each.cost == 0) or each.position


@given(trades=st.lists(st.tuples(signs, sizes, prices), max_size=30))
def test_average_cost_averages_realises_and_flips(trades: list[tuple[int, Decimal, Decimal]]) -> None:
    """c = (|q| c + z p)/(|q| + z) in the same direction, unchanged by a reduction, p after a flip."""
    cost, held, average, realised = AverageCost(), Fraction(0), Fraction(0), Fraction(0)
    for sign, size, price in trades:
        with exactly():
            cost.trade(sign * size, price)
        z, p = Fraction(size), Fraction(price)
        if held * sign >= 0:
            average = (abs(held) * average + z * p) / (abs(held) + z)
        else:
            realised += min(abs(held), z) * (p - average) * (1 if held > 0 else -1)
            average = p if z > abs(held) else average
        held += sign * z
        assert abs(Fraction(cost.cost) - held * average) < Fraction(1, 10**20)
        assert abs(Fraction(cost.realised) - realised) < Fraction(1, 10**20)


@few
@given(trades=st.lists(st.tuples(signs, sizes, prices), max_size=30))
def test_fifo_closes_the_oldest_unit_first(trades: list[tuple[int, Decimal, Decimal]]) -> None:
    """Against single units in a queue, a thousandth each."""
    cost, realised = FifoCost(), Fraction(0)
    units: deque[tuple[Fraction, Fraction]] = deque()
    for sign, size, price in trades:
        with exactly():
            cost.trade(sign * size, price)
        for _ in range(int(size * 10) or 1):
            piece = Fraction(size) / (int(size * 10) or 1)
            realised += _put(units, sign, piece, Fraction(price))
        assert Fraction(cost.realised) == realised


def _put(units: deque[tuple[Fraction, Fraction]], sign: int, size: Fraction, price: Fraction) -> Fraction:
    """One piece into the queue, closing opposite ones from its front; what that realised."""
    realised = Fraction(0)
    while size and units and units[0][0] * sign < 0:
        held, paid = units.popleft()
        closed = min(abs(held), size)
        realised += closed * (price - paid) * -sign
        if abs(held) > closed:
            units.appendleft((held + sign * closed, paid))
        size -= closed
    if size:
        units.append((sign * size, price))
    return realised
