"""Logs of sessions in which much goes wrong, a crash among it, are read by every command that reads logs."""

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from sandbox.faults import FaultName
from sandbox.fees import Commission
from tests.servers.local import until
from tests.servers.sandbox import RICH, SandboxServer
from tests.system.conftest import Maker
from tests.system.logs.agreement import agrees
from tests.system.sandbox.session import Session, running

pytestmark = pytest.mark.slow
FAULTS: tuple[FaultName, ...] = (
    "lost_before", "lost_after", "late_reply", "late_execution", "status_unknown", "server_error",
    "hide_order", "lookup_lags", "fill_on_cancel", "cancel_partial", "drop_fills", "duplicate_events",
    "late_events",
)  # fmt: skip
FILLS = 8


def trade(sandbox: SandboxServer, count: int) -> None:
    """Takers meet parts of orders, one after the other, while requests and reports go astray."""
    for number in range(1, count + 1):
        wanted = len(sandbox.truth["trades"]) + 1
        until(partial(_is_traded, sandbox, wanted), f"trade {number} of {count}")


def _is_traded(sandbox: SandboxServer, wanted: int) -> bool:
    """A taker meets the first order that is open, if there is one; are there as many trades as wanted?"""
    truth = sandbox.truth
    found = (order for order in truth["orders"] if order["status"] in {"NEW", "PARTIALLY_FILLED"})
    order = next(found, None)
    if order is not None and len(truth["trades"]) < wanted:
        sandbox.fill(order, max(1, order["size_lots"] // 2))
    return len(sandbox.truth["trades"]) >= wanted


def go_wrong(session: Session, sandbox: SandboxServer) -> None:
    """Once it is ready, anything may go wrong."""
    before = session.times_ready()
    until(lambda: session.times_ready() > before, "it is ready")
    for fault in FAULTS:
        sandbox.arm(fault, probability=0.15, times=20, seconds=0.3)
    heard = len(session.events("order.fill.v1"))
    trade(sandbox, FILLS)
    until(lambda: len(session.events("order.fill.v1")) > heard, "a fill is told in spite of all that")


def test_a_session_of_faults_is_read_by_every_command(tmp_path: Path, maker: Maker) -> None:
    balances = {**RICH, "BNB": Decimal(100)}
    sandbox = SandboxServer(balances=balances, commission=Commission())
    try:
        with running(tmp_path, sandbox, reconcile_interval_s=1.0) as session:
            go_wrong(session, sandbox)
            session.process.kill()
        sandbox.clear_faults()
        reads(session.log, maker)
        with running(tmp_path, sandbox, reconcile_interval_s=1.0) as session:
            go_wrong(session, sandbox)
            sandbox.clear_faults()
            session.process.stop()
        assert len(sandbox.sandbox.faults.fired) > 10, "much went wrong"
        reads(session.log, maker)
    finally:
        sandbox.stop()


def reads(log: Path, maker: Maker) -> None:
    """`maker pnl` says what the ledger said; nothing refuses."""
    assert any(position.fills for position in agrees(log).values())
    for command in (("pnl", log), ("replay", log), ("why", "BTC/USDT", "--log", log)):
        done = maker(*command)
        assert done.code == 0, done.err
