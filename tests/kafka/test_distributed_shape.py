"""`maker run --all` with Redis and the gateway, as a user starts it; and the commands around topics."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from servers.kafka import topics
from servers.local import LocalProcess, free_port, until
from servers.redis import RedisServer
from servers.visitor import Visitor

from schemas.deployment import Kafka
from tests.kafka.test_replay_from_kafka import maker

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


class Shape:
    """The supervisor and what it started, over a broker and a Redis."""

    def __init__(self, folder: Path, kafka: Kafka, redis: RedisServer) -> None:
        self.redis = redis
        self.port = free_port()
        config = self.config = folder / "engine.yaml"
        config.write_text(yaml.safe_dump({"kafka": kafka.model_dump(mode="json", exclude_defaults=True)}))
        command = [sys.executable, "-m", "chassis", "run", "--all", "--config", config]
        command += ["--redis", redis.url, "--state", folder / "state", "--port", str(self.port)]
        self.process = LocalProcess(command, folder / "all.log", {"PYTHONDONTWRITEBYTECODE": ""})
        self.visitor = Visitor(f"http://127.0.0.1:{self.port}/", self.process.text)

    def ask(self, path: str) -> tuple[Any, str]:
        """JSON of a path, and how far it can be relied on."""
        found, headers = self.visitor.ask("GET", path)
        return found, headers["maker-view"]

    def is_ready(self) -> bool:
        self.process.check_running()
        try:
            return bool(self.ask("/health/ready"))
        except OSError:
            return False

    def quoting(self) -> int:
        makers = self.ask("/api/v1/maker/active")[0]["makers"]
        return sum(maker["state"] == "QUOTING" for maker in makers)

    def child(self, name: str) -> psutil.Process | None:
        """The running process of that name; one may end while it is looked at."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                if name in child.cmdline():
                    return child
        return None


@pytest.fixture
def shape(kafka: Kafka, own_redis: RedisServer, tmp_path: Path) -> Iterator[Shape]:
    found = Shape(tmp_path, kafka, own_redis)
    found.process.start()
    until(found.is_ready, "the gateway is ready", 60, 0.1)
    yield found
    if found.process.is_running:
        for child in psutil.Process(found.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                child.kill()
    found.process.kill()


def test_everything_runs_restarts_and_ends(shape: Shape) -> None:
    until(lambda: shape.quoting() == 5, "all symbols are quoted", 30, 0.1)
    killed = shape.child("quote-service")
    assert killed is not None
    killed.kill()
    until(lambda: shape.child("quote-service") not in (None, killed), "it is started again", 30, 0.1)
    until(lambda: shape.quoting() == 5, "all symbols are quoted again", 30, 0.1)

    shape.redis.process.pause()
    until(lambda: shape.ask("/api/v1/maker/active")[1].startswith("partial; store=away"), "partial", 10)
    shape.redis.process.resume()
    until(lambda: shape.ask("/api/v1/maker/active")[1] == "live", "live again", 10)

    shape.redis.process.kill()
    until(lambda: "partial" in shape.ask("/api/v1/maker/active")[1], "partial", 10)
    shape.redis.start()
    until(lambda: shape.ask("/api/v1/maker/active")[1] == "live", "live again", 10)
    assert shape.quoting() == 5

    past_and_settings(shape)
    assert shape.process.stop() == 0, shape.process.text()[-2000:]
    assert "Traceback" not in shape.process.text()
    done = maker("replay", "--config", shape.config)
    assert done.returncode == 0, done.stdout + done.stderr


def past_and_settings(shape: Shape) -> None:
    """A changed setting is in force in its process, and the topics tell of it afterwards."""
    setting = "api/v1/maker/settings/market_making.base_spread"
    shape.visitor.ask("PUT", setting, {"value": "0.0031", "reason": "a wider evening"})

    def in_force() -> bool:
        settings = shape.visitor.get("api/v1/maker/settings")["settings"]
        return any(each["value"] == "0.0031" for each in settings)

    until(in_force, "the setting is in force", 10, 0.1)
    history = "api/v1/history"
    told = shape.visitor.get(f"{history}/events?lanes=system,human&limit=1000&text=base_spread")["rows"]
    assert {"control.setting.v1", "process.setting.v1"} <= {row["type"] for row in told}
    first = shape.visitor.get(f"{history}/events?lanes=quote&limit=7")
    second = shape.visitor.get(f"{history}/events?lanes=quote&limit=7&cursor={first['next_cursor']}")
    ids = [row["event_id"] for page in (first, second) for row in page["rows"]]
    assert len(set(ids)) == len(ids) == 14
    rows = shape.visitor.get(f"{history}/series?kind=quotes&symbol=BTC/USDT&points=50&from=-5s")["rows"]
    assert len(rows) > 5
    assert rows[-1][1] < rows[-1][5] < rows[-1][2]
    state = shape.visitor.get(f"{history}/state?symbol=BTC/USDT&at=-1s")["status"]
    assert state["symbol"] == "BTC/USDT"
    who = {row["action"] for row in shape.visitor.get("api/v1/audit")["rows"]}
    assert {"signed in", "token made", "set market_making.base_spread = 0.0031"} <= who


def test_topics_are_planned_made_and_mended(kafka_bootstrap: str, tmp_path: Path) -> None:
    with topics(kafka_bootstrap) as kafka:
        config = tmp_path / "kafka.yaml"

        def write(**fields: Any) -> None:
            settings = kafka.model_dump(mode="json", exclude_defaults=True) | fields
            config.write_text(yaml.safe_dump({"kafka": settings}))

        write()
        assert maker("topics", "plan", "--config", config).returncode == 0
        write(partitions=3)
        done = maker("topics", "plan", "--config", config, "--json")
        assert done.returncode == 1
        drift = json.loads(done.stdout)
        assert {change["setting"] for change in drift} == {"partitions"}
        assert {(change["on_broker"], change["wanted"]) for change in drift} == {("4", "3")}
        refused = maker("topics", "apply", "--config", config)
        assert refused.returncode == 2
        assert "set kafka.partitions to 4, or make the topic anew" in refused.stderr
        write(topic_prefix=kafka.topic_prefix + "new.")
        assert maker("topics", "plan", "--config", config).returncode == 1
        assert maker("topics", "apply", "--config", config).returncode == 0
        assert maker("topics", "plan", "--config", config).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "quote-servce"), "no process is called 'quote-servce'; did you mean 'quote-service'?"),
        (("run",), "name a process, or give --all"),
        (("run", "quote-service", "--kafka", "127.0.0.1:1"), "no Kafka broker answers at 127.0.0.1:1"),
        (("topics", "plan", "--kafka", "127.0.0.1:1"), "no Kafka broker answers at 127.0.0.1:1"),
        (("replay",), "name either the folder of a log, or a broker with --kafka"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = [Path(sys.executable).parent / "maker", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode in (2, 3)
    assert said in " ".join(done.stderr.split()), done.stderr
