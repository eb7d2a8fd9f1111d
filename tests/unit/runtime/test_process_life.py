"""Which shard a process is, what it says about its health, and where it dies when a test wants it."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import pytest

from maker.run import shard_of
from runtime.errors import ConfigError
from runtime.process.crash_points import VARIABLE
from runtime.process.health import health_of
from runtime.process.worker import Worker
from schemas.config import Config
from schemas.deployment import Process
from schemas.topics import QUOTE, RISK
from tests.servers.local import PATIENCE_S


def config(**process: Any) -> Config:
    return Config(process=Process(**process))


class TestShard:
    def test_one_process_serves_everything(self) -> None:
        assert shard_of(QUOTE, config()) is None

    def test_it_is_what_the_configuration_says(self) -> None:
        assert shard_of(QUOTE, config(shards=4, shard=3)) == 3

    def test_it_is_the_number_of_its_pod(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "quote-service-2")
        assert shard_of(QUOTE, config(shards=4)) == 2

    def test_a_host_without_a_number_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "laptop")
        with pytest.raises(ConfigError, match=r"'laptop' does not end in a number.*process\.shard"):
            shard_of(QUOTE, config(shards=2))

    def test_there_is_no_shard_beyond_the_last(self) -> None:
        with pytest.raises(ValueError, match="there are 2, counted from 0"):
            config(shards=2, shard=2)

    def test_nor_one_by_the_number_of_its_pod(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "quote-service-2")
        with pytest.raises(ConfigError, match=r"process\.shard is 2, but there are 2, counted from 0"):
            shard_of(QUOTE, config(shards=2))

    def test_what_is_not_sharded_serves_everything(self) -> None:
        assert shard_of(RISK, config(shards=4, shard=3)) is None


class TestHealth:
    def worker(self, **fields: Any) -> Worker:
        import time

        known = {"last_turn_s": time.monotonic(), "is_started": True, "not_ready_because": None}
        return cast(Worker, SimpleNamespace(**(known | fields)))

    def test_a_process_that_is_well(self) -> None:
        for path in ("/health/live", "/health/started", "/health/ready"):
            answer = health_of(self.worker(), path)
            assert answer is not None
            assert answer[0] == 200

    def test_readiness_says_why_not(self) -> None:
        answer = health_of(self.worker(not_ready_because="catching up"), "/health/ready")
        assert answer == (503, {"ready": False, "because": "catching up"})

    def test_a_loop_that_stands_still_is_not_live_whatever_else(self) -> None:
        answer = health_of(self.worker(last_turn_s=-100.0), "/health/live")
        assert answer is not None
        assert answer[0] == 503

    def test_liveness_asks_for_no_dependency(self) -> None:
        answer = health_of(self.worker(not_ready_because="no broker", is_started=False), "/health/live")
        assert answer is not None
        assert answer[0] == 200

    def test_another_path_is_unknown(self) -> None:
        assert health_of(self.worker(), "/health") is None


@pytest.mark.parametrize(("asked", "passes"), [("after_core:3", 2), ("after_core", 0), ("after_poll:1", 4)])
def test_a_point_to_die_at(asked: str, passes: int) -> None:
    code = """
from runtime.process.crash_points import pass_point
for number in range(4):
    pass_point("after_core")
    print(number)
"""
    done = subprocess.run(
        [sys.executable, "-u", "-c", code],
        capture_output=True,
        text=True,
        env={VARIABLE: asked},
        timeout=PATIENCE_S,
        check=False,
    )
    assert len(done.stdout.split()) == passes
    assert done.returncode == (0 if passes == 4 else -9)
