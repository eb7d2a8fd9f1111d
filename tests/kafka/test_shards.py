"""Symbols spread over several processes of one kind: each serves its own, and all are served."""

from collections import defaultdict
from pathlib import Path

import pytest

from runtime.config.settings import load_config
from schemas.deployment import Kafka
from schemas.topics import INVENTORY, MONITOR, QUOTE, RISK, ROUTER
from tests.kafka.commands import replayed
from tests.kafka.conftest import published
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
SHARDED = (MONITOR, QUOTE, ROUTER)
NAMES = (*(f"{name}.{shard}" for name in SHARDED for shard in range(2)), INVENTORY, RISK)


def test_two_shards_serve_all_symbols_between_them(kafka: Kafka, tmp_path: Path) -> None:
    engine = KafkaEngine(tmp_path, kafka, {"process": {"shards": 2, "snapshot_interval_s": 1.0}}, NAMES)
    try:
        engine.start_all()
        until(lambda: published(engine, "order.event") > 20, "orders are sent", pause_s=0.1)
        engine.processes[f"{QUOTE}.1"].kill()
        engine.start(f"{QUOTE}.1")
        engine.wait_ready()
        before = published(engine, "order.event")
        until(lambda: published(engine, "order.event") > before + 10, "orders are sent", pause_s=0.1)
        assert set(engine.stop_all().values()) == {0}
    finally:
        engine.kill_all()
    log = read_log(kafka)
    config = load_config([engine.config_file]).config
    assert broken(log, config) == []
    assert list(nothing_alive_at_the_end(log)) == []
    served: dict[str, set[str]] = defaultdict(set)
    for sent in (*log.on("market.book"), *log.on("quote.target"), *log.on("order.event")):
        served[sent.record.envelope.producer].add(sent.record.key)
    for name in SHARDED:
        first, second = served[f"{name}.0"], served[f"{name}.1"]
        assert first
        assert second
        assert not first & second
        assert {key.partition(":")[2] for key in first | second} == set(config.instruments)
    results = replayed("--config", engine.config_file)
    assert f"{QUOTE}.1" in results
    assert all(result["divergences"] == 0 for result in results.values()), results
