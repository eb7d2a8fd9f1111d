"""The page's replay check and its preview as the one image runs them: each process under its own name on a
broker that knows who comes, the gateway without a home, in an empty folder, within the memory of its pod.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from runtime.kafka.access import apply_grants
from runtime.kafka.admin import apply_topics
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, PROCESSES
from tests.servers.engine import KafkaEngine
from tests.servers.local import LocalProcess, free_port, until
from tests.servers.redis import RedisServer
from tests.servers.secure_kafka import ADMIN, SecureKafka
from tests.servers.visitor import Visitor, has_code

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
WORKLOADS = Path(__file__).parents[2] / "deploy" / "base" / "workloads.yaml"


def memory_of_pod() -> int:
    """What the gateway's pod may take, bytes."""
    for document in yaml.safe_load_all(WORKLOADS.read_text(encoding="utf-8")):
        if document["kind"] == "Deployment" and document["metadata"]["name"] == GATEWAY:
            (container,) = document["spec"]["template"]["spec"]["containers"]
            return int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * 1024 * 1024
    raise AssertionError(GATEWAY)


def signed_in_as(kafka: Kafka) -> dict[str, str]:
    """The part of a container's environment that differs from process to process."""
    return {
        "MM__KAFKA__SASL_USERNAME": str(kafka.sasl_username),
        "MM__KAFKA__SASL_PASSWORD_FILE": str(kafka.sasl_password_file),
    }


class Where:
    """The engine, its gateway, and somebody who asks it."""

    def __init__(self, folder: Path, broker: SecureKafka, redis: RedisServer) -> None:
        self.engine = KafkaEngine(folder, broker.of(ADMIN), {"redis": {"url": redis.url}})
        self._broker = broker
        empty = folder / "empty"
        empty.mkdir()
        port = free_port()
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "maker",
            "run",
            GATEWAY,
            "--config",
            self.engine.config_file,
        ]
        command += ["--port", str(port)]
        alone = {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
        self.gateway = LocalProcess(
            command, folder / "gateway.log", alone | signed_in_as(broker.of(GATEWAY)), empty
        )
        self.visitor = Visitor(f"http://127.0.0.1:{port}/", self.gateway.text)

    def start(self) -> None:
        for name in PROCESSES:
            self.engine.start(name, env=signed_in_as(self._broker.of(name)))
        self.gateway.start()
        until(lambda: has_code(self.gateway.text()), "the gateway is there", pause_s=0.1)
        self.engine.wait_ready()
        until(lambda: self.asked("GET", "api/v1/history/fills?from=-10m")["rows"], "a fill", pause_s=0.5)

    def asked(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, however long it takes here."""
        found: list[Any] = []

        def answers() -> bool:
            self.gateway.check_running()
            try:
                found.append(self.visitor.ask(method, path, body)[0])
            except TimeoutError:
                return False
            return True

        until(answers, f"{path} is answered", pause_s=0.1)
        return found[0]

    def memory(self) -> int:
        """What gateway and children take now, bytes; what they share is counted once."""
        gateway = psutil.Process(self.gateway.pid)
        found = 0
        for process in (gateway, *gateway.children(recursive=True)):
            try:
                found += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue  # it has ended since
        return found

    def end(self) -> None:
        self.gateway.kill()
        self.engine.kill_all()


@pytest.fixture
def where(tmp_path: Path, own_redis: RedisServer) -> Iterator[Where]:
    broker = SecureKafka(tmp_path)
    found = None
    try:
        broker.server.start()
        asyncio.run(apply_topics(broker.of(ADMIN)))
        asyncio.run(apply_grants(broker.of(ADMIN)))
        found = Where(tmp_path, broker, own_redis)
        found.start()
        yield found
    finally:
        if found is not None:
            found.end()
        broker.server.stop()


def test_a_check_and_a_preview_work_where_the_gateway_runs(where: Where) -> None:
    setting = {"key": "market_making.base_spread", "value": "0.0031", "symbol": "BTC/USDT"}
    preview = where.asked("POST", "api/v1/maker/settings/preview", setting)
    assert preview["before"]["bid"]["price"] != preview["after"]["bid"]["price"]

    before = {child.pid for child in psutil.Process(where.gateway.pid).children()}
    begun = where.asked("POST", "api/v1/replay/check", {})
    seen: list[Any] = []
    taken: list[int] = []

    def has_ended() -> bool:
        seen.append(where.asked("GET", f"api/v1/replay/check/{begun['check_id']}"))
        taken.append(where.memory())
        return bool(seen[-1]["state"] != "running")

    until(has_ended, "the check has ended", pause_s=0.3)  # who asks more often is told to wait
    check, most = seen.pop(), max(taken)
    assert (check["state"], check["error"]) == ("done", None)
    replayed = {each["process"]: each for each in check["processes"]}
    assert replayed.keys() == set(PROCESSES)
    for name, each in replayed.items():
        assert (each["divergences"], each["inputs"] > 0) == (0, True), name
        assert each["reach"]["from_ms"] > 0
        assert "on, starting with a session" in each["reach"]["words"]
    shares = [each["progress"]["share"] for each in seen if each["progress"] is not None]
    assert shares, "it said how far it was"
    assert shares == sorted(shares)
    assert 0 < most < memory_of_pod(), f"{most / 1e6:.0f} MB"
    print(f"gateway and its children took up to {most / 1e6:.0f} MB")
    until(lambda: {each.pid for each in psutil.Process(where.gateway.pid).children()} == before, "it is gone")
