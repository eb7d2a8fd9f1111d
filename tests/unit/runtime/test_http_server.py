"""The HTTP server against those who are rude: over real sockets, byte by byte."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from runtime.http.protocol import STANDING, HttpLimits
from runtime.http.server import HttpServer, _within_descriptors
from tests.servers.local import PATIENCE_S

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
KNOWN = b"GET /known HTTP/1.1\r\nhost: x\r\n\r\n"
LONG = 1_000_000


class Application:
    """Answers with the length of the body and the peer's address; `/open` goes on until it is told."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.release = asyncio.Event()
        self.gone = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != "/stranger":
            scope["state"][STANDING] = 1
        taken, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            taken += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] in ("/open", "/stranger"):
            self.begun.set()
            await self.release.wait()
        body = b"x" * LONG * 20 if scope["path"] == "/large" else f"{taken} {scope['client'][0]}".encode()
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[tuple[HttpServer, Application]]:
    application = Application()
    server = HttpServer(application, 0, port_is_chosen=True, limits=HttpLimits(**limits))
    server.start()
    try:
        yield server, application
    finally:
        application.release.set()
        for writer in OPEN:
            writer.close()
            writer.transport.abort()
        await server.stop()
        OPEN.clear()


OPEN: list[asyncio.StreamWriter] = []
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(server: HttpServer) -> Stream:
    stream = await asyncio.open_connection("127.0.0.1", int(server.url.rstrip("/").rpartition(":")[2]))
    OPEN.append(stream[1])
    return stream


def held_by(server: HttpServer) -> int:
    """How many connections the server keeps."""
    return len(server._server.server_state.connections)


async def say(server: HttpServer, data: bytes) -> bytes:
    """All that comes back until the server ends the connection."""
    reader, writer = await connect(server)
    writer.write(data)
    async with asyncio.timeout(PATIENCE_S):
        return await reader.read()


async def ask(stream: Stream, data: bytes) -> bytes:
    """The head of one answer on a connection that stays."""
    reader, writer = stream
    writer.write(data)
    async with asyncio.timeout(PATIENCE_S):
        return await reader.readuntil(b"\r\n\r\n")


def chunked(*headers: bytes) -> bytes:
    return b"\r\n".join([b"POST / HTTP/1.1", b"host: x", *headers, b"", b"0", b"", b"GET /smuggled"])


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (chunked(b"content-length: 5", b"transfer-encoding: chunked"), 400),
        (chunked(b"transfer-encoding: chunked", b"Content-Length: 5"), 400),
        (chunked(b"content-length : 5", b"transfer-encoding: chunked"), 400),
        (chunked(b"transfer-encoding: chunked", b"transfer-encoding: identity"), 400),
        (chunked(b"transfer-encoding: xchunked"), 400),
        (chunked(b"content-length: 5", b"content-length: 6"), 400),
        (chunked(b"content-length: +5"), 400),
        (b"GET / HTTP/1.1\nhost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\nx-a: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\rc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n\tc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 17_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x-a: b\r\n" * 3_000, 431),
    ],
    ids=range(18),
)
def test_what_two_servers_could_read_differently_is_refused(request_bytes: bytes, status: int) -> None:
    async def run() -> bytes:
        async with serving() as (server, _):
            return await say(server, request_bytes)

    head, _, body = asyncio.run(run()).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert json.loads(body)["status"] == status  # one answer, and nothing behind it
    assert b"application/problem+json" in head


def test_an_ordinary_request_is_answered_and_the_connection_stays() -> None:
    async def run() -> tuple[bytes, bytes, bytes]:
        async with serving() as (server, _):
            stream = await connect(server)
            first = await ask(stream, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc")
            body = await stream[0].readuntil(b"127.0.0.1\r\n0\r\n\r\n")
            large = b"GET / HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 15_000 + b"\r\n\r\n"
            second = await ask(stream, large)
            return first, body, second

    first, body, second = asyncio.run(run())
    assert first.startswith(b"HTTP/1.1 200")
    assert second.startswith(b"HTTP/1.1 200")
    assert b"3 127.0.0.1" in body


@pytest.mark.parametrize("begin", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\nx-a: b\r\n"])
def test_a_header_that_does_not_end_is_not_waited_for(begin: bytes) -> None:
    async def run() -> bytes:
        async with serving(header_s_max=0.2) as (server, _):
            return await say(server, begin)

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_a_byte_now_and_then_buys_no_time() -> None:
    async def run() -> bytes:
        async with serving(header_s_max=0.3) as (server, _):
            stream = await connect(server)
            await ask(stream, GET)
            await stream[0].readuntil(b"0\r\n\r\n")

            async def drip() -> None:
                while True:
                    stream[1].write(b"x")
                    await asyncio.sleep(0.02)

            dripping = asyncio.create_task(drip())
            async with asyncio.timeout(PATIENCE_S):
                answer = await stream[0].read()
            dripping.cancel()
            return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_on_sending_can_read_why_it_was_rejected() -> None:
    """Closed at once, the connection would be reset, and a reset discards what was not read yet."""

    async def run() -> bytes:
        async with serving() as (server, _):
            stream = await connect(server)
            for _ in range(20):  # the server rejects the header long before its end
                stream[1].write(b"GET / HTTP/1.1\r\nx-a: " + b"a" * 4_096)
                await asyncio.sleep(0.01)
            async with asyncio.timeout(PATIENCE_S):
                return await stream[0].read()

    assert asyncio.run(run()).startswith(b"HTTP/1.1 431 ")


def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    async def run() -> bytes:
        async with serving(body_s_max=0.2) as (server, application):
            begin = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"
            answer = await say(server, begin)
            async with asyncio.timeout(PATIENCE_S):
                await application.gone.wait()
            return answer

    assert asyncio.run(run()).startswith(b"HTTP/1.1 408 ")


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async def run() -> None:
        async with serving(unread_s_max=0.2) as (server, _):
            _, writer = await connect(server)
            writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
            async with asyncio.timeout(PATIENCE_S):
                while not held_by(server):
                    await asyncio.sleep(0)
                while held_by(server):
                    await asyncio.sleep(0.01)

    asyncio.run(run())


@pytest.mark.parametrize(
    "limits",
    [{"connections_max": 8}, {"connections_max": 100, "connections_per_address_max": 8}],
    ids=["in total", "of an address"],
)
def test_the_silent_give_way_to_whoever_comes(limits: dict[str, int]) -> None:
    async def run() -> tuple[bytes, int, bytes]:
        async with serving(**limits) as (server, application):
            known = await connect(server)
            await ask(known, b"GET /open HTTP/1.1\r\nhost: x\r\n\r\n")
            silent = [await connect(server) for _ in range(20)]
            for _, writer in silent:
                writer.write(b"GET / HT")
            answer = await ask(await connect(server), GET)
            held = held_by(server)
            application.release.set()
            async with asyncio.timeout(PATIENCE_S):
                rest = await known[0].readuntil(b"0\r\n\r\n")
            return answer, held, rest

    answer, held, rest = asyncio.run(run())
    assert answer.startswith(b"HTTP/1.1 200")
    assert held <= 8
    assert b"127.0.0.1" in rest  # whoever is signed in kept their place


def test_where_all_are_at_work_for_people_who_are_known_a_newcomer_hears_it() -> None:
    async def run() -> bytes:
        async with serving(connections_max=2) as (server, _):
            for _ in range(2):
                await ask(await connect(server), b"GET /open HTTP/1.1\r\nhost: x\r\n\r\n")
            return await say(server, b"")

    assert asyncio.run(run()).startswith(b"HTTP/1.1 503 ")


def test_a_stranger_at_work_gives_way_too() -> None:
    async def run() -> bytes:
        async with serving(connections_max=2) as (server, _):
            strangers = [await connect(server) for _ in range(2)]
            for stream in strangers:
                await ask(stream, b"GET /stranger HTTP/1.1\r\nhost: x\r\n\r\n")
            return await ask(await connect(server), GET)

    assert asyncio.run(run()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("proxies", "address"), [((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.7")])
def test_a_forwarded_address_is_believed_from_a_proxy_alone(proxies: tuple[str, ...], address: str) -> None:
    async def run() -> bytes:
        async with serving(proxies=proxies) as (server, _):
            forged = b"GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.7\r\nconnection: close\r\n\r\n"
            return await say(server, forged)

    assert address.encode() in asyncio.run(run())


def test_a_proxy_has_no_share_of_its_own() -> None:
    async def run() -> int:
        async with serving(proxies=("127.0.0.1/32",), connections_per_address_max=2) as (server, _):
            streams = [await connect(server) for _ in range(5)]
            for stream in streams:
                await ask(stream, GET)
            return held_by(server)

    assert asyncio.run(run()) == 5


def test_http_leaves_descriptors_for_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for allowed, room in ((1024, 256), (300, 75), (400, 144)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, allowed=allowed: (allowed, allowed))
        assert _within_descriptors(HttpLimits()).connections_max == room
