"""The state of processes that share a loop: in one folder while they run, in their own when they ended."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from runtime.errors import RefusedError, StateRefusedError
from runtime.state.carried_file import CarriedState
from runtime.state.group_files import GroupLeft, MemberState, OwnFiles, SharedFiles
from runtime.state.journal import JournalTurn
from runtime.state.kept_snapshots import KeptSnapshots
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from schemas.topics import PATH
from tests.kit.messages import config_applied

NAMES = ("monitor-service", "order-router")
HASHES = {name: f"code of {name}" for name in NAMES}
TURN = JournalTurn((("tick", 1, 5, 1),), (), None)


def state_of(name: str, epoch: int, inputs: int, *, carried: bool = True) -> MemberState:
    """Its count of inputs tells states apart."""
    standing = Standing(inputs, 0, 0, 0, {}, {}, {}, {})
    applied = config_applied(process=name, session_began_ns=1)
    snapshot = to_bytes(Snapshot(HASHES[name], standing, None, None))
    text = CarriedState(applied, standing, ()).to_bytes() if carried else None
    return MemberState(name, epoch, 1, snapshot, text)


def states(epoch: int, inputs: int, *, carried: bool = True) -> list[MemberState]:
    return [state_of(name, epoch + number, inputs, carried=carried) for number, name in enumerate(NAMES)]


def shared(folder: Path, kept_hours: int = 0) -> SharedFiles:
    return SharedFiles(folder, PATH, NAMES, kept_hours)


def inputs_of(left: GroupLeft) -> set[int | None]:
    standings = [member.standing for member in left.members.values()]
    return {None if standing is None else standing.inputs for standing in standings}


def load(folder: Path, hashes: Mapping[str, str] = HASHES) -> GroupLeft:
    files = shared(folder)
    try:
        files.check_newest()
        return files.load(hashes)
    finally:
        files.release()


def lived(folder: Path, epoch: int, inputs: int, *, ends: bool) -> None:
    """A life in one loop, of two snapshots and a turn, which ended in order or was killed."""
    files = shared(folder)
    files.load(HASHES)
    files.roll(states(epoch, inputs - 1))
    journal = files.roll(states(epoch, inputs, carried=False))
    journal.write(TURN)
    if ends:
        last = states(epoch, inputs + 1)
        files.roll(last)
        files.hand_over(last)
    files.close()


def lived_alone(folder: Path, name: str, epoch: int, inputs: int, *, ends: bool = True) -> None:
    files = OwnFiles(folder, name, 0)
    files.load(HASHES)
    journal = files.roll([state_of(name, epoch, inputs)])
    if not ends:
        journal.write(TURN)
    files.close()


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    left = load(tmp_path)
    assert left.is_new
    assert left.were_alone


def test_after_a_kill_the_shared_state_and_its_journal_count(tmp_path: Path) -> None:
    lived(tmp_path, 7, 10, ends=False)
    left = load(tmp_path)
    assert inputs_of(left) == {10}
    assert list(left.turns) == [TURN]
    assert not left.were_alone


LATER = JournalTurn((("tick", 1, 6, 1),), (), None)


@pytest.mark.parametrize("dies", ["before the fork", "before it is in place", "after"])
def test_a_state_that_is_written_behind_its_journal_counts_once_it_is_in_place(
    tmp_path: Path, dies: str
) -> None:
    """Until then a start goes on from the one before, with both journals."""
    files = shared(tmp_path, kept_hours=1)
    files.load(HASHES)
    files.roll(states(7, 10)).write(TURN)
    newest = states(7, 11, carried=False)
    lives = [state.life for state in newest]
    stem = files.next_stem(lives)
    if dies != "before the fork":
        files.write_aside(stem, newest)
        files.follow(stem, lives).write(LATER)
    if dies == "after":
        assert files.complete(stem) == {}
    files.close()
    left = load(tmp_path)
    assert inputs_of(left) == ({11} if dies == "after" else {10})
    assert (
        list(left.turns)
        == {
            "before the fork": [TURN],
            "before it is in place": [TURN, LATER],
            "after": [LATER],
        }[dies]
    )
    assert not list((tmp_path / PATH).glob("*.tmp"))


def test_two_snapshots_stay_whatever_was_not_written_between_them(tmp_path: Path) -> None:
    files = shared(tmp_path)
    files.load(HASHES)
    files.roll(states(7, 10))
    lives = [state.life for state in states(7, 11)]
    files.follow(files.next_stem(lives), lives)  # its fork died
    files.roll(states(7, 12, carried=False))
    files.close()
    first, second = sorted((tmp_path / PATH).glob("*.snapshot"))
    assert inputs_of(load(tmp_path)) == {12}
    second.write_bytes(b"")
    assert inputs_of(load(tmp_path)) == {10}
    assert first.exists()


def test_carried_states_that_were_written_aside_are_given_by_member(tmp_path: Path) -> None:
    files = shared(tmp_path)
    files.load(HASHES)
    files.roll(states(7, 10))
    newest = states(7, 11)
    lives = [state.life for state in newest]
    stem = files.next_stem(lives)
    files.write_aside(stem, newest)
    files.follow(stem, lives)
    assert files.complete(stem) == {state.name: state.carried for state in newest}
    files.close()


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    lived(tmp_path, 7, 10, ends=False)
    newest = max((tmp_path / PATH).glob("*.snapshot"))
    whole = newest.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], whole[:-1] + b"x", b"\0" * len(whole)):
        newest.write_bytes(damaged)
        assert inputs_of(load(tmp_path)) == {9}


def test_different_code_of_one_of_them_gets_the_carried_state_of_all(tmp_path: Path) -> None:
    lived(tmp_path, 7, 10, ends=False)
    left = load(tmp_path, {**HASHES, NAMES[0]: "other code"})
    assert inputs_of(left) == {9}
    assert all(member.carried is not None for member in left.members.values())
    assert list(left.turns) == [TURN]


def test_after_an_orderly_end_each_has_its_own_state_and_goes_on_alone_or_together(tmp_path: Path) -> None:
    lived(tmp_path, 7, 10, ends=True)
    left = load(tmp_path)
    assert inputs_of(left) == {11}
    assert (list(left.turns), left.were_alone) == ([], True)
    for name in NAMES:
        files = OwnFiles(tmp_path, name, 0)
        files.check_newest()
        assert inputs_of(files.load(HASHES)) == {11}
        files.close()
    lived_alone(tmp_path, NAMES[0], 20, 30)
    lived_alone(tmp_path, NAMES[1], 20, 30)
    assert inputs_of(load(tmp_path)) == {30}


def test_a_death_while_states_are_handed_over_leaves_the_shared_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = shared(tmp_path)
    files.load(HASHES)
    last = states(7, 10)
    files.roll(last)
    own = files._own[NAMES[1]]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(own, "roll", die)
    with pytest.raises(KeyboardInterrupt):
        files.hand_over(last)
    files.close()
    left = load(tmp_path)
    assert inputs_of(left) == {10}
    assert not left.were_alone


def test_alone_it_is_refused_after_it_ran_in_the_path_and_that_was_killed(tmp_path: Path) -> None:
    lived(tmp_path, 7, 10, ends=False)
    files = OwnFiles(tmp_path, NAMES[1], 0)
    with pytest.raises(StateRefusedError, match="order-router ran in path since"):
        files.check_newest()
    files.close()


def test_together_they_are_refused_where_one_ran_alone_since_and_another_did_not(tmp_path: Path) -> None:
    lived(tmp_path, 7, 10, ends=False)
    lived_alone(tmp_path, NAMES[1], 20, 30)
    with pytest.raises(StateRefusedError, match="order-router ran alone since path ended, and monitor-serv"):
        load(tmp_path)
    lived_alone(tmp_path, NAMES[0], 20, 30)
    assert inputs_of(load(tmp_path)) == {30}


def test_together_they_are_refused_where_one_was_killed_when_it_ran_alone(tmp_path: Path) -> None:
    lived_alone(tmp_path, NAMES[0], 3, 5)
    lived_alone(tmp_path, NAMES[1], 3, 5, ends=False)
    with pytest.raises(StateRefusedError, match="order-router did not end in order when it ran alone"):
        load(tmp_path)


def test_while_they_run_together_none_can_start_alone_here(tmp_path: Path) -> None:
    files = shared(tmp_path)
    for name in NAMES:
        with pytest.raises(RefusedError):
            OwnFiles(tmp_path, name, 0)
    files.close()
    OwnFiles(tmp_path, NAMES[0], 0).close()


def test_each_keeps_snapshots_for_replays_in_its_own_folder(tmp_path: Path) -> None:
    files = shared(tmp_path, kept_hours=120)
    files.load(HASHES)
    files.roll(states(7, 10))
    files.close()
    for name in NAMES:
        assert len(KeptSnapshots(tmp_path / name, 120).all()) == 1
    assert inputs_of(load(tmp_path)) == {10}
