"""Monitor, quotes and orders in one process: who may run beside it, and how state comes to it and from it."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from runtime.config.settings import load_config
from schemas.deployment import Kafka
from schemas.process import ConfigApplied, EpochClaim
from schemas.topics import INVENTORY, PATH, PATH_PROCESSES, RISK, ROUTER
from tests.kafka.commands import maker, proved, replayed
from tests.kafka.conftest import has_published_more, published
from tests.kafka.invariants import Broken, broken, nothing_alive_at_the_end
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

OTHERS = (INVENTORY, RISK)
SETTINGS = {"process": {"snapshot_interval_s": 1.0}}


def trades(engine: KafkaEngine) -> None:
    """More orders are sent and filled."""
    for topic in ("order.event", "order.fill"):
        count = published(engine, topic)
        until(partial(has_published_more, engine, topic, count), f"{topic} goes on", pause_s=0.05)


def stop(engine: KafkaEngine, *names: str) -> None:
    for name in names:
        process = engine.processes.pop(name)
        assert process.stop() == 0, process.text()[-2000:]


def start(engine: KafkaEngine, *names: str) -> None:
    for name in names:
        engine.start(name)
    engine.wait_ready(*names)


def check(engine: KafkaEngine, kafka: Kafka) -> None:
    """The engine is stopped, and everything holds."""
    codes = engine.stop_all()
    assert set(codes.values()) == {0}, codes
    log = read_log(kafka)
    assert broken(log, load_config([engine.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []
    results = replayed("--config", engine.config_file)
    assert {result["divergences"] for result in results.values()} == {0}, results


def elsewhere(engine: KafkaEngine, name: str) -> str:
    """The whole state, as a copy on another machine."""
    folder = engine.folder / name
    shutil.copytree(engine.state_dir, folder, ignore=shutil.ignore_patterns(".lock"))
    return str(folder)


def test_processes_come_to_the_path_and_go_from_it_with_their_state(kafka: Kafka, tmp_path: Path) -> None:
    """Alone, in one, alone, in one: one session throughout, whose replay has no divergence."""
    engine = KafkaEngine(tmp_path, kafka, SETTINGS)
    try:
        start(engine, *PATH_PROCESSES, *OTHERS)
        trades(engine)
        stop(engine, *reversed(PATH_PROCESSES))
        for _ in range(2):
            start(engine, PATH)
            trades(engine)
            stop(engine, PATH)
        start(engine, *PATH_PROCESSES)
        trades(engine)
        stop(engine, *reversed(PATH_PROCESSES))
        start(engine, PATH)
        trades(engine)
        check(engine, kafka)
    finally:
        engine.kill_all()
    log = read_log(kafka)
    claims = [claim.process for claim in log.messages(EpochClaim)]
    assert [claims.count(name) for name in PATH_PROCESSES] == [5, 5, 5]
    sessions = {(each.process, each.session_began_ns) for each in log.messages(ConfigApplied)}
    assert len(sessions) == len(PATH_PROCESSES) + len(OTHERS)
    exported = maker("log", "export", tmp_path / "log", "--config", engine.config_file)
    assert exported.returncode == 0, exported.stderr
    of_folder, of_topics = replayed(tmp_path / "log"), replayed("--config", engine.config_file)
    assert {name: of_folder[name] for name in of_topics} == of_topics


def test_after_a_kill_only_the_path_goes_on(kafka: Kafka, tmp_path: Path) -> None:
    engine = KafkaEngine(tmp_path, kafka, SETTINGS)
    try:
        start(engine, PATH, *OTHERS)
        trades(engine)
        engine.processes.pop(PATH).kill()
        alone = engine.start(ROUTER)
        until(lambda: "ran in path since" in alone.text(), "the router alone is refused")
        assert engine.health(ROUTER)[0] == 503
        stop(engine, ROUTER)
        start(engine, PATH)
        trades(engine)
        check(engine, kafka)
    finally:
        engine.kill_all()
    assert [claim.process for claim in read_log(kafka).messages(EpochClaim)].count(ROUTER) == 2


def test_beside_the_path_no_other_goes_on(kafka: Kafka, tmp_path: Path) -> None:
    """On its machine the folders are locked; a copy of the state elsewhere says that the path has it."""
    engine = KafkaEngine(tmp_path, kafka, SETTINGS)
    try:
        start(engine, PATH, *OTHERS)
        trades(engine)
        for name in (ROUTER, PATH):
            refused = engine.start(name, label="refused")
            assert refused.wait() == 4, refused.text()
            del engine.processes["refused"]
        alone = engine.start(ROUTER, "--state", elsewhere(engine, "other"), label="alone")
        until(lambda: "ran in path since" in alone.text(), "the router elsewhere is refused")
        assert engine.processes.pop("alone").stop() == 0
        trades(engine)
        check(engine, kafka)
    finally:
        engine.kill_all()


def test_a_path_that_stood_still_is_replaced_and_ends(kafka: Kafka, tmp_path: Path) -> None:
    engine = KafkaEngine(tmp_path, kafka, SETTINGS)
    try:
        start(engine, PATH, *OTHERS)
        trades(engine)
        first = engine.processes.pop(PATH)
        first.pause()
        engine.start(PATH, "--state", elsewhere(engine, "other"), label="second")
        engine.wait_ready("second")
        first.resume()
        assert first.wait() != 0
        assert "was taken over by" in first.text()
        engine.rename("second", PATH)
        trades(engine)
        check(engine, kafka)
    finally:
        engine.kill_all()


def is_of_lost_reports(found: Broken) -> bool:
    """The newest reports of a simulated venue die with the folder: they are sent after the fills that they
    led to.
    """
    return found.invariant == "I2" or (found.invariant == "I1" and ": the venue has " in found.what)


def test_a_lost_folder_is_mended_by_rebuilding_each_alone(kafka: Kafka, tmp_path: Path) -> None:
    """Traces name what was heard in memory, and the topics have it."""
    engine = KafkaEngine(tmp_path, kafka, SETTINGS)
    try:
        start(engine, PATH, *OTHERS)
        trades(engine)
        engine.processes.pop(PATH).kill()
        for name in (PATH, *PATH_PROCESSES):
            shutil.rmtree(engine.state_dir / name)
        refused = engine.start(PATH)
        until(lambda: "is not the latest state of path" in refused.text(), "the path is refused")
        assert "there is none of " in refused.text()
        stop(engine, PATH)
        for name in PATH_PROCESSES:
            done = maker("state", "rebuild", name, "--config", engine.config_file, "--json")
            assert done.returncode == 0, done.stderr
        start(engine, *PATH_PROCESSES)
        trades(engine)
        stop(engine, *reversed(PATH_PROCESSES))
        start(engine, PATH)
        trades(engine)
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}, codes
    found = broken(read_log(kafka), load_config([engine.config_file]).config)
    assert [each for each in found if not is_of_lost_reports(each)] == []
    proved(engine.config_file)
