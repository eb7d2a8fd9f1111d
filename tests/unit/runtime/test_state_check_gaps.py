"""A start judges its folder by its topics also where some of what was read or said is deleted there."""

import asyncio
from typing import Any

import pytest

from runtime.bus import TopicPartition
from runtime.errors import StateRefusedError
from runtime.process.state_check import ReplayedInputs, StateVerdict, check_state
from runtime.process.tail import PublishedRecord, Tail, read_tail
from runtime.process.turn_bus import TurnBus
from schemas.envelope import Envelope
from schemas.process import Trace
from schemas.topics import ROUTER
from tests.kit import messages as kit
from tests.unit.runtime.fake_broker import PLACE, FakeBroker, raw


def said(sequence: int, cause: str | None, time_ns: int = 5) -> PublishedRecord:
    envelope = Envelope(ROUTER, sequence, cause, time_ns, "order.event.v1")
    return PublishedRecord("order.event", envelope, b"", None)


def traced(sequence: int, *entries: tuple[str, int, int, int]) -> PublishedRecord:
    trace = Trace(event_time_ns=5, process=ROUTER, entries=entries, last_output_sequence=1)
    envelope = Envelope(f"{ROUTER}/trace", sequence, None, 5, trace.type_name)
    return PublishedRecord("process.trace", envelope, b"", trace)


def verdict(heard: ReplayedInputs, *records: PublishedRecord) -> StateVerdict:
    return check_state(Tail(ROUTER, {each.envelope.event_id: each for each in records}), {}, heard)


HEARD = ReplayedInputs([("market.book", 0, 4, 6)], frozenset({"m:1"}), 9, trace_sequence=2)


def test_what_a_lost_record_led_to_is_not_held_against_a_folder() -> None:
    records = said(1, "m:1"), said(2, "m:2"), said(3, "m:2")
    assert [each.envelope.sequence for each in verdict(HEARD, *records).unexplained] == [2, 3]
    assert not verdict(HEARD._replace(lost=1), *records).unexplained
    assert len(verdict(HEARD._replace(lost=1), *records, said(4, "m:3")).unexplained) == 3


def test_traces_before_which_others_are_deleted_are_found_in_the_journal() -> None:
    whole = traced(3, ("market.book", 0, 4, 2)), traced(4, ("market.book", 0, 6, 2))
    late = traced(5, ("market.book", 0, 7, 3))
    assert not verdict(HEARD, *whole).unexplained
    assert not verdict(HEARD, late).unexplained
    assert len(verdict(HEARD, traced(5, ("market.book", 0, 9, 3))).unexplained) == 1
    assert len(verdict(HEARD, traced(3, ("market.book", 0, 5, 2))).unexplained) == 1


def tail_of(broker: Any, start: int) -> Tail:
    return asyncio.run(read_tail(broker, ROUTER, {PLACE: start}))


def test_a_tail_begins_at_the_oldest_record_and_knows_what_is_there() -> None:
    broker = FakeBroker(6, *(raw(offset, offset + 40, 5, kind="market.trade.v1") for offset in (6, 7)))
    found = tail_of(broker, 2)
    assert (found.is_whole, found.newest) == (False, {("order.fill", 0, ROUTER): 47})
    assert tail_of(broker, 6).is_whole


def test_a_ledger_that_ends_before_what_was_said_is_refused() -> None:
    with pytest.raises(StateRefusedError, match="the topic ends at 1"):
        tail_of(FakeBroker(0, raw(0, 46, 5)), 4)


class Outlet:
    """Stands for the bus."""

    def __init__(self) -> None:
        self.published: list[int] = []

    def partition_for(self, topic: str, key: str) -> TopicPartition:
        return TopicPartition(topic, 0)

    def publish(self, topic: str, envelope: Envelope, message: object) -> None:
        self.published.append(envelope.sequence)


def test_what_lies_before_the_newest_of_a_partition_is_not_said_again() -> None:
    outlet = Outlet()
    turns = TurnBus(outlet)  # type: ignore[arg-type]  # as far as it is asked
    trade = kit.trade(3, 2, venue="v", symbol="A/B", trade_id="1", time_ns=7)
    for sequence in (3, 4, 5):
        turns.publish("market.trade", Envelope("m", sequence, None, 7, trade.type_name), trade)
    turns.release(newest={("market.trade", 0, "m"): 4, ("market.book", 0, "m"): 9})
    assert outlet.published == [5]
    assert turns.suppressed == 2
