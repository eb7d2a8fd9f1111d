"""One process after another is replaced by new code or by a new configuration, while the rest trades on."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from runtime.config.settings import load_config
from schemas.deployment import Kafka
from schemas.process import ConfigApplied
from schemas.risk import RiskState
from schemas.topics import PROCESSES, ROUTER
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.kafka.trading_engine import HALTED, LIVE, goes_on, halts, of_type, trading
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.sources import Sources, other_sources

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The sources before these."""
    return other_sources(tmp_path_factory.mktemp("older"))


def replace(engine: KafkaEngine, name: str, *, kill: bool) -> float:
    """Start one process anew under these sources; how many seconds after it began to serve it was ready."""
    process = engine.processes[name]
    process.kill() if kill else process.stop()
    said_before = len(process.text())
    engine.start(name)
    engine.wait_ready(name)
    ready_s = time.time()
    return ready_s - serving_s(engine.processes[name].text()[said_before:])


def serving_s(text: str) -> float:
    """When a process said that it had loaded its code and answers questions about its health."""
    line = next(line for line in text.splitlines() if '"serving_health"' in line)
    return datetime.fromisoformat(json.loads(line)["timestamp"]).timestamp()


def roll(engine: KafkaEngine, replaced: Callable[[str], float]) -> dict[str, float]:
    """One process after another, the chain in between as it is then."""
    took_s = {}
    for name in PROCESSES:
        took_s[name] = replaced(name)
        engine.wait_ready()
        try:
            goes_on(engine)
        except TimeoutError as error:
            raise TimeoutError(
                f"{name} was replaced: {error}: {engine.processes[ROUTER].text()[-3000:]}"
            ) from None
    return took_s


def judge(engine: KafkaEngine, kafka: Kafka, took_s: dict[str, float]) -> None:
    print(json.dumps({name: round(seconds, 2) for name, seconds in took_s.items()}))
    log = read_log(kafka)
    wrong = broken(log, load_config([engine.config_file]).config)
    assert not wrong, "\n".join(map(str, wrong))
    assert list(nothing_alive_at_the_end(log)) == []
    assert halts(log) == {HALTED}
    latched = {state.key for state in of_type(log, RiskState) if state.state == "HALT" and state.latched}
    assert latched == {HALTED}, "no process that was replaced halted anything"
    assert log.poison == 0
    quoter = [applied for applied in of_type(log, ConfigApplied) if applied.process == "quote-service"]
    assert [(each.setting_key, each.value) for each in quoter[-1].live_settings] == [LIVE]
    sessions = {(applied.process, applied.session_began_ns) for applied in of_type(log, ConfigApplied)}
    assert len(sessions) == 2 * len(PROCESSES), sessions


@pytest.mark.parametrize("end", ["killed", "ended"])
def test_new_code_comes_process_by_process(end: str, older: Sources, kafka: Kafka, tmp_path: Path) -> None:
    with trading(tmp_path, kafka, older) as engine:
        took_s = roll(engine, lambda name: replace(engine, name, kill=end == "killed"))
    judge(engine, kafka, took_s)


def test_a_new_configuration_comes_process_by_process(kafka: Kafka, tmp_path: Path) -> None:
    with trading(tmp_path, kafka, None) as engine:
        engine.configure(routing={"price_collar": 0.03}, inventory={"rebalance_threshold": "11"})
        took_s = roll(engine, lambda name: replace(engine, name, kill=False))
    judge(engine, kafka, took_s)
