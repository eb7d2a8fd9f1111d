"""What every state store promises, whether it is memory or Redis with a writer and a mirror."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest

from runtime.store.documents import MemoryStore, PulledStore, StateStore
from tests.servers.redis import all_of, eventually, redis_stores

KINDS: dict[str, type[StateStore]] = {"memory": MemoryStore, "pulled": PulledStore}
Stores = Callable[[], AbstractAsyncContextManager[tuple[StateStore, StateStore]]]


@asynccontextmanager
async def memory_stores(kind: type[StateStore]) -> AsyncIterator[tuple[StateStore, StateStore]]:
    store = kind()
    yield store, store


@pytest.fixture(params=["memory", "pulled", pytest.param("redis", marks=pytest.mark.redis)])
def stores(request: pytest.FixtureRequest) -> Stores:
    """Opens a store: the end that is written, and the end that is read."""
    if request.param in KINDS:
        return partial(memory_stores, KINDS[request.param])
    config = request.getfixturevalue("redis")
    return lambda: redis_stores(config)


def test_the_newest_of_each_is_read(stores: Stores) -> None:
    async def test() -> None:
        async with stores() as (writer, reader):
            assert reader.get("a") is None
            assert reader.names("") == ()
            writer.put({"a": b"1", "symbol/x": b"{}"})
            assert writer.get("a") == b"1"
            await eventually(lambda: reader.get("a") == b"1", "the document arrives")
            writer.put({"a": b"2"})
            await eventually(lambda: reader.get("a") == b"2", "the newer one arrives")
            assert reader.get("symbol/x") == b"{}"

    asyncio.run(test())


def test_names_are_sorted_and_found_by_their_beginning(stores: Stores) -> None:
    async def test() -> None:
        async with stores() as (writer, reader):
            writer.put({"symbol/x": b"1", "symbol/b": b"", "account": b"1"})
            await eventually(lambda: reader.get("account") is not None, "the documents arrive")
            assert reader.names("symbol/") == ("symbol/b", "symbol/x")
            assert reader.names("symbols") == ()
            assert reader.get("symbol/b") == b""

    asyncio.run(test())


def test_documents_that_are_put_together_are_seen_together(stores: Stores) -> None:
    async def test() -> None:
        async with stores() as (writer, reader):
            names = [f"symbol/{number}" for number in range(50)]
            for round_ in range(60):
                writer.put(dict.fromkeys(names, b"%d" % round_))
                await asyncio.sleep(0.005)
                assert len(set(all_of(reader).values())) <= 1
            await eventually(lambda: set(all_of(reader).values()) == {b"59"}, "the newest arrive")

    asyncio.run(test())


def test_any_name_and_any_bytes_are_kept(stores: Stores) -> None:
    async def test() -> None:
        async with stores() as (writer, reader):
            odd = {"symbol:\u00e9": b"\xff\x00", "symbol:" + chr(0): b"", "symbol:{x}*?": b"\r\n$-1\r\n"}
            writer.put(odd)
            await eventually(lambda: all_of(reader) == odd, "all of them arrive")

    asyncio.run(test())


def test_it_is_live_while_its_writer_is_there(stores: Stores) -> None:
    async def test() -> None:
        async with stores() as (writer, reader):
            writer.put({"a": b"1"})
            await eventually(lambda: reader.get("a") == b"1", "the document arrives")
            assert reader.status().state == "live"
            assert not reader.status().is_partial
            assert reader.status().age_ms is not None

    asyncio.run(test())
