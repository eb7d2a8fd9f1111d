"""A start from checkpoints is a start from the whole log, whatever is left of them, and in constant time."""

import shutil
from pathlib import Path

import pytest

from maker.composition import process_definitions
from runtime.process.session import sources_of
from runtime.replay.restore_point import RestorePoint
from runtime.replay.start_points import restore_point_before
from runtime.replay.verify import replay_log
from runtime.state.checkpoint import FOLDER, Checkpoints
from schemas.topics import INVENTORY, RISK, ROUTER
from tests.system.checkpointed_logs import copied, digests, killed_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoints") / "log"
    killed_run(directory)
    return directory


def test_the_parts_of_a_checkpoint_stand_at_one_place(log: Path) -> None:
    names = Checkpoints(log).names()
    places = {process: [each.records for each in names if each.process == process] for _, process in names}
    assert len({tuple(each) for each in places.values()}) == 1
    assert len(places[ROUTER]) > 1


def test_a_start_from_parts_is_a_start_from_the_whole_log(log: Path, tmp_path: Path) -> None:
    parts, whole = copied(log, tmp_path / "parts"), copied(log, tmp_path / "whole")
    shutil.rmtree(whole / FOLDER)
    assert digests(parts) == digests(whole)


@pytest.mark.parametrize("damage", ["newest", "cut", "all but the oldest", "none is of this log"])
def test_a_damaged_part_costs_time_alone(log: Path, tmp_path: Path, damage: str) -> None:
    parts, whole = copied(log, tmp_path / "parts"), copied(log, tmp_path / "whole")
    shutil.rmtree(whole / FOLDER)
    paths = sorted((parts / FOLDER).iterdir())
    if damage == "newest":
        data = bytearray(paths[-1].read_bytes())
        data[len(data) // 2] ^= 1
        paths[-1].write_bytes(data)
    elif damage == "cut":
        paths[-1].write_bytes(paths[-1].read_bytes()[:100])
    elif damage == "all but the oldest":
        for path in paths[6:]:
            path.write_bytes(b"")
    else:
        for path in paths:
            path.write_bytes(b"\x00" * 64)
    assert digests(parts) == digests(whole)


@pytest.mark.parametrize("process", [INVENTORY, RISK, ROUTER])
def test_a_process_without_a_part_is_read_from_the_log(log: Path, tmp_path: Path, process: str) -> None:
    """Not begun from nothing beside the others."""
    parts, whole = copied(log, tmp_path / "parts"), copied(log, tmp_path / "whole")
    shutil.rmtree(whole / FOLDER)
    for path in (parts / FOLDER).glob(f"*.{process}.*"):
        path.unlink()
    assert digests(parts) == digests(whole)


def test_another_configuration_begins_with_the_same(log: Path, tmp_path: Path) -> None:
    """What is carried over is the same from parts and from the whole log."""
    parts, whole = copied(log, tmp_path / "parts"), copied(log, tmp_path / "whole")
    shutil.rmtree(whole / FOLDER)
    other = {"risk_limits": {"max_position": "7"}}
    assert digests(parts, **other) == digests(whole, **other)


def test_another_code_begins_with_what_was_carried(log: Path, tmp_path: Path) -> None:
    """It cannot read snapshots: positions, halts and orders are those of the carried state."""
    known = RestorePoint.of("another code", Checkpoints(log).newest())
    assert known.snapshots == {}
    assert known.can_resume() is False
    assert {applied.config.feed.speed for applied in known.applied.values()} == {"max"}


def test_a_replay_begins_with_any_part_of_the_session(log: Path) -> None:
    definitions = {each.name: each for each in process_definitions()}
    ours = sources_of(definitions.values())
    assert restore_point_before(log, ours, definitions).since is None
    results = replay_log(log, definitions, ours)
    assert {result.name: result.divergences for result in results} == dict.fromkeys(definitions, 0)
    assert all(result.outputs > 0 for result in results if result.name not in {"view-projector"})
