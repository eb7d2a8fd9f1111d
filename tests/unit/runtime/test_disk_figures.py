"""How full the disk is, how long that will do, and what is done about it."""

import asyncio
import errno
import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from runtime.errors import DiskFullError
from runtime.log.closing import close_segment
from runtime.log.figures import size_once_closed
from runtime.log.segments import segment_files
from runtime.observability import disk as disk_module
from runtime.observability.disk import DiskMetrics, DiskStalls, DiskWatch
from runtime.state import disk_room
from runtime.state.disk_room import BYTES_PER_MB, check_room
from schemas.deployment import EngineSettings
from schemas.units import NS_PER_MS
from tests.servers.local import PATIENCE_S
from tests.unit.runtime.kept_logs import write_segments

DAY_S = 86_400


class Disk:
    """A folder on a disk whose room and clock are set."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.free_bytes = 1_000 * BYTES_PER_MB
        self.now_s = 0.0
        patch.setattr(disk_module, "free_bytes_of", lambda folder: self.free_bytes)
        self.watch = DiskWatch(folder, EngineSettings(disk_free_mb_min=100), lambda: self.now_s)

    def grow(self, name: str, size_bytes: int, seconds: float) -> None:
        (self.folder / name).write_bytes(bytes(size_bytes))
        self.now_s += seconds

    def judged(self) -> list[str]:
        """What is told after one look."""
        told: list[str] = []
        self.watch.check(self.watch.measure(), told.append)
        return told


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def test_days_left_are_what_is_free_by_the_growth_of_the_last_hour(disk: Disk) -> None:
    (disk.folder / "checkpoints").mkdir()
    disk.watch.measure()
    disk.grow("checkpoints/a", 1_000, 30)
    assert disk.watch.measure().days_left is None, "half a minute says nothing of a day"
    disk.grow("b.log", 2_000, 30)
    figures = disk.watch.measure()
    assert figures.used_bytes == 3_000
    assert figures.growth_bytes_per_day == pytest.approx(3_000 / 60 * DAY_S)
    assert figures.days_left == pytest.approx(disk.free_bytes / (3_000 / 60 * DAY_S))
    disk.now_s += 3_600
    figures = disk.watch.measure()
    assert figures.growth_bytes_per_day == 0, "in the last hour it did not grow"
    assert figures.days_left is None


def test_what_is_to_be_compressed_counts_with_what_it_will_take(tmp_path: Path) -> None:
    write_segments(tmp_path)
    texts = sum(path.stat().st_size for path in segment_files(tmp_path))
    assert size_once_closed(tmp_path, texts) == texts, "nothing tells yet how much that is"
    first = segment_files(tmp_path)[0]
    text_bytes = first.stat().st_size
    index = close_segment(first)
    first.unlink()
    now_s = 0.0
    watch = DiskWatch(tmp_path, EngineSettings(), lambda: now_s, size_once_closed)
    before = watch.measure().used_bytes
    now_s = 120.0
    with (tmp_path / "00000000000000000999.log").open("wb") as file:
        file.write(bytes(text_bytes))
    figures = watch.measure()
    assert figures.used_bytes == before + text_bytes
    packed_bytes = text_bytes * index.packed_bytes / index.raw_bytes
    assert figures.growth_bytes_per_day == pytest.approx(packed_bytes / 120 * DAY_S)


def test_a_log_that_shrinks_has_no_end(disk: Disk) -> None:
    disk.grow("a.log", 5_000, 0)
    disk.watch.measure()
    (disk.folder / "a.log").unlink()
    disk.now_s += 100
    figures = disk.watch.measure()
    assert figures.growth_bytes_per_day == 0
    assert figures.days_left is None


def test_a_disk_that_is_nearly_full_is_told_once_a_minute_and_stops_what_it_must(disk: Disk) -> None:
    assert disk.judged() == []
    assert disk.watch.failure is None
    disk.free_bytes = 99 * BYTES_PER_MB
    (told,) = disk.judged()
    assert told.startswith(f"disk nearly full: 99.0 MB free under {disk.folder}, less than the 100 MB")
    assert str(disk.watch.failure) == told
    assert disk.judged() == [], "within the minute"
    disk.now_s += 60
    disk.free_bytes = 98 * BYTES_PER_MB
    assert len(disk.judged()) == 1
    disk.free_bytes = 200 * BYTES_PER_MB
    assert disk.judged() == []
    assert disk.watch.failure is None, "there is room again"


def test_few_days_left_are_an_alert_once_a_whole_hour_shows_it(disk: Disk) -> None:
    disk.watch.measure()
    disk.free_bytes = 200 * BYTES_PER_MB
    disk.grow("a.log", 10 * BYTES_PER_MB, 600)
    with capture_logs() as early:
        disk.judged()
    assert early == [], "a segment that is still to be compressed"
    disk.grow("b.log", 10 * BYTES_PER_MB, 3_000)
    with capture_logs() as said:
        disk.judged()
    (line,) = said
    assert line["event"] == "disk_days_left"
    assert line["days_left"] == f"{200 / (20 * 24):.2f}"


def test_a_folder_that_is_gone_is_said_and_the_watch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "MEASURE_INTERVAL_S", 0.0)
    watch = DiskWatch(tmp_path / "log", EngineSettings())

    async def look() -> None:
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(PATIENCE_S):
            while not said:
                await asyncio.sleep(0.01)
            (tmp_path / "log").mkdir()
            while watch.figures is None:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with capture_logs() as said:
        asyncio.run(look())
    assert [line["event"] for line in said if line["event"] == "disk_unknown"] == ["disk_unknown"]


def test_the_figures_are_metrics(disk: Disk) -> None:
    registry = CollectorRegistry()
    registry.register(DiskMetrics(disk.watch))
    assert "free_bytes" not in generate_latest(registry).decode(), "nothing was looked at"
    disk.watch.measure()
    disk.grow("a.log", 6_000, 60)
    disk.watch.measure()
    with disk.watch.stalls:
        pass
    text = generate_latest(registry).decode()
    assert "market_making_disk_free_bytes 1e+09" in text
    assert "market_making_disk_used_bytes 6000.0" in text
    assert "market_making_disk_growth_bytes_per_day 8.64e+06" in text
    assert "market_making_disk_days_left 115.7" in text
    assert "market_making_disk_stalls_total 0.0" in text
    assert "market_making_disk_stalled_seconds_total 0.0" in text


def test_what_takes_longer_than_its_limit_is_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = [0]
    monkeypatch.setattr("time.perf_counter_ns", lambda: now_ns[0])
    stalls = DiskStalls(limit_ms=1)
    with stalls:
        now_ns[0] += NS_PER_MS
    assert stalls.count == 0
    with capture_logs() as said, stalls:
        now_ns[0] += 3 * NS_PER_MS
    assert stalls.count == 1
    assert stalls.seconds == pytest.approx(0.003)
    assert [line["event"] for line in said] == ["disk_stalled"]


def test_a_start_without_room_is_refused_with_path_room_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs" / "new"
    check_room(folder, 1, "the log")
    monkeypatch.setattr(disk_room, "free_bytes_of", lambda place: 12_345_678)
    check_room(folder, 12, "the log")
    with pytest.raises(DiskFullError) as refused:
        check_room(folder, 64, "the log")
    text = str(refused.value)
    assert f"{folder} is the folder of the log, and its disk has 12.3 MB free, less than the 64 MB" in text
    assert "free space, or use another folder" in text
    assert "maker cancel-all --config FILE" in text
    assert refused.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOSPC])
def test_a_start_on_a_disk_that_takes_nothing_is_refused_whatever_it_says_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(DiskFullError, match=os.strerror(number)):
        check_room(tmp_path, 1, "the state")
    assert list(tmp_path.iterdir()) == [], "what was tried is gone"
