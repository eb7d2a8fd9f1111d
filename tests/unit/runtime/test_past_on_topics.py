"""What can be proved of a process from its topics: whole, growing, trimmed ones, and ones with holes."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import cast

import pytest

from runtime.bus import TopicPartition
from runtime.errors import ConfigError, LogDamagedError
from runtime.kafka.lanes import Lanes
from runtime.kafka.past import KnownPast, ProcessPast
from runtime.kafka.reader import KafkaReader
from runtime.replay.reach import Reach, check_proved
from runtime.state.standing import Standing
from tests.unit.runtime.topics_in_memory import (
    FILLS,
    NAME,
    POSITIONS,
    SIGNALS,
    STATE,
    TRACES,
    Broker,
    Process,
    S,
    hear,
)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def process(broker: Broker) -> Process:
    return Process(broker)


Batches = list[list[tuple[str, int]]]


def read(
    broker: Broker, claims: Iterable[int], from_ns: int | None = None, traces: TopicPartition = TRACES
) -> tuple[Batches, Reach]:
    """Each batch as topics and offsets, and what is proved."""

    async def run() -> tuple[Batches, Reach]:
        lanes = Lanes(cast(KafkaReader, broker), {}, {}, arrival_limit_s=0.05)
        lanes.begins, lanes.ends = _Else(broker.begins), _Else(broker.ends)
        past = ProcessPast(KnownPast(NAME, traces, tuple(claims)), lanes, partitions=1)
        await past.start(from_ns)
        batches = []
        while batch := await past.batch():
            batches.append([(record.topic, record.offset) for record in batch])
        return batches, past.reach

    return asyncio.run(run())


class _Else(dict[TopicPartition, int]):
    def __missing__(self, place: TopicPartition) -> int:
        return 0


def session(process: Process, time_ns: int, *, is_new: bool = True, turns: int = 3) -> None:
    """A stretch in which each turn hears a fill and says a position."""
    process.start(time_ns, is_new=is_new)
    for turn in range(1, turns + 1):
        at_ns = time_ns + turn * S
        entry = hear(process.broker, FILLS, at_ns)
        process.say(at_ns)
        process.trace(at_ns, entry, ("tick", 0, at_ns, 1))


def traced(batches: Batches) -> int:
    """How many batches are traces with a fill and a position."""
    return sum(
        [topic for topic, _ in batch] == ["order.fill", "inventory.position", "process.trace"]
        for batch in batches
    )


def test_each_trace_comes_after_what_it_needs(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    batches, reach = read(broker, process.claims)
    assert [topic for topic, _ in batches[0]] == ["process.trace"]
    assert traced(batches) == 3
    assert (reach.from_ns, reach.because, reach.not_traced) == (10 * S + 1, None, 0)


def test_what_no_trace_names_is_counted_and_is_no_divergence(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    for _ in range(4):
        hear(broker, FILLS, 20 * S)
    process.say(20 * S)
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 3
    assert reach.not_traced == 4


def test_a_trace_that_is_ahead_of_what_it_counts_waits_for_it(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    entry = hear(broker, FILLS, 20 * S)
    late = process.say(20 * S)
    process.trace(20 * S, entry)
    del broker.records[POSITIONS][late.logged.offset]
    broker.ends[POSITIONS] -= 1
    broker.coming.append((POSITIONS, late))
    assert traced(read(broker, process.claims)[0]) == 4


def test_a_trace_whose_outputs_are_still_on_their_way_is_the_end(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    entry = hear(broker, FILLS, 20 * S)
    process.sequence += 1
    process.trace(20 * S, entry)
    session_end, reach = read(broker, process.claims)
    assert traced(session_end) == 3
    assert reach.not_traced == 1
    assert reach.from_ns == 10 * S + 1


def test_an_external_input_that_is_still_on_its_way_is_the_end(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    process.trace(20 * S, (STATE.topic, 0, 1, 1))
    batches, reach = read(broker, process.claims)
    assert len(batches) == 4
    assert reach.from_ns == 10 * S + 1


def test_an_output_that_a_later_life_never_said_either_is_shown_to_the_replay(
    broker: Broker, process: Process
) -> None:
    session(process, 10 * S)
    process.sequence += 1
    process.trace(15 * S, hear(broker, FILLS, 15 * S))
    session(process, 20 * S, is_new=False)
    batches, reach = read(broker, process.claims)
    assert batches.count([("order.fill", 3), ("process.trace", 5)]) == 1
    assert traced(batches) == 6
    assert reach.from_ns == 10 * S + 1


def test_after_retention_the_next_session_is_proved(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    session(process, 20 * S)
    broker.trim(FILLS, 2)
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 3
    assert reach.from_ns == 20 * S + 1
    assert reach.because is not None
    assert "retention has deleted order.fill partition 0 up to offset 2, but 0 is needed" in reach.because
    assert "no earlier" in reach.text


def test_after_retention_a_restart_within_a_session_is_no_begin(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    session(process, 20 * S, is_new=False)
    broker.trim(FILLS, 2)
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 0
    assert reach.from_ns is None
    assert "retention has deleted order.fill" in reach.text
    assert "before the next session starts" in reach.text


def test_traces_without_a_begin_prove_nothing(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    broker.trim(TRACES, 3)
    batches, reach = read(broker, process.claims)
    assert batches == []
    assert "the start of its session is no longer in process.trace" in reach.text


def test_who_claimed_and_never_began_has_nothing_to_be_proved(broker: Broker, process: Process) -> None:
    batches, reach = read(broker, [10 * S])
    assert (batches, reach.from_ns, reach.because) == ([], None, None)
    check_proved([reach])
    session(process, 20 * S)
    broker.trim(FILLS, 1)
    with pytest.raises(ConfigError, match=r"nothing can be proved .retention has deleted order\.fill"):
        check_proved([read(broker, process.claims)[1]])


def test_outputs_that_retention_has_taken_are_no_divergence(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    session(process, 20 * S)
    broker.trim(POSITIONS, 3)
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 3
    assert reach.from_ns == 20 * S + 1


def test_a_hole_that_compaction_left_ends_what_is_proved(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    del broker.records[POSITIONS][3]
    session(process, 20 * S)
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 2 + 3
    assert reach.from_ns == 20 * S + 1
    assert "compaction has deleted part of inventory.position partition 0" in str(reach.because)


def test_a_hole_in_the_newest_session_says_up_to_when_it_is_proved(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    del broker.records[POSITIONS][2]
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 1
    assert (reach.from_ns, reach.until_ns) == (10 * S + 1, 11 * S)
    with pytest.raises(ConfigError, match=r"but only to .*then from the next session on"):
        check_proved([reach])


def test_a_hole_that_nobody_may_make_is_damage(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    del broker.records[FILLS][1]
    with pytest.raises(LogDamagedError, match=r"order\.fill partition 0 lacks offset 1"):
        read(broker, process.claims)


def test_what_a_replaced_writer_said_does_not_count(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    process.start(20 * S, is_new=True)
    process.say(21 * S, epoch=1)  # by whoever was replaced
    process.sequence -= 1
    process.say(21 * S)
    process.trace(21 * S, hear(broker, FILLS, 21 * S))
    batches, _ = read(broker, process.claims)
    of_second = [batch for batch in batches if ("order.fill", 3) in batch]
    assert of_second == [[("order.fill", 3), ("inventory.position", 6), ("process.trace", 7)]]


def test_a_period_begins_at_the_newest_session_before_it(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    session(process, 20 * S)
    session(process, 30 * S, is_new=False)
    session(process, 40 * S)
    batches, reach = read(broker, process.claims, from_ns=32 * S)
    assert traced(batches) == 3 * 3
    assert reach.from_ns == 20 * S + 1


def test_what_was_skipped_is_not_read(broker: Broker, process: Process) -> None:
    process.start(10 * S, is_new=True)
    process.trace(11 * S, hear(broker, SIGNALS, 11 * S))
    for _ in range(30_000):
        hear(broker, SIGNALS, 12 * S)
    process.trace(13 * S, hear(broker, SIGNALS, 13 * S))
    batches, _ = read(broker, process.claims)
    assert batches[-1] == [("market.signal", 30_001), ("process.trace", 3)]
    assert broker.fetched < 5_000


def test_a_log_that_was_imported_lies_in_other_partitions(broker: Broker) -> None:
    """There all processes share the first partition, and the broker's times are those of the import."""
    traces = TopicPartition("process.trace", 0)
    process = Process(broker, traces)
    session(process, 10 * S)
    session(process, 20 * S)
    broker.trim(FILLS, 2)

    async def begins(times_ms: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        return dict.fromkeys(times_ms, 0)

    broker.offsets_at = begins  # type: ignore[method-assign]
    batches, reach = read(broker, process.claims, traces=traces)
    assert traced(batches) == 3
    assert reach.from_ns == 20 * S + 1


def test_what_retention_takes_while_it_is_read_is_gone_too(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    session(process, 20 * S)

    async def trims(times_ms: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        broker.trim(FILLS, 1)
        return await Broker.offsets_at(broker, times_ms)

    broker.offsets_at = trims  # type: ignore[method-assign]
    batches, reach = read(broker, process.claims)
    assert traced(batches) == 3
    assert reach.from_ns == 20 * S + 1
    assert "during the read" in str(reach.because)


def read_as(broker: Broker, process: Process, standing: Standing, time_ns: int) -> tuple[Batches, Reach]:
    """From what the process was at a time."""

    async def run() -> tuple[Batches, Reach]:
        lanes = Lanes(cast(KafkaReader, broker), {}, {}, arrival_limit_s=0.05)
        lanes.begins, lanes.ends = _Else(broker.begins), _Else(broker.ends)
        past = ProcessPast(KnownPast(NAME, TRACES, tuple(process.claims)), lanes, partitions=1)
        await past.start_from(standing, time_ns)
        batches = []
        while batch := await past.batch():
            batches.append([(record.topic, record.offset) for record in batch])
        return batches, past.reach

    return asyncio.run(run())


def standing_of(process: Process) -> Standing:
    return Standing(0, process.sequence, process.traces, 0, {}, {}, {}, {})


def test_in_the_midst_of_a_session_whose_begin_is_gone_it_goes_on_as_it_was(
    broker: Broker, process: Process
) -> None:
    session(process, 10 * S, turns=5)
    was = standing_of(process)
    session(process, 20 * S, is_new=False, turns=3)
    broker.trim(FILLS, 5)
    broker.trim(POSITIONS, broker.ends[POSITIONS] - 3)
    assert read(broker, process.claims)[1].from_ns is None
    batches, reach = read_as(broker, process, was, 16 * S)
    assert traced(batches) == 3
    assert (reach.from_ns, reach.is_of_snapshot, reach.is_proved) == (16 * S, True, True)
    assert "starting at a snapshot" in reach.text


def test_a_snapshot_from_which_on_something_is_gone_proves_nothing(broker: Broker, process: Process) -> None:
    session(process, 10 * S, turns=5)
    was = standing_of(process)
    session(process, 20 * S, is_new=False, turns=3)
    broker.trim(FILLS, 6)
    _, reach = read_as(broker, process, was, 16 * S)
    assert not reach.is_proved
    assert "retention has deleted order.fill" in str(reach.because)


def test_a_session_that_begins_after_a_snapshot_is_proved_too(broker: Broker, process: Process) -> None:
    session(process, 10 * S)
    was = standing_of(process)
    session(process, 20 * S, is_new=True)
    batches, reach = read_as(broker, process, was, 16 * S)
    assert traced(batches) == 3
    assert (reach.from_ns, reach.is_proved) == (16 * S, True)
