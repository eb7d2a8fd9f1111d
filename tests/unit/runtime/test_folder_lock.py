"""One writer a folder: who comes second is told who was first, and a death leaves nothing behind."""

import asyncio
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.errors import ConfigError, RefusedError
from runtime.log.logfile import LogFileBus, read_log, write_log
from runtime.state.folder_lock import SUFFIX, FolderLock
from runtime.state.state_files import StateFiles

HOLD = """
import sys
from pathlib import Path
from runtime.state.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), "the log")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder until it is killed, or its stdin ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with holder(tmp_path) as first, pytest.raises(RefusedError) as refused:
        FolderLock(tmp_path, "the log", "`maker halt` stops its trading")
    said = str(refused.value)
    assert f"{tmp_path} is in use: process {first.pid} has written the log since 20" in said
    assert f"`kill {first.pid}` ends it" in said
    assert said.endswith("; `maker halt` stops its trading")
    assert refused.value.exit_code == 4


def test_who_deletes_the_file_of_a_lock_does_not_let_a_second_one_in(tmp_path: Path) -> None:
    with holder(tmp_path):
        (tmp_path / SUFFIX).unlink()
        with pytest.raises(RefusedError, match=r"another process writes the log, and its \.lock was deleted"):
            FolderLock(tmp_path, "the log")
    FolderLock(tmp_path, "the log")


def test_where_folders_cannot_be_locked_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def files_alone(file: int, how: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{file}"):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", files_alone)
    lock = FolderLock(tmp_path, "the log")
    with pytest.raises(RefusedError, match=f"process {os.getpid()} has written the log"):
        FolderLock(tmp_path, "the log")
    lock.release()


def test_a_killed_holder_leaves_nothing_behind(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    FolderLock(tmp_path, "the log")


def test_what_was_released_or_dropped_is_free(tmp_path: Path) -> None:
    FolderLock(tmp_path, "the log").release()
    held = FolderLock(tmp_path, "the log")
    assert json.loads(held.path.read_text())["pid"] == os.getpid()
    del held
    FolderLock(tmp_path, "the log").release()


def test_a_holder_on_another_machine_is_named_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with holder(tmp_path) as first:
        here = socket.gethostname()
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
        with pytest.raises(RefusedError, match=f"process {first.pid} on {here} has written"):
            FolderLock(tmp_path, "the log")


def test_a_holder_that_has_not_said_who_it_is_is_refused_all_the_same(tmp_path: Path) -> None:
    with (tmp_path / SUFFIX).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RefusedError, match="has not said which one it is"):
            FolderLock(tmp_path, "the log")


def test_a_disk_that_cannot_lock_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(file: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", cannot)
    with pytest.raises(
        ConfigError, match=r"cannot be locked \(No locks available\).* a local disk of this machine"
    ):
        FolderLock(tmp_path, "the log")


def test_a_log_has_one_writer_and_any_readers(tmp_path: Path) -> None:
    bus = LogFileBus(tmp_path)
    for write in (LogFileBus, lambda folder: write_log(folder, ())):
        with pytest.raises(
            RefusedError, match=f"process {os.getpid()} has written the log.*maker halt --log"
        ):
            write(tmp_path)
    assert list(read_log(tmp_path)) == []
    asyncio.run(bus.close())
    asyncio.run(LogFileBus(tmp_path).close())


def test_the_second_touches_nothing_of_the_log(tmp_path: Path) -> None:
    """Its start would cut what the first has not committed yet."""
    bus = LogFileBus(tmp_path)
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(b"half a line")
    with pytest.raises(RefusedError):
        LogFileBus(tmp_path)
    assert path.read_bytes() == b"half a line"
    asyncio.run(bus.close())


def test_a_state_folder_has_one_process(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    with pytest.raises(RefusedError, match=f"process {os.getpid()} has written the state"):
        StateFiles(tmp_path)
    files.close()
    StateFiles(tmp_path).close()
