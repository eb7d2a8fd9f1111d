"""Snapshots for replays: as many as cover what the broker keeps, and no more."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runtime.state.kept_snapshots import COUNT, Kept, KeptSnapshots, snapshot_of
from runtime.state.state_files import StateFiles
from tests.unit.runtime.state_samples import SOURCES, roll, snapshot

HOUR_NS = 3_600_000_000_000
T0 = 1_700_000_000_000_000_000


def written(folder: Path, number: int) -> Path:
    path = folder / f"{number}.snapshot"
    path.write_bytes(b"%d" % number)
    return path


def test_they_reach_as_far_back_as_the_topics_do(tmp_path: Path) -> None:
    kept = KeptSnapshots(tmp_path, hours=120)
    for number in range(20 * 24 * 4):  # four an hour, for twenty days
        kept.keep(written(tmp_path, number), T0 + number * HOUR_NS // 4)
    now_ns = T0 + 20 * 24 * HOUR_NS
    times = [each.time_ns for each in kept.all()]
    assert COUNT <= len(times) <= COUNT + 2
    assert now_ns - 131 * HOUR_NS < times[0] < now_ns - 114 * HOUR_NS
    assert times[-1] > now_ns - 6 * HOUR_NS


def test_a_clock_that_was_set_back_does_not_stop_it(tmp_path: Path) -> None:
    kept = KeptSnapshots(tmp_path, hours=2)
    kept.keep(written(tmp_path, 1), T0 + 24 * HOUR_NS)
    kept.keep(written(tmp_path, 2), T0)
    kept.keep(written(tmp_path, 3), T0 + HOUR_NS)
    assert [each.time_ns for each in kept.all()] == [T0, T0 + HOUR_NS]


def test_a_process_keeps_the_one_of_its_start_after_it_has_dropped_it(tmp_path: Path) -> None:
    files = StateFiles(tmp_path, kept_hours=120)
    for number in range(5):
        roll(files, 1, number)
    files.close()
    (found,) = KeptSnapshots(tmp_path, 120).all()
    assert snapshot_of(found, SOURCES) == snapshot(inputs=0)
    assert snapshot_of(found, "another") is None
    assert len(list(tmp_path.glob("*.snapshot"))) == 2


def test_where_none_can_be_kept_it_is_said_and_nothing_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refused)
    with capture_logs() as said:
        KeptSnapshots(tmp_path, 120).keep(written(tmp_path, 1), T0)
    assert [line["event"] for line in said] == ["snapshot_not_kept"]


def test_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "1.snapshot"
    path.write_bytes(b"half")
    assert snapshot_of(Kept(1, path), SOURCES) is None
