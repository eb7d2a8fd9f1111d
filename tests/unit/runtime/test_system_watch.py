"""What the gateway makes of what processes say, and of their silence."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.bus import Record, TopicPartition
from runtime.errors import DependencyError
from runtime.process import system_watch
from runtime.process.definition import SystemBroker, SystemProcess
from runtime.process.system_watch import SILENT_NS, SystemStatusFold, SystemWatch
from schemas.config import Config
from schemas.envelope import Envelope
from schemas.message import Event
from schemas.process import EpochClaim, ProcessStatus, StageTime, TopicLag
from schemas.topics import MONITOR, PROCESSES, RISK, STATISTICS, TOPIC_OF
from schemas.units import NS_PER_MS, NS_PER_S
from tests.servers.local import PATIENCE_S

NOW_NS = 1_700_000_000 * NS_PER_S


def record(message: Event) -> Record:
    envelope = Envelope(message.key, 1, None, message.event_time_ns, message.type_name)
    return Record(TOPIC_OF[message.type_name], 0, 0, message.key, envelope, message)


def status(process: str = RISK, age_ms: int = 100, **fields: Any) -> Record:
    given = {
        "instance": "pod-7",
        "code_version": "1",
        "began_ns": NOW_NS - 60 * NS_PER_S,
        "is_ready": True,
        "inputs": 9,
    }
    time_ns = NOW_NS - age_ms * NS_PER_MS
    return record(ProcessStatus(event_time_ns=time_ns, process=process, **(given | fields)))


def claim(process: str, age_s: int) -> Record:
    return record(EpochClaim(event_time_ns=NOW_NS - age_s * NS_PER_S, process=process, instance="x"))


def fold(*records: Record, shards: int = 1) -> SystemStatusFold:
    config = Config()
    process = config.process.model_copy(update={"shards": shards})
    made = SystemStatusFold(config.model_copy(update={"process": process}))
    made.apply(records)
    return made


def seen(made: SystemStatusFold, name: str = RISK, now_ns: int = NOW_NS) -> SystemProcess:
    return next(each for each in made.processes(now_ns) if each.name == name)


def test_all_that_should_run_is_listed_and_missing_until_it_is_heard_of() -> None:
    system = fold().processes(NOW_NS)
    assert [each.name for each in system] == [*PROCESSES, STATISTICS]
    assert {each.state for each in system} == {"missing"}


def test_one_that_is_ready_is_shown_with_its_figures() -> None:
    lag = (TopicLag(topic="order.fill", records=3, age_ms=7.0),)
    found = seen(fold(status(lag=lag, newest_input_ns=NOW_NS - 5 * NS_PER_MS), claim(RISK, 60)))
    assert (found.state, found.inputs, found.age_ms, found.lag) == ("ok", 9, 5.0, lag)
    assert (found.starts, found.said_age_ms) == (1, 100.0)


def test_one_that_is_not_ready_says_why() -> None:
    found = seen(fold(status(is_ready=False, because="catching up")))
    assert (found.state, found.because) == ("not_ready", "catching up")


@pytest.mark.parametrize(
    ("age_ns", "state"),
    [(SILENT_NS, "ok"), (SILENT_NS + 1, "silent"), (-SILENT_NS, "ok"), (-3_600 * NS_PER_S, "silent")],
)
def test_its_last_good_word_does_not_outlive_it(age_ns: int, state: str) -> None:
    assert seen(fold(status(age_ms=0)), now_ns=NOW_NS + age_ns).state == state


def test_the_silent_say_for_how_long_and_not_what_they_said_last() -> None:
    found = seen(fold(status(age_ms=9_000, is_ready=False, because="catching up")))
    assert (found.state, found.because, found.said_age_ms) == ("silent", None, 9_000.0)


def test_one_that_ended_stays_ended_however_long_ago() -> None:
    found = seen(fold(status(age_ms=900_000, has_ended=True, because="taken over")))
    assert (found.state, found.because) == ("ended", "taken over")


def test_one_that_claimed_and_never_spoke_is_silent_since_its_claim() -> None:
    found = seen(fold(claim(RISK, 50), claim(RISK, 20)))
    assert (found.state, found.starts, found.said_age_ms) == ("silent", 2, 20_000.0)


def test_each_claim_is_a_start() -> None:
    assert seen(fold(claim(RISK, 50), claim(RISK, 20), claim(MONITOR, 9), status())).starts == 2


def test_shards_are_listed_by_the_configuration() -> None:
    names = [each.name for each in fold(shards=2).processes(NOW_NS)]
    assert names[:2] == [f"{MONITOR}.0", f"{MONITOR}.1"]
    assert RISK in names


def test_what_shards_say_of_their_number_counts_more_than_the_gateways_configuration() -> None:
    made = fold(status(f"{MONITOR}.1", shards=3))
    states = {each.name: each.state for each in made.processes(NOW_NS)}
    assert {name: state for name, state in states.items() if name.startswith(MONITOR)} == {
        f"{MONITOR}.0": "missing",
        f"{MONITOR}.1": "ok",
        f"{MONITOR}.2": "missing",
    }


def test_what_nobody_expects_is_shown_while_it_speaks() -> None:
    made = fold(status(f"{MONITOR}.4", shards=1), status("old-service", age_ms=99_000))
    names = [each.name for each in made.processes(NOW_NS)]
    assert names[-1] == f"{MONITOR}.4"
    assert "old-service" not in names


def test_stages_are_of_those_that_speak() -> None:
    stage = StageTime(name="turn", count=4, p50_ms=1.0, p99_ms=2.0)
    made = fold(status(stages=(stage,)), status(MONITOR, age_ms=99_000, stages=(stage,)))
    assert [each.name for each in made.stages(NOW_NS)] == [f"{RISK}: turn"]


class Reader:
    """Gives what it is told to, or fails."""

    def __init__(self, records: list[Record], ends: int) -> None:
        self.records = records
        self.ends = ends
        self.positions: dict[TopicPartition, int] = {}
        self.error: Exception | None = None
        self.polled = asyncio.Event()

    async def begin_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, self.ends)

    def seek(self, positions: dict[TopicPartition, int]) -> None:
        self.positions = dict(positions)

    async def poll(self, records_max: int, timeout_s: float) -> list[Record]:
        await asyncio.sleep(0)
        self.polled.set()
        if self.error is not None:
            raise self.error
        found, self.records = self.records, []
        if found:
            self.positions = dict.fromkeys(self.positions, self.ends)
        return found

    async def close(self) -> None:
        return


def test_what_was_read_counts_until_as_much_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_watch, "_RETRY_S", 0.0)
    readers = [Reader([status()], 1), Reader([], 5)]
    left = list(readers)
    bus = SimpleNamespace(reader=lambda positions: left.pop(0), outbox=SimpleNamespace(size=2))
    because: list[str] = []

    def names(watch: SystemWatch) -> set[str]:
        return {each.name for each in watch.system().processes if each.starts is None and each.inputs}

    async def check() -> None:
        watch = SystemWatch(Config(), bus, lambda: because[0] if because else None)  # type: ignore[arg-type]
        assert watch.system().processes == ()  # not "missing": nobody has looked yet
        assert watch.system().broker == SystemBroker("away", None, 2)
        watch.start()
        while not watch.system().processes:
            await asyncio.sleep(0)
        assert names(watch) == {RISK}
        broker = watch.system().broker
        assert broker is not None
        assert broker.state == "ok"
        readers[0].error = RuntimeError("gone")
        because.append("connection refused")
        await asyncio.wait_for(readers[1].polled.wait(), PATIENCE_S)
        assert names(watch) == {RISK}
        broker = watch.system().broker
        assert broker is not None
        assert (broker.state, broker.because) == ("away", "connection refused")
        await watch.close()

    asyncio.run(check())


def test_one_look_ends_where_a_broker_gives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_watch, "_READ_LIMIT_S", 0.01)
    bus = SimpleNamespace(reader=lambda positions: Reader([], 5), outbox=SimpleNamespace(size=0))

    async def look() -> None:
        await SystemWatch(Config(), bus).read_once()  # type: ignore[arg-type]

    with pytest.raises(DependencyError, match=r"did not deliver the status of processes within 0\.01 s"):
        asyncio.run(look())
