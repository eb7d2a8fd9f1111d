"""What is appended is there whole or not at all, whatever the disk does."""

import asyncio
import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ConfigError, LogGoneError, LogLostError
from runtime.log.logfile import LogFileBus, read_log
from runtime.state.appending import AppendedFile
from runtime.state.journal import Journal, JournalTurn, end_of, read_journal
from schemas.envelope import Envelope
from tests.kit import messages as kit
from tests.servers.failing_disk import FailingDisk

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT)


def write(bus: LogFileBus, number: int) -> None:
    trade = kit.trade(1, 1, None, venue="test", trade_id="", time_ns=number)
    bus.publish("market.trade", Envelope("monitor-service", number, None, number, trade.type_name), trade)


def sequences(directory: Path) -> list[int]:
    return [record.envelope.sequence for record in read_log(directory)]


def turn(number: int) -> JournalTurn:
    return JournalTurn((("market.book", 0, number, 1),), (), None)


@given(
    rooms=st.lists(st.integers(0, 900), min_size=1, max_size=4),
    error=st.sampled_from(ERRORS),
    cuts=st.booleans(),
)
def test_a_log_holds_whole_commits_in_order_wherever_its_writes_fail(
    rooms: list[int], error: int, cuts: bool
) -> None:
    """Each start meets a disk that fails after so many bytes, and then works again."""
    number = 0
    held: list[int] = []
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        disk = FailingDisk(patch)
        disk.error, disk.cuts = error, cuts
        for room in rooms:
            bus = LogFileBus(Path(folder))
            assert bus.torn_tail.size_bytes == 0 or not cuts
            disk.room_bytes = room
            refused = 0
            for _ in range(6):
                commit = [number := number + 1, number := number + 1]
                for each in commit:
                    write(bus, each)
                try:
                    bus.commit()
                except LogLostError:
                    refused += 1
                    disk.room_bytes = None
                else:
                    assert not refused, "written on after a commit that failed"
                    held += commit
                assert sequences(Path(folder)) == held
            assert bus.is_lost == bool(refused)
            disk.room_bytes = None
            asyncio.run(bus.close())
            assert sequences(Path(folder)) == held


@given(room=st.integers(0, 900), error=st.sampled_from(ERRORS), cuts=st.booleans())
def test_a_journal_holds_whole_turns_without_a_gap_wherever_its_writes_fail(
    room: int, error: int, cuts: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        journal = Journal(Path(folder) / "1.journal", None)
        disk = FailingDisk(patch)
        disk.room_bytes, disk.error, disk.cuts = room, error, cuts
        written = []
        for number in range(8):
            try:
                journal.write(turn(number))
            except LogLostError:
                disk.room_bytes = None
            else:
                written.append(turn(number))
        journal.close()
        assert list(read_journal(journal.path)) == written == [turn(number) for number in range(len(written))]
        assert end_of(journal.path) == journal.end
        if cuts:
            assert journal.path.stat().st_size == journal.end.size_bytes


def test_the_error_names_the_file_the_cause_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AppendedFile(tmp_path / "a.log")
    file.append(b"whole\n")
    disk = FailingDisk(monkeypatch)
    disk.room_bytes = 3
    with pytest.raises(
        LogLostError,
        match=rf"{file.path} cannot be written: No space left on device; free or repair the disk",
    ):
        file.append(b"half of it\n")
    assert file.path.read_bytes() == b"whole\n"
    assert file.size_bytes == 6


def test_a_half_that_cannot_be_cut_off_is_said_and_nothing_is_written_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = AppendedFile(tmp_path / "a.log")
    disk = FailingDisk(monkeypatch)
    disk.room_bytes, disk.cuts = 3, False
    with pytest.raises(LogLostError, match="could not be cut off"):
        file.append(b"half of it\n")
    disk.room_bytes, disk.cuts = None, True
    with pytest.raises(LogLostError, match="could not be cut off"):
        file.append(b"more\n")
    file.close()
    assert file.path.read_bytes() == b"hal"


def test_what_the_disk_did_not_confirm_once_is_not_believed_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error of fdatasync the kernel forgets what it could not write, and confirms the next one."""
    bus = LogFileBus(tmp_path)
    write(bus, 1)
    bus.commit()
    disk = FailingDisk(monkeypatch)
    disk.confirms = False
    with pytest.raises(LogLostError, match="does not confirm"):
        bus.sync()
    disk.confirms = True
    write(bus, 2)
    with pytest.raises(LogLostError, match="does not confirm"):
        bus.commit()
    asyncio.run(bus.close())
    assert sequences(tmp_path) == [1]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_no_room_for_the_next_file_loses_the_log_and_not_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    bus = LogFileBus(tmp_path, segment_bytes_max=1)
    write(bus, 1)
    bus.commit()
    write(bus, 2)

    def refuse(*arguments: object) -> int:
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(LogLostError):
            bus.commit()
    asyncio.run(bus.close())
    assert sequences(tmp_path) == [1, 2]


def test_a_journal_whose_folder_is_gone_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    journal = Journal(folder / "1.journal", None)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(LogGoneError, match="was deleted or moved"):
        journal.write(turn(1))


def test_a_file_in_a_folder_without_the_right_to_write_is_a_matter_of_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigError, match="Read-only"):
        AppendedFile(tmp_path / "a.log")
