"""Shell, trace, replay and restart, with two toy processes on a real log."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.bus.logfile import LogFileBus, read_log
from chassis.digest import state_digest
from chassis.errors import ConfigError
from chassis.process import Core, ProcessDefinition
from chassis.replay import ProcessReplay, replay
from chassis.restore import restore
from chassis.shell import ProcessShell
from schemas.config import Config
from schemas.deployment import Engine
from schemas.market import FeedTrade, Trade
from schemas.message import Event
from schemas.orders import OrderEvent
from schemas.process import ConfigApplied, Tick
from schemas.topics import MONITOR, ROUTER

CONFIG = Config(engine=Engine(digest_interval_inputs=3))


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
    """Every second trade makes two order events; how many lots there were is in them."""

    def __init__(self, config: Config, *, wrong_from: int = 10**9) -> None:
        self.seen: dict[str, int] = {}
        self.wrong_from = wrong_from
        self.count = 0

    def on_event(self, event: Event) -> tuple[Event, ...]:
        if not isinstance(event, Trade):
            return ()
        self.count += 1
        self.seen[event.symbol] = self.seen.get(event.symbol, 0) + event.size_lots
        if self.count % 2:
            return ()
        size = self.seen[event.symbol] + (1 if self.count >= self.wrong_from else 0)
        return tuple(
            OrderEvent(
                event_time_ns=event.event_time_ns,
                venue=event.venue,
                symbol=event.symbol,
                kind="place_intent",
                status="pending_new",
                client_order_id=f"{self.count}-{level}",
                side="buy",
                level=level,
                price_ticks=event.price_ticks,
                size_lots=size,
                target_sequence=self.count,
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
    return FeedTrade(
        event_time_ns=number,
        venue="test",
        symbol=symbol,
        price_ticks=100,
        size_lots=number,
        side="buy",
        trade_id=str(number),
    )


def applied(config: Config = CONFIG) -> ConfigApplied:
    return ConfigApplied(
        event_time_ns=0,
        process="*",
        code_version="test",
        config_hash=str(hash(config.model_dump_json())),
        config=config,
    )


def make_shells(bus: LogFileBus) -> tuple[ProcessShell, ProcessShell]:
    monitor, router = (
        ProcessShell(each, CONFIG, bus, CONFIG.engine.digest_interval_inputs)
        for each in (MONITOR_DEFINITION, ROUTER_DEFINITION)
    )
    return monitor, router


def drive(shells: tuple[ProcessShell, ProcessShell], numbers: range) -> None:
    monitor, router = shells
    for number in numbers:
        monitor.inject(Tick(event_time_ns=number))
        symbol = "BTC/USDT" if number % 3 else "ETH/USDT"
        for record in monitor.consume(monitor.journal(feed_trade(number, symbol))):
            router.consume(record)


def record_run(directory: Path, count: int = 10) -> tuple[ProcessShell, ProcessShell]:
    bus = LogFileBus(directory)
    shells = make_shells(bus)
    for shell in shells:
        shell.start(0, applied().model_copy(update={"process": shell.name}), "test")
    drive(shells, range(1, count + 1))
    for shell in shells:
        shell.write_trace(count, final=True)
    asyncio.run(bus.close())
    return shells


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


def test_state_that_is_not_said_is_compared_too(tmp_path: Path) -> None:
    class Forgetful(Passing):
        def on_event(self, event: Event) -> tuple[Event, ...]:
            if isinstance(event, Tick):
                return ()
            return super().on_event(event)

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
    shells = make_shells(bus)
    found = restore(restarted, shells, applied())
    assert found.records > 0
    assert bus.last_event_time_ns == 4
    for shell in shells:
        shell.start(4, applied().model_copy(update={"process": shell.name}), "again")
    drive(shells, range(5, 11))
    for shell in shells:
        shell.write_trace(10, final=True)
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


def test_a_log_of_another_configuration_is_refused(tmp_path: Path) -> None:
    record_run(tmp_path)
    shells = make_shells(LogFileBus(tmp_path))
    other = Config(engine=Engine(digest_interval_inputs=4))
    with pytest.raises(ConfigError, match="another configuration"):
        restore(tmp_path, shells, applied(other))


def test_the_digest_sees_hidden_state_and_refuses_sets() -> None:
    one, other = Ordering(CONFIG), Ordering(CONFIG)
    assert state_digest(one) == state_digest(other)
    other.seen["x"] = 1
    assert state_digest(one) != state_digest(other)
    one.seen = {"a": 1, "b": 2}
    other.seen = {"b": 2, "a": 1}
    assert state_digest(one) != state_digest(other), "order of a dict can decide what is said"
    one.seen = {1, 2}  # type: ignore[assignment]
    with pytest.raises(TypeError, match="a set holds state"):
        state_digest(one)


def test_the_definition_of_a_process_is_data() -> None:
    assert replace(MONITOR_DEFINITION, name="x").drained(Passing(CONFIG))
