"""Ctrl+C, kill -9, restarts: quotes are cancelled, halts stay, nothing is lost."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.servers.local import PATIENCE_S
from tests.system.conftest import Maker
from tests.system.live_engine import BASE, live_engine

pytestmark = pytest.mark.slow


def is_halted(status: Any) -> bool:
    return status["risk"]["state"] == "HALT" and "test of the latch" in status["risk"]["reasons"][0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])  # Ctrl+C, and a terminal that is closed
def test_an_end_cancels_all_quotes_says_how_many_and_exits_0(
    tmp_path: Path, maker: Maker, number: int
) -> None:
    with live_engine(tmp_path / "log") as live:
        live.until(f"{BASE}/performance/BTC/USDT", lambda answer: bool(answer["twoSidedShare"]))
        live.process.send_signal(number)
        out, err = live.process.communicate(timeout=PATIENCE_S)
    assert live.process.returncode == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert f"cancelled {summary['cancelled_at_end']} quotes" in err
    assert summary["cancelled_at_end"] > 0
    assert maker("replay", tmp_path / "log").code == 0


def test_a_run_on_the_log_of_a_finished_one_goes_on_with_its_position(maker: Maker, tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ("up", "--speed", "max", "--for", "60", "--seed", "5", "--no-gateway", "--json", "--log", log)
    first, second = (maker(*arguments).json["symbols"] for _ in range(2))
    for name, figures in second.items():
        assert figures["fills"] >= first[name]["fills"]
        assert figures["orders"] > 0
    assert sum(each["fills"] for each in second.values()) > sum(each["fills"] for each in first.values())
    done = maker("replay", log)
    assert done.code == 0, done.out


def test_a_recording_is_not_run_twice_into_one_log(recordings: Path, maker: Maker, tmp_path: Path) -> None:
    path = recordings / "coinbase_btcusd_20180417.jsonl.gz"
    arguments = ("up", "--path", path, "--speed", "max", "--no-gateway", "--log", tmp_path / "log")
    assert maker(*arguments).code == 0
    again = maker(*arguments)
    assert again.code == 2
    assert "--log" in again.err


def test_a_halt_survives_kill_9_and_a_resume_ends_it(tmp_path: Path, maker: Maker) -> None:
    log = tmp_path / "log"
    with live_engine(log) as live:
        live.until(f"{BASE}/status/ETH/USDT", lambda answer: answer["state"] == "QUOTING")
        live.visitor.post(f"{BASE}/risk/halt", symbol="ETH/USDT", reason="test of the latch")
        live.until(f"{BASE}/status/ETH/USDT", is_halted)
        live.process.send_signal(signal.SIGKILL)
        live.process.wait(timeout=PATIENCE_S)
    with live_engine(log) as live:
        live.until(f"{BASE}/status/ETH/USDT", is_halted)
        live.visitor.post(f"{BASE}/risk/resume", symbol="ETH/USDT", reason="looked at it")
        live.until(f"{BASE}/status/ETH/USDT", lambda answer: answer["risk"]["state"] == "RUN")
        live.process.send_signal(signal.SIGTERM)
        live.process.communicate(timeout=PATIENCE_S)
    assert live.process.returncode == 0
    assert maker("replay", log).code == 0
