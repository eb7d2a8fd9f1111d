"""The broker is away at the start, for a while, and at the end: nobody ends who was not told to,
nothing is lost or said twice, and the logs stay short.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.config.settings import load_config
from runtime.kafka.admin import apply_topics
from runtime.kafka.broker import list_topics
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, PROCESSES, ROUTER, STATISTICS
from tests.kafka.conftest import intents
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import KafkaEngine
from tests.servers.kafka import KafkaServer, ServerAccess, is_answering
from tests.servers.kafka_log import read_log
from tests.servers.local import CannotRunError, LocalProcess, free_port, until
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
OUTAGE_S = 20
LINES_MAX = 20
STOP_S_MAX = 30
BESIDE = (GATEWAY, STATISTICS)


@pytest.fixture
def absent(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that was never started, and would make any topic that it is asked for."""
    folder = tmp_path / "broker"
    folder.mkdir()
    try:
        server = KafkaServer(folder, access=ServerAccess("PLAINTEXT", "auto.create.topics.enable=true\n", []))
    except CannotRunError as error:
        pytest.skip(str(error))
    yield server
    server.stop()


class SystemStatus(KafkaEngine):
    """The six processes, the gateway and the statistics, each with a log of its own."""

    def __init__(self, folder: Path, kafka: Kafka, redis: RedisServer) -> None:
        folder.mkdir()
        market = {"price": "100", "spread_bps": 20.0, "volatility_bps": 5.0, "updates_per_s": 4.0}
        contract = {"tick_size": "0.01", "lot_size": "0.001", "min_notional": "10"}
        settings = {
            "redis": {"url": redis.url},
            "process": {"snapshot_interval_s": 2.0},
            "instruments": {"S/USDT": contract},
            "feed": {"symbols": {"S/USDT": market}},
        }
        super().__init__(folder, kafka, settings)
        self.beside: dict[str, LocalProcess] = {}

    def start_everything(self) -> None:
        for name in self.names:
            self.start(name)
        for name in BESIDE:
            command: list[str | Path] = [
                sys.executable,
                "-m",
                "maker",
                "run",
                name,
                "--config",
                self.config_file,
            ]
            command += ["--port", str(free_port())]
            found = self.beside.setdefault(name, LocalProcess(command, self.folder / f"{name}.log"))
            found.start()

    @property
    def everybody(self) -> dict[str, LocalProcess]:
        return self.processes | self.beside

    def says(self, name: str, event: str) -> list[dict[str, Any]]:
        """Lines of a kind in a process's log."""
        lines = [line for line in self.everybody[name].text().splitlines() if line.startswith("{")]
        return [found for found in map(json.loads, lines) if found["event"] == event]

    def all_say(self, event: str, count: int = 1) -> bool:
        for process in self.everybody.values():
            process.check_running()
        return all(len(self.says(name, event)) >= count for name in self.everybody)

    def lines(self) -> dict[str, int]:
        return {name: len(found.text().splitlines()) for name, found in self.everybody.items()}

    def stop_timed(self) -> dict[str, tuple[int, float]]:
        """Ends all, the router first; exit codes and seconds."""
        found = {}
        for name in sorted(self.everybody, key=lambda name: name != ROUTER):
            began_s = time.monotonic()
            found[name] = self.everybody[name].stop(), time.monotonic() - began_s
        return found

    def kill_everything(self) -> None:
        for process in self.everybody.values():
            process.kill()


async def topic_names(config: Kafka) -> set[str]:
    return set(await list_topics(config))


def come(server: KafkaServer) -> None:
    """Start it, among all those who knock at its door."""
    server.process.start()
    until(lambda: is_answering(server.bootstrap), "the broker answers", pause_s=0.5)


def wait_for_orders(system: SystemStatus) -> None:
    system.wait_ready()
    before = intents(system)
    until(lambda: intents(system) > before + 5, "orders are sent", pause_s=0.1)


def test_away_at_the_start_in_the_middle_and_at_the_end(
    absent: KafkaServer, own_redis: RedisServer, tmp_path: Path
) -> None:
    kafka = Kafka(bootstrap=absent.bootstrap, partitions=1)
    system = SystemStatus(tmp_path / "engine", kafka, own_redis)
    try:
        system.start_everything()
        until(lambda: system.all_say("waiting_for_broker"), "all say that they wait", pause_s=0.2)
        for name in PROCESSES:
            assert system.health(name, "/health/live")[0] == 200
            assert system.health(name)[0] == 503
            assert "connection refused" in system.health(name)[1]["because"]
        assert {len(system.says(name, "waiting_for_broker")) for name in system.everybody} == {1}

        come(absent)
        until(lambda: system.all_say("waiting_for_broker", 2), "all find no topics", pause_s=0.2)
        assert "run `maker topics apply`" in system.says(STATISTICS, "waiting_for_broker")[-1]["because"]
        assert asyncio.run(topic_names(kafka)) == set()  # nobody had the broker make any, with one partition
        asyncio.run(apply_topics(kafka))
        wait_for_orders(system)
        until(lambda: system.all_say("broker_available"), "all have found it", pause_s=0.2)

        lines = system.lines()
        absent.process.kill()
        gone_s = time.monotonic()
        until(lambda: system.all_say("waiting_for_broker", 3), "all say that it is gone", pause_s=0.2)
        assert "no broker at" in system.health(ROUTER)[1]["because"]
        until(lambda: time.monotonic() > gone_s + OUTAGE_S, "the outage lasts", pause_s=0.5)
        said = {name: count - lines[name] for name, count in system.lines().items()}
        print("lines in the outage:", said)
        assert max(said.values()) < LINES_MAX, said
        come(absent)
        wait_for_orders(system)
        until(lambda: system.all_say("broker_available", 2), "all have found it again", pause_s=0.2)

        absent.process.kill()
        ended = system.stop_timed()
        print("ended without a broker:", ended)
        assert max(seconds for _, seconds in ended.values()) < STOP_S_MAX, ended
        last = system.everybody[ROUTER].text().splitlines()[-1]
        assert "the broker has not confirmed" in last
        assert "no order is left open at the venue" in last
        assert ended[ROUTER][0] == 3

        come(absent)
        system.start_everything()
        wait_for_orders(system)
        ended = system.stop_timed()
        assert {code for code, _ in ended.values()} == {0}, ended
        log = read_log(kafka)
    finally:
        system.kill_everything()
    assert broken(log, load_config([system.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []
    for process in system.everybody.values():
        assert "Traceback" not in process.text(), process.text()[-3000:]
