"""A process that dies while a new session begins begins it again: nothing is lost or said twice by that."""

from pathlib import Path

import pytest

from runtime.config.settings import load_config
from runtime.process.crash_points import VARIABLE, CrashPoint
from schemas.deployment import Kafka
from schemas.inventory import Position
from schemas.process import ConfigApplied
from schemas.topics import PROCESSES
from tests.kafka.commands import replayed
from tests.kafka.conftest import published
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import ON_PATH, KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

POINTS: tuple[CrashPoint, ...] = ("after_rerun", "after_session_begin", "before_snapshot_rename")


@pytest.mark.parametrize("names", [PROCESSES, ON_PATH], ids=["each on its own", "path"])
def test_no_point_to_die_at_while_a_session_begins_loses_or_doubles_anything(
    kafka: Kafka, tmp_path: Path, names: tuple[str, ...]
) -> None:
    settings = {"process": {"snapshot_interval_s": 0.5}, "venue": {"queue_model": "power"}}
    engine = KafkaEngine(tmp_path, kafka, settings, names)
    try:
        engine.start_all()
        until(lambda: published(engine, "order.fill") > 0, "an order is filled", pause_s=0.1)
        for number, point in enumerate(POINTS):
            engine.configure(market_making={"requote_threshold_bps": 1.5 + number})
            for name in names:
                engine.processes[name].kill()
                engine.start(name, env={VARIABLE: f"{point}:1"})
            for name in names:
                assert engine.processes[name].wait() == -9, engine.processes[name].text()[-1000:]
                engine.start(name)
            engine.wait_ready()
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}
    log = read_log(kafka)
    assert broken(log, load_config([engine.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []
    sessions = {(each.process, each.session_began_ns) for each in log.messages(ConfigApplied)}
    assert len(sessions) > len(PROCESSES) * len(POINTS)
    assert max(position.fills for position in log.messages(Position)) > 0
    assert all(result["divergences"] == 0 for result in replayed("--config", engine.config_file).values())
