"""What the store in Redis survives: lost answers, a Redis that hangs, dies or is emptied, a new writer."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis as Client

from runtime.errors import ConfigError, FencedError
from runtime.store.redis_documents import RedisMirror, RedisWriter
from schemas.deployment import Redis
from tests.servers.local import PATIENCE_S, free_port
from tests.servers.proxy import FaultProxy
from tests.servers.redis import RedisServer, all_of, eventually, mirror_of, redis_stores, writer_of

pytestmark = pytest.mark.redis
REBUILT_WITHIN_S = 10


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


async def close_after(store: RedisWriter | RedisMirror, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await store.close()


async def flush_all(config: Redis) -> None:
    """As an operator's mistake would."""
    async with Client.from_url(config.url) as client:
        await client.flushall()


def test_a_mirror_is_not_written(redis: Redis) -> None:
    with pytest.raises(TypeError, match="one writer"):
        RedisMirror(redis).put({"a": b"1"})


def test_a_url_that_cannot_be_one_is_named() -> None:
    with pytest.raises(ConfigError, match=r"redis\.url"):
        RedisMirror(Redis(url="localhost:6379"))


def test_nothing_is_written_before_an_epoch_is_claimed(redis: Redis) -> None:
    async def test() -> None:
        epoch = 0
        writer = RedisWriter(redis, lambda: epoch)
        writer.start()
        async with mirror_of(redis) as mirror:
            writer.put({"a": b"1"})
            for _ in range(3):
                mirror.refreshed.clear()
                await mirror.refreshed.wait()
            assert mirror.get("a") is None
            assert mirror.status().state == "stale"
            epoch = 7
            await eventually(lambda: mirror.get("a") == b"1", "it is written after")
            await writer.close()

    run(test)


def test_a_replaced_writer_changes_nothing_and_ends(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    async def test() -> None:
        async with redis_stores(redis, epoch=5) as (old, mirror):
            old.put({"a": b"old", "gone": b"1"})
            await eventually(lambda: mirror.get("gone") == b"1", "the old writer's arrive")
            async with redis_stores(redis, epoch=6) as (new, other):
                new.put({"a": b"new"})
                await eventually(lambda: mirror.get("a") == b"new", "the new writer's arrive")
                assert mirror.get("gone") is None
                old.put({"a": b"old again"})
                await eventually(lambda: old.failure is not None, "the old one ends")
                assert isinstance(old.failure, FencedError)
                assert "epoch 5" in capsys.readouterr().out
                new.put({"b": b"1"})
                await eventually(lambda: mirror.get("b") == b"1", "the new writer goes on")
                await eventually(lambda: all_of(other) == {"a": b"new", "b": b"1"}, "for every mirror")
                assert all_of(mirror) == all_of(other)
            await old.close()
            async with mirror_of(redis) as last:
                await eventually(lambda: all_of(last) == {"a": b"new", "b": b"1"}, "nothing came after")

    run(test)


def test_a_request_that_was_overtaken_changes_nothing(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    async def test() -> None:
        overtaken = RedisWriter(redis, lambda: 1)  # its versions are older than those of the next
        made_s = time.time()
        await eventually(lambda: time.time() > made_s + 0.1, "the clock goes on")
        async with redis_stores(redis) as (writer, mirror):
            writer.put({"a": b"new", "b": b"1"})
            await eventually(lambda: mirror.get("a") == b"new", "it arrives")
            overtaken.put({"a": b"old"})
            overtaken.start()
            await eventually(lambda: "late" in capsys.readouterr().out, "it is refused")
            await overtaken.close()
            async with mirror_of(redis) as fresh:
                await eventually(lambda: all_of(fresh) == {"a": b"new", "b": b"1"}, "all is as it was")

    run(test)


def test_emptied_under_load_it_is_rebuilt(own_redis: RedisServer) -> None:
    async def test() -> None:
        config = Redis(url=own_redis.url)
        async with redis_stores(config) as (writer, mirror):
            for number in range(600):
                writer.put({f"symbol/{number % 100}": b"%d" % number})
                if number % 200 == 100:
                    await flush_all(config)
                await asyncio.sleep(0.001)
            await flush_all(config)
            async with mirror_of(config) as fresh:
                expected = all_of(writer)
                await eventually(lambda: all_of(fresh) == expected, "rebuilt", REBUILT_WITHIN_S)
                await eventually(lambda: all_of(mirror) == expected, "the older mirror too", REBUILT_WITHIN_S)
                assert mirror.status().state == "live"

    run(test)


def test_a_mirror_forgets_what_a_new_generation_does_not_hold(own_redis: RedisServer) -> None:
    """As where Kafka's topics were made anew too: the epoch is the same number again."""

    async def test() -> None:
        config = Redis(url=own_redis.url)
        async with mirror_of(config) as mirror:
            async with writer_of(config) as writer:
                writer.put({"a": b"1", "gone": b"1"})
                await eventually(lambda: mirror.get("gone") == b"1", "it arrives")
            await flush_all(config)
            async with writer_of(config) as writer:
                writer.put({"a": b"2"})
                await eventually(lambda: all_of(mirror) == {"a": b"2"}, "it is forgotten")

    run(test)


def test_a_lost_answer_doubles_nothing(own_redis: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def times(event: str) -> int:
        said.append(capsys.readouterr().out)
        return "".join(said).count(event)

    async def test() -> None:
        proxy = FaultProxy(own_redis.port, free_port())
        proxy.start()
        far = Redis(url=f"redis://127.0.0.1:{proxy.port}/0")
        async with writer_of(far) as writer, mirror_of(Redis(url=own_redis.url)) as mirror:
            for number in range(4):
                text = b"%d" % number
                proxy.replies_to_drop = 1
                writer.put({"a": text, f"b{number}": text})
                await eventually(lambda text=text: mirror.get("a") == text, "it is written")  # type: ignore[misc]
                await eventually(lambda number=number: times("redis_back") > number, "it goes on")  # type: ignore[misc]
            await eventually(lambda: all_of(mirror) == all_of(writer), "both are equal")
        proxy.stop()

    run(test)
    assert times("redis_away") == 4  # each loss came up to the writer: the client repeated nothing by itself


def test_the_end_comes_whatever_the_network_does(own_redis: RedisServer) -> None:
    """As a process must end that is told to: a request under way may be lost, but not the end."""

    async def test() -> None:
        proxy = FaultProxy(own_redis.port, free_port())
        proxy.start()
        config = Redis(url=f"redis://127.0.0.1:{proxy.port}/0", timeout_ms=100)
        for swallows_replies in (False, True, True):
            proxy.swallows_replies = swallows_replies
            stores = [RedisWriter(config, lambda: 1) for _ in range(20)] + [
                RedisMirror(config) for _ in range(20)
            ]
            for store in stores:
                store.start()
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as ends:
                for number, store in enumerate(stores):  # before, at and after the time-outs of requests
                    ends.create_task(close_after(store, number % 20 * 0.01))
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
        async with mirror_of(config) as mirror:
            async with writer_of(config) as writer:
                writer.put({"a": b"1"})
                await eventually(lambda: mirror.get("a") == b"1", "it arrives")
            await eventually(lambda: mirror.status().state == "stale", "silence is noticed")
            assert (mirror.status().age_ms or 0) > 200
            assert mirror.get("a") == b"1"

    run(test)


def test_a_writer_that_is_behind_makes_a_view_stale(redis: Redis) -> None:
    async def test() -> None:
        config = redis.model_copy(update={"view_age_ms_max": 1000})
        is_current = False
        writer = RedisWriter(config, lambda: 1, lambda: is_current)
        writer.start()
        async with mirror_of(config) as mirror:
            writer.put({"a": b"1"})
            await eventually(lambda: mirror.get("a") == b"1", "it arrives all the same")
            assert (mirror.status().state, mirror.status().age_ms) == ("stale", None)
            is_current = True
            await eventually(lambda: mirror.status().state == "live", "it has caught up")
            is_current = False
            await eventually(lambda: mirror.status().state == "stale", "it fell behind again")
            await writer.close()

    run(test)


def test_a_new_writer_that_is_behind_is_not_live_by_what_the_old_one_confirmed(redis: Redis) -> None:
    """It has one of two symbols yet: whoever sees that one is missing must see that the view is not whole."""

    async def test() -> None:
        is_current = True
        async with mirror_of(redis) as mirror:
            old = RedisWriter(redis, lambda: 1)
            old.start()
            old.put({"a": b"1", "b": b"1"})
            await eventually(lambda: mirror.status().state == "live", "the old writer is current")
            is_current = False
            new = RedisWriter(redis, lambda: 2, lambda: is_current)
            new.put({"a": b"2"})
            new.start()
            await eventually(lambda: mirror.get("a") == b"2", "the new one writes what it has")
            assert (mirror.get("b"), mirror.status().state) == (None, "stale")
            new.put({"b": b"2"})
            is_current = True
            await eventually(lambda: mirror.status().state == "live", "it has caught up")
            assert mirror.get("b") == b"2"
            await old.close()
            await new.close()

    run(test)


def test_a_password_comes_from_a_file_and_nobody_gets_in_without_it(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, password="canary-of-redis")
    server.start()
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text("canary-of-redis\n")
    config = Redis(url=server.url, password_file=str(secret))
    assert "canary" not in config.model_dump_json()

    async def test() -> None:
        async with redis_stores(config) as (writer, mirror):
            writer.put({"account": b"1"})
            await eventually(lambda: mirror.get("account") == b"1", "the password lets in")
        async with mirror_of(Redis(url=server.url)) as stranger:
            await eventually(lambda: stranger.status().state == "away", "nobody gets in without it")
            assert stranger.get("account") is None

    try:
        asyncio.run(test())
    finally:
        server.process.kill()
