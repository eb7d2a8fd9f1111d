"""The dead-man's switch: armed before the first quote, held back by the router's own ticks alone."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import ccxt
import pytest
from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.dead_mans_switch import Switch
from quote_service.routing.venues.exchange.dialects import Dialect
from quote_service.routing.venues.exchange.facts import contract_of
from quote_service.routing.venues.exchange.ids import VenueClientIds
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.registry import OrderRegistry
from quote_service.routing.venues.exchange.tracker import TrackedOrder
from quote_service.routing.venues.exchange.watchdog import Heartbeat, write_heartbeat

from runtime.exchange.request_budget import RequestBudget
from schemas.deployment import ExchangeSettings
from schemas.units import NS_PER_S
from schemas.venues import VENUES, VenueId
from tests.kit.messages import instrument

TIMEOUT_S = 60
SOL = instrument(
    "SOL/USDT",
    venue="binanceusdm",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.01"),
    base_currency="SOL",
    time_ns=0,
)


class Venue:
    """Remembers when it was armed, and for how long; `fails`: it does not answer."""

    def __init__(self, venue: VenueId) -> None:
        self.venue = VENUES[venue]
        self.client = self
        self.armed: list[tuple[tuple[str, ...], int]] = []
        self.fails = False

    async def arm(self, symbols: tuple[str, ...], timeout_ms: int) -> None:
        if self.fails:
            raise ccxt.RequestTimeout("no answer")
        self.armed.append((symbols, timeout_ms))


class World:
    """A switch with a clock that the test moves."""

    def __init__(self, venue: VenueId = "okx", **settings: Any) -> None:
        self.now_s = 1_000.0
        self.venue = Venue(venue)
        self.broken: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        config = ExchangeSettings(
            id=venue, symbols=("BTC/USDT",), dead_mans_switch_ms=TIMEOUT_S * 1_000, **settings
        )
        registry = self.registry = OrderRegistry(
            VenueClientIds("mm", with_revision=False), lambda report: None, self.now_ns
        )
        rest_client = RestClient(
            config, cast(Dialect, self.venue), RequestBudget(VENUES[venue], 1.0), registry
        )
        self.switch = Switch(rest_client, self.now_ns, self.spawn, self.broken.append)

    def now_ns(self) -> int:
        return int(self.now_s * NS_PER_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def beat_at(self, seconds: float, *, is_ready: bool = True) -> None:
        self.now_s = 1_000.0 + seconds
        self.switch.beat(is_ready=is_ready)
        while self.tasks:
            await self.tasks.pop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_it_is_armed_for_its_time_and_held_back_four_times_within_it() -> None:
    async def test() -> None:
        world = World()
        assert world.switch.is_armed() is False
        await world.switch.arm()
        assert world.venue.armed == [(("BTC/USDT",), 60_000)]
        assert world.switch.is_armed() is True
        await world.beat_at(15)
        assert len(world.venue.armed) == 1
        await world.beat_at(15.01)
        assert len(world.venue.armed) == 2
        world.now_s = 1_000 + 75
        assert world.switch.is_armed() is True
        world.now_s = 1_000 + 75.02
        assert world.switch.is_armed() is False

    run(test)


def test_the_first_order_of_a_symbol_that_is_not_listed_arms_it_at_once() -> None:
    async def test() -> None:
        world = World("binanceusdm")
        await world.switch.arm()
        contract = contract_of(SOL)
        world.registry.add(TrackedOrder(contract, "mm-solusdt-1a2b3c-b0-200", "buy"))
        await world.beat_at(1)
        assert world.venue.armed[1:] == [(("BTC/USDT", "SOL/USDT"), 60_000)]
        await world.beat_at(2)
        assert len(world.venue.armed) == 2

    run(test)


def test_without_a_tick_of_the_router_nobody_holds_it_back() -> None:
    async def test() -> None:
        world = World()
        await world.switch.arm()
        world.now_s += TIMEOUT_S + 1
        await asyncio.sleep(0)
        assert world.switch.is_armed() is False
        assert len(world.venue.armed) == 1

    run(test)


def test_a_router_that_is_not_ready_does_not_hold_it_back() -> None:
    async def test() -> None:
        world = World()
        await world.switch.arm()
        await world.beat_at(30, is_ready=False)
        assert len(world.venue.armed) == 1

    run(test)


def test_a_venue_that_cannot_be_asked_breaks_the_session_once_it_would_have_fired() -> None:
    async def test() -> None:
        world = World()
        await world.switch.arm()
        world.venue.fails = True
        await world.beat_at(20)
        assert world.broken == []
        await world.beat_at(61)
        assert len(world.broken) == 1
        with pytest.raises(RequestFailedError):
            await world.switch.arm()

    run(test)


def test_where_the_venue_has_none_the_watchdog_stands_in_for_it(tmp_path: Path) -> None:
    async def test() -> None:
        file = tmp_path / "heartbeat"
        world = World("binance", heartbeat_file=str(file))
        with pytest.raises(RequestFailedError, match="maker watchdog"):
            await world.switch.arm()
        await world.beat_at(1)
        assert file.exists()
        assert World("binance").switch.is_armed() is None

    run(test)


def test_a_beat_is_a_new_time_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    write_heartbeat(file)
    first = file.stat().st_mtime_ns
    write_heartbeat(file)
    assert file.stat().st_mtime_ns >= first


@pytest.mark.parametrize("step_s", [-3_600.0, 3_600.0])
def test_a_clock_that_is_set_makes_no_silence_and_hides_none(
    step_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's clock is set; what runs on shows it, and what has died does not live for an hour more."""
    file, running_s, wall_s = tmp_path / "heartbeat", 50.0, 1_700_000_000.0
    monkeypatch.setattr(time, "monotonic", lambda: running_s)
    monkeypatch.setattr(time, "time", lambda: wall_s)

    def sign() -> None:
        write_heartbeat(file)
        os.utime(file, (wall_s, wall_s))

    heartbeat = Heartbeat(file)
    assert heartbeat.silence_s() is None
    sign()
    assert heartbeat.silence_s() == 0
    running_s, wall_s = running_s + 1, wall_s + 1 + step_s
    assert heartbeat.silence_s() == 1
    sign()
    assert heartbeat.silence_s() == 0
    running_s, wall_s = running_s + 5, wall_s + 5 - step_s
    assert heartbeat.silence_s() == 5
    file.unlink()
    assert heartbeat.silence_s() == 5


def test_a_sign_from_before_the_first_look_is_as_old_as_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    write_heartbeat(file)
    os.utime(file, (time.time() - 60, time.time() - 60))
    assert Heartbeat(file).silence_s() == pytest.approx(60, abs=5)
