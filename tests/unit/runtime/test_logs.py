"""Logs: where they go, and in which form."""

import errno
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import structlog

from runtime.observability.logs import configure_logs


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def be_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Called by the test itself: between a fixture and its test pytest sets stderr anew."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return terminal


def test_a_program_reads_json_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger().warning("log_tail_cut", records_lost=3)
    out, err = capsys.readouterr()
    assert out == ""
    line = json.loads(err)
    written = datetime.fromisoformat(line.pop("timestamp"))
    assert line == {"event": "log_tail_cut", "records_lost": 3, "level": "warning"}
    assert written.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)


def test_a_line_is_written_whole_so_that_processes_may_share_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    shared = StringIO()  # as stderr is with PYTHONUNBUFFERED: each write reaches the file by itself
    shared.write = lambda text: written.append(text) or len(text)  # type: ignore[method-assign, func-returns-value]
    monkeypatch.setattr(sys, "stderr", shared)
    configure_logs()
    structlog.get_logger().warning("one")
    logging.getLogger("aiokafka").warning("two")
    assert [json.loads(each)["event"] for each in written if each.endswith("\n")] == ["one", "two"]
    assert len(written) == 2


def test_what_is_bound_to_the_context_is_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    with structlog.contextvars.bound_contextvars(service="risk-service"):
        structlog.get_logger().info("restored")
    assert json.loads(capsys.readouterr().err)["service"] == "risk-service"


def test_a_person_reads_coloured_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = be_a_terminal(monkeypatch)
    configure_logs()
    structlog.get_logger().info("restored", records=3)
    assert "\x1b[" in terminal.getvalue()
    assert "restored" in terminal.getvalue()


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = be_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    configure_logs()
    structlog.get_logger().info("restored", records=3)
    assert "\x1b[" not in terminal.getvalue()
    assert "records=3" in terminal.getvalue()


def test_the_form_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = be_a_terminal(monkeypatch)
    configure_logs(json_lines=True)
    structlog.get_logger().info("restored")
    assert json.loads(terminal.getvalue())["event"] == "restored"


def test_pairs_can_be_had_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(json_lines=False)
    structlog.get_logger().info("restored", records=3)
    assert "records=3" in capsys.readouterr().err


class FullDisk(io.StringIO):
    """Takes no line as long as it is full."""

    is_full = True

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_full_disk_loses_the_lines_of_that_time_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who says something there is stopped by it: the withdrawal of orders least of all."""
    disk = FullDisk()
    monkeypatch.setattr(sys, "stderr", disk)
    configure_logs()
    structlog.get_logger().critical("log_lost")
    disk.is_full = False
    structlog.get_logger().info("restored")
    assert "log_lost" not in disk.getvalue()
    assert "restored" in disk.getvalue()


def test_a_command_whose_last_line_finds_no_room_ends_with_its_own_code() -> None:
    """Python itself would end with another: of the line that it could not write at its exit."""
    program = (
        "from maker.cli.errors import exit_with_errors\n"
        "from runtime.errors import OrdersLeftError\n"
        "import typer\n"
        "@exit_with_errors\n"
        "def command() -> None:\n"
        "    raise OrdersLeftError('left')\n"
        "typer.run(command)\n"
    )
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", program], stderr=full, check=False)
    assert done.returncode == 6
