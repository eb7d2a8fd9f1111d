"""`maker replay --kafka` beside an engine that runs, and after retention has been there."""

import asyncio
import json
import os
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from runtime.bus import TopicPartition
from runtime.kafka.bus import KafkaBus
from runtime.kafka.client import connection
from runtime.kafka.layout import recorded_partitions, to_broker
from runtime.state.kept_snapshots import FOLDER, KeptSnapshots
from schemas.deployment import Kafka
from schemas.topics import MONITOR, PROCESSES, QUOTE, ROUTER
from tests.kafka.commands import maker, proved
from tests.kafka.conftest import published
from tests.servers.engine import KafkaEngine
from tests.servers.local import PATIENCE_S, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
TIMES = int(os.environ.get("REPLAY_TIMES", "2"))
"""How often a running engine is proved."""
_MARKET = {"price": "100", "spread_bps": 20.0, "volatility_bps": 5.0, "updates_per_s": 4.0}
SLOW_MARKET: dict[str, Any] = {
    "feed": {"symbols": {"S/USDT": _MARKET}},
    "instruments": {"S/USDT": {"tick_size": "0.01", "lot_size": "0.001", "min_notional": "10"}},
}
"""What it says meanwhile is proved too: a fast one would not let a replay on two cores catch up."""


async def ends_of(kafka: Kafka, topics: Iterable[str]) -> dict[TopicPartition, int]:
    reader = KafkaBus(kafka).reader({})
    try:
        return await reader.end_offsets(
            [place for place in recorded_partitions(kafka.partitions) if place.topic in set(topics)]
        )
    finally:
        await reader.close()


async def trim(kafka: Kafka, topics: Iterable[str]) -> None:
    """What an operator does by DeleteRecords, and retention in time: all that is there is gone."""
    ends = await ends_of(kafka, topics)
    admin = AIOKafkaAdminClient(**connection(kafka))
    await admin.start()
    try:
        await admin.delete_records(
            {
                to_broker(kafka, place): RecordsToDelete(before_offset=end)
                for place, end in ends.items()
                if end
            }
        )
    finally:
        await admin.close()


def begun_anew(engine: KafkaEngine, threshold_bps: float) -> None:
    """The same engine under another configuration: every process begins a session."""
    engine.stop_all()
    engine.configure(market_making={"requote_threshold_bps": threshold_bps})
    engine.start_all()
    until(lambda: published(engine, "order.event") > 20, "orders are sent", pause_s=0.5)


def test_an_engine_that_runs_is_proved_from_when_on_it_can_be(kafka: Kafka, tmp_path: Path) -> None:
    engine = KafkaEngine(tmp_path, kafka, {**SLOW_MARKET, "process": {"snapshot_interval_s": 2.0}})
    config = engine.config_file
    try:
        engine.start_all()
        until(lambda: published(engine, "order.event") > 20, "orders are sent", pause_s=0.5)
        began = running(config)
        exported(config, tmp_path / "running")
        asyncio.run(trim(kafka, ["market.book", "market.feed"]))
        nothing_left(config)
        from_snapshots(engine, time.time_ns())
        begun_anew(engine, 1.5)
        from_next_session(config, began)
        exported(config, tmp_path / "trimmed")
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}


def running(config: Path) -> dict[str, int]:
    """It is whole; what no trace names yet is counted. When sessions began."""
    began: dict[str, int] = {}
    outputs = 0

    def reaches_further() -> bool:
        """A proof ends where the traces did when it began; a quiet market may say nothing meanwhile."""
        nonlocal began, outputs
        before = outputs
        results = proved(config)
        assert results.keys() == set(PROCESSES)
        began = {name: result["reach"]["from_ns"] for name, result in results.items()}
        assert all(began.values())
        assert all(result["reach"]["because"] is None for result in results.values())
        outputs = results[ROUTER]["outputs"]
        return bool(outputs > before)

    for _ in range(TIMES):
        until(reaches_further, "more orders are proved", PATIENCE_S, 0.5)
    return began


def exported(config: Path, folder: Path) -> None:
    """A folder gets what can be replayed, and is replayed."""
    done = maker("log", "export", folder, "--config", config)
    assert done.returncode == 0, done.stderr
    done = maker("replay", folder, "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert results.pop("first_divergence") is None
    assert all(result["inputs"] > 0 for result in results.values()), results


def nothing_left(config: Path) -> None:
    """Sessions that began before what is kept prove nothing where their inputs are gone."""
    for name in (MONITOR, QUOTE):
        done = maker("replay", "--config", config, "--process", name, "--json")
        assert done.returncode == 2
        assert "retention has deleted market." in done.stderr
        assert "the next session" in done.stderr


def from_snapshots(engine: KafkaEngine, trimmed_ns: int) -> None:
    """In the midst of sessions whose begin is gone: as each process was some time after that."""
    for name in (MONITOR, QUOTE):
        folder = engine.state_dir / name
        assert len(KeptSnapshots(folder, 120).all()) == 1, "one is kept at the start, the next after hours"
        until(partial(keep_newest, folder, trimmed_ns), "there is a newer snapshot", PATIENCE_S, 0.2)
    sent = published(engine, "order.event")
    until(lambda: published(engine, "order.event") > sent, "orders are sent", PATIENCE_S, 0.5)
    for name in (MONITOR, QUOTE):
        result = proved(engine.config_file, "--process", name)[name]
        assert result["reach"]["is_of_snapshot"]
        assert result["reach"]["from_ns"] > trimmed_ns
        assert result["begins_as"] == "snapshot"
        assert result["outputs"] > 0
        elsewhere = ("--state", str(engine.folder / "elsewhere"))
        done = maker("replay", "--config", engine.config_file, "--process", name, *elsewhere)
        assert done.returncode == 2, done.stdout
    said = maker("replay", "--config", engine.config_file, "--process", QUOTE).stdout
    assert "on, starting at a snapshot" in said


def keep_newest(folder: Path, after_ns: int) -> bool:
    """As it is done once in hours."""
    newest = max(folder.glob("*.snapshot"), key=lambda path: path.stat().st_mtime_ns)
    written_ns = newest.stat().st_mtime_ns
    if written_ns <= after_ns + 1_000_000_000:
        return False
    os.link(newest, folder / FOLDER / f"{written_ns:020d}.snapshot")
    return True


def from_next_session(config: Path, began: dict[str, int]) -> None:
    results = proved(config)
    for name in (MONITOR, QUOTE):
        reach = results[name]["reach"]
        assert reach["from_ns"] > began[name]
        assert "retention has deleted market." in reach["because"]
        assert results[name]["inputs"] > 0
    said = maker("replay", "--config", config, "--process", QUOTE).stdout
    assert "on, starting with a session, no earlier (retention has deleted market." in said
