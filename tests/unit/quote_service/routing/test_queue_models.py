"""Queue positions: the probability function, and that the careful model never fills more."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quote_service.routing.venues.simulated.queue import FORMS, BehindProbability, QueuePlace


@pytest.mark.case("QU1")
@pytest.mark.parametrize(("exponent", "expected"), [(2.0, 0.91), (3.0, 0.973)])
def test_chance_by_the_power_model_that_a_decrease_is_behind_us(exponent: float, expected: float) -> None:
    assert BehindProbability("power", exponent)(30, 70) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("power_1", 4900 / 5800),
        ("power_2", 0.49),
        ("power", 0.91),
        ("log_1", log(71) / (log(71) + log(31))),
        ("log_2", log(71) / log(101)),
    ],
)
def test_the_forms_of_hftbacktest_at_n_2(model: str, expected: float) -> None:
    """Front 30, back 70."""
    assert BehindProbability(model, 2.0)(30, 70) == pytest.approx(expected)


@given(st.sampled_from(sorted(FORMS)), st.integers(0, 10**15), st.integers(0, 10**15), st.floats(0.1, 2_000))
def test_every_form_gives_a_share(model: str, front: int, back: int, exponent: float) -> None:
    share = BehindProbability(model, exponent)
    assert 0.0 <= share(front, back) <= 1.0
    assert share(front, 0) <= share(front, back) or front == 0, "more behind us, more of them cancel"


@pytest.mark.case("QU1")
def test_with_nobody_in_the_queue_all_is_behind() -> None:
    assert BehindProbability("power", 3.0)(0, 0) == 1.0


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(0.1, 10))
def test_a_probability_is_between_0_and_1(front: int, back: int, exponent: float) -> None:
    assert 0.0 <= BehindProbability("power", exponent)(front, back) <= 1.0


def test_trades_move_the_front_and_then_pass() -> None:
    place = QueuePlace(front=50, shown=50)
    assert place.observe_trade(30) == 0
    assert place.observe_trade(20) == 0
    assert place.observe_trade(7) == 7
    place = QueuePlace(front=50, shown=50)
    assert place.observe_trade(60) == 10
    assert place.front == 0


def test_risk_averse_cancels_are_behind_us_until_the_level_is_smaller_than_the_front() -> None:
    place = QueuePlace(front=50, shown=50)
    place.observe_depth(80, None)
    assert place.front == 50
    place.observe_depth(60, None)
    assert place.front == 50
    place.observe_depth(40, None)
    assert place.front == 40


def test_power_model_worked_example() -> None:
    """Front 30 of 100, 20 cancelled: P = 0.91 (n = 2) is behind, so 0.09 x 20 = 1.8 was before us."""
    place = QueuePlace(front=30, shown=100)
    place.observe_depth(80, BehindProbability("power", 2.0))
    assert place.front == pytest.approx(28.2)


def test_power_model_does_not_take_a_trade_for_a_cancel() -> None:
    place = QueuePlace(front=30, shown=100)
    assert place.observe_trade(20) == 0
    place.observe_depth(80, BehindProbability("power", 2.0))
    assert place.front == pytest.approx(10)
    place.observe_depth(70, BehindProbability("power", 2.0))
    assert place.front is not None
    assert place.front < 10


def test_cancels_alone_never_fill_us() -> None:
    place = QueuePlace(front=8, shown=10)
    place.observe_depth(0, BehindProbability("power", 3.0))
    assert place.front == 0
    assert place.observe_trade(1) == 1


def test_a_level_that_is_not_shown_is_waited_for() -> None:
    place = QueuePlace(front=None, shown=None)
    assert place.observe_trade(1_000) == 0
    place.observe_depth(40, None)
    assert place.front == 40
    assert place.observe_trade(45) == 5


def test_a_trade_through_the_price_clears_the_queue() -> None:
    place = QueuePlace(front=50, shown=50)
    place.observe_trade_through()
    assert place.observe_trade(2) == 2


steps = st.lists(st.tuples(st.booleans(), st.integers(0, 60)), max_size=40)


@given(steps, st.integers(0, 100), st.floats(0.5, 5))
def test_risk_averse_fills_are_within_those_of_the_power_model(
    moves: list[tuple[bool, int]], shown: int, exponent: float
) -> None:
    careful = QueuePlace(front=shown, shown=shown)
    likely = QueuePlace(front=shown, shown=shown)
    passed_careful = passed_likely = 0
    for is_trade, size in moves:
        if is_trade:
            passed_careful += careful.observe_trade(size)
            passed_likely += likely.observe_trade(size)
        else:
            careful.observe_depth(size, None)
            likely.observe_depth(size, BehindProbability("power", exponent))
        assert careful.front is not None
        assert likely.front is not None
        assert 0 <= likely.front <= careful.front
        assert passed_careful <= passed_likely
