"""`maker run --all` with Redis and the gateway, as a user starts it; and the commands around topics."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.deployment import Kafka
from tests.kafka.commands import maker
from tests.kafka.distributed_shape import Shape
from tests.servers.kafka import topics
from tests.servers.local import PATIENCE_S, until
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def shape(kafka: Kafka, own_redis: RedisServer, tmp_path: Path) -> Iterator[Shape]:
    found = Shape(tmp_path, kafka, own_redis)
    found.process.start()
    until(found.is_ready, "the gateway is ready", pause_s=0.1)
    yield found
    found.kill()


def test_everything_runs_restarts_and_ends(shape: Shape) -> None:
    until(lambda: shape.quoting() == 5, "all symbols are quoted", pause_s=0.1)
    killed = shape.child("quote-service")
    assert killed is not None
    killed.kill()
    until(lambda: shape.child("quote-service") not in (None, killed), "it is started again", pause_s=0.1)
    until(lambda: shape.quoting() == 5, "all symbols are quoted again", pause_s=0.1)

    shape.redis.process.pause()
    until(lambda: shape.ask("/api/v1/maker/active")[1].startswith("partial; store=away"), "partial")
    shape.redis.process.resume()
    until(lambda: shape.ask("/api/v1/maker/active")[1] == "live", "live again")

    shape.redis.process.kill()
    until(lambda: "partial" in shape.ask("/api/v1/maker/active")[1], "partial")
    shape.redis.start()
    until(lambda: shape.ask("/api/v1/maker/active")[1] == "live", "live again")
    assert len(shape.ask("/api/v1/maker/active")[0]["makers"]) == 5  # written whole, or not at all
    until(lambda: shape.quoting() == 5, "all symbols are quoted still", pause_s=0.1)

    settings_of_a_symbol(shape)
    past_and_settings(shape)
    assert shape.process.stop() == 0, shape.process.text()[-2000:]
    assert "Traceback" not in shape.process.text()
    done = maker("replay", "--config", shape.config)
    assert done.returncode == 0, done.stdout + done.stderr


def settings_of_a_symbol(shape: Shape) -> None:
    """They are in force once every process that reads them has applied them, and are of that symbol alone."""
    settings = "api/v1/maker/settings"
    keys = [f"per_symbol.BTC/USDT.{key}" for key in ("risk_limits.max_position", "inventory.max_inventory")]
    for key in keys:
        shape.visitor.ask("PUT", f"{settings}/{key}", {"value": "40", "reason": "a calm evening"})

    def own(symbol: str) -> int:
        found = shape.visitor.get(f"{settings}?symbol={symbol}")["settings"]
        return sum(each["is_own"] and each["value"] == "40" for each in found)

    until(lambda: own("BTC/USDT") == len(keys), "both are in force", pause_s=0.1)
    assert own("ETH/USDT") == 0


def past_and_settings(shape: Shape) -> None:
    """A changed setting is in force in its process, and the topics tell of it afterwards."""
    setting = "api/v1/maker/settings/market_making.base_spread"
    shape.visitor.ask("PUT", setting, {"value": "0.0031", "reason": "a wider evening"})

    def in_force() -> bool:
        settings = shape.visitor.get("api/v1/maker/settings")["settings"]
        return any(each["value"] == "0.0031" for each in settings)

    until(in_force, "the setting is in force", pause_s=0.1)
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
        assert "set kafka.partitions to 4, or delete and recreate the topic" in refused.stderr
        for name in ("quote-service", "gateway-api", "statistics"):
            command = ("run", name, "--config", config, "--state", tmp_path / "state", "--port", "0")
            ended = maker(*command)
            assert ended.returncode == 2, ended.stderr
            said = " ".join(ended.stderr.split())
            assert "has 4 partitions" in said
            assert "more; the configuration has kafka.partitions 3" in said
            assert "`maker topics plan` lists them all" in said
        write(topic_prefix=kafka.topic_prefix + "new.")
        assert maker("topics", "plan", "--config", config).returncode == 1
        assert maker("topics", "apply", "--config", config).returncode == 0
        assert maker("topics", "plan", "--config", config).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "quote-servce"), "no process is called 'quote-servce'; did you mean 'quote-service'?"),
        (("run",), "name a process or give --all"),
        (("run", "--all", "--shard", "1"), "process.shard is 1, which selects one of several processes"),
        (("replay", "--kafka", "127.0.0.1:1"), "no Kafka broker answers at 127.0.0.1:1"),
        (("topics", "plan", "--kafka", "127.0.0.1:1"), "no Kafka broker answers at 127.0.0.1:1"),
        (("replay",), "give either a log folder or a broker with --kafka"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command: list[str | Path] = [Path(sys.executable).parent / "maker", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, cwd=tmp_path
    )
    assert done.returncode in (2, 3)
    assert said in " ".join(done.stderr.split()), done.stderr
