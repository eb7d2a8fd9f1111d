"""State folders and topics that earlier releases left: today's processes go on with them."""

import json
import shutil
import tarfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.kafka.importing import import_records
from runtime.log.logfile import read_log as read_files
from schemas.deployment import Kafka
from schemas.inventory import Position
from schemas.process import ConfigApplied
from schemas.risk import RiskState
from schemas.topics import PROCESSES
from tests.kafka.commands import maker
from tests.kafka.conftest import published
from tests.servers.engine import KafkaEngine
from tests.servers.kafka import topics
from tests.servers.kafka_log import KafkaLog, read_log
from tests.servers.local import until

RELEASES = Path(__file__).resolve().parents[1] / "releases"
ARCHIVED = sorted(RELEASES.glob("*/kafka.tar.gz"))
LEDGER = ("position_lots", "fills")
MONEY = ("realised", "fees", "traded_notional", "average_price_ticks")
pytestmark = [pytest.mark.kafka, pytest.mark.slow]


class Left:
    """An archive of a release: its manifest, its topics in a broker, its state in a folder."""

    def __init__(self, archive: Path, folder: Path, bootstrap: str) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        self.manifest: dict[str, Any] = json.loads((archive.parent / "kafka.json").read_text())
        self.held: dict[str, Any] = self.manifest["held"]
        self.bootstrap = bootstrap


@pytest.fixture(params=ARCHIVED, ids=lambda archive: archive.parent.name)
def left(request: pytest.FixtureRequest, kafka_bootstrap: str, tmp_path: Path) -> Left:
    return Left(request.param, tmp_path, kafka_bootstrap)


@pytest.fixture
def own_topics(left: Left, tmp_path: Path) -> Iterator[Kafka]:
    with topics(left.bootstrap, left.manifest["partitions"]) as kafka:
        import_records(kafka, read_files(tmp_path / "log"))
        shutil.rmtree(tmp_path / "log")
        yield kafka


def of_type(log: KafkaLog, kind: type[Any], after: int = 0) -> list[Any]:
    messages = [sent.record.message for sent in log.records]
    return [each for each in messages if type(each) is kind and each.event_time_ns > after]


def test_processes_go_on_with_positions_halts_and_settings(
    left: Left, own_topics: Kafka, tmp_path: Path
) -> None:
    before_ns = max(sent.record.envelope.event_time_ns for sent in read_log(own_topics).records)
    settings = left.manifest["config"] | {
        "market_making": {"base_spread": 0.0004, "volatility_multiplier": 0.6}
    }
    engine = KafkaEngine(tmp_path, own_topics, settings)
    try:
        engine.start_all()
        until(lambda: published(engine, "order.event") > 0, "orders are sent", pause_s=0.1)
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}
    log = read_log(own_topics)
    first: dict[str, Position] = {}
    for position in of_type(log, Position, before_ns):
        first.setdefault(position.key, position)
    for key, ledger in left.held["ledgers"].items():
        assert [getattr(first[key], name) for name in LEDGER] == [ledger[name] for name in LEDGER]
        assert [getattr(first[key], name) for name in MONEY] == [Decimal(ledger[name]) for name in MONEY]
    states = {state.key: state for state in of_type(log, RiskState)}
    assert {key for key, state in states.items() if state.state == "HALT" and state.latched} == set(
        left.held["halts"]
    )
    begun = [
        applied for applied in of_type(log, ConfigApplied, before_ns) if applied.process == "quote-service"
    ]
    live = {value.setting_key: value.value for value in begun[-1].live_settings}
    assert live == {key: left.held["settings"][key] for key in live}
    assert "market_making.base_spread" in live
    done = maker("replay", "--config", engine.config_file, "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    for name in PROCESSES:
        own = [session for session in results[name]["sessions"] if session["this_code"]]
        assert len(own) == 1
        assert own[0]["divergences"] == 0, (name, results["first_divergence"])
