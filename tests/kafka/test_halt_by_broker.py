"""`maker halt`, `resume` and `status` over the broker alone: no gateway, no projector, no Redis."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.deployment import Kafka
from schemas.topics import INVENTORY, MONITOR, PROJECTOR, QUOTE, RISK, ROUTER, STATISTICS
from tests.servers.engine import KafkaEngine
from tests.servers.local import PATIENCE_S, until

from .conftest import published

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
TRADING = (MONITOR, QUOTE, ROUTER, INVENTORY, RISK)


@pytest.fixture
def engine(kafka: Kafka, tmp_path: Path) -> Iterator[KafkaEngine]:
    found = KafkaEngine(tmp_path, kafka, {}, TRADING)
    try:
        found.start_all()
        until(lambda: published(found, "order.event") > 4, "orders are sent", pause_s=0.1)
        yield found
    finally:
        found.kill_all()


def maker(engine: KafkaEngine, *arguments: str) -> tuple[int, list[Any], str]:
    """Exit code, the JSON lines, and what was said."""
    command = [sys.executable, "-m", "maker", *arguments, "--json"]
    command += ["--config", str(engine.config_file), "--kafka", engine.kafka.bootstrap]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_it_is_halted_shown_and_resumed_by_the_broker_alone(engine: KafkaEngine) -> None:
    code, answers, told = maker(engine, "halt", "BTCUSDT")
    assert (code, "did you mean 'BTC/USDT'?" in told) == (2, True)

    code, answers, told = maker(engine, "halt", "BTC/USDT", "--reason", "a test", "--within", "60")
    assert code == 0, told
    assert answers[0]["symbol"] == "BTC/USDT"
    assert answers[-1] == {"state": "confirmed", "open_orders": []}

    def all_ready() -> bool:
        """On a busy machine one or the other is late with its word."""
        found = maker(engine, "status")[1][0]["processes"]
        return all(each["state"] == "ok" for each in found if each["name"] in TRADING)

    until(all_ready, "all are shown as ready", pause_s=0.1)
    code, (status,), told = maker(engine, "status")
    assert code == 4, told
    (halt,) = status["halts"]
    assert (halt["key"], halt["withdrawal"]) == ("synthetic:BTC/USDT", "confirmed")
    assert "COMMAND: a test by " in halt["reasons"][0]
    states = {each["name"]: each["state"] for each in status["processes"]}
    assert (states[PROJECTOR], states[STATISTICS]) == ("missing", "missing")
    assert len(status["symbols"]) == 5
    (btc,) = [each for each in status["symbols"] if each["symbol"] == "BTC/USDT"]
    assert (btc["state"], btc["bid"]["quote"]) == ("HALTED", None)
    assert any(each["bid"]["quote"] for each in status["symbols"])

    code, (resumed,), told = maker(engine, "resume", "BTC/USDT", "--reason", "mended", "--within", "60")
    assert (code, resumed["state"]) == (0, "resumed"), told

    code, answers, told = maker(engine, "halt", "--within", "60")
    assert code == 0, (answers, told)
    assert answers[-1]["state"] == "confirmed"
    assert maker(engine, "resume", "--all", "--reason", "mended", "--within", "60")[0] == 0
    before = published(engine, "order.event")
    until(lambda: published(engine, "order.event") > before, "it quotes again", pause_s=0.1)
