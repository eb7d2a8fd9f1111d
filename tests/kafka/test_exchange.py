"""The processes over Kafka trade at the sandbox exchange, whose own books show that nothing is lost."""

from pathlib import Path

import pytest
from servers.engine import KafkaEngine
from servers.kafka_log import KafkaLog, read_log
from servers.local import until
from servers.sandbox import SandboxServer, key_files

from schemas.deployment import Kafka
from schemas.topics import PROCESSES, PROJECTOR, ROUTER
from tests.kafka.test_replay_from_kafka import replayed

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "AAVE/USDT", "LTC/USDT")
NEARLY_ALL = 2 * len(SYMBOLS) - 2


def booked(log: KafkaLog) -> list[tuple[str, int, str]]:
    fills = [sent.record.message for sent in log.on("order.fill")]
    return sorted((fill.venue_trade_id, fill.size_lots, fill.side) for fill in fills)


def test_a_router_that_is_killed_finds_its_orders_and_their_fills(kafka: Kafka, tmp_path: Path) -> None:
    sandbox = SandboxServer()
    settings = {
        "feed": {"kind": "live"},
        "venue": {"kind": "ccxt"},
        "exchange": {"symbols": list(SYMBOLS), "url": sandbox.url, **key_files(tmp_path)},
    }
    engine = KafkaEngine(tmp_path, kafka, settings, [name for name in PROCESSES if name != PROJECTOR])
    try:
        engine.start_all()
        for _ in range(2):
            until(lambda: len(sandbox.open_ids) >= NEARLY_ALL, "all symbols are quoted", 40)
            engine.processes[ROUTER].kill()
            order = next(o for o in sandbox.truth["orders"] if o["status"] == "NEW")
            sandbox.fill(order["order_id"], max(1, order["size_lots"] // 2))
            placed = len(sandbox.truth["orders"])
            engine.start(ROUTER)
            engine.wait_ready(ROUTER)
            until(lambda placed=placed: len(sandbox.truth["orders"]) > placed, "it quotes again", 40)  # type: ignore[misc]
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
