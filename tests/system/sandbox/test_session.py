"""The engine against the sandbox over real HTTP and websockets: a whole session, and what goes wrong then."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from quote_service.sandbox.faults import FaultName
from servers.local import LocalProcess, free_port, until
from servers.sandbox import SandboxServer, key_files
from servers.visitor import Visitor

from tests.system.conftest import MAKER

pytestmark = [pytest.mark.slow, pytest.mark.timed]
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "AAVE/USDT", "LTC/USDT")
BOTH_SIDES = 2 * len(SYMBOLS)


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    server = SandboxServer()
    yield server
    server.stop()


class Session:
    """The engine as a process, on one log, with the gateway's commands."""

    def __init__(self, folder: Path, sandbox: SandboxServer, **exchange: Any) -> None:
        self.log = folder / "log"
        self._port = free_port()
        settings = {
            "feed": {"kind": "live"},
            "venue": {"kind": "ccxt"},
            "exchange": {"symbols": list(SYMBOLS), "url": sandbox.url, **key_files(folder), **exchange},
        }
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(settings))
        command = [MAKER, "up", "--config", self.config, "--log", self.log, "--port", str(self._port)]
        self.process = LocalProcess([str(part) for part in command], folder / "engine.txt")
        self._visitor = Visitor(f"http://127.0.0.1:{self._port}/", self.process.text)

    def post(self, path: str, **body: Any) -> None:
        self._visitor.post(f"api/v1/maker/{path}", **body)

    def events(self, type_name: str) -> list[dict[str, Any]]:
        """The messages of a type in the log, what is not committed included."""
        lines = (
            line for path in sorted(self.log.glob("*.log")) for line in path.read_text().splitlines(True)
        )
        wanted = (line for line in lines if line.endswith("\n") and f'"type":"{type_name}"' in line)
        return [json.loads(line[9:])["message"] for line in wanted]


@contextmanager
def running(folder: Path, sandbox: SandboxServer, **exchange: Any) -> Iterator[Session]:
    session = Session(folder, sandbox, **exchange)
    session.process.start()
    try:
        yield session
    except BaseException:
        print(session.process.text()[-4000:])
        raise
    finally:
        if session.process.is_running:
            session.process.kill()


def agrees(session: Session, sandbox: SandboxServer) -> None:
    """Every lot that the exchange traded was booked once, and its orders are those that were intended."""
    truth = sandbox.truth
    booked = sorted((f["venue_trade_id"], f["size_lots"], f["side"]) for f in session.events("order.fill.v1"))
    traded = sorted((str(t["trade_id"]), t["size_lots"], t["side"]) for t in truth["trades"])
    assert booked == traded
    wires = [order["client_id"] for order in truth["orders"]]
    assert len(wires) == len(set(wires))
    asked = [e for e in session.events("order.event.v1") if e["kind"] in {"place_intent", "amend_intent"}]
    assert len(wires) <= len(asked)


def test_a_whole_session(sandbox: SandboxServer, tmp_path: Path, maker: Any) -> None:
    with running(tmp_path, sandbox) as session:
        until(lambda: len(sandbox.open_ids) == BOTH_SIDES, "all symbols are quoted on both sides", 20)
        order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
        sandbox.fill(order["order_id"], order["size_lots"])
        until(lambda: len(session.events("order.fill.v1")) >= 1, "the fill is booked")
        until(lambda: any(len(o["history"]) > 0 and "R" in o["client_id"] for o in sandbox.truth["orders"]),
              "a price was amended", 20)  # fmt: skip

        session.post("risk/halt", symbol="*", reason="a test")
        until(lambda: not sandbox.open_ids, "the halt has withdrawn all orders", 5)
        states = lambda: [k["state"] for k in session.events("order.kill.v1") if k["symbol"] == "*"]  # noqa: E731
        until(lambda: states()[-1:] == ["confirmed"], "the venue has shown it")
        assert states()[0] == "cancelling"
        session.post("risk/resume", symbol="*", reason="it was one")
        until(lambda: len(sandbox.open_ids) >= BOTH_SIDES - 2, "all is quoted again", 20)

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
            until(lambda before=placed: len(sandbox.truth["orders"]) >= before + BOTH_SIDES - 2, "quotes", 20)  # type: ignore[misc]
            order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
            session.process.kill()
            sandbox.fill(order["order_id"], max(1, order["size_lots"] // (life + 1)))
    with running(tmp_path, sandbox) as session:
        ready = lambda: [s["state"] for s in session.events("venue.status.v1")].count("ready")  # noqa: E731
        until(lambda: ready() == lives + 1, "it is ready", 20)
        until(lambda: len(sandbox.open_ids) >= BOTH_SIDES - 2, "all symbols are quoted", 20)
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
        fills = lambda: len(session.events("order.fill.v1"))  # noqa: E731
        for fault in faults:
            until(lambda: len(sandbox.open_ids) >= BOTH_SIDES - 1, "all symbols are quoted", 20)
            before = len(sandbox.truth["trades"])
            sandbox.arm(fault)
            order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
            sandbox.fill(order["order_id"], 1)
            until(lambda before=before: fills() > before, f"the fill is booked, {fault}", 15)  # type: ignore[misc]
        assert session.process.stop() == 0
        assert sandbox.open_ids == []
        agrees(session, sandbox)


def test_a_dropped_fill_is_found(sandbox: SandboxServer, tmp_path: Path) -> None:
    with running(tmp_path, sandbox, reconcile_interval_s=1.0) as session:
        until(lambda: len(sandbox.open_ids) == BOTH_SIDES, "all symbols are quoted", 20)
        sandbox.arm("drop_fills")
        order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
        sandbox.fill(order["order_id"], max(1, order["size_lots"] // 3))
        until(lambda: len(session.events("order.fill.v1")) >= 1, "the fill is found", 10)
        assert session.process.stop() == 0
        agrees(session, sandbox)


def test_a_silent_router_is_cancelled_by_the_watchdog(sandbox: SandboxServer, tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    with running(tmp_path, sandbox, heartbeat_file=str(heartbeat), dead_mans_switch_ms=1_500) as session:
        command = [str(MAKER), "watchdog", "--config", str(session.config)]
        watchdog = LocalProcess(command, tmp_path / "watchdog.txt")
        until(lambda: "no watchdog looks at" in session.process.text(), "it waits for the watchdog", 20)
        assert sandbox.open_ids == []
        watchdog.start()
        try:
            until(lambda: len(sandbox.open_ids) == BOTH_SIDES, "all symbols are quoted", 20)
            session.process.pause()
            stopped_s = time.monotonic()
            until(lambda: not sandbox.open_ids, "the watchdog has withdrawn all orders", 10)
            assert time.monotonic() - stopped_s < 1.5 + 2
        finally:
            session.process.resume()
            watchdog.stop()
        assert session.process.stop() in {0, 1}
