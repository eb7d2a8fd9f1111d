"""Connections to streams against a server of this test: breaks, refusals, and a second one before the end."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web
from monitor_service.feeds.live import lines
from monitor_service.feeds.live.lines import Lines

from runtime import backoff
from tests.servers.local import PATIENCE_S

STREAMS = tuple(f"s{number}@trade" for number in range(150))  # two messages


class Reader:
    """Frames are numbers that follow one another; those of a successor count when they overlap."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.lost: list[str] = []
        self.refusals: list[int] = []
        self.rejoined = 0
        self.news = asyncio.Condition()

    def receive(self, frame: str | bytes) -> None:
        number = json.loads(frame)
        if not self.taken or number > self.taken[-1]:
            self.taken.append(number)

    def first_ids(self, frame: str) -> Mapping[str, int]:
        return {"S": json.loads(frame)}

    def overlaps(self, first_ids: Mapping[str, int]) -> bool:
        return all(first <= self.taken[-1] + 1 for first in first_ids.values()) and bool(first_ids)

    def rejoin(self) -> None:
        self.rejoined += 1

    def lose(self, reason: str) -> None:
        self.lost.append(reason)

    def observe_refusal(self, status: int, headers: Mapping[str, str]) -> float:
        self.refusals.append(status)
        return 0.0


class Venue:
    """Sends the same numbers to every connection that has subscribed to all."""

    def __init__(self) -> None:
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.refuse_next = 0
        self.number = 0
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if self.refuse_next:
            self.refuse_next -= 1
            return web.Response(status=429, headers={"Retry-After": "1"})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        subscribed = 0
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                asked = json.loads(message.data)
                subscribed += len(asked["params"])
                await socket.send_json({"result": None, "id": asked["id"]})
                if subscribed == len(STREAMS):
                    self.sockets.append(socket)
        if socket in self.sockets:
            self.sockets.remove(socket)
        return socket

    async def tick(self) -> None:
        self.number += 1
        for socket in tuple(self.sockets):
            if not socket.closed:
                await socket.send_str(str(self.number))
        await asyncio.sleep(0.005)


@asynccontextmanager
async def followed(venue: Venue, reader: Reader) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/stream", venue.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    following = asyncio.create_task(Lines(f"ws://127.0.0.1:{port}/stream", STREAMS, reader).run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await runner.cleanup()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MESSAGE_INTERVAL_S", 0.0)
    monkeypatch.setattr(lines, "BACKOFF_S", (0.01, 0.02))


def test_a_server_that_shuts_down_is_left_without_a_gap() -> None:
    async def run() -> None:
        venue, reader = Venue(), Reader()
        async with followed(venue, reader):
            while len(reader.taken) < 20:
                await venue.tick()
            first = venue.sockets[0]
            await first.send_json({"e": "serverShutdown", "E": 1_770_123_456_789})
            while not first.closed:
                await venue.tick()
            until = venue.number + 20
            while reader.taken[-1] < until:
                await venue.tick()
        assert reader.taken == list(range(reader.taken[0], reader.taken[-1] + 1))
        assert reader.lost == []
        assert reader.rejoined == 1
        assert venue.connections == 2

    asyncio.run(run())


def test_a_connection_is_replaced_before_its_day_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "AGE_S_MAX", 600.0)  # less up to 600 s, so that not all are replaced at once
    monkeypatch.setattr(random, "uniform", lambda low, high: high)

    async def run() -> None:
        venue, reader = Venue(), Reader()
        async with followed(venue, reader):
            while reader.rejoined == 0:
                await venue.tick()
        assert reader.taken == list(range(reader.taken[0], reader.taken[-1] + 1))
        assert reader.lost == []

    asyncio.run(run())


def test_however_often_it_broke_a_connection_that_held_is_made_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "BACKOFF_S", (0.01, 3_600.0))
    monkeypatch.setattr(backoff, "STABLE_S", 0.01)

    async def run() -> None:
        venue, reader = Venue(), Reader()
        async with followed(venue, reader):
            for breaks in range(1, 7):
                until = venue.number + 10
                while not reader.taken or reader.taken[-1] < until:
                    await venue.tick()
                await venue.sockets[0].close()
                while len(reader.lost) < breaks:
                    await venue.tick()
        assert reader.lost == ["the market stream broke"] * 6

    asyncio.run(run())


def test_a_refused_connection_is_told_and_tried_again() -> None:
    async def run() -> None:
        venue, reader = Venue(), Reader()
        venue.refuse_next = 2
        async with followed(venue, reader):
            while not reader.taken:
                await venue.tick()
        assert reader.refusals == [429, 429]
        assert venue.connections == 3

    asyncio.run(run())


def test_a_successor_that_is_refused_leaves_the_connection_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "SUCCESSOR_INTERVAL_S", 0.3)

    async def run() -> None:
        venue, reader = Venue(), Reader()
        async with followed(venue, reader):
            while len(reader.taken) < 5:
                await venue.tick()
            venue.refuse_next = 1
            await venue.sockets[0].send_json({"e": "serverShutdown", "E": 1})
            while reader.rejoined == 0:
                await venue.tick()
        assert venue.connections == 3
        assert reader.lost == []
        assert reader.taken == list(range(reader.taken[0], reader.taken[-1] + 1))

    asyncio.run(run())
