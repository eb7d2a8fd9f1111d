"""A state made again from topics: the newest copy, and what later traces name of what is still there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import cast

import pytest

from runtime.bus import TopicPartition
from runtime.errors import StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.kafka.windows import Found
from runtime.log.logfile import LoggedRecord
from runtime.process import rebuilding
from runtime.process.carried_topic import parts_of
from runtime.process.definition import ProcessDefinition
from runtime.process.input_source import Shard
from runtime.process.rebuilding import Rebuilding, Rebuilt
from runtime.state.carried_file import CarriedState
from runtime.state.standing import Standing
from schemas.carried.runtime import ProcessCarried
from schemas.config import Config
from schemas.envelope import Envelope, encode
from schemas.message import Event
from schemas.orders import VenueStatus
from schemas.process import ConfigApplied, Trace
from schemas.topics import ROUTER, TOPIC_OF
from tests.kit.messages import config_applied, venue_status

TRACE, STATE = "process.trace", "process.state"
COPY_NS = 1_000_000_000
SHARD = Shard(1)
OUTPUTS = SHARD.all_outputs(ROUTER, ROUTER)
PLACES = {place.topic: place for place in OUTPUTS}


def applied(session: int) -> ConfigApplied:
    return config_applied(Config(), session_began_ns=session, time_ns=session)


def status(number: int) -> VenueStatus:
    return venue_status(venue="v", time_ns=number)


class Topics:
    """What lies on them, in the place of a broker."""

    def __init__(self) -> None:
        self.records: dict[TopicPartition, list[LoggedRecord]] = {}
        self.begins: dict[TopicPartition, int] = {}

    def say(self, place: TopicPartition, producer: str, sequence: int, message: Event) -> None:
        records = self.records.setdefault(place, [])
        envelope = Envelope(producer, sequence, None, message.event_time_ns, message.type_name)
        offset = records[-1].offset + 1 if records else 0
        records.append(LoggedRecord(*place, offset, message.key, envelope, encode(message)))

    def copy(self) -> None:
        carried = ProcessCarried(event_time_ns=1, process=ROUTER)
        standing = Standing(50, 10, 4, 7, {}, {}, {}, {}, 0)
        data = CarriedState(applied(1), standing, (carried,)).to_bytes()
        for number, part in enumerate(parts_of(ROUTER, data, COPY_NS), start=1):
            self.say(PLACES[STATE], f"{ROUTER}/carried", number, part)

    def trace(self, sequence: int, *entries: tuple[str, int, int, int]) -> None:
        trace = Trace(event_time_ns=sequence, process=ROUTER, entries=entries, last_output_sequence=9)
        self.say(PLACES[TRACE], f"{ROUTER}/trace", sequence, trace)

    def receive(self, sequence: int) -> None:
        message = status(sequence)
        self.say(PLACES[TOPIC_OF[message.type_name]], f"{ROUTER}/adapter", sequence, message)

    async def read_between(
        self, bus: object, starts: Mapping[TopicPartition, int], upto: object = None
    ) -> Found:
        found = [
            record
            for place, start in starts.items()
            for record in self.records.get(place, ())
            if record.offset >= max(start, self.begins.get(place, 0))
        ]
        return Found(found, {place: self.begins.get(place, 0) for place in starts}, {})

    async def newest_first(
        self, bus: object, place: TopicPartition, *, everything: bool = False
    ) -> AsyncIterator[list[LoggedRecord]]:
        yield self.records.get(place, [])

    async def ends_of(self, bus: object, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: len(self.records.get(place, ())) for place in places}


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Topics:
    found = Topics()
    for name in ("read_between", "newest_first", "ends_of"):
        monkeypatch.setattr(rebuilding, name, getattr(found, name))
    return found


def rebuild(*, anew: bool = False) -> Rebuilt:
    def no_core(config: Config) -> None:
        raise AssertionError("it is not fed here")

    definition = ProcessDefinition(ROUTER, no_core, lambda config: None)  # type: ignore[arg-type]
    process = Rebuilding(Config().kafka, definition, ROUTER, OUTPUTS)
    bus = cast(KafkaBus, None)
    return asyncio.run(process.numbers_only(bus) if anew else process.find(bus))


def test_the_turns_since_the_copy_are_those_of_its_traces(on: Topics) -> None:
    on.copy()
    on.trace(4, ("tick", 0, 1, 1))  # before the copy
    for number in (7, 8, 9, 10):
        on.receive(number)
    on.trace(5, ("tick", 0, 2, 1), ("venue.report", 0, 8, 2), ("order.fill", 0, 3, 2))
    found = rebuild()
    assert found.carried.is_rebuilt
    assert found.carried.standing.sequence == 10
    assert [turn.runs for turn in found.turns] == [
        (
            ("tick", 0, 2, 1),
            ("venue.report", 0, 8, 1),
            ("venue.report", 0, 9, 1),
            ("order.fill", 0, 3, 1),
            ("order.fill", 0, 4, 1),
        ),
        (("venue.report", 0, 10, 1),),
    ]
    assert [turn.external for turn in found.turns] == [(status(8), status(9)), (status(10),)]
    report = found.report()
    assert (report["traces"], report["inputs"], report["skipped"]) == (1, 6, {})
    assert report["copy_time"] == "1970-01-01T00:00:01.000000000Z"


def test_a_level_that_is_gone_is_passed_over_and_counted(on: Topics) -> None:
    on.copy()
    books, positions = TopicPartition("market.book", 0), TopicPartition("inventory.position", 0)
    on.begins[books] = 12
    on.say(positions, "inventory-service", 1, status(1))
    on.records[positions][0] = on.records[positions][0]._replace(offset=5)  # compaction took the others
    on.trace(5, (*books, 10, 4), (*positions, 3, 3))
    found = rebuild()
    assert found.turns[0].runs == ((*books, 12, 1), (*books, 13, 1), (*positions, 5, 1))
    assert found.skipped == {"market.book": 2, "inventory.position": 2}


def test_a_ledger_that_is_gone_is_refused_with_the_remedy(on: Topics) -> None:
    on.copy()
    fills = TopicPartition("order.fill", 0)
    on.begins[fills] = 4
    on.trace(5, (*fills, 2, 3))
    with pytest.raises(StateRefusedError) as refused:
        rebuild()
    text = str(refused.value)
    assert "since the copy of 1970-01-01T00:00:01" in text
    assert "2 of order.fill" in text
    assert f"`maker state rebuild {ROUTER} --anew`" in text
    assert "`maker positions adopt`" in text


def test_what_an_adapter_received_and_nobody_has_is_refused(on: Topics) -> None:
    on.copy()
    on.trace(5, ("venue.report", 0, 8, 1))
    with pytest.raises(StateRefusedError, match=r"1 of venue\.report"):
        rebuild()


def test_deleted_traces_are_refused(on: Topics) -> None:
    on.copy()
    on.begins[PLACES[TRACE]] = 1
    with pytest.raises(StateRefusedError, match=r"its traces since the copy of .* are deleted"):
        rebuild()


def test_a_later_sessions_configuration_holds_and_the_copy_stands_for_what_it_was_given(on: Topics) -> None:
    on.copy()
    on.say(PLACES[TRACE], f"{ROUTER}/trace", 5, applied(2))
    on.trace(6, (STATE, 0, 8, 3), ("tick", 0, 2, 1))
    found = rebuild()
    assert found.carried.applied.session_began_ns == 2
    assert found.turns[0].runs == (("tick", 0, 2, 1),)


def test_anew_keeps_the_highest_numbers_and_nothing_else(on: Topics) -> None:
    on.copy()
    on.receive(21)
    on.say(PLACES["order.kill"], ROUTER, 33, status(1))
    on.say(PLACES[TRACE], f"{ROUTER}/trace", 5, applied(2))
    on.trace(6, ("tick", 0, 2, 1))
    found = rebuild(anew=True)
    standing = found.carried.standing
    assert (standing.sequence, standing.trace_sequence, standing.adapter_sequence) == (33, 6, 21)
    assert standing.parts_sequence == 1
    assert (found.carried.messages, found.turns, standing.positions) == ((), (), {})
    assert standing.end_offsets[PLACES[TRACE]] == 2
    assert found.carried.applied.session_began_ns == 2


def test_anew_of_what_never_was_is_refused(on: Topics) -> None:
    with pytest.raises(StateRefusedError, match="no configuration of it"):
        rebuild(anew=True)
