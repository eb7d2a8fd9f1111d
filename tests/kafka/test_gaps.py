"""What is no longer on the topics when the engine starts: deleted, compacted, or of a topic made again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from maker.composition import process_definition
from runtime.config.settings import load_config
from runtime.kafka.wire import writer_of
from runtime.log.logfile import LoggedRecord
from runtime.replay.verify import replay
from schemas.deployment import Kafka
from schemas.inventory import Position
from schemas.orders import Fill
from schemas.process import ConfigApplied
from schemas.risk import RiskAlert, RiskState
from schemas.topics import INVENTORY, MONITOR, PROCESSES, RISK, ROUTER, TOPICS
from tests.kafka.commands import proved
from tests.kafka.conftest import published
from tests.kafka.invariants import broken, nothing_alive_at_the_end
from tests.servers.engine import KafkaEngine
from tests.servers.kafka_log import read_log
from tests.servers.local import until
from tests.servers.topic_history import TopicHistory
from tests.servers.topic_loss import TopicLoss

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
STATES = tuple(topic.name for topic in TOPICS if topic.kind == "state")
COMPACTED = tuple(topic.name for topic in TOPICS if topic.compacted)
REPLAYED_ALONE = tuple(topic.name for topic in TOPICS if topic.is_for_replay)
HARMLESS = (
    *(name for name in STATES if name not in COMPACTED),  # of which nobody can delete records
    *REPLAYED_ALONE,
    "market.trade",
    "market.refusal",
    "order.event",
    "risk.alert",
)
JOURNAL_ALONE = {"process": {"snapshot_interval_s": 600.0}}
"""No snapshot but at the start: the journal names all that was consumed since."""


def wait_for_snapshot(engine: KafkaEngine) -> None:
    """Until the router has begun and ended a snapshot: what is open now is in it."""

    def names() -> set[str]:
        return {path.name for path in (engine.state_dir / ROUTER).glob("*.snapshot")}

    for _ in range(2):  # the first may have begun before
        before = names()
        until(lambda: bool(names() - before), "there is a new snapshot", pause_s=0.1)  # noqa: B023


def trades(engine: KafkaEngine) -> None:
    """Orders are sent and one of them is filled, by processes that have just started."""
    engine.start_all()
    until(lambda: published(engine, "order.event") > 0, "orders are sent", pause_s=0.1)
    until(lambda: published(engine, "order.fill") > 0, "an order is filled", pause_s=0.1)


def messages(records: Iterable[LoggedRecord], kind: type[Any]) -> list[Any]:
    return [record.decoded().message for record in records if record.envelope.type_name == kind.type_name]


def check_ledgers(records: list[LoggedRecord]) -> None:
    """Every fill counts once in the newest position of its symbol."""
    booked: dict[str, dict[str, int]] = defaultdict(dict)
    for fill in messages(records, Fill):
        booked[fill.key][fill.venue_trade_id] = fill.size_lots if fill.side == "buy" else -fill.size_lots
    newest = {position.key: position for position in messages(records, Position)}
    assert booked
    for key, fills in booked.items():
        assert (newest[key].position_lots, newest[key].fills) == (sum(fills.values()), len(fills)), key


def check_replay(records: list[LoggedRecord]) -> None:
    """All of it, from the first start on."""
    for name in PROCESSES:
        done = replay(said_once(name, records), {name: process_definition(name)})[0]
        assert done.inputs > 0, name
        assert done.divergences == 0, (name, done.first)


def said_once(name: str, records: Iterable[LoggedRecord]) -> Iterator[LoggedRecord]:
    """What a process said again because its topic had it no more lies twice in the copies."""
    said: set[str] = set()
    for record in records:
        if writer_of(record.envelope.producer) != name or record.envelope.event_id not in said:
            said.add(record.envelope.event_id)
            yield record


def sessions(records: Iterable[LoggedRecord]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for applied in messages(records, ConfigApplied):
        found[applied.process].add(applied.session_began_ns)
    return found


def test_after_kills_a_state_goes_on_without_what_was_compacted_or_deleted(
    kafka: Kafka, tmp_path: Path
) -> None:
    engine, loss = KafkaEngine(tmp_path, kafka, JOURNAL_ALONE), TopicLoss(kafka)
    try:
        trades(engine)
        engine.kill_all()
        loss.compact(COMPACTED)
        trades(engine)
        engine.kill_all()
        loss.delete_records(HARMLESS)
        trades(engine)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, codes
        records = loss.history()
        check_ledgers(records)
        check_replay(records)
        assert len(sessions(records)[ROUTER]) == 3
        assert proved(engine.config_file, "--process", ROUTER)[ROUTER]["outputs"] > 0
        assert "records_missing" in engine.processes[ROUTER].text()
        assert not [alert for alert in messages(records, RiskAlert) if alert.name == "FAULT"]
    finally:
        engine.kill_all()


def test_orders_sent_before_a_snapshot_are_known_though_all_records_since_are_gone(
    kafka: Kafka, tmp_path: Path
) -> None:
    """They would stay open at the venue beside new ones."""
    engine = KafkaEngine(tmp_path, kafka, {"process": {"snapshot_interval_s": 1.0}})
    history = TopicHistory(kafka)
    try:
        for _ in range(2):
            trades(engine)
            wait_for_snapshot(engine)
            engine.kill_all()
            history.trim()
        trades(engine)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, codes
    finally:
        engine.kill_all()
    log = history.log()
    assert broken(log, load_config([engine.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []


def test_a_fill_that_may_be_missing_halts_the_account_and_says_what_to_do(
    kafka: Kafka, tmp_path: Path
) -> None:
    engine, loss = KafkaEngine(tmp_path, kafka, JOURNAL_ALONE), TopicLoss(kafka)

    def account() -> RiskState | None:
        states = read_log(kafka, ("risk.state",)).messages(RiskState)
        return next((state for state in reversed(states) if state.symbol == "*"), None)

    def is_halted() -> bool:
        state = account()
        return state is not None and state.state == "HALT" and state.latched

    try:
        trades(engine)
        engine.kill_all()
        loss.delete_records(("order.fill",))
        engine.start_all()
        until(is_halted, "the account is halted", pause_s=0.5)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, codes
    finally:
        engine.kill_all()
    records = loss.history()
    check_replay(records)
    texts = [alert.message for alert in messages(records, RiskAlert) if alert.name == "FAULT"]
    for name in (INVENTORY, RISK):
        text = next(text for text in texts if name in text)
        assert "order.fill partition" in text
        assert "between offsets" in text
        assert "maker positions show" in text
        assert "then resume" in text


def test_after_an_orderly_stop_levels_may_be_gone_and_topics_made_again(kafka: Kafka, tmp_path: Path) -> None:
    engine, loss = KafkaEngine(tmp_path, kafka, {}), TopicLoss(kafka)
    try:
        trades(engine)
        engine.processes[ROUTER].stop()
        books = published_books(engine)
        until(lambda: published_books(engine) > books, "the market goes on without the router", pause_s=0.1)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, codes
        loss.delete_records(HARMLESS)
        trades(engine)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, codes
        records = loss.history()
        check_ledgers(records)
        check_replay(records)
        assert {name: len(begun) for name, begun in sessions(records).items()} == dict.fromkeys(PROCESSES, 1)
        assert "market.book partition" in engine.processes[ROUTER].text()
        epochs = [sent.epoch for sent in read_log(kafka, ("order.fill",)).records]
        loss.make_again(("market.book", "market.signal", "risk.state", f"process.epoch.{ROUTER}"))
        trades(engine)
        codes = engine.stop_all()
        assert set(codes.values()) == {0}, codes
        assert "the topic was recreated" in engine.processes[ROUTER].text()
        assert read_log(kafka, ("order.fill",)).records[-1].epoch > epochs[-1]
        check_ledgers(loss.history())
    finally:
        engine.kill_all()


def published_books(engine: KafkaEngine) -> int:
    """How many books the monitor of now has published."""
    for line in engine.metrics(MONITOR).splitlines():
        if line.startswith('market_making_published_total{topic="market.book"}'):
            return int(float(line.rpartition(" ")[2]))
    return 0
