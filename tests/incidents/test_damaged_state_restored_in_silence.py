"""Half of a journal was lost, and the process was restored without a word: positions were off by 1,791
lots.

What happened: a process on Kafka restarted on a folder whose journal had been cut, held zeros, or was an
older copy, as the error message of that time advised. It went on from there: trade ids stood on the
topics twice, and positions no longer were the sum of the fills.

What was wrong: what the process had published beyond what its folder led to was taken for said already,
and skipped.

What holds it now: a start compares what its folder leads to with what is on its topics, and either
restores exactly that state or is refused with counts and publishes nothing. Here files are damaged in
every way and at any place; tests/kafka/test_damaged_state_on_kafka.py does some of it on a broker.
"""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.bus import Record, TopicPartition
from runtime.errors import EngineError, LogDamagedError, StateRefusedError
from runtime.kafka.bus import KafkaBus
from runtime.log.logfile import LoggedRecord
from runtime.process.definition import ProcessDefinition
from runtime.process.group import ProcessGroup
from runtime.process.input_source import InputSource
from runtime.process.restoration import Restoration
from runtime.process.runner import ProcessRunner
from runtime.process.tail import Tail
from runtime.process.turn_bus import TurnBus
from runtime.state.carried_file import CarriedState
from runtime.state.group_files import GroupLeft
from runtime.state.journal import JournalTurn
from runtime.state.snapshot import Snapshot, to_bytes
from runtime.state.standing import Standing
from runtime.state.state_files import StateFiles
from schemas.carried.monitor import MonitorCarried
from schemas.config import Config
from schemas.envelope import Envelope, encode
from schemas.market import Trade
from schemas.message import Event
from schemas.orders import VenueStatus
from schemas.process import Tick
from tests.kit import messages as kit
from tests.kit.messages import config_applied, venue_status
from tests.unit.runtime.file_damage import DAMAGES

NAME = "order-router"
SOURCES = "71d0"
TOPIC = TopicPartition("market.trade", 0)
ALL = TopicPartition("order.event", 0)
"""In this test every topic is one list."""
TURNS = 14
ROLLS = {0, 5, 9, 10}
CARRIES = {0, 9}
FIRST_EPOCH = 3


def trade(number: int) -> Trade:
    return kit.trade(1, number + 1, venue="v", symbol="A/B", trade_id=str(number), time_ns=number + 1)


class Summing:
    """A core that sums what it sees, and says the sum to every second input."""

    def __init__(self, config: Config) -> None:
        self.total = 0
        self.count = 0

    def on_event(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, MonitorCarried):
            self.total = event.instrument_version
        if not isinstance(event, Trade | VenueStatus | Tick):
            return ()
        self.count += 1
        self.total += event.size_lots if isinstance(event, Trade) else 1
        if self.count % 2:
            return ()
        return (trade(self.total).model_copy(update={"event_time_ns": event.event_time_ns}),)

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        return (MonitorCarried(event_time_ns=now_ns, process=NAME, instrument_version=self.total),)


DEFINITION = ProcessDefinition(NAME, Summing, lambda config: None)


class Bus:
    """Keeps what is published, in the place of a broker."""

    def __init__(self) -> None:
        self.said: list[LoggedRecord] = []
        self.outbox = SimpleNamespace(add=lambda place, record: None)

    def epoch_of(self, writer: str) -> int:
        return 9

    def partition_for(self, topic: str, key: str) -> TopicPartition:
        return TopicPartition(topic)

    def publish(self, topic: str, envelope: Envelope, message: Event) -> None:
        self.said.append(LoggedRecord(topic, 0, len(self.said), message.key, envelope, encode(message)))


class Moment(NamedTuple):
    """What was so when a turn was over."""

    said: int
    digest: str
    total: int


class Life:
    """A process that lives as on Kafka, and is killed."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self.folder = folder
        self.name = name
        self.bus = Bus()
        self.turns = TurnBus(cast(KafkaBus, self.bus))
        self.runner = ProcessRunner(DEFINITION, Config(), self.turns, 4, name)
        self.group = ProcessGroup([self.runner])
        self.files = StateFiles(folder)
        self.moments: list[Moment] = []

    def live(self, turns: int = TURNS) -> "Life":
        self.files.load(SOURCES)
        applied = config_applied(Config(), self.name, session_began_ns=1, time_ns=1)
        self.runner.begin(applied)
        self.turns.release()
        self.roll(0)
        for number in range(1, turns):
            self.turn(number)
            if number in ROLLS:
                self.roll(number)
        self.silent_turn(2 * turns)
        self.files.release()
        return self

    def silent_turn(self, offset: int) -> None:
        """Nobody has heard of it: a start without it takes its input once more."""
        said = len(self.bus.said)
        self.group.consume(record_at(offset))
        self.journal.write(JournalTurn(self.group.runs.drain(), (), None))
        self.turns.release()
        assert len(self.bus.said) == said
        self.note()

    def turn(self, number: int) -> None:
        runner = self.runner
        external: tuple[Event, ...] = ()
        if number % 5 == 3:
            self.group.inject(Tick(event_time_ns=100 * number), 0)
        if number % 4 == 2:
            status = venue_status(venue="v", time_ns=100 * number)
            record = runner.journal(status)
            self.group.runs.add(record)
            runner.consume(record)
            external = (status,)
        for offset in (2 * number, 2 * number + 1):
            self.group.consume(record_at(offset))
        traces = number % 3 == 0 or number in ROLLS
        self.journal.write(JournalTurn(self.group.runs.drain(), external, 100 * number if traces else None))
        if traces:
            runner.write_trace(100 * number)
        self.turns.release()
        self.note()

    def note(self) -> None:
        self.moments.append(Moment(len(self.bus.said), self.runner.life.digest(), self.total))

    @property
    def total(self) -> int:
        core = self.runner.core
        assert isinstance(core, Summing)
        return core.total

    def roll(self, number: int) -> None:
        runner = self.runner
        sequence, trace_sequence, adapter_sequence = runner.sequences
        standing = Standing(
            runner.inputs,
            sequence,
            trace_sequence,
            adapter_sequence,
            {TOPIC: 2 * number + 2},
            {},
            {ALL: len(self.bus.said)},
            {},
        )
        snapshot = to_bytes(Snapshot(SOURCES, standing, runner.life.state(), None))
        carried = None
        if number in CARRIES:
            carried = CarriedState(runner.life.in_force(), standing, runner.life.carried(1)).to_bytes()
        self.journal = self.files.roll(FIRST_EPOCH, 1, snapshot, carried)
        if not self.moments:
            self.note()


def record_at(offset: int) -> Record:
    made = trade(offset)
    return Record(*TOPIC, offset, made.key, Envelope("m", offset, None, offset, made.type_name), made)


class Source:
    """The topic of the inputs, with all its records."""

    lost_records = 0

    async def at(self, place: TopicPartition, offset: int) -> Record:
        return record_at(offset)


def restored(
    folder: Path, said: list[LoggedRecord], sources: str = SOURCES, digest_interval_inputs: int = 4
) -> ProcessRunner:
    """As a start does; raises EngineError where it refuses."""
    files = StateFiles(folder)
    bus = Bus()
    turns = TurnBus(cast(KafkaBus, bus))
    runner = ProcessRunner(DEFINITION, Config(), turns, digest_interval_inputs, NAME)
    try:
        left = files.load(sources)
        if left.standing is None:
            raise StateRefusedError("it is empty")
        tail = Tail(NAME)
        for record in said[left.standing.end_offsets[ALL] :]:
            tail.record(record)
        source = cast(InputSource, Source())
        restoration = Restoration(cast(KafkaBus, bus), ProcessGroup([runner]), turns, source, {NAME: tail})
        asyncio.run(restoration.run(GroupLeft({NAME: left}, tuple(left.turns))))
    except EngineError:
        assert not bus.said  # nothing is let out by who refuses
        raise
    else:
        assert not [each for each in bus.said if each.envelope in {one.envelope for one in said}]
        return runner
    finally:
        files.release()


def check_exact_or_refused(folder: Path, life: Life, sources: str) -> bool:
    """Was it refused? Else it is what the process was at a moment after all that it said."""
    try:
        runner = restored(folder, life.bus.said, sources)
    except EngineError:
        return True
    core = runner.core
    assert isinstance(core, Summing)
    possible = [moment for moment in life.moments if moment.said == len(life.bus.said)]
    if sources == SOURCES:
        assert runner.life.digest() in {moment.digest for moment in possible}
    assert core.total in {moment.total for moment in possible}
    return False


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    Summing.__module__ = "runtime.state.snapshot"  # of the modules whose classes a snapshot may name
    patch = pytest.MonkeyPatch()
    patch.setattr("runtime.state.snapshot.Summing", Summing, raising=False)
    return Life(tmp_path_factory.mktemp("life")).live()


@pytest.mark.parametrize("sources", [SOURCES, "another code"])
@given(data=st.data())
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
def test_whatever_is_done_to_a_file_a_start_is_exact_or_refused(
    life: Life, tmp_path_factory: pytest.TempPathFactory, sources: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged") / "state"
    shutil.copytree(life.folder, folder)
    path = data.draw(st.sampled_from(sorted(folder.glob("0*"))))
    whole = path.read_bytes()
    ends = sorted(data.draw(st.integers(0, len(whole))) for _ in range(2))
    damage = DAMAGES[data.draw(st.sampled_from(sorted(DAMAGES)))]
    path.write_bytes(damage(whole, *ends))
    check_exact_or_refused(folder, life, sources)
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("sources", [SOURCES, "another code"])
def test_every_cut_of_the_newest_journal_is_exact_or_refused_and_both_happen(
    life: Life, tmp_path: Path, sources: str
) -> None:
    whole = max(life.folder.glob("*.journal")).read_bytes()
    refused = 0
    for length in range(0, len(whole), 7):
        folder = tmp_path / str(length)
        shutil.copytree(life.folder, folder)
        max(folder.glob("*.journal")).write_bytes(whole[:length])
        refused += check_exact_or_refused(folder, life, sources)
    assert 0 < refused < len(whole) // 7


@pytest.mark.parametrize("sources", [SOURCES, "another code"])
def test_a_whole_folder_is_what_the_process_was(life: Life, tmp_path: Path, sources: str) -> None:
    shutil.copytree(life.folder, tmp_path / "state")
    assert not check_exact_or_refused(tmp_path / "state", life, sources)


def test_an_older_copy_is_refused_with_counts_and_nothing_is_said(life: Life, tmp_path: Path) -> None:
    shutil.copytree(life.folder, tmp_path / "state")
    for path in (tmp_path / "state").glob(f"{FIRST_EPOCH:012d}-000003.*"):
        path.unlink()
    with pytest.raises(StateRefusedError) as refused:
        restored(tmp_path / "state", life.bus.said)
    text = str(refused.value)
    assert "that it does not reproduce" in text
    assert "on market.trade from order-router:" in text
    assert "on process.trace from order-router/trace:" in text
    assert "It is an older copy" in text


def test_a_journal_that_its_follower_had_read_further_is_refused(life: Life, tmp_path: Path) -> None:
    """Cut at a line, it reads like a whole one."""
    shutil.copytree(life.folder, tmp_path / "state")
    before, newest = sorted((tmp_path / "state").glob("*.journal"))[-2:]
    newest.with_suffix(".snapshot").unlink()
    before.write_bytes(b"".join(before.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(LogDamagedError, match="bytes where"):
        restored(tmp_path / "state", life.bus.said)


def test_another_processs_folder_is_refused(life: Life, tmp_path: Path) -> None:
    Life(tmp_path, "risk-service").live()
    with pytest.raises(StateRefusedError, match="it is the state of risk-service"):
        restored(tmp_path, life.bus.said)


def test_a_carried_state_without_a_journal_is_no_empty_folder(life: Life, tmp_path: Path) -> None:
    shutil.copy(max(life.folder.glob("*.carried")), tmp_path)
    with pytest.raises(LogDamagedError, match="no journal that could be read"):
        restored(tmp_path, life.bus.said)


def test_words_that_are_made_otherwise_are_refused(life: Life, tmp_path: Path) -> None:
    shutil.copytree(life.folder, tmp_path / "state")
    changed = life.bus.said[-1]._replace(payload=encode(trade(77)))
    assert changed.payload != life.bus.said[-1].payload
    with pytest.raises(StateRefusedError, match="it reproduces 1 messages with different content"):
        restored(tmp_path / "state", [*life.bus.said[:-1], changed])


@pytest.mark.parametrize("interval", [1, 3, 100])
def test_digests_of_the_state_may_be_written_at_other_traces(
    life: Life, tmp_path: Path, interval: int
) -> None:
    shutil.copytree(life.folder, tmp_path / "state")
    max((tmp_path / "state").glob("*.snapshot")).unlink()
    runner = restored(tmp_path / "state", life.bus.said, digest_interval_inputs=interval)
    assert runner.life.digest() == life.moments[-1].digest


def test_another_state_at_a_trace_is_refused(life: Life, tmp_path: Path) -> None:
    shutil.copytree(life.folder, tmp_path / "state")
    max((tmp_path / "state").glob("*.snapshot")).unlink()
    traces = [each for each in life.bus.said if b'"state_digest":"' in each.payload]
    newest = traces[-1].decoded().message.model_copy(update={"state_digest": "00"})
    said = [each._replace(payload=encode(newest)) if each is traces[-1] else each for each in life.bus.said]
    with pytest.raises(
        StateRefusedError, match=r"reproduces 1 messages with different content.* on process\.trace"
    ):
        restored(tmp_path / "state", said, digest_interval_inputs=1)


def test_the_newest_of_more_than_a_million_files_is_found(life: Life, tmp_path: Path) -> None:
    """Their numbers have more digits then, and as texts they sort before."""
    shutil.copytree(life.folder, tmp_path / "state")
    old, new = f"{FIRST_EPOCH:012d}-000003", f"{FIRST_EPOCH:012d}-1000000"
    for path in list((tmp_path / "state").glob(f"{old}.*")):
        path.rename(path.with_name(path.name.replace(old, new)))
    assert not check_exact_or_refused(tmp_path / "state", life, SOURCES)
