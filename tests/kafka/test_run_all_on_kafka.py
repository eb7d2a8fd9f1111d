"""`maker run --all` with shards, on a real broker: what is killed comes back, and a supervisor that is killed
leaves nobody who trades.
"""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from runtime.config.settings import load_config
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.topics import GATEWAY, MONITOR, QUOTE, ROUTER, STATISTICS
from tests.kafka.distributed_shape import Shape
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.kafka_log import read_log
from tests.servers.local import PATIENCE_S, until
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_shards_come_back_and_a_killed_supervisor_leaves_nobody(
    kafka: Kafka, own_redis: RedisServer, tmp_path: Path
) -> None:
    markets = {
        symbol: market.model_dump(mode="json") | {"updates_per_s": 2.0}
        for symbol, market in Config().feed.symbols.items()
    }
    shape = Shape(tmp_path, kafka, own_redis, process={"shards": 2}, feed={"symbols": markets})
    try:
        shape.process.start()
        until(shape.is_ready, "the gateway is ready", pause_s=0.2)
        until(lambda: shape.quoting() == 5, "the symbols of both shards are quoted", pause_s=0.2)
        for name in (MONITOR, QUOTE):
            for shard in ("0", "1"):
                assert shape.child(name, "--shard", shard), f"{name}.{shard}"
                assert (shape.state / f"{name}.{shard}").is_dir()
        killed = shape.child(QUOTE, "--shard", "1")
        assert killed is not None
        killed.kill()
        until(lambda: shape.child(QUOTE, "--shard", "1") not in (None, killed), "it is started again")
        until(lambda: shape.quoting() == 5, "all symbols are quoted again", pause_s=0.2)

        second = [sys.executable, "-m", "maker", "run", "--all", "--state", str(shape.state)]
        refused = subprocess.run(second, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert refused.returncode == 4
        assert f"process {shape.process.pid} has written the state of every process" in refused.stderr

        family = psutil.Process(shape.process.pid).children(recursive=True)
        router = shape.child(ROUTER)
        shape.process.kill()
        until(lambda: router is not None and not router.is_running(), "the router has ended", pause_s=0.05)
        until(lambda: not any(each.is_running() for each in family), "nobody is left", pause_s=0.1)
        log = read_log(kafka)
        assert broken(log, load_config([shape.config]).config) == []
        assert list(nothing_alive_at_the_end(log)) == []

        shape.process.start()
        until(shape.is_ready, "the gateway is ready", pause_s=0.2)
        until(lambda: shape.quoting() == 5, "all symbols are quoted once more", pause_s=0.2)
        words = [child.cmdline() for child in psutil.Process(shape.process.pid).children()]
        assert [sum(name in each for each in words) for name in (GATEWAY, STATISTICS)] == [1, 1]
        assert shape.process.stop() == 0, shape.process.text()[-3000:]
        assert "Traceback" not in shape.process.text()
    finally:
        shape.kill()
    log = read_log(kafka)
    assert broken(log, load_config([shape.config]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []
