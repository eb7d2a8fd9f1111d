"""The engine and its account: keys that are refused, streams that die in silence, and the ways to stop it."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import FaultName
from tests.servers.sandbox import SandboxServer
from tests.system.sandbox.session import BOTH_SIDES, quoted, running

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("bad_key", "binance rejects the API key in"),
        ("ip_not_allowed", "binance rejects the API key in"),
        ("no_permission", "binance does not let the API key in"),
        ("withdrawing_key", "can withdraw, which an engine never needs"),
    ],
)
def test_a_key_that_cannot_be_used_ends_the_start_with_its_own_words(
    sandbox: SandboxServer, tmp_path: Path, fault: FaultName, words: str
) -> None:
    sandbox.arm(fault, times=1_000)
    with running(tmp_path, sandbox) as session:
        assert session.process.wait() == 4
        assert words in session.process.text()
        assert "Traceback" not in session.process.text()
    assert sandbox.truth["orders"] == []


@pytest.mark.parametrize(
    ("fault", "code", "left"),
    [
        ("account_disabled", 4, "no order is left open at the venue"),
        ("bad_key", 6, "it has not confirmed whether any is left"),
    ],
)
def test_an_account_that_is_refused_while_it_runs_is_critical_and_ends_it(
    sandbox: SandboxServer, tmp_path: Path, fault: FaultName, code: int, left: str
) -> None:
    """What still works is used: an account that may not trade may cancel, a revoked key may nothing."""
    with running(tmp_path, sandbox) as session:
        quoted(sandbox)
        sandbox.arm(fault, times=1_000_000, seconds=600)
        assert session.process.wait() == code
        text = session.process.text()
        assert '"level": "critical"' in text
        assert left in text
        assert bool(sandbox.open_ids) == (fault == "bad_key")


def test_it_is_halted_from_its_own_machine(sandbox: SandboxServer, tmp_path: Path, maker: Any) -> None:
    with running(tmp_path, sandbox) as session:
        quoted(sandbox)
        halted = maker("halt", "--log", session.log, "--reason", "a test", "--json")
        assert halted.code == 0, halted.err
        answers = [json.loads(line) for line in halted.out.splitlines()]
        assert answers[0]["symbol"] == "*"
        assert answers[-1] == {"state": "confirmed", "open_orders": []}
        assert sandbox.open_ids == []
        assert session.events("control.command.v1")[-1]["reason"] == "a test"
        assert maker("halt", "BTCUSDT", "--log", session.log).code == 2
        assert session.process.stop() == 0
    assert maker("halt", "--log", session.log).code == 3


def test_all_is_cancelled_without_an_engine(sandbox: SandboxServer, tmp_path: Path, maker: Any) -> None:
    with running(tmp_path, sandbox) as session:
        quoted(sandbox)
        session.process.kill()
    left = set(sandbox.open_ids)
    assert len(left) >= BOTH_SIDES - 2
    done = maker("cancel-all", "--config", session.config, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["is_proven"]
    ended = {o["client_id"] for o in sandbox.truth["orders"] if o["status"] == "CANCELED"}
    assert left & ended, "takers have not met them all meanwhile"
    assert {order.split()[1] for order in told["cancelled"]} >= left & ended
    assert sandbox.open_ids == []
    sandbox.arm("bad_key", times=1_000)
    refused = maker("cancel-all", "--config", session.config, "--within", "2")
    assert refused.code == 1
    assert "it has not confirmed whether any is left" in refused.out
