"""One stormy run of the engine on Kafka, which several suites look at afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.process.names import kind_of
from schemas.deployment import Kafka
from schemas.topics import PATH, PROCESSES, ROUTER
from tests.servers.engine import KafkaEngine
from tests.servers.kafka import topics
from tests.servers.kafka_log import KafkaLog, read_log
from tests.servers.local import until

ORDERS_BETWEEN_KILLS = 4


@dataclass(frozen=True)
class KafkaRun:
    """A run that has ended, its topics and its folder."""

    kafka: Kafka
    config_file: Path
    log: KafkaLog
    kills: int
    exit_codes: dict[str, int]


def published(engine: KafkaEngine, topic: str) -> int:
    """How many messages of a topic the router of now, or each of its shards, has published."""
    senders = [label for label in engine.processes if kind_of(label) in (ROUTER, PATH)]
    lines = (line for sender in senders for line in engine.metrics(sender).splitlines())
    counter = f'market_making_published_total{{topic="{topic}"}}'
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(counter))


def has_published_more(engine: KafkaEngine, topic: str, count: int) -> bool:
    """Has the router of now published more messages of a topic than these?"""
    return published(engine, topic) > count


def intents(engine: KafkaEngine) -> int:
    """How many order events the router of now has published."""
    return published(engine, "order.event")


@pytest.fixture(scope="session")
def stormy_run(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaRun]:
    """Every process of the engine is killed once while it trades; then the engine is stopped."""
    folder = tmp_path_factory.mktemp("stormy")
    with topics(kafka_bootstrap) as kafka:
        engine = KafkaEngine(folder, kafka, {"process": {"snapshot_interval_s": 2.0}})
        try:
            engine.start_all()
            for name in PROCESSES:
                until(lambda: intents(engine) >= ORDERS_BETWEEN_KILLS, "orders are sent", pause_s=0.1)
                engine.processes[name].kill()
                engine.start(name)
                engine.wait_ready()
            until(lambda: published(engine, "order.fill") > 0, "an order is filled", pause_s=0.1)
            codes = engine.stop_all()
        finally:
            engine.kill_all()
        yield KafkaRun(kafka, engine.config_file, read_log(kafka), len(PROCESSES), codes)
