"""A flatten under a halt, while what sends the orders dies at each of its points: no slice is sent twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.config.settings import load_config
from runtime.process.crash_points import VARIABLE, CrashPoint
from schemas.deployment import Kafka
from schemas.inventory import Position
from schemas.orders import OrderEvent
from schemas.risk import RiskState
from schemas.topics import PATH, PROJECTOR, ROUTER
from tests.kafka.commands import maker, replayed
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import ON_PATH, TRADING, KafkaEngine
from tests.servers.kafka_log import KafkaLog, read_log
from tests.servers.local import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
POINTS: tuple[CrashPoint, ...] = ("after_poll", "after_core", "after_journal", "after_release")
SETTINGS = {
    "balance": {"cost_bps_max": 80, "depth_share_max": 0.02},
    "process": {"snapshot_interval_s": 0.5},
}
SHAPES = {ROUTER: TRADING, PATH: tuple(name for name in ON_PATH if name != PROJECTOR)}


@pytest.fixture(params=SHAPES, ids=["each on its own", "path"])
def sender(request: pytest.FixtureRequest) -> str:
    """What has orders at the venue."""
    return str(request.param)


@pytest.fixture
def engine(kafka: Kafka, tmp_path: Path, sender: str) -> Iterator[KafkaEngine]:
    found = KafkaEngine(tmp_path, kafka, SETTINGS, SHAPES[sender])
    try:
        yield found
    finally:
        found.kill_all()


def held(log: KafkaLog) -> dict[str, int]:
    newest = {position.key: position.position_lots for position in log.messages(Position)}
    return {key: lots for key, lots in newest.items() if lots}


def slices(log: KafkaLog) -> list[OrderEvent]:
    return [
        event
        for event in log.messages(OrderEvent)
        if (event.kind, event.time_in_force) == ("place_intent", "ioc")
    ]


def test_no_point_to_die_at_sends_a_slice_twice(engine: KafkaEngine, kafka: Kafka, sender: str) -> None:
    engine.start_all()
    until(lambda: len(held(read_log(kafka))) >= 2, "two symbols are held", pause_s=1.0)
    options = ("--config", engine.config_file, "--kafka", kafka.bootstrap)
    asked = maker("flatten", "--halt", "--reason", "leaving", "--within", "1", "--json", *options)
    assert asked.returncode in (0, 1), asked.stderr
    for number, point in enumerate(POINTS):
        engine.processes[sender].kill()
        engine.start(sender, env={VARIABLE: f"{point}:{20 + number}"})
        assert engine.processes[sender].wait() == -9, engine.processes[sender].text()[-1_000:]
        engine.start(sender)
        engine.wait_ready(sender)
    until(lambda: not held(read_log(kafka)), "nothing is held", pause_s=1.0)
    assert set(engine.stop_all().values()) == {0}

    log = read_log(kafka)
    assert len(slices(log)) >= 2, "each symbol that was held was sold"
    assert broken(log, load_config([engine.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []
    account = [state for state in log.messages(RiskState) if state.symbol == "*"][-1]
    assert (account.state, account.flattens) == ("HALT", True)
    results = replayed("--config", engine.config_file)
    assert {result["divergences"] for result in results.values()} == {0}
