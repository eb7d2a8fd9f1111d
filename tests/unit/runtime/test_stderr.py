"""Logs that nobody reads: the process goes on, and says afterwards what it could not say."""

import os
import pty
import subprocess
import sys
import termios

import pytest

from runtime.observability.stderr import KEPT_BYTES_MAX
from tests.servers.local import PATIENCE_S

PIPE_BYTES = 65_536
LINES = 3 * KEPT_BYTES_MAX // 100
TALKATIVE = f"""
import structlog
from runtime.observability.logs import configure_logs
configure_logs(json_lines=True)
for number in range({LINES}):
    structlog.get_logger().warning("said", number=number, filling="x" * 100)
print("done", flush=True)
input()
structlog.get_logger().warning("last")
"""


def talkative(stderr: int) -> subprocess.Popen[str]:
    """A program that logs more than is kept, says so on stdout, and then waits for a line."""
    return subprocess.Popen(
        [sys.executable, "-c", TALKATIVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def said_done(program: subprocess.Popen[str]) -> bool:
    assert program.stdout is not None
    return program.stdout.readline() == "done\n"


@pytest.mark.slow
def test_a_pipe_that_is_not_read_delays_nothing_and_what_was_dropped_is_counted() -> None:
    reading, writing = os.pipe()
    with talkative(writing) as program, os.fdopen(reading) as log:
        os.close(writing)
        assert said_done(program)
        first = os.read(reading, PIPE_BYTES)
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
        lines = (first.decode() + log.read()).splitlines()
    assert program.returncode == 0
    [note] = [line for line in lines if "were dropped here" in line]
    kept = [line for line in lines if '"said"' in line]
    assert int(note.partition(" ")[0]) == LINES - len(kept)
    assert '"last"' in lines[-1]


@pytest.mark.slow
def test_a_terminal_that_was_stopped_delays_nothing() -> None:
    screen, terminal = pty.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    with talkative(terminal) as program:
        assert said_done(program)
        program.kill()
    os.close(terminal)
    os.close(screen)


@pytest.mark.slow
def test_an_end_waits_for_no_reader() -> None:
    reading, writing = os.pipe()
    with talkative(writing) as program:
        os.close(writing)
        assert said_done(program)
        program.communicate("\n", PATIENCE_S)
    assert program.returncode == 0
    os.close(reading)
