"""What the engine writes is its owner's alone; where no folder of ours can be, that is said."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.log.logfile import LogFileBus
from runtime.state.journal import Journal
from runtime.state.private_files import make_folder
from runtime.state.snapshot import write_whole
from runtime.state.state_files import StateFiles
from schemas.envelope import Envelope
from schemas.market import FeedRefused
from tests.unit.runtime.secret_files import mode


def write_log(folder: Path) -> None:
    bus = LogFileBus(folder, segment_bytes_max=1)
    for number in range(3):
        refused = FeedRefused(event_time_ns=1, venue="v", symbol="S", reason="malformed", detail="d")
        bus.publish("market.feed", Envelope("p", number, None, 1, refused.type_name), refused)
        bus.commit()
    asyncio.run(bus.close())


def write_state(folder: Path) -> None:
    files = StateFiles(folder)
    files.roll(1, 1, b"snapshot", b"carried")
    files.roll(1, 1, b"snapshot", b"carried")
    files.close()


@pytest.mark.parametrize("write", [write_log, write_state])
def test_what_is_written_is_its_owners_alone_whatever_the_umask(
    tmp_path: Path, umask: int, write: Callable[[Path], None]
) -> None:
    folder = tmp_path / "above" / "folder"
    write(folder)
    assert [mode(each) for each in (folder, folder.parent)] == [0o700, 0o700]
    files = list(folder.iterdir())
    assert len(files) > 1
    assert {mode(each) for each in files} == {0o600}


@pytest.mark.parametrize(("write", "open_again"), [(write_log, LogFileBus), (write_state, StateFiles)])
def test_what_is_found_wider_is_narrowed(
    tmp_path: Path, write: Callable[[Path], None], open_again: Callable[[Path], object]
) -> None:
    write(tmp_path / "folder")
    for path in (tmp_path / "folder", *(tmp_path / "folder").iterdir()):
        path.chmod(0o755)
    open_again(tmp_path / "folder")
    assert mode(tmp_path / "folder") == 0o700
    assert {mode(each) for each in (tmp_path / "folder").iterdir()} == {0o600}


def test_a_folder_in_which_others_keep_something_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "theirs.txt").touch()
    write_log(folder)
    assert mode(folder) == 0o755
    assert {mode(each) for each in folder.glob("*.log")} == {0o600}


def test_a_folder_that_anybody_may_write_into_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").touch()
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match=f"chmod o-w {tmp_path}"):
        make_folder(tmp_path, (".log",))
    tmp_path.chmod(0o1777)
    make_folder(tmp_path, (".log",))


def test_a_journal_and_a_snapshot_are_private_by_themselves(tmp_path: Path, umask: int) -> None:
    Journal(tmp_path / "a.journal", None).close()
    write_whole(tmp_path / "a.snapshot", b"data")
    assert {mode(each) for each in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("below", ["", "log"])
def test_a_file_in_a_folders_place_is_said(below: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(
        ConfigError, match=r"give a folder where you may write|is not a folder: give a folder"
    ):
        make_folder(file / below)
    assert file.read_text() == "no folder"
