"""Waits between attempts: what is long past does not make them longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.backoff import STABLE_S, Backoff
from tests.kit.fakes import ManualClock

STEPS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def live(backoff: Backoff, clock: ManualClock, worked_s: float | None) -> float:
    """A connection that worked for so long, or never; the wait after it."""
    if worked_s is not None:
        backoff.works()
        clock.now_s += worked_s
        backoff.works()
    clock.now_s += 10  # silence before it is given up shows nothing
    return backoff.next_s()


@given(
    history=st.lists(st.none() | st.floats(0, 100), max_size=40),
    held_s=st.floats(STABLE_S + 1e-6, 1e6),
)
def test_after_a_connection_that_held_it_begins_with_the_first_step(
    history: list[float | None], held_s: float
) -> None:
    clock = ManualClock()
    backoff = Backoff(STEPS_S, clock)
    for worked_s in history:
        assert live(backoff, clock, worked_s) in STEPS_S
    assert live(backoff, clock, held_s) == STEPS_S[0]


@pytest.mark.parametrize("worked_s", [None, 0.0, STABLE_S / 2])
def test_what_never_held_waits_longer_each_time(worked_s: float | None) -> None:
    clock = ManualClock()
    backoff = Backoff(STEPS_S, clock)
    assert [live(backoff, clock, worked_s) for _ in range(8)] == [*STEPS_S, 10.0, 10.0]
