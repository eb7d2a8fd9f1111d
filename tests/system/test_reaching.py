"""`maker halt`, `resume` and `status` of a running engine: at its own machine, and by its address."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maker.client import MakerClient
from tests.servers.local import MAKER, LocalProcess, free_port, until
from tests.servers.visitor import Visitor

pytestmark = pytest.mark.slow
SYMBOLS = 5
QUOTED = frozenset({"QUOTING", "ONE_SIDE", "NOT_QUOTING", "REDUCE_ONLY"})


class Running:
    """A demonstration, with its page."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.url = f"http://127.0.0.1:{free_port()}"
        command = [str(MAKER), "up", "--port", self.url.rpartition(":")[2], "--log", str(self.log)]
        self.process = LocalProcess(command, folder / "engine.txt")
        self.token = folder / "token"

    def start(self) -> None:
        """Run it until every symbol is followed, and take a token."""
        self.process.start()
        until(lambda: "The page is at" in self.process.text(), "the page is announced")
        visitor = Visitor(f"{self.url}/", self.process.text)

        def all_followed() -> bool:
            try:
                return bool(visitor.get("api/v1/maker/active")["count"] == SYMBOLS)
            except TimeoutError:  # a busy machine; asked again
                return False

        until(all_followed, "all are followed", pause_s=0.1)
        self.token.touch(0o600)
        self.token.write_text(visitor.headers["Authorization"].removeprefix("Bearer "))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = Running(tmp_path_factory.mktemp("reaching"))
    try:
        found.start()
        yield found
    finally:
        found.process.kill()


@pytest.mark.parametrize("how", ["log", "url"])
def test_a_symbol_is_halted_shown_and_resumed(running: Running, maker: Any, how: str) -> None:
    where = {
        "log": ("--log", running.log),
        "url": ("--url", running.url, "--token-file", running.token),
    }[how]
    halted = maker("halt", "ETH/USDT", *where, "--reason", "a test", "--within", "60", "--json")
    assert halted.code == 0, halted.err
    answers = [json.loads(line) for line in halted.out.splitlines()]
    assert (answers[0]["symbol"], answers[-1]["state"]) == ("ETH/USDT", "confirmed")

    status = maker("status", *where, "--json")
    found = json.loads(status.out)
    assert status.code == 4, status.err
    (halt,) = found["halts"]
    assert (halt["key"], halt["withdrawal"]) == ("synthetic:ETH/USDT", "confirmed")
    assert {each["state"] for each in found["processes"]} == {"ok"}
    assert len(found["symbols"]) == SYMBOLS
    assert maker("status", "SOL/USDT", *where).code != 4

    every = maker("halt", *where, "--within", "60", "--json")
    assert (every.code, json.loads(every.out.splitlines()[-1])["state"]) == (0, "confirmed"), every.err
    shown = {
        each["key"]: each["withdrawal"] for each in json.loads(maker("status", *where, "--json").out)["halts"]
    }
    assert shown == {"*:*": "confirmed", "synthetic:ETH/USDT": "confirmed"}
    assert maker("resume", "*", *where, "--reason", "mended", "--within", "60").code == 0

    unknown = maker("halt", "ETHUSDT", *where)
    assert (unknown.code, "ETH/USDT" in unknown.err) == (2, True)
    resumed = maker("resume", "ETH/USDT", *where, "--reason", "mended", "--within", "60", "--json")
    assert resumed.code == 0, resumed.err
    assert json.loads(resumed.out)["state"] == "resumed"
    until(lambda: json.loads(maker("status", *where, "--json").out)["halts"] == [], "none is left")


def test_a_symbol_is_stopped_started_and_removed(running: Running, maker: Any) -> None:
    where = ("--url", running.url, "--token-file", running.token)

    def states() -> dict[str, str]:
        found = json.loads(maker("status", *where, "--json").out)
        return {each["symbol"]: each["state"] for each in found["symbols"]}

    stopped = maker("stop", "LTC/USDT", *where, "--reason", "a test", "--json")
    assert (stopped.code, json.loads(stopped.out)["status"]) == (0, "stopped"), stopped.err
    until(lambda: states()["LTC/USDT"] == "STOPPED", "it is stopped")

    refused = maker("start", "LTC/USDT", "--max-position", "5000", *where)
    assert (refused.code, "looser than 100" in refused.err) == (2, True)
    started = maker("start", "LTC/USDT", "--base-spread", "0.0040", *where)
    assert started.code == 0, started.err
    assert started.out.startswith("Quoting of LTC/USDT is switched on")
    assert "base_spread 0.0040" in started.out
    until(lambda: states()["LTC/USDT"] != "STOPPED", "it is started")

    removed = maker("remove", "LTC/USDT", "--force", *where)
    assert (removed.code, "LTC/USDT is being removed" in removed.out) == (0, True), removed.err
    with MakerClient(running.url, running.token.read_text()) as client:
        until(lambda: "removed: no order" in str(client.alerts()), "its market data has ended")
    unknown = maker("remove", "LTCUSDT", *where)
    assert (unknown.code, len(unknown.err.splitlines())) == (2, 1)
    assert maker("start", "LTC/USDT", *where).code == 0
    until(lambda: states().get("LTC/USDT") in QUOTED, "it is followed again")


@pytest.mark.parametrize("how", ["log", "url"])
def test_a_symbol_is_flattened_under_a_halt_that_a_resume_ends(
    running: Running, maker: Any, how: str
) -> None:
    where = {
        "log": ("--log", running.log),
        "url": ("--url", running.url, "--token-file", running.token),
    }[how]
    asked = ("flatten", "SOL/USDT", *where, "--reason", "a test", "--within", "1", "--json")
    done = maker(*asked, "--halt")
    result = json.loads(done.out)
    assert (done.code, result["state"]) in {(0, "flat"), (1, "held")}, done.err
    (halt,) = json.loads(maker("status", *where, "--json").out)["halts"]
    assert (halt["key"], halt["flattens"]) == ("synthetic:SOL/USDT", True)
    assert maker("halt", "SOL/USDT", *where, "--within", "60").code == 0
    refused = maker(*asked)
    assert (refused.code, "SOL/USDT is halted" in refused.err) == (2, True)
    assert maker("resume", "SOL/USDT", *where, "--reason", "mended", "--within", "60").code == 0


def test_who_is_not_let_in_is_told_so(running: Running, maker: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.touch(0o600)
    wrong.write_text("nonsense")
    assert maker("status", "--url", running.url, "--token-file", wrong).code == 4
    away = maker("status", "--url", "http://127.0.0.1:1", "--token-file", running.token)
    assert (away.code, "no gateway answers at http://127.0.0.1:1" in away.err) == (3, True)


def test_one_that_runs_as_fast_as_it_can_is_halted_too(maker: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [str(MAKER), "up", "--speed", "max", "--no-gateway", "--log", str(log)]
    process = LocalProcess(command, tmp_path / "engine.txt")
    process.start()
    try:
        until(lambda: maker("status", "--log", log).code in {0, 1}, "it runs")
        halted = maker("halt", "--log", log, "--within", "60")
        assert (halted.code, halted.out.splitlines()[-1]) == (0, "confirmed: no order is open")
    finally:
        process.kill()


def test_a_halt_that_is_repeated_after_a_kill_is_still_confirmed(maker: Any, tmp_path: Path) -> None:
    """The orders were gone before: nothing is reported anew."""
    killed = Running(tmp_path)
    halt = ("halt", "--log", killed.log, "--reason", "a test", "--within", "60", "--json")
    try:
        killed.start()
        assert maker(*halt).code == 0
        killed.process.kill()
        (tmp_path / "engine.txt").unlink()  # its URL is of the life before
        killed.start()
        again = maker(*halt)
        assert (again.code, json.loads(again.out.splitlines()[-1])["state"]) == (0, "confirmed"), again.err
    finally:
        killed.process.kill()
