"""The engine against the sandbox over real HTTP and websockets: a whole session, and what goes wrong then."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import FaultName
from tests.servers.local import MAKER, LocalProcess, until
from tests.servers.sandbox import SandboxServer
from tests.system.sandbox.session import BOTH_SIDES, agrees, has_placed, running

pytestmark = pytest.mark.slow


def test_a_whole_session(sandbox: SandboxServer, tmp_path: Path, maker: Any) -> None:
    with running(tmp_path, sandbox) as session:
        until(lambda: len(sandbox.open_ids) == BOTH_SIDES, "all symbols are quoted on both sides")
        order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
        sandbox.fill(order, order["size_lots"])
        until(lambda: len(session.events("order.fill.v1")) >= 1, "the fill is booked")
        until(lambda: any(len(o["history"]) > 0 and "R" in o["client_id"] for o in sandbox.truth["orders"]),
              "a price was amended")  # fmt: skip

        session.post("risk/halt", symbol="*", reason="a test")
        until(lambda: not sandbox.open_ids, "the halt has withdrawn all orders")
        until(lambda: session.kill_states()[-1:] == ["confirmed"], "the venue has shown it")
        assert session.kill_states()[0] == "cancelling"
        session.post("risk/resume", symbol="*", reason="it was one")
        until(lambda: len(sandbox.open_ids) >= BOTH_SIDES - 2, "all is quoted again")

        assert session.process.stop() == 0
        assert sandbox.open_ids == []
        agrees(session, sandbox)
        assert sandbox.call(lambda: sandbox.sandbox.limits.violations) == 0
    assert maker("replay", session.log).code == 0


def test_a_crash_between_any_two_steps_loses_and_doubles_nothing(
    sandbox: SandboxServer, tmp_path: Path, maker: Any
) -> None:
    lives = 3
    for life in range(lives):
        with running(tmp_path, sandbox) as session:
            placed = len(sandbox.truth["orders"])
            until(partial(has_placed, sandbox, placed + BOTH_SIDES - 2), "all symbols are quoted")
            order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
            session.process.kill()
            sandbox.fill(order, max(1, order["size_lots"] // (life + 1)))
    with running(tmp_path, sandbox) as session:
        until(lambda: session.times_ready() == lives + 1, "it is ready")
        until(lambda: len(sandbox.open_ids) >= BOTH_SIDES - 2, "all symbols are quoted")
        assert session.process.stop() == 0
        assert sandbox.open_ids == []
        agrees(session, sandbox)
        recovered = [r for r in session.events("venue.report.v1") if r["kind"] == "fill" and r["recovered"]]
        assert len(recovered) >= 3
    assert maker("replay", session.log).code == 0


def test_broken_streams_are_noticed_and_mended(sandbox: SandboxServer, tmp_path: Path) -> None:
    faults: tuple[FaultName, ...] = (
        "kick_user_stream",
        "kick_market_stream",
        "depth_gap",
        "bad_frame",
        "duplicate_events",
    )
    with running(tmp_path, sandbox, reconcile_interval_s=1.0) as session:
        for fault in faults:
            until(lambda: len(sandbox.open_ids) >= BOTH_SIDES - 1, "all symbols are quoted")
            before = len(sandbox.truth["trades"])
            sandbox.arm(fault)
            order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
            sandbox.fill(order, 1)
            until(partial(session.has_booked_more_than, before), f"the fill is booked, {fault}")
        assert session.process.stop() == 0
        assert sandbox.open_ids == []
        agrees(session, sandbox)


def test_a_dropped_fill_is_found(sandbox: SandboxServer, tmp_path: Path) -> None:
    with running(tmp_path, sandbox, reconcile_interval_s=1.0) as session:
        until(lambda: len(sandbox.open_ids) == BOTH_SIDES, "all symbols are quoted")
        sandbox.arm("drop_fills")
        order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
        sandbox.fill(order, max(1, order["size_lots"] // 3))
        until(lambda: len(session.events("order.fill.v1")) >= 1, "the fill is found")
        assert session.process.stop() == 0
        agrees(session, sandbox)


@pytest.mark.timed
def test_a_silent_router_is_cancelled_by_the_watchdog(sandbox: SandboxServer, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    with running(tmp_path, sandbox, heartbeat_file=str(heartbeat), dead_mans_switch_ms=1_500) as session:
        command = [str(MAKER), "watchdog", "--config", str(session.config)]
        watchdog = LocalProcess(command, tmp_path / "watchdog.txt")
        until(lambda: "no watchdog is watching" in session.process.text(), "it waits for the watchdog")
        assert sandbox.open_ids == []
        watchdog.start()
        try:
            until(lambda: len(sandbox.open_ids) == BOTH_SIDES, "all symbols are quoted")
            session.process.pause()
            stopped_s = time.monotonic()
            until(lambda: not sandbox.open_ids, "the watchdog has withdrawn all orders")
            assert time.monotonic() - stopped_s < 1.5 + 2
        finally:
            session.process.resume()
            watchdog.stop()
        assert session.process.stop() in {0, 1}
