"""The processes over Kafka trade at the sandbox exchange, whose own books show that nothing is lost."""

from functools import partial
from pathlib import Path

import pytest

from schemas.deployment import Kafka
from schemas.topics import ROUTER
from tests.kafka.commands import replayed
from tests.servers.engine import TRADING, KafkaEngine
from tests.servers.kafka_log import booked, read_log
from tests.servers.local import until
from tests.servers.sandbox import SandboxServer, trading_at

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "AAVE/USDT", "LTC/USDT")
NEARLY_ALL = 2 * len(SYMBOLS) - 2


def has_placed_more(sandbox: SandboxServer, orders: int) -> bool:
    return len(sandbox.truth["orders"]) > orders


def test_a_router_that_is_killed_finds_its_orders_and_their_fills(kafka: Kafka, tmp_path: Path) -> None:
    sandbox = SandboxServer()
    settings = trading_at(sandbox, tmp_path, SYMBOLS)
    engine = KafkaEngine(tmp_path, kafka, settings, TRADING)
    try:
        engine.start_all()
        for _ in range(2):
            until(lambda: len(sandbox.open_ids) >= NEARLY_ALL, "all symbols are quoted")
            engine.processes[ROUTER].kill()
            order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
            sandbox.fill(order, max(1, order["size_lots"] // 2))
            placed = len(sandbox.truth["orders"])
            engine.start(ROUTER)
            engine.wait_ready(ROUTER)
            until(partial(has_placed_more, sandbox, placed), "it quotes again")
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, {name: p.text()[-800:] for name, p in engine.processes.items()}
        assert sandbox.open_ids == []
        log = read_log(kafka)
        truth = sandbox.truth
        assert booked(log) == sorted((str(t["trade_id"]), t["size_lots"], t["side"]) for t in truth["trades"])
        wires = [each["client_id"] for each in truth["orders"]]
        assert len(wires) == len(set(wires))
    finally:
        engine.kill_all()
        sandbox.stop()
    results = replayed("--config", engine.config_file)
    assert all(result["divergences"] == 0 for result in results.values()), results
