"""Means and errors in one pass, against both passes."""

from decimal import Decimal
from fractions import Fraction
from math import sqrt
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.attribution.exact import exactly
from research.attribution.moments import Moments, RatioMean
from tests.unit.research.streams import is_near

figures = st.floats(-1e6, 1e6)
amounts = st.integers(-(10**12), 10**12).map(lambda units: Decimal(units) / 10**6)
weights = st.integers(1, 10**12).map(lambda units: Decimal(units) / 10**6)


def moments_of(values: list[float]) -> Moments:
    moments = Moments()
    for value in values:
        moments.add(value)
    return moments


def ratio_of(pairs: list[tuple[Decimal, Decimal]]) -> tuple[float | None, float | None]:
    """Mean and standard error of y over x."""
    with exactly():
        ratio = RatioMean()
        for y, x in pairs:
            ratio.add(y, x)
        return ratio.mean, ratio.standard_error


@pytest.mark.case("VO8")
def test_a_large_offset_does_not_eat_the_variance() -> None:
    """docs/FORMULAS.md, Volatility: 1e9 + (4, 7, 13, 16) has variance 30; sums of squares say -170.67."""
    deviation = moments_of([1e9 + each for each in (4, 7, 13, 16)]).deviation
    assert deviation is not None
    assert deviation**2 == pytest.approx(30.0)


@given(st.lists(figures, min_size=2, max_size=50))
def test_moments_are_those_of_two_passes(values: list[float]) -> None:
    moments = moments_of(values)
    assert moments.mean == pytest.approx(mean(values), rel=1e-9, abs=1e-6)
    assert moments.deviation == pytest.approx(stdev(values), rel=1e-6, abs=1e-6)


@given(st.lists(figures, max_size=20), st.integers(0, 30), st.lists(figures, max_size=5))
def test_zeros_at_once_are_zeros_one_by_one(before: list[float], zeros: int, after: list[float]) -> None:
    at_once = moments_of(before)
    at_once.add_zeros(zeros)
    for value in after:
        at_once.add(value)
    one_by_one = moments_of([*before, *[0.0] * zeros, *after])
    assert at_once.count == one_by_one.count
    assert at_once.mean == pytest.approx(one_by_one.mean, rel=1e-9, abs=1e-6)
    assert is_near(at_once.deviation, one_by_one.deviation, rel=1e-6, absolute=1e-6)


@given(st.lists(st.tuples(amounts, weights), min_size=2, max_size=50))
def test_the_error_of_a_ratio_is_that_of_two_passes(pairs: list[tuple[Decimal, Decimal]]) -> None:
    """Also where nearly all of the weight is in one observation, or the squares nearly cancel."""
    exact = [(Fraction(y), Fraction(x)) for y, x in pairs]
    total_x = sum(x for _, x in exact)
    ratio = sum(y for y, _ in exact) / total_x
    squares = sum((y - ratio * x) ** 2 for y, x in exact)
    expected = sqrt(Fraction(len(pairs), len(pairs) - 1) * squares / total_x**2)
    mean_and_error = ratio_of(pairs)
    assert mean_and_error[0] == pytest.approx(float(ratio), rel=1e-12)
    assert mean_and_error[1] == pytest.approx(expected, rel=1e-12)


@given(st.lists(amounts, min_size=2, max_size=50), weights)
def test_equal_weights_are_a_plain_mean(values: list[Decimal], weight: Decimal) -> None:
    plain = stdev(map(Fraction, values)) / sqrt(len(values))
    assert ratio_of([(value * weight, weight) for value in values])[1] == pytest.approx(plain, rel=1e-9)
    assert ratio_of([(value, Decimal(1)) for value in values])[1] == pytest.approx(plain, rel=1e-9)


def test_an_error_needs_two() -> None:
    assert ratio_of([]) == (None, None)
    assert ratio_of([(Decimal(1), Decimal(2))]) == (0.5, None)
    assert (moments_of([1.0]).deviation, moments_of([]).deviation) == (None, None)
