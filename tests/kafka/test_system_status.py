"""How the processes of an engine on Kafka are, as the gateway and Prometheus show it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.deployment import Kafka
from schemas.topics import GATEWAY, INVENTORY, PROCESSES, PROJECTOR, RISK, STATISTICS
from tests.servers.engine import KafkaEngine
from tests.servers.local import PATIENCE_S, free_port, until
from tests.servers.redis import RedisServer
from tests.servers.visitor import Visitor, newest_code

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
SEEN_WITHIN_S = 5.0


class Deployment:
    """Every process and a gateway, each of which can be stopped and killed."""

    def __init__(self, folder: Path, kafka: Kafka, redis: RedisServer) -> None:
        self.port = free_port()
        settings = {
            "redis": {"url": redis.url},
            "gateway": {"port": self.port},
            "process": {"snapshot_interval_s": 2.0},
        }
        self.engine = KafkaEngine(folder, kafka, settings)
        self.redis = redis

    def start(self) -> None:
        self.engine.start_all()
        gateway = self.engine.start(GATEWAY)
        self.visitor = Visitor(f"http://127.0.0.1:{self.port}/", gateway.text)
        until(self.is_ready, "the gateway is ready", pause_s=0.1)

    def is_ready(self) -> bool:
        self.engine.processes[GATEWAY].check_running()
        try:
            return bool(self.visitor.ask("GET", "/health/ready"))
        except OSError:
            return False

    def system(self) -> dict[str, Any]:
        found: dict[str, Any] = self.visitor.get("api/v1/system")
        return found

    def process(self, name: str) -> dict[str, Any]:
        """Empty as long as the gateway has not looked for it."""
        seen = (each for each in self.system()["processes"] if each["name"] == name)
        return next(seen, {"name": name, "state": "not looked for", "store": None})

    def wait_state(self, name: str, state: str) -> dict[str, Any]:
        """How it is shown, once that is its state."""
        seen: dict[str, Any] = {}

        def is_so() -> bool:
            seen.update(self.process(name))
            return bool(seen["state"] == state)

        until(is_so, f"{name} is shown as {state}", pause_s=0.1)
        return seen


@pytest.fixture
def deployment(kafka: Kafka, own_redis: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    found = Deployment(tmp_path, kafka, own_redis)
    try:
        found.start()
        yield found
    finally:
        found.engine.kill_all()


def test_the_gateway_shows_every_process_and_what_becomes_of_it(deployment: Deployment) -> None:
    for name in PROCESSES:
        seen = deployment.wait_state(name, "ok")
        assert (seen["starts"], seen["code_version"]) == (1, deployment.system()["version"])
        assert seen["inputs"] > 0
        assert seen["session_began_ms"] <= seen["began_ms"] + 60_000
    assert deployment.process(STATISTICS)["state"] == "missing"
    assert deployment.system()["broker"]["state"] == "ok"
    assert {stage["name"] for stage in deployment.system()["latency"]} >= {"order-router: turn"}

    inventory = deployment.engine.processes[INVENTORY]
    inventory.pause()
    silent = deployment.wait_state(INVENTORY, "silent")
    assert silent["said_age_ms"] > 2_000
    assert silent["because"] is None
    inventory.resume()
    deployment.wait_state(INVENTORY, "ok")

    deployment.engine.processes[RISK].kill()
    deployment.wait_state(RISK, "silent")
    deployment.engine.start(RISK)
    assert deployment.wait_state(RISK, "ok")["starts"] == 2

    deployment.redis.process.kill()
    until(
        lambda: (deployment.process(PROJECTOR)["store"] or "").startswith("away"), "it says so", pause_s=0.1
    )
    deployment.wait_state(RISK, "ok")  # it is seen without Redis
    deployment.redis.start()
    until(lambda: deployment.process(PROJECTOR)["store"] == "live", "it is back", pause_s=0.1)

    deployment.engine.processes[PROJECTOR].stop()
    ended = deployment.wait_state(PROJECTOR, "ended")
    assert ended["because"] is None


def test_metrics_of_a_process_and_of_the_gateway(deployment: Deployment) -> None:
    deployment.wait_state(RISK, "ok")
    text = deployment.engine.metrics(RISK)
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines[f'market_making_process_ready{{process="{RISK}"}}']) == 1
    assert float(lines[f'market_making_halts_in_force{{process="{RISK}"}}']) == 0
    assert float(lines[f'market_making_lag_records{{process="{RISK}",topic="order.fill"}}']) >= 0
    assert float(lines[f'market_making_lag_seconds{{process="{RISK}",topic="order.fill"}}']) >= 0
    assert float(lines["market_making_turn_seconds_count"]) > 0
    assert float(lines[f'market_making_outbox_age_seconds{{process="{RISK}"}}']) >= 0
    began_s = float(lines[f'market_making_process_began_timestamp_seconds{{process="{RISK}"}}'])
    assert began_s <= float(lines[f'market_making_newest_input_timestamp_seconds{{process="{RISK}"}}'])

    with deployment.visitor.open("metrics", 5) as answer:
        system = answer.read().decode()
    assert f'market_making_plant_process_up{{process="{RISK}"}} 1.0' in system
    assert f'market_making_plant_process_up{{process="{STATISTICS}"}} 0.0' in system
    assert f'market_making_plant_process_starts_total{{process="{RISK}"}} 1.0' in system
    assert "market_making_broker_up 1.0" in system


@pytest.mark.browser
@pytest.mark.timed
def test_the_page_shows_within_5_s_that_a_process_has_stopped(deployment: Deployment) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    gateway, inventory = deployment.engine.processes[GATEWAY], deployment.engine.processes[INVENTORY]
    deployment.wait_state(INVENTORY, "ok")
    with api.sync_playwright() as playwright:
        api.expect.set_options(timeout=PATIENCE_S * 1e3)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_S * 1e3)
        page.goto(f"http://127.0.0.1:{deployment.port}/#code={newest_code(gateway.text())}")
        page.wait_for_selector("#rows tr[data-key]")
        page.goto(f"http://127.0.0.1:{deployment.port}/#/system")
        row = page.locator(f'tr[data-process="{INVENTORY}"]')
        api.expect(row).to_have_attribute("data-state", "ok")
        inventory.pause()
        api.expect(row).to_have_attribute("data-state", "silent", timeout=SEEN_WITHIN_S * 1e3)
        api.expect(row).to_contain_text("silent for")
        inventory.resume()
        api.expect(row).to_have_attribute("data-state", "ok")
        browser.close()
