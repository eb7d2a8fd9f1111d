"""Every process is killed while it trades, and everything that must hold holds."""

from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from runtime.config.settings import load_config
from runtime.process.crash_points import VARIABLE, CrashPoint
from schemas.deployment import Kafka
from schemas.orders import OrderEvent
from schemas.process import EpochClaim
from schemas.topics import PATH_PROCESSES, PROCESSES
from tests.kafka.commands import replayed
from tests.kafka.conftest import KafkaRun
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import ON_PATH, ON_TWO_PATHS, KafkaEngine
from tests.servers.kafka_log import read_log

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_a_run_with_a_kill_of_every_process_keeps_all_invariants(stormy_run: KafkaRun) -> None:
    config = load_config([stormy_run.config_file]).config
    assert broken(stormy_run.log, config) == []
    assert list(nothing_alive_at_the_end(stormy_run.log)) == []
    assert set(stormy_run.exit_codes.values()) == {0}


def test_the_run_was_one_that_could_fail(stormy_run: KafkaRun) -> None:
    """Orders were placed and filled, and every process began twice."""
    kinds = {event.kind for event in stormy_run.log.messages(OrderEvent)}
    assert {"place_intent", "cancel_intent", "accepted", "cancelled"} <= kinds
    claims = [claim.process for claim in stormy_run.log.messages(EpochClaim)]
    assert set(Counter(claims).values()) == {2}
    assert len(stormy_run.log.on("quote.target")) > 20


def claimants(shards: int) -> set[str]:
    """The processes that publish, each shard by itself."""
    if shards == 1:
        return {*PROCESSES}
    sharded = {f"{name}.{shard}" for name in PATH_PROCESSES for shard in range(shards)}
    return sharded | ({*PROCESSES} - {*PATH_PROCESSES})


ONCE_A_START: tuple[CrashPoint, ...] = ("after_rerun", "after_session_begin")


@pytest.mark.parametrize(
    ("names", "shards"),
    [(PROCESSES, 1), (ON_PATH, 1), (ON_TWO_PATHS, 2)],
    ids=["each on its own", "path", "two shards of the path"],
)
def test_no_point_to_die_at_loses_or_doubles_anything(
    kafka: Kafka, tmp_path: Path, names: tuple[str, ...], shards: int
) -> None:
    """Each process dies at each of its points in turn, while the others go on."""
    process = {"snapshot_interval_s": 0.5, "shards": shards}
    settings = {"process": process, "venue": {"queue_model": "power"}}
    engine = KafkaEngine(tmp_path, kafka, settings, names)
    deaths = 0
    try:
        engine.start_all()
        for number, point in enumerate(get_args(CrashPoint)):
            for name in names:
                engine.processes[name].kill()
                times = 1 if point in ONCE_A_START else 3 + number
                engine.start(name, env={VARIABLE: f"{point}:{times}"})
            for name in names:
                assert engine.processes[name].wait() == -9, engine.processes[name].text()[-1000:]
                deaths += 1
                engine.start(name)
            engine.wait_ready()
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}
    assert deaths == len(names) * len(get_args(CrashPoint))
    log = read_log(kafka)
    assert broken(log, load_config([engine.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []
    results = replayed("--config", engine.config_file)
    assert {name: result["divergences"] for name, result in results.items()} == dict.fromkeys(
        claimants(shards), 0
    )
