"""What every store of sessions promises: in memory, in a file, in Redis."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ConfigError
from runtime.store import redis_timed
from runtime.store.redis_timed import RedisTimedStore
from runtime.store.timed import FileTimedStore, MemoryTimedStore, TimedStore
from schemas.deployment import Redis
from tests.kit.fakes import ManualClock
from tests.servers.local import PATIENCE_S
from tests.servers.redis import RedisServer

START_S = 4_000_000_000.0
"""Far enough that no real clock, which Redis has, is there yet."""
Open = Callable[[], TimedStore]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_S)


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=pytest.mark.redis)])
def store_of(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Open:
    """Opens one more store of the same values; of memory there is one."""
    if request.param == "memory":
        store = MemoryTimedStore(clock)
        return lambda: store
    if request.param == "file":
        return lambda: FileTimedStore(tmp_path / "folder" / "sessions", clock)
    config: Redis = request.getfixturevalue("redis")
    return lambda: RedisTimedStore(config, clock)


def run(store_of: Open, body: Callable[[TimedStore, TimedStore], Any]) -> None:
    async def both() -> None:
        one, another = store_of(), store_of()
        try:
            await body(one, another)
        finally:
            await one.close()
            await another.close()

    asyncio.run(both())


def test_a_value_is_there_for_all_until_its_time(store_of: Open, clock: ManualClock) -> None:
    async def body(one: TimedStore, another: TimedStore) -> None:
        await one.put("sessions:ann", "s1", "a", START_S + 10)
        await one.put("sessions:ann", "s2", "b", START_S + 20)
        await one.put("sessions:bob", "s3", "c", START_S + 20)
        assert await another.get("sessions:ann", "s1") == "a"
        assert await another.get("sessions:ann", "s3") is None
        assert await another.items("sessions:ann") == {"s1": "a", "s2": "b"}
        clock.now_s += 10
        assert await another.get("sessions:ann", "s1") is None
        assert await another.items("sessions:ann") == {"s2": "b"}

    run(store_of, body)


def test_a_newer_value_stands_over_the_one_before(store_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_timed, "_FRESH_S", 0.0)

    async def body(one: TimedStore, another: TimedStore) -> None:
        await one.put("p", "n", "live", START_S + 10)
        assert await another.get("p", "n") == "live"
        await another.put("p", "n", "ended", START_S + 10)
        assert await one.get("p", "n") == "ended"

    run(store_of, body)


def test_one_of_many_is_the_first(store_of: Open, clock: ManualClock) -> None:
    async def body(one: TimedStore, another: TimedStore) -> None:
        stores = [one, another] * 5
        firsts = await asyncio.gather(*(each.add("codes", "42", "", START_S + 10) for each in stores))
        assert sorted(firsts) == [False] * 9 + [True]
        clock.now_s += 5
        assert not await another.add("codes", "42", "", START_S + 10)

    run(store_of, body)


def test_what_is_in_a_file_outlives_the_process(tmp_path: Path) -> None:
    async def test() -> None:
        path = tmp_path / "sessions"
        one = FileTimedStore(path)
        await one.put("p", "n", "ended", START_S)
        await one.close()
        another = FileTimedStore(path)
        assert await another.get("p", "n") == "ended"
        for file in tmp_path.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file
        await another.close()

    asyncio.run(test())


def test_a_file_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"name another place in access\.sessions_file"):
        FileTimedStore(tmp_path / "file" / "sessions")
    (tmp_path / "text").write_text("not a database, and long enough to be taken for one" * 100)
    with pytest.raises(ConfigError, match=r"access\.sessions_file"):
        FileTimedStore(tmp_path / "text")


def test_memory_forgets_what_is_over(clock: ManualClock) -> None:
    async def test() -> None:
        store = MemoryTimedStore(clock)
        for number in range(5_000):
            await store.put("p", str(number), "", clock.now_s + 1)
            clock.now_s += 0.01
        assert len(store._values) <= 1_001

    asyncio.run(test())


@pytest.mark.redis
def test_without_redis_a_gateway_goes_on_and_tells_it_later(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_timed, "_RETRY_S", 0.0)

    async def test() -> None:
        config = Redis(url=own_redis.url)
        store, other = RedisTimedStore(config), RedisTimedStore(config)
        await store.put("sessions:ann", "s1", "live", START_S)
        own_redis.process.kill()
        assert await store.get("sessions:ann", "s1") == "live"
        await store.put("sessions:ann", "s2", "live", START_S)
        assert await store.get("sessions:ann", "s2") == "live"
        assert await store.items("sessions:ann") == {"s2": "live"}
        assert await store.add("codes", "1", "", START_S)
        assert not await store.add("codes", "1", "", START_S)
        own_redis.start()
        await store.put("sessions:ann", "s3", "live", START_S)
        assert set(await other.items("sessions:ann")) >= {"s2", "s3"}
        assert not await other.add("codes", "1", "", START_S)
        with suppress(OSError):
            await store.close()
            await other.close()

    asyncio.run(test())


@pytest.mark.redis
def test_nobody_waits_again_and_again_for_a_redis_that_stands_still(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_timed, "_FRESH_S", 0.0)

    async def test() -> None:
        store = RedisTimedStore(Redis(url=own_redis.url))
        await store.put("sessions:ann", "s1", "live", START_S)
        own_redis.process.pause()
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await asyncio.gather(*(store.get("sessions:ann", "s1") for _ in range(100)))
        finally:
            own_redis.process.resume()
        assert found == ["live"] * 100
        await store.close()

    asyncio.run(test())
