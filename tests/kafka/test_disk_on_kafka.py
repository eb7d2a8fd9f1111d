"""The disk under a process's state fails while its orders live at the exchange: none is left, and nothing
that was decided is heard without its journal.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.deployment import Kafka
from schemas.topics import ROUTER
from tests.kafka.commands import replayed
from tests.servers.engine import TRADING, KafkaEngine
from tests.servers.filled_disk import fill_up, mounted_at
from tests.servers.kafka_log import booked, read_log
from tests.servers.local import until
from tests.servers.sandbox import SandboxServer, trading_at

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
BROKEN_DISK = Path(__file__).parents[1] / "servers" / "broken_disk"
SYMBOLS = ("BTC/USDT", "ETH/USDT")
WITHDRAWN = "orders with the prefix mm cancelled at binance; it shows none of them open"


def test_a_router_whose_disk_fails_withdraws_and_the_next_one_knows_all(kafka: Kafka, tmp_path: Path) -> None:
    sandbox = SandboxServer()
    settings = trading_at(sandbox, tmp_path, SYMBOLS)
    engine = KafkaEngine(tmp_path, kafka, settings, TRADING)
    told = tmp_path / "disk.json"
    broken = {"PYTHONPATH": str(BROKEN_DISK), "BROKEN_DISK": str(told)}
    faults: dict[str, dict[str, Any]] = {
        "No space left on device": {"error": "ENOSPC", "room_bytes": 7},
        "does not confirm": {"sync_error": True},
    }
    try:
        for name in engine.names:
            engine.start(name, env=broken if name == ROUTER else None)
        engine.wait_ready()
        for why, fault in faults.items():
            until(lambda: len(sandbox.open_ids) == 2 * len(SYMBOLS), "all symbols are quoted")
            router = engine.processes[ROUTER]
            router.pause()
            sandbox.fill(next(o for o in sandbox.truth["orders"] if o["status"] == "NEW"), 1)
            told.write_text(json.dumps(fault), encoding="utf-8")
            router.resume()
            assert router.wait() == 3, router.text()[-2000:]
            assert sandbox.open_ids == []
            last = router.text().splitlines()[-1]
            assert why in last
            assert WITHDRAWN in last
            told.unlink()
            engine.start(ROUTER, env=broken)
            engine.wait_ready(ROUTER)
        until(lambda: len(sandbox.open_ids) == 2 * len(SYMBOLS), "it quotes again")
        assert "market_making_disk_free_bytes" in engine.metrics(ROUTER)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, {name: p.text()[-800:] for name, p in engine.processes.items()}
        assert sandbox.open_ids == []
        traded = sorted((str(t["trade_id"]), t["size_lots"], t["side"]) for t in sandbox.truth["trades"])
        assert booked(read_log(kafka)) == traded
    finally:
        engine.kill_all()
        sandbox.stop()
    results = replayed("--config", engine.config_file)
    assert all(result["divergences"] == 0 for result in results.values()), results


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[None]:
    """The router's state is on a disk of 24 MB."""
    (tmp_path / "state").mkdir(mode=0o700)
    place = tmp_path / "state" / ROUTER
    yield from mounted_at(place, "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs")


@pytest.mark.usefixtures("small_disk")
def test_a_router_ends_in_good_order_before_its_disk_is_full(kafka: Kafka, tmp_path: Path) -> None:
    sandbox = SandboxServer()
    settings = trading_at(sandbox, tmp_path, SYMBOLS, engine={"disk_free_mb_min": 8})
    engine = KafkaEngine(tmp_path, kafka, settings, TRADING)
    try:
        engine.start_all()
        until(lambda: len(sandbox.open_ids) == 2 * len(SYMBOLS), "all symbols are quoted")
        router = engine.processes[ROUTER]
        ballast = fill_up(engine.state_dir / ROUTER, leave_bytes=7_000_000)
        assert router.wait() == 3, router.text()[-2000:]
        assert sandbox.open_ids == []
        last = router.text().splitlines()[-1]
        assert "disk nearly full: " in last
        assert "no order is left open at the venue" in last
        ballast.unlink()
        engine.start(ROUTER)
        engine.wait_ready(ROUTER)
        until(lambda: len(sandbox.open_ids) == 2 * len(SYMBOLS), "with room it quotes again")
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, {name: p.text()[-800:] for name, p in engine.processes.items()}
    finally:
        engine.kill_all()
        sandbox.stop()


def test_a_process_does_not_begin_on_a_disk_without_room(kafka: Kafka, tmp_path: Path) -> None:
    """A floor above what any disk has: refused before anything is connected."""
    engine = KafkaEngine(tmp_path, kafka, {"engine": {"disk_free_mb_min": 1_000_000_000}}, [ROUTER])
    try:
        engine.start(ROUTER)
        assert engine.processes[ROUTER].wait() == 3
        assert (
            "is the folder of the state, and its disk has" in engine.processes[ROUTER].text().splitlines()[-1]
        )
    finally:
        engine.kill_all()
