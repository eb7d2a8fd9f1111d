"""Who gets a stream and how many there are: places, for risk too, a bounded part of the loop, an end."""

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise

import httpx
import pytest
import uvicorn
from gateway_api.access.identity import Identity
from gateway_api.access.roles import Role
from gateway_api.app import stream
from gateway_api.app.overview import Overview
from gateway_api.app.problems import ProblemError
from gateway_api.app.service import make_app
from gateway_api.app.stream import Streams

from schemas.config import Config
from tests.servers.local import PATIENCE_S
from tests.unit.gateway_api.conftest import Client, Engine
from tests.unit.gateway_api.streaming import (
    EVERYTHING,
    KEY,
    LOCAL,
    close,
    message_of,
    run,
    streams_of,
    welcome_for_ever,
)

pytestmark = pytest.mark.usefixtures("quick")


def person(name: str, *roles: Role) -> Identity:
    return Identity(name, roles, ("*",), "password", f"s {name}", 2e9)


async def opened(streams: Streams, identity: Identity, count: int) -> list[AsyncIterator[bytes]]:
    """Streams of somebody, as many as there are places."""
    found = []
    for _ in range(count):
        try:
            events = streams.overview(identity)
        except ProblemError:
            break
        await anext(events)
        found.append(events)
    return found


def test_nobody_takes_all_streams_and_some_are_kept_for_those_who_end_halts(trading: Engine) -> None:
    async def fill() -> tuple[tuple[list[int], int, int], int]:
        streams = streams_of(trading)
        taken = [await opened(streams, person(f"viewer{number}", "viewer"), 40) for number in range(5)]
        risk = await opened(streams, person("bob", "risk"), 40)
        more = await opened(streams, person("eve", "viewer"), 1)
        counts = [len(each) for each in taken], len(risk), len(more)
        for events in [*risk, *(each for some in taken for each in some)]:
            await close(events)
        return counts, streams.open_streams

    assert run(fill()) == (([8, 8, 8, 0, 0], 8, 0), 0)


def test_whoever_is_alone_may_have_all_streams(trading: Engine) -> None:
    async def fill() -> int:
        streams = Streams(trading.context(), welcome_for_ever, is_alone=True)
        return len(await opened(streams, LOCAL, 40))

    assert run(fill()) == stream.STREAMS_MAX


def test_many_who_ask_at_once_get_no_more_places_than_there_are(trading: Engine) -> None:
    async def fill() -> int:
        streams = streams_of(trading)
        asked = [streams.overview(person("ann", "viewer")) for _ in range(20)]
        for events in asked:
            await anext(events, None)
        return streams.open_streams

    assert run(fill()) == stream.STREAMS_PER_PERSON_MAX


def test_streams_are_bounded_and_a_closed_one_gives_its_place_back(
    trading: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STREAMS_MAX", 1)

    async def fill_and_free() -> int:
        streams = streams_of(trading)
        events = streams.overview(LOCAL)
        await anext(events)
        with pytest.raises(ProblemError) as refused:
            streams.detail(LOCAL, KEY)
        await close(events)
        await anext(streams.overview(LOCAL))
        return refused.value.status

    assert run(fill_and_free()) == 503


def test_streams_take_a_bounded_part_of_the_loop_that_trades(
    trading: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh that took 50 ms of the loop is not done again before 250 ms are over."""
    monkeypatch.setattr(stream, "INTERVAL_S", 0.2)
    monkeypatch.setattr(stream, "_INTERVAL_MAX_S", 2.0)
    now_s = [100.0]
    monkeypatch.setattr(stream, "monotonic", lambda: now_s[0])
    refreshed_at = []

    async def refresh(overview: Overview) -> float:
        refreshed_at.append(now_s[0])
        now_s[0] += 0.05
        return 0.05

    monkeypatch.setattr(Overview, "refresh", refresh)

    async def ask_often() -> None:
        streams = streams_of(trading)
        shared = stream._Shared(Overview(trading.store, Config(), EVERYTHING))
        for _ in range(1000):
            await streams._refresh(shared)
            now_s[0] += 0.01

    run(ask_often())
    gaps = [later - earlier for earlier, later in pairwise(refreshed_at)][10:]
    assert gaps
    assert min(gaps) >= 0.22
    assert max(gaps) <= 0.3


@pytest.fixture
def server(trading: Engine) -> Iterator[tuple[httpx.Client, threading.Event]]:
    """The application behind a real server; `closing` ends its streams."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()
    application = make_app(replace(trading.context(), is_closing=closing.is_set))
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = httpx.Client(base_url=base)
    client.post("/api/v1/session", json={"code": trading.codes[-1]}).raise_for_status()
    yield client, closing
    client.close()
    closing.set()
    server.should_exit = True
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    listener.close()


@pytest.mark.parametrize(("path", "holds"), [("", "symbols"), ("/BTC%2FUSDT", "detail")])
def test_a_real_server_streams_and_ends_with_the_engine(
    server: tuple[httpx.Client, threading.Event], path: str, holds: str
) -> None:
    client, closing = server
    with client.stream("GET", "/api/v1/stream" + path, timeout=PATIENCE_S) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(3)]
        assert first[1] == "event: snapshot"
        assert holds in json.loads(first[2].removeprefix("data: "))
        closing.set()
        for line in lines:  # ends, though the server goes on
            assert line != "event: snapshot"


def test_a_stream_of_an_unknown_symbol_is_a_problem(trading: Engine, client_of: type[Client]) -> None:
    answer = client_of(trading).get("/api/v1/stream/NO/ONE")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_symbol")


def test_whoever_is_turned_out_is_told_nothing_more(trading: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_RIGHTS_S", 0.0)
    welcome = [True]

    async def turned_out() -> list[bytes]:
        async def is_welcome(_: Identity) -> bool:
            return welcome[0]

        events = Streams(trading.context(), is_welcome).overview(LOCAL)
        await message_of(events)
        welcome[0] = False
        return [message async for message in events]

    assert run(turned_out()) == []
