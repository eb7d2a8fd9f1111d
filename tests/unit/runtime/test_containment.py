"""What a handler raises costs its message's symbol and nothing else, and is a part of the record."""

import asyncio
from pathlib import Path

import pytest

from runtime.log.logfile import LogFileBus, read_log
from runtime.log.memory import MemoryBus
from runtime.process.containment import REPORT_INTERVAL_NS, Containment
from runtime.process.definition import ProcessDefinition
from runtime.process.runner import ProcessRunner
from runtime.replay.restore import resume
from runtime.replay.restore_point import RestorePoint
from runtime.replay.verify import replay
from runtime.state.digest import state_digest
from schemas.config import Config
from schemas.envelope import decode
from schemas.market import FeedTrade, Trade
from schemas.message import Event
from schemas.process import ConfigApplied, MessageFault, Tick
from schemas.topics import MONITOR
from tests.kit.messages import config_applied, feed_trade

POISON = 13


class Touchy:
    """Feed trades become trades; it cannot work with one size, and then forgets what it was about to say."""

    def __init__(self, config: Config) -> None:
        self.lots: dict[str, int] = {}
        self.breaks_on_ticks = False

    def on_event(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, Tick) and self.breaks_on_ticks:
            raise RuntimeError("tick")
        if not isinstance(event, FeedTrade):
            return ()
        self.lots[event.symbol] = self.lots.get(event.symbol, 0) + event.size_lots
        if event.size_lots == POISON:
            raise OverflowError(f"{object()!r} differs in every run")
        return (Trade(**event.model_dump()),)


class Careful(Touchy):
    """Makes itself safe after a fault, where it can."""

    def on_fault(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, FeedTrade) and event.symbol == "HOPELESS":
            raise ZeroDivisionError
        return (Trade(**{**event.model_dump(), "trade_id": "safe"}),)


DEFINITION = ProcessDefinition(name=MONITOR, make_core=Touchy, tick_interval_ns=lambda config: None)


def trade(number: int, lots: int = 1, symbol: str = "A/B", at: int | None = None) -> FeedTrade:
    return feed_trade(
        1, lots, venue="v", symbol=symbol, trade_id=str(number), time_ns=number if at is None else at
    )


def applied() -> ConfigApplied:
    return config_applied(Config(), MONITOR, code_version="t", time_ns=0)


def shell_on(bus: LogFileBus | MemoryBus) -> ProcessRunner:
    return ProcessRunner(DEFINITION, Config(), bus, digest_interval_inputs=2)


def drive(runner: ProcessRunner, lots: tuple[int, ...], first: int = 1) -> list[Event]:
    said = []
    for number, size in enumerate(lots, start=first):
        symbol = "A/B" if number % 2 else "C/D"
        said += [r.message for r in runner.consume(runner.journal(trade(number, size, symbol)))]
    return said


def write(directory: Path, lots: tuple[int, ...]) -> None:
    bus = LogFileBus(directory)
    runner = shell_on(bus)
    runner.start(0, applied(), "t")
    drive(runner, lots)
    runner.write_trace(99, final=True)
    asyncio.run(bus.close())


def test_a_poisonous_message_is_named_and_the_rest_goes_on() -> None:
    said = drive(shell_on(MemoryBus()), (1, 2, POISON, 4, 5))
    types: list[type[Event]] = [Trade, Trade, MessageFault, Trade, Trade]
    assert [type(each) for each in said] == types
    fault = said[2]
    assert isinstance(fault, MessageFault)
    assert (fault.process, fault.venue, fault.symbol) == (MONITOR, "v", "A/B")
    assert (fault.message_type, fault.topic, fault.event_id) == (
        "market.feed.trade.v1",
        "market.feed",
        "monitor-service/adapter:3",
    )
    assert (fault.error, fault.detail) == ("OverflowError", "")


def test_a_log_that_holds_one_replays_and_starts_with_the_same_refusal(tmp_path: Path) -> None:
    write(tmp_path, (1, 2, POISON, 4))
    (result,) = replay(read_log(tmp_path), {MONITOR: DEFINITION})
    assert (result.inputs, result.outputs, result.divergences) == (4, 4, 0)
    bus = LogFileBus(tmp_path)
    runner = shell_on(bus)
    resume(tmp_path, (runner,), 0, RestorePoint.of("", {}))
    runner.continue_after(bus.last_sequences)
    runner.start(100, applied(), "again")
    said = drive(runner, (5, POISON), first=1001)
    assert isinstance(said[-1], Trade) or said[-1].event_time_ns - 3 < REPORT_INTERVAL_NS
    runner.write_trace(2000, final=True)
    asyncio.run(bus.close())
    (result,) = replay(read_log(tmp_path), {MONITOR: DEFINITION})
    assert result.divergences == 0
    faults = [r for r in read_log(tmp_path) if r.topic == "process.fault"]
    assert [decode(MessageFault, record.payload).symbol for record in faults] == ["A/B", "C/D"]


def test_what_was_said_of_faults_is_state_of_the_process() -> None:
    core = Touchy(Config())
    contained = Containment(core, MONITOR)
    assert state_digest(contained.state) == state_digest(core), "digests of logs without faults stay"
    contained.feed(trade(1, POISON), "e:1")
    assert state_digest(contained.state) != state_digest(core)
    again = Containment(core, MONITOR, dict(contained.reported))
    assert again.feed(trade(2, POISON), "e:2") == ()


def test_the_same_fault_is_said_once_a_second() -> None:
    contained = Containment(Touchy(Config()), MONITOR)
    times = (0, 1, REPORT_INTERVAL_NS - 1, REPORT_INTERVAL_NS, REPORT_INTERVAL_NS + 1)
    assert [len(contained.feed(trade(1, POISON, at=at), None)) for at in times] == [1, 0, 0, 1, 0]
    assert len(contained.feed(trade(1, POISON, "C/D", at=2), None)) == 1, "of another symbol it is another"


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def error(self, *_: object, **__: object) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("runtime.process.containment.logger", Gone())
    assert len(Containment(Touchy(Config()), MONITOR).feed(trade(1, POISON), "e:1")) == 1


def test_what_is_kept_of_faults_is_bounded() -> None:
    contained = Containment(Touchy(Config()), MONITOR)
    for number in range(1_100):
        contained.feed(trade(1, POISON, f"S{number}"), None)
    assert len(contained.reported) == 1_000


def test_time_that_fails_concerns_the_account() -> None:
    core = Touchy(Config())
    core.breaks_on_ticks = True
    (fault,) = Containment(core, MONITOR).feed(Tick(event_time_ns=5), None)
    assert isinstance(fault, MessageFault)
    assert (fault.symbol, fault.topic, fault.event_id) == ("*", None, None)


def test_a_core_makes_itself_safe_and_where_it_cannot_the_account_halts() -> None:
    contained = Containment(Careful(Config()), MONITOR)
    safe, fault = contained.feed(trade(1, POISON), "e:1")
    assert (safe.trade_id, fault.symbol) == ("safe", "A/B")  # type: ignore[attr-defined]
    assert [each.trade_id for each in contained.feed(trade(2, POISON), "e:2")] == ["safe"]  # type: ignore[attr-defined]
    (whole,) = contained.feed(trade(3, POISON, "HOPELESS"), "e:3")
    assert isinstance(whole, MessageFault)
    assert (whole.venue, whole.symbol, whole.event_id) == ("*", "*", "e:3")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price_ticks": 10**32}, "price_ticks 100000000000000000000000000000000 is not within 1e"),
        ({"price_ticks": -(10**400)}, "price_ticks -1000"),
        ({"event_time_ns": 10**30}, "event_time_ns 1000"),
        ({"exchange_time_ns": 10**30}, "exchange_time_ns 1000"),
    ],
)
def test_a_number_out_of_scale_is_refused_before_the_core_sees_it(fields: dict[str, int], words: str) -> None:
    core = Touchy(Config())
    (fault,) = Containment(core, MONITOR).feed(trade(1).model_copy(update=fields), "e:1")
    assert isinstance(fault, MessageFault)
    assert fault.error == "OutOfScaleError"
    assert words in fault.detail
    assert len(fault.detail) < 150
    assert fault.event_time_ns in (0, 1), "a time that no clock tells is not handed on"
    assert core.lots == {}


class Blind:
    """An adapter that cannot work with what it sees, or with what it is to do."""

    def __init__(self, fails_on: type[Event]) -> None:
        self.fails_on = fails_on

    def on_event(self, event: Event) -> None:
        if type(event) is self.fails_on:
            raise ArithmeticError("too much")

    def next_due_ns(self) -> int | None:
        return None

    def poll_due(self, now_ns: int) -> tuple[Event, ...]:
        return ()

    def close(self) -> None:
        return None


def test_an_adapter_may_miss_an_input_and_no_output() -> None:
    runner = shell_on(MemoryBus())
    runner.adapter = Blind(FeedTrade)
    assert [type(each) for each in drive(runner, (1, 2))] == [Trade, Trade]
    runner.adapter = Blind(Trade)
    with pytest.raises(ArithmeticError, match="too much"):
        drive(runner, (3,))
