"""Ticks, lots and rounding: exact where money is, outward where a model price becomes a quote."""

from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from schemas.message import Side
from schemas.units import bps, ceil_units, floor_units, from_units, round_outward, side_sign, to_units

TICKS = [Decimal(text) for text in ("0.00001", "0.0025", "0.01", "0.05", "0.1", "0.25", "1", "5", "12.5")]
ticks = st.sampled_from(TICKS)
whole = st.integers(-(10**12), 10**12)
model_prices = st.floats(-1e8, 1e8, allow_nan=False)
sides: st.SearchStrategy[Side] = st.sampled_from(["buy", "sell"])


@pytest.mark.case("RK2")
@pytest.mark.parametrize(
    ("price", "tick", "side", "quoted"),
    [
        ("99.87654", "0.05", "buy", "99.85"),
        ("100.12001", "0.05", "sell", "100.15"),
        ("0.30000", "0.1", "buy", "0.3"),
        ("0.30000", "0.1", "sell", "0.3"),
    ],
)
def test_a_price_is_rounded_outward_to_its_tick(price: str, tick: str, side: Side, quoted: str) -> None:
    in_ticks = round_outward(float(price) / float(tick), side)
    assert from_units(in_ticks, Decimal(tick)) == Decimal(quoted)


@pytest.mark.case("RK2")
def test_a_float_division_that_misses_its_tick_is_snapped() -> None:
    """0.3 / 0.1 is 2.9999999999999996 in binary: a plain floor would quote 0.2."""
    assert 0.3 / 0.1 < 3
    assert round_outward(0.3 / 0.1, "buy") == 3
    assert round_outward(3.0000000000000004, "sell") == 3


def test_a_price_beside_its_tick_by_more_than_rounding_is_not_snapped() -> None:
    assert round_outward(2.999999, "buy") == 2
    assert round_outward(3.000001, "sell") == 4


@pytest.mark.parametrize(("side", "quoted"), [("buy", -3), ("sell", -2)])
def test_outward_is_down_for_a_bid_below_zero_too(side: Side, quoted: int) -> None:
    assert round_outward(-2.5, side) == quoted


@pytest.mark.parametrize("price", [nan, inf, -inf])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_price_that_is_no_number_cannot_be_quoted(price: float, side: Side) -> None:
    with pytest.raises(ValueError, match=str(price)):
        round_outward(price, side)


def slack(price: float) -> float:
    """What counts as being on a tick: a billionth of the price, in ticks."""
    return 1e-9 * max(1.0, abs(price))


@given(model_prices)
def test_a_bid_is_never_above_its_price_and_an_ask_never_below(price: float) -> None:
    assert round_outward(price, "buy") <= price + slack(price)
    assert round_outward(price, "sell") >= price - slack(price)


@given(model_prices, sides)
def test_rounding_moves_a_price_by_less_than_a_tick(price: float, side: Side) -> None:
    assert abs(round_outward(price, side) - price) < 1


@given(st.integers(-(2**53), 2**53), sides)
def test_whole_ticks_are_unchanged(price: int, side: Side) -> None:
    assert round_outward(float(price), side) == price


@given(st.integers(0, 10**8), ticks, sides)
@example(3, Decimal("0.1"), "buy")
def test_a_price_on_its_tick_survives_floats(count: int, tick: Decimal, side: Side) -> None:
    assert round_outward(float(count * tick) / float(tick), side) == count


@given(model_prices)
def test_a_bid_and_an_ask_mirror_each_other(price: float) -> None:
    assert round_outward(price, "buy") == -round_outward(-price, "sell")


@given(model_prices, model_prices, sides)
def test_a_higher_price_is_never_quoted_lower(one: float, other: float, side: Side) -> None:
    low, high = sorted((one, other))
    assert round_outward(low, side) <= round_outward(high, side)


@given(whole, ticks)
def test_to_units_undoes_from_units(units: int, tick: Decimal) -> None:
    assert to_units(from_units(units, tick), tick) == units


@given(st.decimals(-(10**9), 10**9, places=5), ticks)
def test_from_units_undoes_to_units_or_the_value_is_refused(value: Decimal, tick: Decimal) -> None:
    if value % tick == 0:
        assert from_units(to_units(value, tick), tick) == value
    else:
        with pytest.raises(ValueError, match="is not a multiple of"):
            to_units(value, tick)


@given(st.decimals(-(10**9), 10**9, places=7), ticks)
def test_floor_and_ceil_enclose_a_value_within_a_unit(value: Decimal, tick: Decimal) -> None:
    low, high = floor_units(value, tick), ceil_units(value, tick)
    assert low * tick <= value <= high * tick
    assert high - low == (0 if value % tick == 0 else 1)


@given(whole, ticks, st.decimals("-0.999", "0.999", places=3))
def test_a_value_between_two_units_names_both(units: int, tick: Decimal, part: Decimal) -> None:
    assume(part != 0)
    value = (units + part) * tick
    with pytest.raises(ValueError, match="is not a multiple of") as caught:
        to_units(value, tick)
    assert str(caught.value) == f"{value} is not a multiple of {tick}"


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_decimal_that_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text} is not a finite number"):
        to_units(Decimal(text), Decimal("0.01"))


def test_floor_and_ceil_are_exact_where_floats_are_not() -> None:
    assert floor_units(Decimal("0.3"), Decimal("0.1")) == 3
    assert ceil_units(Decimal("0.3"), Decimal("0.1")) == 3
    assert floor_units(Decimal("-0.25"), Decimal("0.1")) == -3
    assert ceil_units(Decimal("-0.25"), Decimal("0.1")) == -2


def test_a_side_has_the_sign_of_the_position_that_it_builds() -> None:
    assert (side_sign("buy"), side_sign("sell")) == (1, -1)


def test_basis_points() -> None:
    assert bps(0.2, 100.0) == pytest.approx(20.0)
    assert bps(-1.0, 10_000.0) == pytest.approx(-1.0)
