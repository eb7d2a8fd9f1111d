"""Libraries repeat themselves; the log does not."""

import logging

from runtime.observability.folding import QUIET_S, Folding, library_records
from tests.kit.fakes import ManualClock


def record(text: str, *values: object, name: str = "aiokafka.client") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, values, None)


def test_a_line_that_is_repeated_is_said_once_and_counted() -> None:
    folding = Folding(ManualClock(0.0))
    before = library_records().get("aiokafka", 0)
    said = [folding.filter(record("cannot reach node %s", node)) for node in range(760)]
    assert said == [True] + [False] * 759
    assert library_records()["aiokafka"] == before + 760


def test_after_a_while_it_is_said_again_with_how_often_it_was_not() -> None:
    clock = ManualClock(0.0)
    folding = Folding(clock)
    for _ in range(5):
        folding.filter(record("cannot reach node %s", 1))
    clock.now_s += QUIET_S[0]
    again = record("cannot reach node %s", 2)
    assert folding.filter(again)
    assert again.getMessage() == "cannot reach node 2 (4 similar lines suppressed)"
    folding.filter(record("cannot reach node %s", 3))
    clock.now_s += QUIET_S[0]
    assert not folding.filter(record("cannot reach node %s", 4))  # it goes on, and is said less often
    clock.now_s += QUIET_S[1]
    assert folding.filter(record("cannot reach node %s", 5))


def test_other_lines_are_said_as_they_come() -> None:
    folding = Folding(ManualClock(0.0))
    texts = [("a", "aiokafka"), ("b", "aiokafka"), ("a", "faust")]
    assert all(folding.filter(record(text, name=name)) for text, name in texts)


def test_a_line_of_long_ago_is_new_again() -> None:
    clock = ManualClock(0.0)
    folding = Folding(clock)
    for _ in range(3):
        found = record("odd")
        assert folding.filter(found)
        assert found.getMessage() == "odd"
        clock.now_s += QUIET_S[-1]


def test_what_is_never_the_same_does_not_fill_the_memory() -> None:
    folding = Folding(ManualClock(0.0))
    for number in range(3_000):
        assert folding.filter(record(f"line {number}"))
    assert len(folding._lines) <= 1_000
