"""The map of topics: who writes, who reads, what the key is; and that the installed processes are on it."""

import re

import pytest

from maker.composition import process_definitions
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import KillReport
from schemas.process import ProcessEvent, Shutdown, Tick
from schemas.topics import (
    BY_NAME,
    GATEWAY,
    MESSAGE_TYPES,
    OFF_PATH,
    PROCESSES,
    PROJECTOR,
    TOPIC_OF,
    TOPICS,
    Topic,
)
from tests.contract.make_examples import examples

each_topic = pytest.mark.parametrize("topic", TOPICS, ids=[topic.name for topic in TOPICS])
each_type = pytest.mark.parametrize("model", MESSAGE_TYPES.values(), ids=list(MESSAGE_TYPES))
EVERY = "every process"


def test_topic_names_are_unique() -> None:
    assert len(BY_NAME) == len(TOPICS)


def test_a_message_type_stands_on_one_topic() -> None:
    models = [model for topic in TOPICS for model in topic.messages]
    assert len(set(models)) == len(models)
    assert len({model.type_name for model in models}) == len(models)
    assert set(TOPIC_OF) == set(MESSAGE_TYPES)


@each_topic
def test_a_topic_carries_a_message_and_has_one_writer_that_exists(topic: Topic) -> None:
    assert topic.messages
    assert topic.writer in (*PROCESSES, *OFF_PATH, GATEWAY, EVERY)


@each_topic
def test_a_topic_has_readers_that_exist_and_none_twice(topic: Topic) -> None:
    assert topic.readers
    assert set(topic.readers) <= {*PROCESSES, *OFF_PATH, GATEWAY, "replay", "audit", EVERY}
    assert len(set(topic.readers)) == len(topic.readers)


@each_topic
def test_a_process_reads_its_own_topic_only_where_it_journals_external_input(topic: Topic) -> None:
    if topic.own_input:
        assert topic.readers == (topic.writer,)
        assert topic.kind == "event"
    else:
        assert topic.writer not in topic.readers or topic.writer == EVERY


@each_topic
def test_what_is_kept_per_key_is_a_level(topic: Topic) -> None:
    if topic.compacted:
        assert topic.kind == "state"
    if topic.kind == "state":
        assert topic.natural_key == ("process" if topic.key == "process" else "symbol")


@each_topic
def test_symbols_and_processes_do_not_share_a_topic(topic: Topic) -> None:
    base = ProcessEvent if topic.key == "process" else SymbolEvent
    assert all(issubclass(model, base) for model in topic.messages)
    assert (topic.key == "process") == topic.name.startswith("process.")


@each_topic
def test_topics_about_processes_have_every_process_as_writer(topic: Topic) -> None:
    assert (topic.writer == EVERY) == (topic.key == "process")


@each_type
def test_a_wire_type_has_a_name_and_a_version(model: type[Event]) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z]+){1,2}\.v[1-9][0-9]*", model.type_name)


@each_type
def test_a_key_is_the_same_for_every_message_of_a_symbol(model: type[Event]) -> None:
    """One key a symbol, on all topics: so a symbol has the same partition number everywhere.

    Of the account's mass cancel each shard has a part, and the newest of each counts.
    """
    message = examples()[model.type_name]
    if isinstance(message, KillReport):
        assert message.key == f"{message.venue}.{message.shard}:*"
        message = message.model_copy(update={"shard": None})
    key = BY_NAME[TOPIC_OF[model.type_name]].key
    if key == "process":
        assert isinstance(message, ProcessEvent)
        assert message.key == message.process
        return
    assert isinstance(message, SymbolEvent)
    assert message.key == f"{message.venue}:{message.symbol}"
    moved = message.model_copy(update={"venue": "kraken", "symbol": "ETH/EUR"})
    assert moved.key == "kraken:ETH/EUR"


def test_a_message_of_no_symbol_has_the_key_of_all() -> None:
    for event in (Tick(event_time_ns=0), Shutdown(event_time_ns=0)):
        assert event.key == ALL_SYMBOLS
        assert event.type_name not in TOPIC_OF


@pytest.mark.parametrize("process_name", PROCESSES)
def test_every_process_reads_something(process_name: str) -> None:
    assert any(process_name in topic.readers for topic in TOPICS)


def test_every_topic_of_symbols_has_exactly_one_of_the_writers() -> None:
    assert {topic.writer for topic in TOPICS if topic.writer != EVERY} <= {*PROCESSES, *OFF_PATH, GATEWAY}


@each_topic
def test_what_a_worker_off_the_path_says_is_read_for_people_alone(topic: Topic) -> None:
    if topic.writer in OFF_PATH:
        assert topic.readers == (PROJECTOR,)


def test_facts_are_served_before_decisions_and_decisions_before_views() -> None:
    """A process is served after the writer of the market facts that it reads."""
    for topic in TOPICS:
        if topic.name.startswith("market.") and not topic.own_input:
            later = PROCESSES[PROCESSES.index(topic.writer) + 1 :]
            assert set(topic.readers) <= {*later, *OFF_PATH}
    assert PROCESSES[-1] not in {topic.writer for topic in TOPICS}


def test_the_programs_processes_are_those_of_the_map() -> None:
    assert tuple(definition.name for definition in process_definitions()) == PROCESSES
