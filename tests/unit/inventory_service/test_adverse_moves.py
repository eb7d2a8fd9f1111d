"""The adverse move to expect after fills: by hand, by symmetry, and whatever the feed's rate."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventory_service.core.adverse import PRIOR_MOVES, AdverseMoves, ExpectedMove, MoveTally, PastExecution
from inventory_service.core.carry import carried_of, restored
from inventory_service.core.inventory import InventoryCore

from schemas.carried.inventory import CarriedAdverseMoves
from schemas.config import Config
from schemas.inventory import Position
from schemas.inventory_settings import InventoryLimits
from schemas.message import Side
from schemas.process import Tick
from tests.kit.messages import KEY, T0, fill, instrument, signal

MS = 1_000_000
S = 1_000 * MS
OWN = InventoryLimits(markout_horizons_ms=(1_000, 5_000), markout_half_life_s=60)
SECOND = InventoryLimits(markout_horizons_ms=(1_000,), markout_half_life_s=1e8)
NOTHING = ExpectedMove(0.0, None)


def shrunk(mean: float, moves: float, prior: float) -> float:
    return (moves * mean + PRIOR_MOVES * prior) / (moves + PRIOR_MOVES)


def expected_of(mean: float, moves: float) -> float:
    """Of one side, where the other has none: the prior is the same mean, shrunk towards 0."""
    return shrunk(mean, moves, shrunk(mean, moves, 0.0))


def fills_that_go_wrong(
    count: int, sign: int = 1, lots: int = 1, own: InventoryLimits = SECOND, by: int = 10, after_ms: int = 900
) -> AdverseMoves:
    """Ten seconds apart, at 20,000 half ticks; the mid moves `by` half ticks against us and comes back."""
    moves = AdverseMoves()
    for number in range(count):
        at_ns = T0 + 10 * number * S
        moves.observe_mid(20_000, at_ns, own)
        moves.observe_fill(PastExecution(at_ns, sign, lots, 20_000), at_ns, own)
        moves.observe_mid(20_000 - sign * by, at_ns + after_ms * MS, own)
        moves.observe_mid(20_000, at_ns + 8 * S, own)
    return moves


def tally_of(moves: AdverseMoves, sign: int = 1, horizon_ms: int = 1_000) -> MoveTally:
    return moves.tallies[sign, horizon_ms]


def test_the_last_mid_at_or_before_the_horizon_counts() -> None:
    """Bought at 20,000: 19,990 stands until after the second, -10 of 20,000 are 5 bps against us."""
    moves = AdverseMoves()
    moves.observe_fill(PastExecution(0, 1, 1, 20_000), 0, SECOND)
    moves.observe_mid(19_990, 900 * MS, SECOND)
    assert moves.tallies == {}
    moves.observe_mid(10_000, 1_001 * MS, SECOND)
    assert tally_of(moves).mean_bps == pytest.approx(5.0)


def test_a_mid_at_the_horizon_itself_counts() -> None:
    moves = AdverseMoves()
    moves.observe_fill(PastExecution(0, -1, 1, 20_000), 0, SECOND)
    moves.observe_mid(19_990, 900 * MS, SECOND)
    moves.observe_mid(20_010, S, SECOND)
    moves.pass_to(S, SECOND)
    assert tally_of(moves, -1).mean_bps == pytest.approx(5.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_few_moves_are_shrunk_and_many_are_not(sign: int) -> None:
    side: Side = "buy" if sign > 0 else "sell"
    other: Side = "sell" if sign > 0 else "buy"
    assert fills_that_go_wrong(1, sign).expected(side) == NOTHING, "one move has no error"
    for count in (2, 5, 400):
        moves = fills_that_go_wrong(count, sign)
        assert moves.expected(side).bps == pytest.approx(expected_of(5.0, count), rel=1e-4)
        assert moves.expected(side).horizon_ms == 1_000
        assert moves.expected(other) == NOTHING
    assert 4.9 < moves.expected(side).bps < 5.0


def test_a_mean_within_its_error_says_nothing() -> None:
    """Moves of 5 and -4 bps in turn: mean 0.5, deviation 4.5, significant from some 220 moves on."""
    tally = MoveTally()
    significant = []
    for number in range(300):
        execution = PastExecution(T0 + number * 10 * S, 1, 1, 20_000)
        tally.add(execution, -4.0 if number % 2 else 5.0, S, 1e8)
        significant.append(tally.is_significant)
    assert not any(significant[1:200])
    assert significant[-1]


def test_the_worst_horizon_counts() -> None:
    """5 bps after a second, 15 after five."""
    own = InventoryLimits(markout_horizons_ms=(1_000, 5_000), markout_half_life_s=1e8)
    moves = AdverseMoves()
    for number in range(10):
        at_ns = T0 + 100 * number * S
        moves.observe_mid(20_000, at_ns, own)
        moves.observe_fill(PastExecution(at_ns, 1, 1, 20_000), at_ns, own)
        moves.observe_mid(19_990, at_ns + 500 * MS, own)
        moves.observe_mid(19_970, at_ns + 4 * S, own)
        moves.observe_mid(20_000, at_ns + 50 * S, own)
    assert moves.expected("buy").bps == pytest.approx(expected_of(15.0, 10), rel=1e-4)
    assert moves.expected("buy").horizon_ms == 5_000


def test_the_other_side_is_the_prior() -> None:
    """Ten sales that cost 5 bps say something of the two buys."""
    moves = fills_that_go_wrong(10, -1)
    at_ns = T0 + 1_000 * S
    for number in range(2):
        moves.observe_fill(PastExecution(at_ns + number * S, 1, 1, 20_000), at_ns + number * S, SECOND)
    moves.observe_mid(19_980, at_ns + 1, SECOND)
    moves.pass_to(at_ns + 9 * S, SECOND)
    both = shrunk((10 * 5.0 + 2 * 10.0) / 12, 12, 0.0)
    assert moves.expected("buy").bps == pytest.approx(shrunk(10.0, 2, both), rel=1e-4)


def test_fills_of_one_moment_are_one_move() -> None:
    moves = AdverseMoves()
    for _ in range(100):
        moves.observe_fill(PastExecution(T0, 1, 1, 20_000), T0, SECOND)
    moves.observe_fill(PastExecution(T0 + S // 4, 1, 1, 20_000), T0 + S // 4, SECOND)
    moves.observe_mid(19_990, T0 + S // 2, SECOND)
    moves.pass_to(T0 + 9 * S, SECOND)
    assert tally_of(moves).independent == pytest.approx(1.25)
    assert moves.expected("buy") == NOTHING


def test_larger_fills_weigh_more_and_old_ones_less() -> None:
    """20 lots of 5 bps a half-life ago count for 10; 10 lots of -5 bps now: the mean is 0."""
    moves = AdverseMoves()
    moves.observe_fill(PastExecution(T0, 1, 20, 20_000), T0, OWN)
    moves.observe_mid(19_990, T0 + S // 2, OWN)
    moves.pass_to(T0 + S, OWN)
    moves.observe_fill(PastExecution(T0 + 60 * S, 1, 10, 19_980), T0 + 60 * S, OWN)
    moves.pass_to(T0 + 61 * S, OWN)
    assert tally_of(moves).mean_bps == pytest.approx(0.0, abs=0.01)


def test_the_horizon_begins_at_the_execution_whenever_it_was_reported() -> None:
    """Reported 300 ms after it, and after a later one: 19,990 stands at its second, 10,000 at the other's."""
    moves = AdverseMoves()
    moves.observe_fill(PastExecution(300 * MS, 1, 1, 20_000), 300 * MS, SECOND)
    moves.observe_fill(PastExecution(0, 1, 1, 20_000), 300 * MS, SECOND)
    moves.observe_mid(19_990, 900 * MS, SECOND)
    moves.observe_mid(10_000, 1_001 * MS, SECOND)
    assert tally_of(moves).mean_bps == pytest.approx(5.0)


def test_an_execution_told_after_a_horizon_counts_at_the_longer_ones() -> None:
    moves = AdverseMoves()
    moves.observe_fill(PastExecution(0, 1, 1, 20_000), S + 1, OWN)
    assert [len(moves.waiting[each]) for each in OWN.markout_horizons_ms] == [0, 1]


def test_a_flood_of_fills_is_bounded() -> None:
    moves = AdverseMoves()
    for _ in range(5_000):
        moves.observe_fill(PastExecution(0, 1, 1, 20_000), 0, OWN)
    assert [len(each) for each in moves.waiting.values()] == [1_000, 1_000]


@pytest.mark.parametrize(("lots", "count"), [(10.0, 5), (0.0, 0)])
def test_a_contract_of_other_lots_keeps_the_mean_or_begins_anew(lots: float, count: int) -> None:
    moves = fills_that_go_wrong(5)
    before = moves.expected("buy")
    moves.rescale(lots)
    assert moves.expected("buy") == (pytest.approx(before) if count else NOTHING)


steps = st.lists(
    st.tuples(st.integers(0, 400), st.integers(19_000, 21_000), st.sampled_from([-1, 0, 1])),
    min_size=5,
    max_size=60,
)


def walked(found: list[tuple[int, int, int]], sign: int = 1, repeats: int = 1) -> AdverseMoves:
    """(milliseconds since the step before, mid, sign of a fill or 0) each."""
    moves, now_ns = AdverseMoves(), T0
    for passed_ms, mid, side in found:
        for part in range(repeats):
            now_ns += passed_ms * MS // repeats
            if part == repeats - 1:
                moves.observe_mid(mid, now_ns, OWN)
            elif moves.mid_half_ticks is not None:
                moves.observe_mid(moves.mid_half_ticks, now_ns, OWN)
        if side:
            moves.observe_fill(PastExecution(now_ns, side * sign, 1 + mid % 7, mid), now_ns, OWN)
    moves.pass_to(now_ns + 10 * S, OWN)
    return moves


def figures(moves: AdverseMoves, sign: int = 1) -> dict[tuple[int, int], tuple[float, float]]:
    return {
        (side * sign, horizon_ms): (sign * tally.mean_bps, tally.independent)
        for (side, horizon_ms), tally in moves.tallies.items()
    }


@given(steps)
def test_the_other_side_does_as_badly_as_we_do_well(found: list[tuple[int, int, int]]) -> None:
    ours, theirs = figures(walked(found)), figures(walked(found, -1), -1)
    assert ours.keys() == theirs.keys()
    for key, each in ours.items():
        assert theirs[key] == pytest.approx(each, abs=1e-9)


@given(steps)
def test_mids_that_are_said_again_change_nothing(found: list[tuple[int, int, int]]) -> None:
    once, often = figures(walked(found)), figures(walked(found, repeats=4))
    assert once.keys() == often.keys()
    for key, each in once.items():
        assert often[key] == pytest.approx(each, abs=1e-9)


@given(steps)
def test_what_is_expected_is_never_below_0_nor_beyond_the_worst_mean(
    found: list[tuple[int, int, int]],
) -> None:
    moves = walked(found)
    worst = max((abs(tally.mean_bps) for tally in moves.tallies.values()), default=0.0)
    for side in ("buy", "sell"):
        assert 0 <= moves.expected(side).bps <= worst
        assert (moves.expected(side).horizon_ms is None) == (moves.expected(side).bps == 0)


def test_the_position_tells_it_by_side_and_it_outlives_the_session() -> None:
    core = InventoryCore(Config.model_validate({"inventory": {"markout_half_life_s": 1e8}}))
    core.on_event(instrument())
    for number in range(10):
        at_ns = T0 + 200 * number * S
        core.on_event(signal(20_000, time_ns=at_ns))
        told = core.on_event(fill(str(number), price=9_999, mid=20_000, time_ns=at_ns))
        core.on_event(signal(19_980, time_ns=at_ns + S // 2))
        told = core.on_event(Tick(event_time_ns=at_ns + 100 * S)) or told
    [position] = told
    assert isinstance(position, Position)
    assert position.adverse_bid_bps == pytest.approx(expected_of(10.0, 10), rel=1e-4)
    assert position.adverse_bid_horizon_ms in Config().inventory.markout_horizons_ms
    assert (position.adverse_ask_bps, position.adverse_ask_horizon_ms) == (None, None)
    assert position.adverse_bps == position.adverse_bid_bps
    symbol = core._symbols[KEY]
    again = restored(carried_of(symbol, KEY, "USDT", 0, T0 + 10_000 * S))
    assert again.adverse.expected("buy") == symbol.adverse.expected("buy")
    assert sqrt(again.adverse.tallies[1, 1_000].squared) > 0


def test_a_release_with_a_single_horizon_is_followed_by_its_mean() -> None:
    """40 fills of 5 bps."""
    core = InventoryCore(Config())
    core.on_event(instrument())
    carried = carried_of(core._symbols[KEY], KEY, "USDT", 0, T0)
    of_before = CarriedAdverseMoves(moved_bps_lots=500.0, lots=100.0, at_ns=T0, fills=40)
    adverse = restored(carried.model_copy(update={"adverse": of_before})).adverse
    for side in ("buy", "sell"):
        assert adverse.expected(side).bps == pytest.approx(shrunk(5.0, 20, shrunk(5.0, 40, 0.0)))
        assert adverse.expected(side).horizon_ms == 1_000
