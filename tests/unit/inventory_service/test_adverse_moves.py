"""The adverse move after fills: by hand, by symmetry, and whatever the feed's rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.adverse import FILLS_MIN, AdverseMoves, PastExecution
from inventory_service.core.inventory import InventoryCore

from schemas.config import Config
from schemas.inventory import Position
from schemas.inventory_settings import InventoryLimits
from schemas.process import Tick
from tests.kit.messages import T0, fill, instrument, signal

MS = 1_000_000
S = 1_000 * MS
OWN = InventoryLimits(markout_horizon_ms=1_000, markout_half_life_s=60)


def enough(moves: AdverseMoves, sign: int, mid: int, at: int, lots: int = 1) -> None:
    for _ in range(FILLS_MIN):
        moves.observe_fill(PastExecution(at, sign, lots, mid), at, OWN)


def test_the_last_mid_at_or_before_the_horizon_counts() -> None:
    """Bought at 20,000: 19,990 stands until after the second, -10 of 20,000 are 5 bps against us."""
    moves = AdverseMoves()
    enough(moves, 1, 20_000, 0)
    moves.observe_mid(19_990, 900 * MS, OWN)
    assert moves.mean_bps is None
    moves.observe_mid(10_000, 1_001 * MS, OWN)
    assert moves.mean_bps == pytest.approx(5.0)


def test_a_mid_at_the_horizon_itself_counts() -> None:
    moves = AdverseMoves()
    enough(moves, -1, 20_000, 0)
    moves.observe_mid(19_990, 900 * MS, OWN)
    moves.observe_mid(20_010, S, OWN)
    moves.pass_to(S, OWN)
    assert moves.mean_bps == pytest.approx(5.0)


def test_fewer_than_twenty_fills_say_nothing() -> None:
    moves = AdverseMoves()
    for count in range(FILLS_MIN):
        assert moves.mean_bps is None, count
        moves.observe_fill(PastExecution(0, 1, 1, 20_000), 0, OWN)
        moves.observe_mid(20_000, 0, OWN)
        moves.pass_to(S, OWN)
    assert moves.mean_bps == 0


def test_larger_fills_weigh_more_and_old_ones_less() -> None:
    """20 lots of 5 bps a half-life ago count for 10; 10 lots of -5 bps now: the mean is 0."""
    moves = AdverseMoves()
    enough(moves, 1, 20_000, 0)
    moves.observe_mid(19_990, S // 2, OWN)
    moves.pass_to(S, OWN)
    moves.observe_fill(PastExecution(60 * S, -1, 10, 20_000), 60 * S, OWN)
    moves.pass_to(61 * S, OWN)
    assert moves.mean_bps == pytest.approx(0.0, abs=1e-12)


def test_the_horizon_begins_at_the_execution_whenever_it_was_reported() -> None:
    """Reported 300 ms after it, and after a later one: 19,990 stands at its second, 10,000 at the other's."""
    moves = AdverseMoves(fills=FILLS_MIN)
    moves.observe_fill(PastExecution(300 * MS, 1, 1, 20_000), 300 * MS, OWN)
    moves.observe_fill(PastExecution(0, 1, 1, 20_000), 300 * MS, OWN)
    moves.observe_mid(19_990, 900 * MS, OWN)
    moves.observe_mid(10_000, 1_001 * MS, OWN)
    assert moves.mean_bps == pytest.approx(5.0)


def test_an_execution_told_after_its_horizon_says_nothing() -> None:
    moves = AdverseMoves()
    moves.observe_fill(PastExecution(0, 1, 1, 20_000), S + 1, OWN)
    assert not moves.waiting


def test_a_flood_of_fills_is_bounded() -> None:
    moves = AdverseMoves()
    for _ in range(5_000):
        moves.observe_fill(PastExecution(0, 1, 1, 20_000), 0, OWN)
    assert len(moves.waiting) == 1_000


steps = st.lists(
    st.tuples(st.integers(0, 400), st.integers(19_000, 21_000), st.sampled_from([-1, 0, 1])),
    min_size=5,
    max_size=60,
)


def walked(found: list[tuple[int, int, int]], sign: int = 1, repeats: int = 1) -> float | None:
    """(milliseconds since the step before, mid, sign of a fill or 0) each."""
    moves, now_ns = AdverseMoves(fills=FILLS_MIN), 0
    for passed_ms, mid, side in found:
        for part in range(repeats):
            now_ns += passed_ms * MS // repeats
            if part == repeats - 1:
                moves.observe_mid(mid, now_ns, OWN)
            elif moves.mid_half_ticks is not None:
                moves.observe_mid(moves.mid_half_ticks, now_ns, OWN)
        if side:
            moves.observe_fill(PastExecution(now_ns, side * sign, 1 + abs(mid) % 7, mid), now_ns, OWN)
    moves.pass_to(now_ns + 10 * S, OWN)
    return moves.mean_bps


@given(steps)
def test_the_other_side_does_as_badly_as_we_do_well(found: list[tuple[int, int, int]]) -> None:
    ours, theirs = walked(found), walked(found, -1)
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert theirs == pytest.approx(-ours, abs=1e-9)


@given(steps)
def test_mids_that_are_said_again_change_nothing(found: list[tuple[int, int, int]]) -> None:
    once, often = walked(found), walked(found, repeats=4)
    assert once == (None if often is None else pytest.approx(often, abs=1e-9))


def test_the_position_tells_it_once_it_is_known() -> None:
    core = InventoryCore(Config())
    core.on_event(instrument())
    core.on_event(signal(mid=20_000))
    for number in range(FILLS_MIN):
        (said,) = core.on_event(fill(str(number), mid=20_000, price=10_000, time_ns=T0 + number))
        assert isinstance(said, Position)
        assert said.adverse_bps is None
    core.on_event(signal(mid=19_980).model_copy(update={"event_time_ns": T0 + S // 2}))
    (told,) = core.on_event(Tick(event_time_ns=T0 + 2 * S))
    assert isinstance(told, Position)
    assert told.adverse_bps == pytest.approx(10.0)
    assert core.on_event(Tick(event_time_ns=T0 + 3 * S)) == ()
