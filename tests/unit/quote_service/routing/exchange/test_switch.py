"""The dead-man's switch: armed before the first quote, held back by the router's own ticks alone."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import ccxt
import pytest
from quote_service.routing.venues.exchange.budget import RequestBudget
from quote_service.routing.venues.exchange.ids import WireIds
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.register import Register
from quote_service.routing.venues.exchange.sender import Desk
from quote_service.routing.venues.exchange.switch import Switch
from quote_service.routing.venues.exchange.watchdog import beat

from schemas.deployment import Exchange
from schemas.units import NS_PER_S
from schemas.venues import VENUES, VenueId

TIMEOUT_S = 60


class Venue:
    """Remembers when it was armed, and for how long; `fails`: it does not answer."""

    def __init__(self, venue: VenueId) -> None:
        self.venue = VENUES[venue]
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
        config = Exchange(id=venue, symbols=("BTC/USDT",), dead_mans_switch_ms=TIMEOUT_S * 1_000, **settings)
        register = Register(WireIds("mm", with_revision=False), lambda report: None, self.now_ns)
        desk = Desk(config, self.venue, RequestBudget(VENUES[venue], 1.0), register)  # type: ignore[arg-type]
        self.switch = Switch(desk, self.now_ns, self.spawn, self.broken.append)

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
    beat(file)
    first = file.stat().st_mtime_ns
    beat(file)
    assert file.stat().st_mtime_ns >= first
