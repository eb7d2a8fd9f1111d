"""Several processes in one loop on Kafka: what one says the others hear as in the loop of `maker up`."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from maker.composition import process_definition, process_definitions
from runtime.bus import UNKNOWN_OFFSET, Record, TopicPartition
from runtime.clock import EngineClock
from runtime.log.memory import MemoryBus
from runtime.process.definition import AdapterContext
from runtime.process.embedded import EmbeddedLoop
from runtime.process.group import ProcessGroup, internal_topics
from runtime.process.input_source import InputSource
from runtime.process.recovery import JournalReplay
from runtime.process.runner import ProcessRunner
from runtime.process.silent_replay import SilentReplay
from runtime.state.journal import JournalTurn
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.envelope import Envelope, encode
from schemas.message import Event
from schemas.orders import OrderEvent
from schemas.process import HEARD, Shutdown, Tick, Trace
from schemas.topics import BY_NAME, MONITOR, PATH_PROCESSES, QUOTE, ROUTER
from tests.kit.messages import config_applied

T0 = 1_700_000_000_000_000_000
NS = 1_000_000_000
CONFIG = Config.model_validate({"feed": {"speed": "max"}})
Input = tuple[str, Any]
"""What reached the three from outside: an injected event with its member's number, an adapter input, or a
record."""


class HeldBus:
    """Keeps what is published; nothing has an offset yet."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def publish(self, topic: str, envelope: Envelope, message: Event) -> Record:
        record = Record(topic, 0, UNKNOWN_OFFSET, message.key, envelope, message)
        self.records.append(record)
        return record

    def said(self, suffix: str = "") -> list[tuple[str, Envelope, bytes]]:
        """What the three published, in order, as on the wire."""
        producers = {name + suffix for name in PATH_PROCESSES}
        return [
            (record.topic, record.envelope, encode(record.message))
            for record in self.records
            if record.envelope.producer in producers
        ]


def begin(runners: Sequence[ProcessRunner]) -> None:
    for runner in runners:
        runner.begin(config_applied(CONFIG, runner.name, time_ns=T0, session_began_ns=T0))


class Recorder:
    """Notes what reaches the three in the loop of `maker up`."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self._seen: set[tuple[str, int]] = set()
        self._internal = internal_topics(PATH_PROCESSES)

    def runner(self, definition: Any, bus: MemoryBus) -> ProcessRunner:
        runner = ProcessRunner(definition, CONFIG, bus, 10**9)
        if definition.name in PATH_PROCESSES:
            self._observe(runner, PATH_PROCESSES.index(definition.name))
        return runner

    def _observe(self, runner: ProcessRunner, number: int) -> None:
        consume, inject = runner.consume, runner.inject

        def observed(record: Record) -> list[Record]:
            if record.topic not in self._internal and (record.topic, record.offset) not in self._seen:
                self._seen.add((record.topic, record.offset))
                is_own = BY_NAME[record.topic].own_input
                self.inputs.append(("external", record.message) if is_own else ("record", record))
            return consume(record)

        def injected(event: Tick | Shutdown) -> list[Record]:
            self.inputs.append(("inject", (event, number)))
            return inject(event)

        runner.consume = observed  # type: ignore[method-assign]
        runner.inject = injected  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def embedded() -> tuple[HeldBus, list[Input]]:
    """The whole engine in one loop for half a minute: what the three said, and what reached them."""
    bus, recorder = MemoryBus(), Recorder()
    held = HeldBus()
    publish = bus.publish

    def kept(topic: str, envelope: Envelope, message: Event) -> Record:
        held.publish(topic, envelope, message)
        return publish(topic, envelope, message)

    bus.publish = kept  # type: ignore[method-assign]
    runners = [recorder.runner(definition, bus) for definition in process_definitions()]
    begin(runners)
    for runner in runners:
        if runner.definition.make_adapter is not None:
            context = AdapterContext(CONFIG, runner.core, MemoryStore(), T0, now_ns=lambda: T0)
            runner.adapter = runner.definition.make_adapter(context)

    async def run() -> None:
        loop = EmbeddedLoop(runners, bus, EngineClock(T0, "max"))
        await loop.open()
        await loop.run(T0 + 30 * NS)
        assert await loop.drain()
        await loop.close()

    asyncio.run(run())
    return held, recorder.inputs


def new_group() -> tuple[ProcessGroup, HeldBus]:
    bus = HeldBus()
    runners = [ProcessRunner(process_definition(name), CONFIG, bus, 50) for name in PATH_PROCESSES]
    begin(runners)
    return ProcessGroup(runners), bus


def feed(group: ProcessGroup, kind: str, value: Any) -> None:
    if kind == "inject":
        group.inject(*value)
    elif kind == "external":
        group.external(value)
    else:
        group.consume(value)


def test_it_says_what_the_engine_in_one_process_says(embedded: tuple[HeldBus, list[Input]]) -> None:
    """Byte by byte, with the same numbers and causes."""
    expected, inputs = embedded
    group, bus = new_group()
    for kind, value in inputs:
        feed(group, kind, value)
        group.settle()
    assert bus.said() == expected.said()
    assert bus.said("/adapter") == expected.said("/adapter")
    kinds = {record.message.kind for record in bus.records if isinstance(record.message, OrderEvent)}
    assert {"place_intent", "accepted", "cancelled"} <= kinds
    assert {kind for kind, _ in inputs} == {"inject", "external", "record"}


def turns_of(group: ProcessGroup, inputs: list[Input], size: int) -> Iterator[JournalTurn]:
    """Turns of so many inputs, as the loop on Kafka journals them; every third turn ends with traces."""
    for begins in range(0, len(inputs), size):
        external = []
        for kind, value in inputs[begins : begins + size]:
            if kind == "external":
                number = group.receiver(value)
                record = group.runners[number].journal(value)
                group.runs.add(record)
                group.enqueue(group.runners[number].consume(record))
                external.append(value)
            else:
                feed(group, kind, value)
        group.settle()
        trace_ns = T0 + begins if begins % 3 == 0 else None
        yield JournalTurn(group.runs.drain(), tuple(external), trace_ns)
        if trace_ns is not None:
            group.write_traces(trace_ns)


class Outside:
    """The topics of the others."""

    def __init__(self, inputs: list[Input]) -> None:
        records = [value for kind, value in inputs if kind == "record"]
        self._records = {(record.topic, record.offset): record for record in records}

    async def at(self, tp: TopicPartition, offset: int) -> Record:
        return cast(Record, self._records[tp.topic, offset])


@pytest.mark.parametrize("size", [1, 40])
def test_its_journal_leads_to_the_same_again(embedded: tuple[HeldBus, list[Input]], size: int) -> None:
    """The journal names only what came from outside; messages, traces and state follow from it."""
    _, inputs = embedded
    lived, said = new_group()
    turns = list(turns_of(lived, inputs, size))
    again, said_again = new_group()
    replay = JournalReplay(again, cast(InputSource, Outside(inputs)))

    async def run() -> None:
        for turn in turns:
            assert await replay.run(turn) is None

    asyncio.run(run())
    for suffix in ("", "/adapter", "/trace"):
        assert said_again.said(suffix) == said.said(suffix)
    assert replay.inputs == len(inputs)
    assert [each.life.digest() for each in again.runners] == [each.life.digest() for each in lived.runners]


def test_a_trace_names_what_was_heard_by_the_number_of_its_writer(
    embedded: tuple[HeldBus, list[Input]],
) -> None:
    group, bus = new_group()
    list(turns_of(group, embedded[1], 1))
    spoken = {
        (record.topic, record.envelope.sequence): record.envelope.producer
        for record in bus.records
        if record.topic in group.internal
    }
    heard: dict[str, list[tuple[str, int]]] = {name: [] for name in PATH_PROCESSES}
    for record in bus.records:
        if isinstance(record.message, Trace):
            for source, partition, first, count in record.message.entries:
                if source.startswith(HEARD):
                    assert partition == 0
                    topic = source.removeprefix(HEARD)
                    numbers = range(first, first + count)
                    heard[record.message.process] += [(topic, number) for number in numbers]
    for reader, found in heard.items():
        assert reader == MONITOR or len(found) > 100
        assert all(spoken[topic, number] == BY_NAME[topic].writer for topic, number in found)
        expected = [each for each in spoken if reader in BY_NAME[each[0]].readers]
        assert found == expected[: len(found)]


def test_under_other_code_what_one_decides_reaches_the_others_and_nothing_is_published(
    embedded: tuple[HeldBus, list[Input]],
) -> None:
    """Of this code the states are the same as if it had been spoken."""
    _, inputs = embedded
    spoken, _ = new_group()
    silenced, bus = new_group()
    silent = SilentReplay(silenced)
    before = len(bus.records)
    for kind, value in inputs:
        feed(spoken, kind, value)
        spoken.settle()
        if kind == "inject":
            silent.inject(*value)
        elif kind == "external":
            silent.external(value)
        else:
            silent.consume(value)
    assert {each.topic for each in bus.records[before:]} == {"market.feed", "venue.report"}
    assert {name: len(said) > 50 for name, said in silent.outputs.items()} == dict.fromkeys(
        PATH_PROCESSES, True
    )
    for left, right in zip(spoken.runners, silenced.runners, strict=True):
        assert left.life.digest() == right.life.digest()


def silence(runner: ProcessRunner, given: list[tuple[str, int]]) -> None:
    """It only notes the offsets of the records that it is given."""

    def noted(record: Record) -> list[Record]:
        given.append((runner.name, record.offset))
        return []

    runner.consume = noted  # type: ignore[method-assign]


def test_a_member_is_not_given_again_what_it_read_alone(embedded: tuple[HeldBus, list[Input]]) -> None:
    records = [value for kind, value in embedded[1] if kind == "record" and value.topic == "risk.state"]
    group, _ = new_group()
    tp = TopicPartition("risk.state", 0)
    group.start_at({MONITOR: {}, QUOTE: {tp: 3}, ROUTER: {tp: 1}})
    given: list[tuple[str, int]] = []
    for runner in group.runners:
        silence(runner, given)
    for record in records[:4]:
        group.consume(record)
    assert given == [(ROUTER, 1), (ROUTER, 2), (QUOTE, 3), (ROUTER, 3)]
    assert [group.position(name, tp, 2) for name in (QUOTE, ROUTER)] == [3, 2]


def test_what_the_last_member_published_alone_is_caught_up_with_first() -> None:
    """A new quote must not reach the router before an old one that it had not read."""
    group, _ = new_group()
    given: list[tuple[str, int]] = []
    for runner in group.runners:
        silence(runner, given)
    envelope, event = Envelope("x", 1, None, T0, "x"), Tick(event_time_ns=T0)
    missed = [
        Record("market.book", 0, 7, "v:S", envelope, event),
        Record("quote.target", 0, 8, "v:S", envelope, event),
    ]
    group.catch_up(missed)
    group.settle()
    assert given == [(ROUTER, 8), (QUOTE, 7), (ROUTER, 7)]


def test_of_market_data_of_one_turn_the_newest_reaches_the_others(
    embedded: tuple[HeldBus, list[Input]],
) -> None:
    """Trades and instruments all do."""
    fed = [value for kind, value in embedded[1] if kind == "external"][:400]
    group, bus = new_group()
    given: list[tuple[str, int]] = []
    for runner in group.runners[1:]:
        silence(runner, given)
    for event in fed:
        if group.receiver(event) == 0:
            group.external(event)
    group.settle()
    said = [record for record in bus.records if record.topic in group.internal]
    books = {record.key for record in said if record.topic == "market.book"}
    signals = {record.key for record in said if record.topic == "market.signal"}
    others = [record for record in said if record.topic in ("market.trade", "market.instrument")]
    read_by = [len({QUOTE, ROUTER}.intersection(BY_NAME[record.topic].readers)) for record in others]
    assert len(given) == 2 * len(books) + len(signals) + sum(read_by)
    assert len(said) > 2 * len(given)


def test_a_process_alone_hears_nothing_in_memory() -> None:
    for name in PATH_PROCESSES:
        assert internal_topics([name]) == frozenset()
    found = internal_topics(PATH_PROCESSES)
    of_monitor = {"market.instrument", "market.book", "market.trade", "market.signal", "market.refusal"}
    assert found == of_monitor | {"quote.target"}, "not what a process before the writer reads"
