"""Copies of what a process carries, on its topic: whole or passed over, and bounded in bytes."""

import os

from runtime.bus import TopicPartition
from runtime.process import carried_topic
from runtime.process.carried_topic import BYTES_PER_S, INTERVAL_NS, CarriedTopic, newest_copy, parts_of
from runtime.state.carried_file import CarriedState
from runtime.state.standing import Standing
from schemas.carried.runtime import CarriedPart, ProcessCarried
from schemas.config import Config
from schemas.units import NS_PER_S
from tests.kit.messages import config_applied

NAME = "order-router"


def state(words: str) -> CarriedState:
    applied = config_applied(Config(), NAME, session_began_ns=1, time_ns=1)
    standing = Standing(5, 1, 2, 3, {TopicPartition("order.fill", 1): 9}, {}, {}, {}, 7)
    carried = ProcessCarried(event_time_ns=1, process=NAME, command_ids=(words,))
    return CarriedState(applied, standing, (carried,))


def parts(words: str, now_ns: int) -> list[CarriedPart]:
    return parts_of(NAME, state(words).to_bytes(), now_ns)


def random_words() -> str:
    return os.urandom(2 * carried_topic.TEXT_LENGTH_MAX).hex()


def test_a_copy_comes_back_equal_from_several_parts() -> None:
    words = random_words()
    said = parts(words, 5)
    assert len(said) > 1
    assert all(len(part.text) <= carried_topic.TEXT_LENGTH_MAX for part in said)
    assert newest_copy(said) == (state(words), 5, sum(len(part.text) for part in said))


def test_one_that_lacks_a_part_gives_way_to_the_one_before() -> None:
    older, newer = parts("a", 5), parts(random_words(), 6)
    for lost in range(len(newer)):
        found = newest_copy([*older, *newer[:lost], *newer[lost + 1 :]])
        assert found is not None
        assert found[:2] == (state("a"), 5)


def test_one_of_another_copy_in_between_makes_it_none() -> None:
    first, second = parts(random_words(), 5), parts(random_words(), 6)
    assert len(first) == len(second)
    assert newest_copy([first[0], *second[1:]]) is None
    assert newest_copy([]) is None


def test_copies_are_as_far_apart_as_their_bytes_allow() -> None:
    copies = CarriedTopic(NAME)
    assert copies.is_due(NS_PER_S)
    small = list(copies.messages(state("a").to_bytes(), NS_PER_S))
    assert [envelope.event_id for envelope, _ in small] == [f"{NAME}/carried:1"]
    assert not copies.is_due(NS_PER_S + INTERVAL_NS - 1)
    assert copies.is_due(NS_PER_S + INTERVAL_NS)
    large = list(copies.messages(state(random_words()).to_bytes(), NS_PER_S))
    assert [envelope.sequence for envelope, _ in large] == list(range(2, 2 + len(large)))
    size_bytes = sum(len(part.text) for _, part in large)
    apart_ns = size_bytes * NS_PER_S // BYTES_PER_S
    assert apart_ns > INTERVAL_NS
    assert not copies.is_due(NS_PER_S + apart_ns - 1)
    assert copies.is_due(NS_PER_S + apart_ns)
