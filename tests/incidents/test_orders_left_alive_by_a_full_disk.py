"""The disk of the log was full, and the engine ended with eight orders alive at the exchange.

What happened: a write into the log failed, the engine could record nothing more and ended, and nobody
cancelled what was open. A short write that was tried again left half a line in the middle of the log,
which could never be read after that.

What was wrong: every way to cancel went through the log.

What holds it now: orders are cancelled by a path that needs no log, until the exchange shows none; the
exit code and the last line say what may be left. A failed append is cut off before anything else is
written, and the next start finds out what became of every order. The tests break the disk under a
running engine in every way.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers.filled_disk import fill_up, mounted_at
from tests.servers.log_lines import messages
from tests.servers.sandbox import SandboxServer
from tests.servers.trader import SYMBOLS, Trader, trading
from tests.system.conftest import run_maker

pytestmark = pytest.mark.slow

BROKEN_DISK = Path(__file__).parents[1] / "servers" / "broken_disk"
SMALL: dict[str, Any] = {"engine": {"disk_free_mb_min": 1}}
"""A floor for disks of 24 MB."""
FAULTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "full": ({"error": "ENOSPC", "room_bytes": 1}, "No space left on device"),
    "quota": ({"error": "EDQUOT", "room_bytes": 777}, "quota exceeded"),
    "read-only": ({"error": "EROFS"}, "Read-only file system"),
    "faulty": ({"error": "EIO", "room_bytes": 4_000}, "Input/output error"),
    "not confirming": ({"sync_error": True}, "the disk does not confirm"),
}


class Broken:
    """The disk under an engine's log, which fails as it is told."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "disk.json"
        self.env = {"PYTHONPATH": str(BROKEN_DISK), "BROKEN_DISK": str(self._told)}

    def fail(self, **how: Any) -> None:
        written = self._told.with_suffix(".new")
        written.write_text(json.dumps(how), encoding="utf-8")
        written.rename(self._told)

    def mend(self) -> None:
        self._told.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[None]:
    """The log is on a disk of 24 MB."""
    yield from mounted_at(tmp_path / "log", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The log is on a mount that can be lost; what mounts it again."""
    (tmp_path / "real").mkdir(mode=0o700)
    options = ("--bind", str(tmp_path / "real"))
    yield from (("mount", *options, str(tmp_path / "log")) for _ in mounted_at(tmp_path / "log", *options))


def quoting(trader: Trader, sandbox: SandboxServer) -> None:
    trader.until(lambda: len(sandbox.open_ids) == 2 * len(SYMBOLS), "all is quoted")


def fill_unheard(trader: Trader, sandbox: SandboxServer) -> None:
    """The exchange trades while the engine does not listen."""
    order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
    sandbox.fill(order, 1)


def check_withdrawn(trader: Trader, sandbox: SandboxServer, why: str) -> None:
    """Ended by the disk, with no order left by the exchange's own books."""
    assert trader.process.wait() == 3
    assert sandbox.open_ids == []
    line = trader.process.text().splitlines()[-1]
    assert line.startswith("maker: ")
    assert why in line
    assert re.search(r"[1-9]\d* orders with the prefix mm cancelled at binance; it shows none of them", line)


def check_next_life(folder: Path, sandbox: SandboxServer) -> None:
    """On a good disk: what became of every order is found out, each trade is booked once, and the whole log
    decides the same again.
    """
    with trading(Trader(folder, sandbox, **SMALL)) as trader:
        quoting(trader, sandbox)
        trader.until(lambda: booked(trader) == traded(sandbox), "all that was traded is booked")
        assert trader.process.stop() == 0
    assert sandbox.open_ids == []
    assert trader.held["open_orders"] == {}
    done = run_maker("replay", trader.log)
    assert done.code == 0, done.err


def traded(sandbox: SandboxServer) -> list[tuple[str, int]]:
    """By now: takers go on while it is waited for."""
    return sorted((str(trade["trade_id"]), trade["size_lots"]) for trade in sandbox.truth["trades"])


def booked(trader: Trader) -> list[tuple[str, int]]:
    fills = messages(trader.records, "order.fill.v1")
    return sorted((fill["venue_trade_id"], fill["size_lots"]) for fill in fills)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_fails_leaves_no_order_and_the_next_start_knows_all(
    sandbox: SandboxServer, tmp_path: Path, fault: str
) -> None:
    disk = Broken(tmp_path)
    how, why = FAULTS[fault]
    with trading(Trader(tmp_path, sandbox, env=disk.env, **SMALL)) as trader:
        quoting(trader, sandbox)
        trader.process.pause()
        fill_unheard(trader, sandbox)
        disk.fail(**how)
        trader.process.resume()
        check_withdrawn(trader, sandbox, why)
    check_next_life(tmp_path, sandbox)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_no_order_and_a_start_on_it_is_refused_before_it_connects(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    with trading(Trader(tmp_path, sandbox, **SMALL)) as trader:
        quoting(trader, sandbox)
        ballast = fill_up(trader.log)
        check_withdrawn(trader, sandbox, "No space left on device")
        requests = sandbox.truth["orders"]
        refused = run_maker("up", "--config", trader.config, "--log", trader.log, "--no-gateway")
        assert refused.code == 3
        (line,) = [each for each in refused.err.splitlines() if each.startswith("maker: ")]
        assert (
            f"{trader.log} is the folder of the log, and its disk has 0.0 MB free, less than the 1 MB" in line
        )
        assert "maker cancel-all --config FILE" in line
        assert sandbox.truth["orders"] == requests
        ballast.unlink()
    check_next_life(tmp_path, sandbox)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_that_takes_no_words_either_leaves_no_order(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    """What the engine says goes into a file on the disk that is full."""
    trader = Trader(tmp_path, sandbox, **SMALL)
    trader.process.output = trader.log / "said.txt"
    with trading(trader):
        quoting(trader, sandbox)
        fill_up(trader.log)
        assert trader.process.wait() == 3
        assert sandbox.open_ids == []


@pytest.mark.usefixtures("small_disk")
def test_a_disk_that_is_nearly_full_halts_before_it_is_full(sandbox: SandboxServer, tmp_path: Path) -> None:
    """A halt that is recorded; with room again people resume."""
    with trading(Trader(tmp_path, sandbox, engine={"disk_free_mb_min": 8})) as trader:
        quoting(trader, sandbox)
        ballast = fill_up(trader.log, leave_bytes=7_000_000)
        trader.until(lambda: sandbox.open_ids == [], "nothing is left at the exchange")
        (halt,) = trader.since("control.command.v1")
        assert halt["action"] == "halt"
        assert "disk nearly full" in halt["reason"]
        assert list(trader.held["halts"])
        ballast.unlink()
        trader.until(lambda: trader.visitor.get("api/v1/system")["disk"]["is_nearly_full"] is False, "room")
        trader.visitor.post("api/v1/maker/risk/resume", symbol="*", reason="there is room")
        quoting(trader, sandbox)
        assert trader.process.stop() == 0
    assert run_maker("replay", trader.log).code == 0


def test_a_mount_that_is_lost_leaves_no_order(
    sandbox: SandboxServer, tmp_path: Path, mount: tuple[str, ...]
) -> None:
    with trading(Trader(tmp_path, sandbox, **SMALL)) as trader:
        quoting(trader, sandbox)
        trader.process.pause()
        fill_unheard(trader, sandbox)
        subprocess.run(["umount", "-l", str(trader.log)], check=True)
        trader.process.resume()
        check_withdrawn(trader, sandbox, "was deleted or moved while in use")
    subprocess.run(mount, check=True)
    check_next_life(tmp_path, sandbox)


def test_a_folder_that_is_moved_away_leaves_no_order(sandbox: SandboxServer, tmp_path: Path) -> None:
    with trading(Trader(tmp_path, sandbox, **SMALL)) as trader:
        quoting(trader, sandbox)
        trader.log.rename(tmp_path / "elsewhere")
        check_withdrawn(trader, sandbox, "was deleted or moved while in use")
    (tmp_path / "elsewhere").rename(trader.log)
    check_next_life(tmp_path, sandbox)


def test_what_the_exchange_did_not_confirm_is_said_with_the_command_that_withdraws_it(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    disk = Broken(tmp_path)
    with trading(Trader(tmp_path, sandbox, env=disk.env, **SMALL)) as trader:
        quoting(trader, sandbox)
        trader.process.pause()
        sandbox.arm("server_error", times=100_000)
        disk.fail(error="ENOSPC")
        trader.process.resume()
        assert trader.process.wait() == 6
        line = trader.process.text().splitlines()[-1]
        assert "`maker cancel-all --config FILE` shows and cancels them" in line
        assert "No space left on device" in line
        assert sandbox.open_ids
        sandbox.clear_faults()
        assert run_maker("cancel-all", "--config", trader.config).code == 0
        assert sandbox.open_ids == []
        disk.mend()
    check_next_life(tmp_path, sandbox)


def test_an_exchange_that_answers_late_is_asked_until_it_shows_none(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    disk = Broken(tmp_path)
    with trading(Trader(tmp_path, sandbox, env=disk.env, **SMALL)) as trader:
        quoting(trader, sandbox)
        trader.process.pause()
        for name in ("lost_before", "lost_after", "server_error", "hide_order"):
            sandbox.arm(name, times=3)
        disk.fail(error="ENOSPC")
        trader.process.resume()
        check_withdrawn(trader, sandbox, "No space left on device")
        sandbox.clear_faults()
    check_next_life(tmp_path, sandbox)


def test_an_order_decided_before_the_disk_stood_still_is_not_sent(
    sandbox: SandboxServer, tmp_path: Path
) -> None:
    """Each confirmation takes 2 s: cancels go out, and nothing that adds does, until it is quick again."""
    disk = Broken(tmp_path)
    with trading(Trader(tmp_path, sandbox, env=disk.env, **SMALL)) as trader:
        quoting(trader, sandbox)
        disk.fail(stall_s=2)
        trader.until(lambda: "disk_stalled" in trader.process.text(), "it is said")
        placed = len(sandbox.truth["orders"])
        trader.until(lambda: sandbox.open_ids == [], "what is stale is pulled")
        assert len(sandbox.truth["orders"]) == placed
        disk.mend()
        quoting(trader, sandbox)
        assert trader.process.stop() == 0
    held_back = [each for each in trader.since("venue.report.v1") if each["reason"] == "DISK_STALLED"]
    assert held_back
    assert run_maker("replay", trader.log).code == 0
