"""What the state store survives in Redis: lost answers, a Redis that hangs, dies or is emptied, a replaced writer."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from redis.asyncio import Redis as Client
from servers.local import free_port
from servers.proxy import FaultProxy
from servers.redis import RedisServer, all_of, eventually, mirror_of, redis_stores, writer_of

from chassis.errors import ConfigError, FencedError
from chassis.redis_store import RedisMirror, RedisWriter
from schemas.config import Redis

pytestmark = pytest.mark.redis
REBUILT_WITHIN_S = 2


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


async def flush_all(config: Redis) -> None:
    """As an operator's mistake would."""
    async with Client.from_url(config.url) as client:
        await client.flushall()


def test_a_mirror_is_not_written(redis: Redis) -> None:
    with pytest.raises(TypeError, match="one writer"):
        RedisMirror(redis).put({"a": b"1"})


def test_nothing_is_written_before_an_epoch_is_claimed(redis: Redis) -> None:
    async def test() -> None:
        epoch = 0
        writer, mirror = RedisWriter(redis, lambda: epoch), RedisMirror(redis)
        writer.start()
        mirror.start()
        writer.put({"a": b"1"})
        for _ in range(3):
            mirror.refreshed.clear()
            await mirror.refreshed.wait()
        assert mirror.get("a") is None
        assert mirror.status().state == "stale"
        epoch = 7
        await eventually(lambda: mirror.get("a") == b"1", "it is written after")
        await writer.close()
        await mirror.close()

    run(test)


def test_a_replaced_writer_changes_nothing(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    async def test() -> None:
        async with redis_stores(redis, epoch=5) as (old, mirror):
            old.put({"a": b"old", "gone": b"1"})
            await eventually(lambda: mirror.get("gone") == b"1", "the old writer's arrive")
            async with redis_stores(redis, epoch=6) as (new, other):
                new.put({"a": b"new"})
                await eventually(lambda: mirror.get("a") == b"new", "the new writer's arrive")
                assert mirror.get("gone") is None
                old.put({"a": b"old again"})
                await eventually(lambda: "newer epoch" in capsys.readouterr().out, "it is said")
                new.put({"b": b"1"})
                await eventually(lambda: mirror.get("b") == b"1", "the new writer goes on")
                await eventually(lambda: all_of(other) == {"a": b"new", "b": b"1"}, "for every mirror")
                assert all_of(mirror) == all_of(other)

    run(test)


def test_after_a_flush_everything_is_there_again(redis: Redis) -> None:
    async def test() -> None:
        async with redis_stores(redis) as (writer, mirror):
            for number in range(200):
                writer.put({f"symbol/{number % 40}": b"%d" % number})
                if number == 100:
                    client = Client.from_url(redis.url)
                    await client.flushall()
                    await client.aclose()
                await asyncio.sleep(0.001)
            async with mirror_of(redis) as fresh:
                await eventually(lambda: all_of(fresh) == all_of(writer), "a fresh mirror sees all")
            await eventually(lambda: all_of(mirror) == all_of(writer), "the old one too")

    run(test)


def test_a_lost_answer_doubles_nothing(own_redis: RedisServer) -> None:
    async def test() -> None:
        port = free_port()
        proxy = FaultProxy(own_redis.port, port)
        proxy.start()
        away = Redis(url=f"redis://127.0.0.1:{port}/0")
        near = away.model_copy(update={"url": own_redis.url})
        writer, mirror = RedisWriter(away, lambda: 1), RedisMirror(near)
        writer.start()
        mirror.start()
        for number in range(5):
            proxy.replies_to_drop = 1
            writer.put({"a": b"%d" % number, f"b{number}": b"1"})
            await eventually(lambda number=number: mirror.get("a") == b"%d" % number, "it is written")  # type: ignore[misc]
        await eventually(lambda: all_of(mirror) == all_of(writer), "both are equal")
        await writer.close()
        await mirror.close()
        proxy.stop()

    run(test)


def test_a_redis_that_stands_still_stops_nobody(own_redis: RedisServer) -> None:
    async def test() -> None:
        config = Redis(url=own_redis.url, timeout_ms=100, view_age_ms_max=500)
        async with redis_stores(config) as (writer, mirror):
            writer.put({"a": b"1"})
            await eventually(lambda: mirror.get("a") == b"1", "it arrives")
            own_redis.process.pause()
            await eventually(lambda: mirror.status().state == "away", "it is noticed")
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            for number in range(1000):
                writer.put({"a": b"%d" % number})
            assert loop.time() - began_s < 1
            assert mirror.get("a") == b"1"
            assert mirror.status().is_partial
            own_redis.process.resume()
            await eventually(lambda: mirror.get("a") == b"999", "the newest arrives")
            await eventually(lambda: mirror.status().state == "live", "it is live again")

    run(test)


def test_a_redis_that_died_comes_back_empty_and_is_filled(own_redis: RedisServer) -> None:
    async def test() -> None:
        config = Redis(url=own_redis.url, timeout_ms=200)
        async with redis_stores(config) as (writer, mirror):
            writer.put({"a": b"1", "b": b"1"})
            await eventually(lambda: mirror.get("b") == b"1", "it arrives")
            own_redis.process.kill()
            await eventually(lambda: mirror.status().state == "away", "it is noticed")
            writer.put({"b": b"2"})
            await asyncio.to_thread(own_redis.start)
            async with mirror_of(config) as fresh:
                await eventually(lambda: all_of(fresh) == {"a": b"1", "b": b"2"}, "all of it is there")
            await eventually(lambda: mirror.get("b") == b"2", "the old mirror follows")

    run(test)


def test_a_silent_writer_makes_a_view_stale(redis: Redis) -> None:
    async def test() -> None:
        config = redis.model_copy(update={"view_age_ms_max": 200})
        writer, mirror = RedisWriter(config, lambda: 1), RedisMirror(config)
        writer.start()
        mirror.start()
        writer.put({"a": b"1"})
        await eventually(lambda: mirror.get("a") == b"1", "it arrives")
        await writer.close()
        await eventually(lambda: mirror.status().state == "stale", "silence is noticed")
        assert (mirror.status().age_ms or 0) > 200
        assert mirror.get("a") == b"1"
        await mirror.close()

    run(test)
