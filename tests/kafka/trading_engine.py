"""An engine on Kafka that trades with a symbol halted and a setting changed, and what must then go on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from schemas.control import Command, SettingChange
from schemas.deployment import Kafka
from schemas.process import SettingApplied
from schemas.risk import RiskState
from schemas.topics import TOPIC_OF
from tests.kafka.conftest import has_published_more, published
from tests.kafka.people import ask
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import KafkaLog, read_log
from tests.servers.local import until
from tests.servers.sources import Sources

HALTED = "synthetic:LTC/USDT"
LIVE = ("market_making.base_spread", "0.0005")
MARKET = {"spread_bps": 20.0, "volatility_bps": 1.5, "trades_per_s": 4.0}
"""Takers meet quotes within it all the time."""
SETTINGS = {
    "process": {"snapshot_interval_s": 2.0},
    "market_making": {"base_spread": 0.0004, "volatility_multiplier": 0.5},
    "feed": {
        "symbols": {
            symbol: {"price": price, **MARKET}
            for symbol, price in (("BTC/USDT", "60000"), ("ETH/USDT", "3000"), ("LTC/USDT", "80"))
        }
    },
}


@contextmanager
def trading(folder: Path, kafka: Kafka, sources: Sources | None) -> Iterator[KafkaEngine]:
    """The engine, which trades, with a setting changed and a symbol halted; at the end all must hold."""
    engine = KafkaEngine(folder, kafka, SETTINGS)
    try:
        engine.start_all(sources=sources)
        until(lambda: published(engine, "order.fill") > 0, "an order is filled", pause_s=0.1)
        about = {"event_time_ns": time.time_ns(), "reason": "a test"}
        venue, _, symbol = HALTED.partition(":")
        halt = Command(**about, venue=venue, symbol=symbol, command_id="c1", principal="t", action="halt")
        ask(engine, 1, halt)
        key, value = LIVE
        change = SettingChange(
            **about, venue="*", symbol="*", change_id="s1", setting_key=key, value=value, requester="t"
        )
        ask(engine, 2, change)
        until(lambda: is_in_force(read_log(kafka)), "the halt and the setting are in force", pause_s=0.5)
        yield engine
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}, {name: p.text()[-2000:] for name, p in engine.processes.items()}


def is_in_force(log: KafkaLog) -> bool:
    applied = {(m.setting_key, m.value) for m in of_type(log, SettingApplied) if m.refused_because is None}
    return HALTED in halts(log) and LIVE in applied


def of_type(log: KafkaLog, kind: type[Any]) -> list[Any]:
    return [
        sent.record.message for sent in log.on(TOPIC_OF[kind.type_name]) if type(sent.record.message) is kind
    ]


def halts(log: KafkaLog) -> set[str]:
    states = {state.key: state for state in of_type(log, RiskState)}
    return {key for key, state in states.items() if state.state == "HALT" and state.latched}


def goes_on(engine: KafkaEngine) -> None:
    """Orders are sent and filled, whatever was replaced."""
    for topic in ("order.event", "order.fill"):
        count = published(engine, topic)
        until(partial(has_published_more, engine, topic, count), f"{topic} goes on", pause_s=0.05)
