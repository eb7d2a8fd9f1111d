"""Faults that the engine must survive while it trades; reliability is judged from the topics afterwards."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from quote_service.routing.service import TICK_INTERVAL_NS

from runtime.bus import TopicPartition
from runtime.config.settings import load_config
from runtime.kafka.bus import KafkaBus
from runtime.kafka.layout import partition_for
from runtime.kafka.outbox import OutboxRecord
from runtime.kafka.wire import Stamp, headers_of, new_trace_id
from schemas.deployment import Kafka
from schemas.orders import OrderEvent, VenueReport
from schemas.risk import RiskAlert
from tests.kafka.conftest import has_published_more, intents, published
from tests.kafka.invariants import Venue, broken, nothing_alive_at_the_end
from tests.kafka.people import command
from tests.servers.engine import ON_PATH, TRADING, KafkaEngine
from tests.servers.kafka import KafkaServer, topics
from tests.servers.kafka_log import KafkaLog, read_log
from tests.servers.local import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
NS = 1_000_000_000


@contextmanager
def trading(
    folder: Path, kafka: Kafka, settings: dict[str, Any] | None = None, names: tuple[str, ...] = TRADING
) -> Iterator[KafkaEngine]:
    """The engine, which has sent orders; at the end it is stopped, and everything must hold."""
    engine = KafkaEngine(folder, kafka, settings or {}, names)
    try:
        engine.start_all()
        until(lambda: published(engine, "venue.report") > 5, "the venue has orders of ours", pause_s=0.05)
        yield engine
        codes = engine.stop_all()
    finally:
        engine.kill_all()
    assert set(codes.values()) == {0}, codes
    log = read_log(kafka)
    assert broken(log, load_config([engine.config_file]).config) == []
    assert list(nothing_alive_at_the_end(log)) == []


def alive_at(log: KafkaLog, time_ns: int) -> set[str]:
    """Our orders that the venue had at a time, by its own reports."""
    venue = Venue()
    reports = sorted(log.on("venue.report"), key=lambda sent: sent.record.envelope.sequence)
    for sent in reports:
        report = sent.record.message
        if isinstance(report, VenueReport) and report.event_time_ns <= time_ns:
            venue.hear(report)
    return set(venue.open_lots)


def placed_between(log: KafkaLog, from_ns: int, to_ns: int) -> list[float]:
    """Seconds after `from_ns` at which orders were placed."""
    times = (event.event_time_ns for event in log.messages(OrderEvent) if event.kind == "place_intent")
    return sorted((time_ns - from_ns) / NS for time_ns in times if from_ns < time_ns < to_ns)


def kill_and_restart(server: KafkaServer) -> Callable[[], None]:
    server.process.kill()
    return server.start


def pause_and_resume(server: KafkaServer) -> Callable[[], None]:
    server.process.pause()
    return server.process.resume


@pytest.mark.parametrize(("outage", "outage_s"), [(kill_and_restart, 6), (pause_and_resume, 8)])
@pytest.mark.parametrize("names", [TRADING, ON_PATH[:-1]], ids=["each on its own", "path"])
@pytest.mark.timed
def test_without_a_broker_quotes_are_gone_at_once_and_come_back(
    own_kafka: KafkaServer,
    tmp_path: Path,
    outage: Callable[[KafkaServer], Callable[[], None]],
    outage_s: int,
    names: tuple[str, ...],
) -> None:
    with topics(own_kafka.bootstrap) as kafka:
        folder = tmp_path / "engine"
        folder.mkdir()
        with trading(folder, kafka, names=names) as engine:
            lost_ns = time.time_ns()
            come_back = outage(own_kafka)
            while time.time_ns() < lost_ns + outage_s * NS:
                time.sleep(0.5)
                assert all(process.is_running for process in engine.processes.values())
            come_back()
            back_ns = time.time_ns()
            engine.wait_ready()
            until(lambda: intents(engine) > 0, "orders are sent")
            time.sleep(3)
        log = read_log(kafka)
    assert alive_at(log, lost_ns)
    assert not alive_at(log, lost_ns + int(1.5 * NS))
    # A decision bears the time of the newest tick: that of one made just after the return lies before it.
    assert not placed_between(log, lost_ns + int(1.5 * NS), back_ns - TICK_INTERVAL_NS)
    again_s = placed_between(log, back_ns, time.time_ns())
    print(f"{outage.__name__}: quoting {again_s[0]:.1f} s after the broker's return")
    assert again_s[0] < 10


def copy_of_state(engine: KafkaEngine, name: str) -> str:
    """What another machine has of a process: its state, and the key that all verify people's words by."""
    folder = engine.folder / "elsewhere"
    shutil.copytree(engine.state_dir / name, folder / name)
    for path in engine.state_dir.glob("*.key"):
        shutil.copy(path, folder)
    return str(folder)


def test_a_second_instance_takes_over_and_the_first_ends(kafka: Kafka, tmp_path: Path) -> None:
    """The first stands still, as in a long pause; when it goes on it is nobody any more.

    The second has a copy of its state, as on another machine: on this one the first still holds it.
    """
    with trading(tmp_path, kafka) as engine:
        for name in TRADING:
            first = engine.processes.pop(name)
            first.pause()
            refused = engine.start(name, label="refused")
            assert refused.wait() == 4
            assert f"process {first.pid} has written the state" in refused.text()
            del engine.processes["refused"]
            engine.start(name, "--state", copy_of_state(engine, name), label=f"{name}-2")
            engine.wait_ready(f"{name}-2")
            first.resume()
            assert first.wait() != 0
            assert "was taken over by" in first.text()
            engine.rename(f"{name}-2", name)


def send_raw(kafka: Kafka, place: TopicPartition, records: list[OutboxRecord]) -> None:
    async def run() -> None:
        bus = KafkaBus(kafka)
        for record in records:
            bus.outbox.add(place, record)
        await bus.close()

    asyncio.run(run())


def again(sent: Any) -> OutboxRecord:
    """A record as its writer sent it."""
    record = sent.record
    headers = headers_of(record.envelope, Stamp(sent.epoch, new_trace_id("again"), sent.sent_ns))
    value = record.message.model_dump_json().encode()
    return OutboxRecord(record.key.encode(), value, headers, time.time_ns() // 1_000_000, time.monotonic_ns())


def test_repeated_records_change_nothing(kafka: Kafka, tmp_path: Path) -> None:
    with trading(tmp_path, kafka) as engine:
        for _ in range(3):
            log = read_log(kafka)
            repeated = 0
            for topic in ("order.fill", "risk.state", "quote.target", "market.book", "inventory.position"):
                for sent in log.on(topic)[-20:]:
                    send_raw(kafka, TopicPartition(topic, sent.record.partition), [again(sent)])
                    repeated += 1
            assert repeated > 20
            before = intents(engine)
            until(partial(has_published_more, engine, "order.event", before), "trading goes on")
    assert read_log(kafka).dropped > 60


def poison(kafka: Kafka, topic: str, key: str) -> TopicPartition:
    place = partition_for(topic, key, kafka.partitions)
    junk = OutboxRecord(key.encode(), b"\x00\xffnot json", [("a", b"b")], time.time_ns() // 1_000_000, 0)
    send_raw(kafka, place, [junk])
    return place


def test_an_unreadable_book_is_followed_by_the_next_one(kafka: Kafka, tmp_path: Path) -> None:
    engine = KafkaEngine(tmp_path, kafka, {}, TRADING)
    try:
        engine.start_all()
        poison(kafka, "market.book", "synthetic:BTC/USDT")
        until(lambda: intents(engine) > 10, "trading goes on")
        assert set(engine.stop_all().values()) == {0}
    finally:
        engine.kill_all()
    assert read_log(kafka).poison == 1


@pytest.mark.timed
def test_an_unreadable_risk_state_stops_trading_and_says_where(kafka: Kafka, tmp_path: Path) -> None:
    engine = KafkaEngine(tmp_path, kafka, {}, TRADING)
    try:
        engine.start_all()
        until(lambda: bool(alive_at(read_log(kafka), time.time_ns())), "orders are alive")
        place = poison(kafka, "risk.state", "synthetic:*")
        poisoned_ns = time.time_ns()
        until(lambda: engine.health("order-router")[0] == 503, "the router is not ready")
        because = engine.health("order-router")[1]["because"]
        assert "risk.state" in because
        assert "cannot be read" in because
        assert str(place.partition) in because
        time.sleep(2)
        engine.processes["order-router"].stop()
    finally:
        engine.kill_all()
    log = read_log(kafka)
    assert alive_at(log, poisoned_ns)
    assert not alive_at(log, poisoned_ns + 2 * NS)
    assert not placed_between(log, poisoned_ns + 2 * NS, time.time_ns())


@pytest.mark.timed
def test_a_consumer_that_stood_still_under_a_burst_acts_on_nothing_old(kafka: Kafka, tmp_path: Path) -> None:
    """Quote-service and the router stand still in turn while books of 40 symbols pile up."""
    symbols = [f"S{number:02d}/USDT" for number in range(40)]
    market = {"price": "100", "spread_bps": 20.0, "volatility_bps": 1.0}
    settings = {
        "instruments": {
            symbol: {"tick_size": "0.01", "lot_size": "0.001", "min_notional": "10"} for symbol in symbols
        },
        "feed": {"symbols": dict.fromkeys(symbols, market)},
    }
    with trading(tmp_path, kafka, settings) as engine:
        for name in ("quote-service", "order-router"):
            engine.processes[name].pause()
            paused_ns = time.time_ns()
            while time.time_ns() < paused_ns + 4 * NS:
                time.sleep(0.1)
            before_ns = time.time_ns()
            engine.processes[name].resume()
            until(lambda: engine.health("order-router")[0] == 200, "the router is ready")
            count = intents(engine)
            until(partial(has_published_more, engine, "order.event", count), "trading goes on")
            assert time.time_ns() - before_ns < 6 * NS
    log = read_log(kafka)
    books = {s.record.envelope.event_id: s for s in log.on("market.book")}
    targets = {s.record.envelope.event_id: s for s in log.on("quote.target")}
    for sent in log.on("order.event"):
        order, target = sent.record.message, targets.get(sent.record.envelope.cause or "")
        if target is None or not isinstance(order, OrderEvent) or order.kind != "place_intent":
            continue
        book = books.get(target.record.envelope.cause or "")
        if book is not None:
            assert sent.sent_ns - book.record.message.event_time_ns < 2 * NS


def refusals(kafka: Kafka) -> list[str]:
    alerts = read_log(kafka, ("risk.alert",)).messages(RiskAlert)
    return [alert.message for alert in alerts if alert.name == "CONTROL_REFUSED"]


def test_a_halt_survives_every_restart_and_only_a_resume_ends_it(kafka: Kafka, tmp_path: Path) -> None:
    with trading(tmp_path, kafka) as engine:
        command(engine, 1, action="halt", reason="test")
        until(lambda: not alive_at(read_log(kafka), time.time_ns()), "no order is alive")
        halted_ns = time.time_ns()
        for name in TRADING:
            engine.processes[name].kill()
            engine.start(name)
        engine.wait_ready()
        time.sleep(2)
        command(engine, 2, signed=False, action="resume", reason="by nobody")
        until(lambda: bool(refusals(kafka)), "a resume that nobody signed is refused, with an alert")
        assert "resume by 't' was dropped: nobody has signed it" in refusals(kafka)[0]
        resumed_ns = time.time_ns()
        command(engine, 3, action="resume", reason="test")
        until(
            lambda: bool(placed_between(read_log(kafka), resumed_ns, time.time_ns())), "orders are sent again"
        )
    log = read_log(kafka)
    assert not placed_between(log, halted_ns, resumed_ns)
