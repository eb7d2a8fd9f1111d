"""Each checker finds the one thing that it is there for: a good run is changed in one place."""

from collections.abc import Callable
from typing import Any

import pytest

from runtime.config.settings import load_config
from schemas.orders import Fill, OrderEvent, VenueReport
from tests.kafka.conftest import KafkaRun
from tests.kafka.invariants import Broken, broken, nothing_alive_at_the_end
from tests.servers.kafka_log import KafkaLog, Sent

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
Test = Callable[[Sent], bool]


def changed(sent: Sent, **fields: Any) -> Sent:
    message = sent.record.message.model_copy(update=fields)
    return sent._replace(record=sent.record._replace(message=message))


def index_of(log: KafkaLog, topic: str, test: Callable[[Any], bool], *, last: bool = False) -> int:
    found = [
        number
        for number, sent in enumerate(log.records)
        if sent.record.topic == topic and test(sent.record.message)
    ]
    return found[-1 if last else 0]


def with_record(log: KafkaLog, index: int, *records: Sent) -> KafkaLog:
    return log._replace(records=[*log.records[:index], *records, *log.records[index + 1 :]])


def found_by(run: KafkaRun, log: KafkaLog) -> set[str]:
    everything: list[Broken] = broken(log, load_config([run.config_file]).config)
    return {each.invariant for each in (*everything, *nothing_alive_at_the_end(log))}


def is_placed(message: Any) -> bool:
    return isinstance(message, OrderEvent) and message.kind == "place_intent"


def test_an_unchanged_run_has_none(stormy_run: KafkaRun) -> None:
    assert found_by(stormy_run, stormy_run.log) == set()


def test_a_position_that_is_not_the_sum(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "order.fill", lambda message: True, last=True)
    sent = log.records[index]
    assert isinstance(sent.record.message, Fill)
    doubled = changed(sent, size_lots=2 * sent.record.message.size_lots)
    assert "I1" in found_by(stormy_run, with_record(log, index, doubled))


def test_a_second_order_in_a_slot(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    accepted = log.records[index_of(log, "venue.report", lambda message: message.kind == "accepted")]
    assert isinstance(accepted.record.message, VenueReport)
    name = accepted.record.message.client_order_id
    placed = log.records[
        index_of(log, "order.event", lambda message: is_placed(message) and message.client_order_id == name)
    ]
    for sent in (accepted, placed):
        other = changed(sent, client_order_id="another")
        log = with_record(log, log.records.index(sent), sent, other)
    assert "I2" in found_by(stormy_run, log)


def test_an_order_under_a_halt(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    halted = [
        changed(sent, state="HALT") if sent.record.topic == "risk.state" else sent for sent in log.records
    ]
    assert found_by(stormy_run, log._replace(records=halted)) == {"I3"}


def test_a_second_order_for_a_decision_of_the_balancer(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "order.event", is_placed)
    taking = changed(log.records[index], time_in_force="ioc")
    again = changed(taking, client_order_id="another")
    assert "I22" in found_by(stormy_run, with_record(log, index, taking, again))


def test_an_order_beyond_the_limit(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "order.event", is_placed)
    assert "I6" in found_by(
        stormy_run, with_record(log, index, changed(log.records[index], size_lots=10**12))
    )


def test_a_lost_record_and_a_doubled_one(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "market.signal", lambda message: True)
    assert found_by(stormy_run, with_record(log, index)) == {"I7"}
    assert found_by(stormy_run, with_record(log, index, *[log.records[index]] * 2)) == {"I7"}


def test_numbers_that_were_skipped_are_lost_records_unless_topics_were_trimmed(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "market.signal", lambda message: True, last=True)
    sent = log.records[index]
    envelope = sent.record.envelope
    later = envelope._replace(sequence=envelope.sequence + 1_000_000)
    skipped = with_record(log, index, sent, sent._replace(record=sent.record._replace(envelope=later)))
    assert found_by(stormy_run, skipped) == {"I7"}
    assert found_by(stormy_run, skipped._replace(is_trimmed=True)) == set()


def test_a_writer_of_an_older_epoch(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "market.book", lambda message: True, last=True)
    assert found_by(stormy_run, with_record(log, index, log.records[index]._replace(epoch=0))) == {"I8"}


def test_a_quote_from_a_book_that_is_not_live(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    crossed = [
        changed(sent, status="crossed") if sent.record.topic == "market.book" else sent
        for sent in log.records
    ]
    assert found_by(stormy_run, log._replace(records=crossed)) == {"I10"}


def test_a_price_that_is_none(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "order.event", is_placed)
    assert "I11" in found_by(stormy_run, with_record(log, index, changed(log.records[index], price_ticks=0)))


def test_a_record_that_cannot_be_read(stormy_run: KafkaRun) -> None:
    assert found_by(stormy_run, stormy_run.log._replace(poison=1)) == {"I15"}


def test_an_order_without_a_cause(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    causes = {sent.record.envelope.cause for sent in log.on("order.event")}
    index = next(
        number
        for number, sent in enumerate(log.records)
        if sent.record.topic == "quote.target" and sent.record.envelope.event_id in causes
    )
    assert "C10" in found_by(stormy_run, with_record(log, index))


def test_an_order_left_at_the_end(stormy_run: KafkaRun) -> None:
    log = stormy_run.log
    index = index_of(log, "venue.report", lambda message: message.kind == "cancelled", last=True)
    assert "I5" in found_by(stormy_run, with_record(log, index))
