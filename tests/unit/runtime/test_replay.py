"""Process runner, trace, replay and restart, with two toy processes on a real log."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.log.logfile import LogFileBus, read_log
from runtime.process.definition import Core, ProcessDefinition
from runtime.process.runner import ProcessRunner
from runtime.replay.restore import carry_over, resume
from runtime.replay.restore_point import RestorePoint
from runtime.replay.verify import ProcessReplay, replay
from runtime.state.digest import state_digest
from schemas.carried.router import RouterCarried
from schemas.config import Config
from schemas.deployment import EngineSettings
from schemas.market import FeedTrade, Trade
from schemas.message import Event
from schemas.process import ConfigApplied, Tick
from schemas.topics import MONITOR, ROUTER
from tests.kit import messages as kit
from tests.kit.messages import config_applied, order_event

CONFIG = Config(engine=EngineSettings(digest_interval_inputs=3))


class Passing:
    """Feed trades become trades; ticks count."""

    def __init__(self, config: Config) -> None:
        self.ticks = 0
        self.lots = 0

    def on_event(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, Tick):
            self.ticks += 1
            return ()
        if not isinstance(event, FeedTrade):
            return ()
        self.lots += event.size_lots
        fields = event.model_dump()
        return (Trade(**fields),)


class Ordering:
    """Every second trade makes two order events; how many lots there were is in them, and is carried on."""

    def __init__(self, config: Config, *, wrong_from: int = 10**9) -> None:
        self.seen: dict[str, int] = {}
        self.wrong_from = wrong_from
        self.count = 0

    def carried(self, now_ns: int) -> tuple[Event, ...]:
        return tuple(
            RouterCarried(event_time_ns=lots, process=ROUTER, venue="test", symbol=symbol)
            for symbol, lots in self.seen.items()
        )

    def on_event(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, RouterCarried):
            self.seen[event.symbol] = event.event_time_ns
        if not isinstance(event, Trade):
            return ()
        self.count += 1
        self.seen[event.symbol] = self.seen.get(event.symbol, 0) + event.size_lots
        if self.count % 2:
            return ()
        size = self.seen[event.symbol] + (1 if self.count >= self.wrong_from else 0)
        return tuple(
            order_event(
                venue=event.venue,
                symbol=event.symbol,
                order_id=f"{self.count}-{level}",
                level=level,
                price=event.price_ticks,
                lots=size,
                target_sequence=self.count,
                time_ns=event.event_time_ns,
            )
            for level in (0, 1)
        )


def definition(name: str, make: Callable[[Config], Core]) -> ProcessDefinition:
    return ProcessDefinition(name=name, make_core=make, tick_interval_ns=lambda config: None)


def replayed(log: Path, definitions: tuple[ProcessDefinition, ...]) -> list[ProcessReplay]:
    return replay(read_log(log), {each.name: each for each in definitions})


MONITOR_DEFINITION = definition(MONITOR, Passing)
ROUTER_DEFINITION = definition(ROUTER, Ordering)


def feed_trade(number: int, symbol: str = "BTC/USDT") -> FeedTrade:
    return kit.feed_trade(100, number, venue="test", symbol=symbol, trade_id=str(number), time_ns=number)


def applied(config: Config = CONFIG) -> ConfigApplied:
    return config_applied(
        config, "*", code_version="test", config_hash=str(hash(config.model_dump_json())), time_ns=0
    )


def make_shells(bus: LogFileBus) -> tuple[ProcessRunner, ProcessRunner]:
    monitor, router = (
        ProcessRunner(each, CONFIG, bus, CONFIG.engine.digest_interval_inputs)
        for each in (MONITOR_DEFINITION, ROUTER_DEFINITION)
    )
    return monitor, router


def drive(runners: tuple[ProcessRunner, ProcessRunner], numbers: range) -> None:
    monitor, router = runners
    for number in numbers:
        monitor.inject(Tick(event_time_ns=number))
        symbol = "BTC/USDT" if number % 3 else "ETH/USDT"
        for record in monitor.consume(monitor.journal(feed_trade(number, symbol))):
            router.consume(record)


def record_run(
    directory: Path, count: int = 10, sources_hash: str = ""
) -> tuple[ProcessRunner, ProcessRunner]:
    bus = LogFileBus(directory)
    runners = make_shells(bus)
    for runner in runners:
        of_process = {"process": runner.name, "sources_hash": sources_hash}
        runner.start(0, applied().model_copy(update=of_process), "test")
    drive(runners, range(1, count + 1))
    for runner in runners:
        runner.write_trace(count, final=True)
    asyncio.run(bus.close())
    return runners


def test_a_replay_says_the_same(tmp_path: Path) -> None:
    record_run(tmp_path)
    monitor, router = replayed(tmp_path, (MONITOR_DEFINITION, ROUTER_DEFINITION))
    assert (monitor.inputs, monitor.outputs, monitor.divergences) == (20, 10, 0)
    assert (router.inputs, router.outputs, router.divergences) == (10, 10, 0)
    assert monitor.first is None
    assert router.first is None


def test_one_process_can_be_replayed_alone(tmp_path: Path) -> None:
    record_run(tmp_path)
    (router,) = replayed(tmp_path, (ROUTER_DEFINITION,))
    assert (router.inputs, router.outputs, router.divergences) == (10, 10, 0)


def test_changed_code_is_found_field_by_field_at_the_first_difference(tmp_path: Path) -> None:
    record_run(tmp_path)
    changed = definition(ROUTER, lambda config: Ordering(config, wrong_from=6))
    (router,) = replayed(tmp_path, (changed,))
    first = router.first
    assert first is not None
    assert (first.process, first.sequence, first.topic, first.key) == (
        ROUTER,
        5,
        "order.event",
        "test:ETH/USDT",
    )
    assert [(item.path, item.recorded, item.replayed) for item in first.fields] == [
        ("message.size_lots", 9, 10)
    ]
    assert first.cause == "monitor-service:6"
    assert router.divergences == 7  # six outputs from the sixth trade on, and the final state


def test_a_missing_output_is_a_divergence(tmp_path: Path) -> None:
    class Silent(Ordering):
        def on_event(self, event: Event) -> tuple[Event, ...]:
            return super().on_event(event)[:1]

    record_run(tmp_path, count=2)
    (router,) = replayed(tmp_path, (definition(ROUTER, Silent),))
    assert router.divergences == 1
    assert router.first is not None
    assert router.first.fields[0].replayed is None


class Forgetful(Passing):
    def on_event(self, event: Event) -> tuple[Event, ...]:
        if isinstance(event, Tick):
            return ()
        return super().on_event(event)


def test_another_code_may_keep_another_state_as_long_as_it_says_the_same(tmp_path: Path) -> None:
    record_run(tmp_path, sources_hash="0" * 64)
    (monitor,) = replayed(tmp_path, (definition(MONITOR, Forgetful),))
    assert (monitor.outputs, monitor.divergences) == (10, 0)


def test_state_that_is_not_said_is_compared_too(tmp_path: Path) -> None:
    record_run(tmp_path)
    (monitor,) = replayed(tmp_path, (definition(MONITOR, Forgetful),))
    assert monitor.divergences > 0
    assert monitor.first is not None
    assert monitor.first.fields[0].path == "state_digest"


def test_a_restart_goes_on_where_the_log_ends(tmp_path: Path) -> None:
    whole, restarted = tmp_path / "whole", tmp_path / "restarted"
    record_run(whole, count=10)
    record_run(restarted, count=4)
    bus = LogFileBus(restarted)
    runners = make_shells(bus)
    resume(restarted, runners, 0, RestorePoint.of("", {}))
    assert bus.last_event_time_ns == 4
    for runner in runners:
        runner.continue_after(bus.last_sequences)
        runner.start(4, applied().model_copy(update={"process": runner.name}), "again")
    drive(runners, range(5, 11))
    for runner in runners:
        runner.write_trace(10, final=True)
    asyncio.run(bus.close())

    def said(directory: Path) -> list[tuple[str, bytes]]:
        return [
            (record.envelope.event_id, record.payload)
            for record in read_log(directory)
            if record.topic in ("market.trade", "order.event")
        ]

    assert said(restarted) == said(whole)
    assert [
        result.divergences for result in replayed(restarted, (MONITOR_DEFINITION, ROUTER_DEFINITION))
    ] == [
        0,
        0,
    ]


def record_two_sessions(directory: Path) -> tuple[ProcessRunner, ProcessRunner]:
    """The second begins with what the first one carried."""
    record_run(directory, count=4)
    definitions = (MONITOR_DEFINITION, ROUTER_DEFINITION)
    over = carry_over(directory, definitions, applied(), 5, RestorePoint.of("", {}))
    bus = LogFileBus(directory)
    runners = make_shells(bus)
    begun = applied().model_copy(update={"session_began_ns": 5, "event_time_ns": 5})
    for runner in runners:
        runner.continue_after(bus.last_sequences)
        runner.start(5, begun.model_copy(update={"process": runner.name}), "other")
        assert runner.adopt(over.by_process[runner.name]) == []
    drive(runners, range(6, 11))
    for runner in runners:
        runner.write_trace(10, final=True)
    asyncio.run(bus.close())
    return runners


def test_another_session_begins_with_what_the_one_before_carried(tmp_path: Path) -> None:
    runners = record_two_sessions(tmp_path)
    results = replayed(tmp_path, (MONITOR_DEFINITION, ROUTER_DEFINITION))
    assert [result.divergences for result in results] == [0, 0]
    assert [[session.began_ns for session in result.sessions] for result in results] == [[0, 5], [0, 5]]
    router = runners[1].core
    assert isinstance(router, Ordering)
    assert router.seen == {"BTC/USDT": 1 + 2 + 4 + 7 + 8 + 10, "ETH/USDT": 3 + 6 + 9}


def test_what_an_earlier_session_said_too_much_is_not_counted_against_the_next(tmp_path: Path) -> None:
    """Another code ran the earlier one, or a replay began within it: a what-if may say more than was said."""
    record_two_sessions(tmp_path)
    once = iter([True])

    class Chatty(Ordering):
        def on_event(self, event: Event) -> tuple[Event, ...]:
            said = super().on_event(event)
            return (*said, *said) if said and any(once) else said

    (router,) = replayed(tmp_path, (definition(ROUTER, Chatty),))
    assert [session.divergences > 0 for session in router.sessions] == [True, False]


def test_the_digest_sees_hidden_state_and_refuses_sets() -> None:
    one, other = Ordering(CONFIG), Ordering(CONFIG)
    assert state_digest(one) == state_digest(other)
    other.seen["x"] = 1
    assert state_digest(one) != state_digest(other)
    one.seen = {"a": 1, "b": 2}
    other.seen = {"b": 2, "a": 1}
    assert state_digest(one) != state_digest(other), "order of a dict can decide what is said"
    one.seen = {1, 2}  # type: ignore[assignment]
    with pytest.raises(TypeError, match="state contains a set"):
        state_digest(one)


def test_the_definition_of_a_process_is_data() -> None:
    assert replace(MONITOR_DEFINITION, name="x").drained(Passing(CONFIG))
