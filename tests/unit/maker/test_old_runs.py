"""Runs that nobody named do not gather for ever, and no others go."""

from pathlib import Path

import pytest

from maker.old_runs import remove_old_runs
from maker.run_folder import run_folder
from runtime.state.folder_lock import FolderLock
from schemas.config import Config


def make_runs(folder: Path, number: int) -> list[Path]:
    runs = [folder / f"202611{day:02d}T101500.123456Z" for day in range(1, number + 1)]
    for run in runs:
        (run / "checkpoints").mkdir(parents=True)
        (run / "00000000000000000000.log").write_text("x")
    return runs


def test_the_oldest_go_and_the_newest_stay(tmp_path: Path) -> None:
    runs = make_runs(tmp_path, 5)
    assert remove_old_runs(tmp_path, 3) == runs[:2]
    assert sorted(tmp_path.iterdir()) == runs[2:]
    assert remove_old_runs(tmp_path, 3) == []


def test_what_has_a_name_of_its_own_stays(tmp_path: Path) -> None:
    (first, *_) = make_runs(tmp_path, 3)
    named = [tmp_path / name for name in ("binance-main", "paper-kraken", "first", f"{first.name}-copy")]
    for path in named:
        path.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    linked = tmp_path / "20200101T000000.000000Z"
    linked.symlink_to(elsewhere)
    assert remove_old_runs(tmp_path, 1)
    assert all(path.exists() for path in (*named, linked, elsewhere))


def test_a_run_that_still_goes_on_stays(tmp_path: Path) -> None:
    running, ended, newest = make_runs(tmp_path, 3)
    lock = FolderLock(running, "the log")
    assert remove_old_runs(tmp_path, 1) == [ended]
    assert running.exists()
    lock.release()
    assert remove_old_runs(tmp_path, 1) == [running]
    assert newest.exists()


def test_a_first_run_finds_nothing(tmp_path: Path) -> None:
    assert remove_old_runs(tmp_path / "runs", 1) == []


def test_the_folder_of_a_run_is_known_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    old = run_folder(Config())
    old.mkdir(parents=True)
    newer = run_folder(Config())
    newer.mkdir()
    assert remove_old_runs(old.parent, 1) == [old]
