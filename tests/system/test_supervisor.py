"""However the supervisor ends, its children end in good order: the order router first, and nobody is left."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from schemas.topics import GATEWAY, RISK, ROUTER, STATISTICS
from tests.servers.local import LocalProcess, until

pytestmark = pytest.mark.slow
NAMES = (RISK, GATEWAY, STATISTICS, ROUTER)
"""The router last: that it ends first is not for being first here."""
NO_BROKER = ("--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:2/0", "--port", "0")

TAKE_THE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Supervised:
    """A supervisor without a broker: its children wait for one."""

    def __init__(self, folder: Path) -> None:
        command = (sys.executable, "-m", "maker", "run", *NAMES, *NO_BROKER, "--state", folder / "state")
        self.command = [str(part) for part in command]
        self.process = LocalProcess(command, folder / "all.log", {"NO_COLOR": "1"}, folder)

    def lines(self, event: str) -> list[dict[str, Any]]:
        whole = self.process.text().rpartition("\n")[0]
        found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def waits(self) -> bool:
        self.process.check_running()
        return {line["process"] for line in self.lines("waiting_for_broker")} == set(NAMES)

    def pids(self) -> dict[str, int]:
        return {line["process"]: line["pid"] for line in self.lines("started")}

    def alive(self) -> set[str]:
        return {name for name, pid in self.pids().items() if psutil.pid_exists(pid)}


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    found = Supervised(tmp_path)
    found.process.start()
    until(found.waits, "all wait for a broker", pause_s=0.1)
    yield found
    found.process.kill()
    for pid in found.pids().values():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_killed_its_children_end_by_themselves_the_router_first(supervised: Supervised) -> None:
    supervised.process.kill()
    until(lambda: not supervised.alive(), "nobody is left", pause_s=0.1)
    gone = sorted(supervised.lines("supervisor_gone"), key=lambda line: str(line["timestamp"]))
    pids = supervised.pids()
    assert {line["pid"] for line in gone} == set(pids.values())
    assert gone[0]["pid"] == pids[ROUTER]
    assert "Traceback" not in supervised.process.text()


@pytest.mark.parametrize("numbers", [(signal.SIGHUP,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)])
def test_told_to_end_it_ends_them_in_order(supervised: Supervised, numbers: tuple[int, ...]) -> None:
    for number in numbers:
        supervised.process.signal(number)
        until(lambda: bool(supervised.lines("stopping")), "it stops")
    assert supervised.process.wait() == 0, supervised.process.text()[-2000:]
    assert not supervised.alive()
    assert len(supervised.lines("still_stopping")) == len(numbers) - 1
    assert supervised.lines("stopped")[0]["process"] == ROUTER


def test_a_child_that_dies_is_started_again_and_counted(supervised: Supervised) -> None:
    killed = supervised.pids()[RISK]
    os.kill(killed, signal.SIGKILL)
    until(lambda: supervised.pids()[RISK] != killed, "it is started again", pause_s=0.1)
    assert supervised.lines("ended")[0]["exit_code"] == -signal.SIGKILL
    assert supervised.lines("started")[-1]["restarts"] == 1
    other = supervised.pids()[ROUTER]
    os.kill(other, signal.SIGKILL)
    until(lambda: supervised.pids()[ROUTER] != other, "the other is started again too", pause_s=0.1)
    assert supervised.lines("started")[-1]["restarts"] == 1
    supervised.process.signal(signal.SIGTERM)  # perhaps before the new one has its handlers
    assert supervised.process.wait() == 0
    assert not supervised.alive()


def test_a_child_that_cannot_run_as_it_is_configured_ends_all(tmp_path: Path) -> None:
    found = Supervised(tmp_path)
    config = tmp_path / "engine.yaml"
    config.write_text("kafka: {security_protocol: SASL_PLAINTEXT, sasl_username: x}")
    process = LocalProcess([*found.command, "--config", str(config)], tmp_path / "all.log", folder=tmp_path)
    process.start()
    try:
        assert process.wait() == 2
    finally:
        process.kill()
    assert "needs kafka.sasl_password_file" in process.text()
    assert "cannot run as configured, so all were stopped" in " ".join(process.text().split())
    until(lambda: not found.alive(), "nobody is left", pause_s=0.1)


def test_a_closed_terminal_ends_it_in_good_order(tmp_path: Path) -> None:
    """Writing to a terminal that is gone fails; nobody may end by that before it has done its part."""
    found = Supervised(tmp_path)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_THE_TERMINAL, *found.command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while shown.count(b"waiting_for_broker") < len(NAMES):
            shown += os.read(ours, 65_536)
        children = psutil.Process(process.pid).children()
        assert len(children) == len(NAMES)
        os.close(ours)
        assert process.wait() == 0
        until(lambda: not any(child.is_running() for child in children), "nobody is left", pause_s=0.1)
    finally:
        process.kill()
        process.wait()
