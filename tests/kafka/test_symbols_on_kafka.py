"""Over a broker: a symbol that nothing lists is started, halted, and found so under another configuration."""

import time
from pathlib import Path
from typing import Any

import pytest

from runtime.config.settings import load_config
from schemas.config import Config
from schemas.deployment import Kafka
from schemas.market import SymbolRemoved
from schemas.orders import INTENT_KINDS, OrderEvent
from schemas.topics import MONITOR, PATH
from tests.kafka.commands import replayed
from tests.kafka.invariants import broken
from tests.kafka.people import command
from tests.servers.engine import ON_PATH, TRADING, KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
LTC = "synthetic:LTC/USDT"


def newest(kafka: Kafka, topic: str, key: str) -> Any:
    """The newest message of a key; None: there is none."""
    found = [each.record.message for each in read_log(kafka, (topic,)).on(topic) if each.record.key == key]
    return found[-1] if found else None


def intents_since(kafka: Kafka, since_ns: int, key: str = LTC) -> int:
    return sum(
        event.key == key and event.kind in INTENT_KINDS - {"cancel_intent"} and event.event_time_ns > since_ns
        for event in read_log(kafka, ("order.event",)).messages(OrderEvent)
    )


def test_a_started_symbol_and_its_halt_outlive_processes_and_configurations(
    kafka: Kafka, tmp_path: Path
) -> None:
    usual = Config().feed.model_dump(mode="json")["symbols"]
    settings = {"feed": {"symbols": {"BTC/USDT": usual["BTC/USDT"]}}}
    engine = KafkaEngine(tmp_path, kafka, settings, TRADING)
    try:
        engine.start_all()
        ltc: dict[str, Any] = {"venue": "synthetic", "symbol": "LTC/USDT"}
        command(engine, 1, action="start", **ltc)
        until(lambda: intents_since(kafka, 0) > 0, "orders of it are sent", pause_s=0.2)
        engine.processes[MONITOR].kill()
        engine.start(MONITOR)
        engine.wait_ready(MONITOR)
        began_ns = time.time_ns()
        until(
            lambda: newest(kafka, "market.book", LTC).event_time_ns > began_ns, "it is followed", pause_s=0.2
        )

        command(engine, 2, action="halt", reason="a test", **ltc)
        until(lambda: newest(kafka, "risk.state", LTC).state == "HALT", "it is halted", pause_s=0.2)
        assert set(engine.stop_all().values()) == {0}
        engine.configure(market_making={"base_spread": 0.003}, risk_limits={"max_position": "90"})
        halted_ns = time.time_ns()
        engine.start_all()
        until(lambda: intents_since(kafka, halted_ns, "synthetic:BTC/USDT") > 0, "BTC is quoted", pause_s=0.2)
        began_ns = time.time_ns()
        until(
            lambda: newest(kafka, "market.book", LTC).event_time_ns > began_ns, "it is followed", pause_s=0.2
        )
        told = newest(kafka, "risk.state", LTC)
        assert (told.state, told.latched, told.halt_sequence) == ("HALT", True, 1)
        assert intents_since(kafka, halted_ns) == 0

        command(engine, 3, action="resume", reason="a test", halt_sequence=1, **ltc)
        until(lambda: intents_since(kafka, halted_ns) > 0, "orders of it are sent again", pause_s=0.2)
        assert set(engine.stop_all().values()) == {0}
    finally:
        engine.kill_all()
    assert broken(read_log(kafka), load_config([engine.config_file]).config) == []
    results = replayed("--config", engine.config_file)
    assert all(result["divergences"] == 0 for result in results.values()), results


@pytest.mark.parametrize(
    "names", [TRADING, tuple(n for n in ON_PATH if n in (PATH, *TRADING))], ids=["apart", "path"]
)
def test_a_removed_symbol_ends_stays_away_over_a_restart_and_comes_back(
    kafka: Kafka, tmp_path: Path, names: tuple[str, ...]
) -> None:
    usual = Config().feed.model_dump(mode="json")["symbols"]
    settings = {"feed": {"symbols": {each: usual[each] for each in ("BTC/USDT", "LTC/USDT")}}}
    engine = KafkaEngine(tmp_path, kafka, settings, names)
    feed = PATH if PATH in names else MONITOR
    try:
        engine.start_all()
        until(lambda: intents_since(kafka, 0) > 0, "orders of it are sent", pause_s=0.2)
        ltc: dict[str, Any] = {"venue": "synthetic", "symbol": "LTC/USDT"}
        command(engine, 1, action="remove", reason="no more", force=True, **ltc)
        until(lambda: bool(removals(kafka)), "it is removed", pause_s=0.2)
        removed_ns = removals(kafka)[-1].event_time_ns
        engine.processes[feed].kill()
        engine.start(feed)
        engine.wait_ready(feed)
        began_ns = time.time_ns()
        until(lambda: intents_since(kafka, began_ns, "synthetic:BTC/USDT") > 0, "BTC is quoted", pause_s=0.2)
        assert newest(kafka, "market.book", LTC).event_time_ns <= removed_ns
        assert intents_since(kafka, removed_ns) == 0

        command(engine, 2, action="start", **ltc)
        until(lambda: intents_since(kafka, began_ns) > 0, "orders of it are sent again", pause_s=0.2)
        assert set(engine.stop_all().values()) == {0}
    finally:
        engine.kill_all()
    assert broken(read_log(kafka), load_config([engine.config_file]).config) == []
    results = replayed("--config", engine.config_file)
    assert all(result["divergences"] == 0 for result in results.values()), results


def removals(kafka: Kafka) -> list[SymbolRemoved]:
    return read_log(kafka, ("market.refusal",)).messages(SymbolRemoved)
