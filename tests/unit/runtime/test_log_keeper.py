"""Segments are closed while a log is written; a crash, a full disk or an end leaves it as it was."""

import asyncio
import errno
import itertools
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from runtime.log import closing, keeper, retention
from runtime.log.chain import CHAIN_FILE, Chain
from runtime.log.keeper import LogKeeper
from runtime.log.logfile import LogFileBus, read_log
from runtime.log.packed import read_index
from runtime.log.segments import (
    closed_path,
    first_record_of,
    is_closed,
    open_segment,
    plain_path,
    segment_files,
    segment_of,
)
from runtime.log.verify import verify_log
from schemas.deployment import Keep
from schemas.units import NS_PER_S
from tests.unit.runtime.kept_logs import RECORDS, T0, publish, write_segments


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    write_segments(tmp_path / "plain")
    return tmp_path / "plain"


STEPS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {}


def step(function: Callable[[pytest.MonkeyPatch], None]) -> None:
    STEPS[function.__name__] = function


def dies(*_: Any, **__: Any) -> None:
    raise _KilledError


class _KilledError(Exception):
    """The process ends here."""


@step
def while_it_compresses(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(closing, "index_frame", dies)
    patch.setattr(Path, "unlink", dies)


@step
def before_the_disk_confirms(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "fsync", dies)
    patch.setattr(Path, "unlink", dies)


@step
def before_the_rename(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "rename", dies)


@step
def behind_the_rename(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(closing, "sync_folder", dies)


@step
def before_the_chain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "add_closed", dies)


@step
def before_the_plain_file_goes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Path, "unlink", dies)


@step
def behind_the_plain_file(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(keeper, "sync_folder", dies)


def keep(folder: Path, begins: frozenset[int] = frozenset(), **settings: Any) -> None:
    """Do what there is to do, in this thread."""
    each = LogKeeper(folder, Keep(**settings), begins=lambda _: begins, pause_share=0.0)
    try:
        each._work()
    finally:
        if each._chain is not None:
            each._chain.close()


@pytest.mark.parametrize("name", STEPS)
def test_a_crash_at_any_step_of_closing_leaves_a_log_that_reads_the_same(
    plain: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(read_log(plain))
    with monkeypatch.context() as patch:
        STEPS[name](patch)
        with pytest.raises(_KilledError):
            keep(plain)
    assert list(read_log(plain)) == whole
    bus = LogFileBus(plain)
    assert bus.standing.position.records == len(whole)
    asyncio.run(bus.close())
    keep(plain)
    assert list(read_log(plain)) == whole
    assert [is_closed(path) for path in segment_files(plain)[:-1]] == [True] * (len(segment_files(plain)) - 1)
    assert [path.suffix for path in plain.iterdir() if path.suffix == ".partial"] == []
    assert len(list(plain.glob("*.log"))) == 1


def test_a_thread_closes_what_the_writer_leaves_behind(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path, segment_bytes_max=20_000)
    keeping = LogKeeper(tmp_path, Keep(), pause_share=0.0)
    bus.on_segment_end = keeping.wake
    keeping.start()
    for number in range(RECORDS):
        publish(bus, number)
        bus.commit()
    assert keeping.wait(30)
    assert [is_closed(path) for path in segment_files(tmp_path)][-2:] == [True, False]
    keeping.stop()
    asyncio.run(bus.close())
    assert [each.envelope.event_time_ns for each in read_log(tmp_path)] == [
        T0 + number * NS_PER_S for number in range(RECORDS)
    ]


def test_a_full_disk_ends_nothing_and_the_next_segment_begins_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bus = LogFileBus(tmp_path, segment_bytes_max=20_000)
    keeping = LogKeeper(tmp_path, Keep(), pause_share=0.0)
    bus.on_segment_end = keeping.wake
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as said:
        patch.setattr(closing, "write_all", is_full)
        keeping.start()
        for number in range(RECORDS // 2):
            publish(bus, number)
            bus.commit()
        assert keeping.wait(30)
    assert {line["event"] for line in said} == {"log_not_kept"}
    assert not any(is_closed(path) for path in segment_files(tmp_path))
    for number in range(RECORDS // 2, RECORDS):
        publish(bus, number)
        bus.commit()
    assert keeping.wait(30)
    assert [is_closed(path) for path in segment_files(tmp_path)][-2:] == [True, False]
    keeping.stop()
    asyncio.run(bus.close())
    assert len(list(read_log(tmp_path))) == RECORDS


def test_it_hardly_rests_while_more_than_one_segment_waits(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each run ends before a segment is closed, none ever would be."""
    ticks = itertools.count()
    pauses: list[float] = []
    clock = SimpleNamespace(thread_time=lambda: float(next(ticks)), sleep=pauses.append)
    monkeypatch.setattr(keeper, "time", clock)
    each = LogKeeper(plain, Keep(), begins=lambda _: frozenset())
    each._work()
    assert each._chain is not None
    each._chain.close()
    behind = pauses.count(keeper.BEHIND_PAUSE_SHARE)
    assert pauses == [keeper.BEHIND_PAUSE_SHARE] * behind + [keeper.PAUSE_SHARE] * (len(pauses) - behind)
    assert 0 < behind < len(pauses)


def test_it_is_far_behind_until_segments_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "WAITING_MAX", 1)
    bus = LogFileBus(tmp_path, segment_bytes_max=5_000)
    keeping = LogKeeper(tmp_path, Keep(), pause_share=0.0)
    bus.on_segment_end = keeping.wake
    assert not keeping.is_far_behind()
    for number in range(RECORDS):
        publish(bus, number)
        bus.commit()
    assert len(segment_files(tmp_path)) > 3
    assert keeping.is_far_behind()
    keeping.start()
    assert keeping.wait(30)
    assert not keeping.is_far_behind()
    keeping.stop()
    asyncio.run(bus.close())


def test_what_cannot_be_closed_slows_nothing_down(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(keeper, "WAITING_MAX", 0)
    monkeypatch.setattr(closing, "write_all", is_full)
    keeping = LogKeeper(plain, Keep(), pause_share=0.0)
    keeping.wake()
    assert keeping.is_far_behind()
    keeping.start()
    assert keeping.wait(30)
    assert not keeping.is_far_behind()
    keeping.stop()


def test_an_end_does_not_wait_for_a_segment_that_is_being_closed(plain: Path) -> None:
    whole = list(read_log(plain))
    began = threading.Event()
    keeping = LogKeeper(plain, Keep(), pause_share=1e9)
    rest = keeping._pause

    def resting() -> None:
        began.set()
        keeping._stopping.wait(30)
        rest()

    keeping._pause = resting  # type: ignore[method-assign]
    keeping.start()
    assert began.wait(30)
    keeping.stop()
    assert not any(is_closed(path) for path in segment_files(plain))
    assert not list(plain.glob("*.partial"))
    assert list(read_log(plain)) == whole


@pytest.mark.parametrize("closed_before", [False, True], ids=["plain", "closed"])
def test_a_damaged_segment_holds_up_no_other(
    plain: Path, closed_before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those behind it, nor what has to go."""
    whole = Path(shutil.copytree(plain, tmp_path / "whole"))
    keep(whole)
    files = segment_files(whole)
    known = read_index(files[2]).begins
    monkeypatch.setattr(closing, "newest_standing", lambda parts: known)  # its checkpoint says so
    damaged = segment_files(plain)[1]
    if closed_before:
        damaged.unlink()
        damaged = closed_path(damaged)
        damaged.write_bytes(files[1].read_bytes()[:-40])
    else:
        damaged.write_bytes(damaged.read_bytes().replace(b'"BTC/USDT"', b'"BTC/USDC"', 1))
    left = damaged.read_bytes()
    with structlog.testing.capture_logs() as said:
        keep(plain)
    assert damaged.read_bytes() == left  # for whoever looks what happened
    (because,) = (line["because"] for line in said if line["event"] == "log_segment_damaged")
    assert str(damaged) in because
    assert "restore" in because
    assert [is_closed(path) for path in segment_files(plain)[2:-1]] == [True] * (len(files) - 3)
    assert read_index(segment_files(plain)[2]) == replace(read_index(files[2]), before="")
    assert [each for each in verify_log(plain).problems if damaged.name in each]

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_NS_PER_DAY", NS_PER_S)
        keep(plain, frozenset(map(first_record_of, files)), age_days=10)
    assert not damaged.exists()
    assert len(segment_files(plain)) < len(files) - 1
    assert [each for each in verify_log(plain).problems if "checkpoint" not in each] == []


@pytest.fixture
def kept(plain: Path) -> Path:
    """All but its newest segment are closed."""
    keep(plain)
    return plain


def unpacked(kept: Path) -> tuple[Path, Path]:
    """A closed segment, and the plain file that somebody made of it, as `zstd -d` does."""
    closed = segment_files(kept)[1]
    with open_segment(closed) as file:
        plain_path(closed).write_bytes(file.read())
    return closed, plain_path(closed)


def test_an_unpacked_segment_is_compared_and_goes(kept: Path) -> None:
    whole = list(read_log(kept))
    closed, plain = unpacked(kept)
    assert segment_files(kept)[1] == closed
    keep(kept)
    assert not plain.exists()
    assert list(read_log(kept)) == whole


@pytest.mark.parametrize("cut", [0, 1_000, -7])
def test_a_half_unpacked_segment_is_not_read_and_stays(kept: Path, cut: int) -> None:
    whole = list(read_log(kept))
    _, plain = unpacked(kept)
    plain.write_bytes(plain.read_bytes()[:cut])
    assert list(read_log(kept)) == whole
    with structlog.testing.capture_logs() as said:
        keep(kept)
    (because,) = (line["because"] for line in said if line["event"] == "log_segment_damaged")
    assert str(plain) in because
    assert "Move away the one that is not of this log" in because
    assert plain.exists()
    assert list(read_log(kept)) == whole


def test_a_plain_segment_does_not_go_for_a_closed_one_that_is_damaged(kept: Path) -> None:
    whole = list(read_log(kept))
    closed, plain = unpacked(kept)
    data = closed.read_bytes()
    closed.write_bytes(data[: len(data) // 2])
    assert list(read_log(kept)) == whole
    keep(kept)
    assert closed.read_bytes() == data
    assert not plain.exists()


def test_both_files_of_a_segment_go(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_NS_PER_DAY", NS_PER_S)
    files = segment_files(kept)
    for closed in files[:2]:
        plain_path(closed).write_bytes(b"not what the closed one holds")
    keep(kept, frozenset(map(first_record_of, files)), age_days=20)
    assert not any(path.exists() for closed in files[:2] for path in (closed, plain_path(closed)))


def test_segments_that_are_missing_are_said_once(kept: Path) -> None:
    first, second, *_ = segment_files(kept)
    keeping = LogKeeper(kept, Keep(), begins=lambda _: frozenset(), pause_share=0.0)
    with structlog.testing.capture_logs() as said:
        keeping._work()
        first.unlink()
        second.unlink()
        keeping._work()
        keeping._work()
    (line,) = said
    assert line["event"] == "log_segments_missing"
    assert (line["segments"], line["first"], line["last"]) == (2, segment_of(first), segment_of(second))
    assert "restore the files" in line["remedy"]


def test_a_chain_that_is_deleted_while_it_is_written_is_begun_anew(kept: Path) -> None:
    chain = kept / CHAIN_FILE
    keeping = LogKeeper(kept, Keep(), begins=lambda _: frozenset(), pause_share=0.0)
    keeping._work()
    whole = chain.read_bytes()
    chain.unlink()
    with structlog.testing.capture_logs() as said:
        keeping._work()
    assert [line["event"] for line in said if line["log_level"] == "error"] == ["log_chain_gone"]
    assert chain.read_bytes() == whole
    assert verify_log(kept).problems == []
