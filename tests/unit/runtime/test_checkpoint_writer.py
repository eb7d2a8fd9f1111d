"""The copy of the engine that writes a checkpoint: it does that alone, and what goes wrong is said."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from runtime.log.logfile import LogFileBus
from runtime.process.checkpointing import Checkpointing
from runtime.signals import STOP_SIGNALS
from runtime.state.checkpoint import Checkpoints

Work = Callable[[Checkpointing], None]


def said_of(work: Work, folder: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """What is said of a checkpoint that is written so."""
    patch.setattr(Checkpointing, "_write", work)
    checkpointing = Checkpointing(LogFileBus(folder), (), "")
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):  # what goes wrong again is said once
            checkpointing.write()
            checkpointing.close()
    return [str(line["because"]) for line in lines if line["event"] == "checkpoint_not_written"]


def test_why_it_was_not_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(checkpointing: Checkpointing) -> None:
        raise OSError(28, "No space left on device")

    assert said_of(fails, tmp_path, monkeypatch) == ["OSError(28, 'No space left on device')"]


def test_a_writer_that_was_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(checkpointing: Checkpointing) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    assert said_of(dies, tmp_path, monkeypatch) == ["its writer ended with -9"]


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_what_ends_the_engine_does_not_end_the_writer(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C goes to all processes of a terminal: the last checkpoint is written all the same."""

    def is_signalled(checkpointing: Checkpointing) -> None:
        os.kill(os.getpid(), number)
        (tmp_path / "written").touch()

    assert said_of(is_signalled, tmp_path, monkeypatch) == []
    assert (tmp_path / "written").exists()


def test_the_writer_holds_nothing_that_is_the_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or an exchange would see a connection live on, and a log its lock, after the engine was killed."""
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]

    def looks(checkpointing: Checkpointing) -> None:
        for file in files:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(file)

    assert said_of(looks, tmp_path, monkeypatch) == []
    for file in files:
        os.close(file)


def test_a_writer_whose_engine_was_killed_ends_and_does_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another engine may be there already: neither its files nor its folder are touched."""

    def is_orphaned(checkpointing: Checkpointing) -> None:
        checkpointing._engine = 0
        checkpointing._check_engine()
        (tmp_path / "touched").touch()

    (because,) = said_of(is_orphaned, tmp_path, monkeypatch)
    assert "_EngineGoneError" in because
    assert not (tmp_path / "touched").exists()


def test_a_writer_that_cannot_even_say_why_it_failed_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go on as a second engine."""

    def fails_unheard(checkpointing: Checkpointing) -> None:
        def broken(*arguments: object) -> int:
            raise BrokenPipeError

        os.write = broken
        raise OSError

    assert said_of(fails_unheard, tmp_path, monkeypatch) == ["its writer ended with 1"]


def test_no_room_for_a_writer_is_said_and_the_engine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    files = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "fork", no_room)
    (because,) = said_of(lambda checkpointing: None, tmp_path, monkeypatch)
    assert "Resource temporarily unavailable" in because
    assert len(os.listdir("/proc/self/fd")) <= files + 3  # those of the log
    assert not Checkpoints(tmp_path).names()
