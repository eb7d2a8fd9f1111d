"""The state store in Redis: one process writes its documents, gateways keep a copy of them.

Both sides work in memory and speak with Redis in the background, so nobody waits for it: a writer that trades
does not notice that it is away, and a reader says how old its copy is. Every request is one script, which
Redis runs whole or not at all. Retries are off: a request whose answer was lost may have been carried out,
and after any doubt the writer writes everything again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from chassis.store import MemoryStore, StoreStatus
from schemas.config import Redis

WRITE_INTERVAL_S = 0.05
CONFIRM_INTERVAL_S = 0.5
READ_INTERVAL_S = 0.1
_RETRY_S = 0.5
_EVERYTHING = -1

# KEYS: head, documents, versions. ARGV: epoch, base version (-1: everything), new version, names, documents.
# A writer of a newer epoch is there: "fenced". Redis does not hold the base, as after FLUSHALL: "missing".
_WRITE = """
local head = redis.call('HMGET', KEYS[1], 'epoch', 'version')
local epoch, base, version = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local known = tonumber(head[1] or '-1')
if known > epoch then return 'fenced' end
if base < 0 then
  redis.call('DEL', KEYS[2], KEYS[3])
elseif known ~= epoch or tonumber(head[2]) ~= base then
  return 'missing'
end
for i = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[3], version, ARGV[i])
end
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSET', KEYS[1], 'epoch', epoch, 'version', version, 'confirmed_ms', now_ms)
return 'written'
"""
# KEYS as above. ARGV: the epoch and the version that the reader has. Returns epoch, version, age and the
# documents that are newer; all of them where the epoch is another or the version went back.
_READ = """
local head = redis.call('HMGET', KEYS[1], 'epoch', 'version', 'confirmed_ms')
if not head[1] then return {} end
local now = redis.call('TIME')
local age_ms = now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(head[3])
local after = '(' .. ARGV[2]
if head[1] ~= ARGV[1] or tonumber(head[2]) < tonumber(ARGV[2]) then after = '-inf' end
local found = {head[1], head[2], age_ms, after == '-inf' and 1 or 0}
for _, name in ipairs(redis.call('ZRANGE', KEYS[3], after, '+inf', 'BYSCORE')) do
  found[#found + 1] = name
  found[#found + 1] = redis.call('HGET', KEYS[2], name)
end
return found
"""

logger = structlog.get_logger()


def _client(config: Redis) -> Client:
    timeout_s = config.timeout_ms / 1e3
    return Client.from_url(
        config.url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        single_connection_client=True,
    )


def _keys(config: Redis) -> tuple[str, str, str]:
    return tuple(f"{config.key_prefix}{{view}}:{name}" for name in ("head", "documents", "versions"))  # type: ignore[return-value]


class _Link:
    """Runs one script over one connection, which is made anew after every failure."""

    def __init__(self, config: Redis, script: str) -> None:
        self._config = config
        self._script = script
        self._keys = _keys(config)
        self._client: Client | None = None

    async def run(self, *arguments: Any) -> Any:
        """The script's answer; raises RedisError, OSError or TimeoutError, and what was done is not known."""
        if self._client is None:
            self._client = _client(self._config)
        try:
            async with asyncio.timeout(2 * self._config.timeout_ms / 1e3):
                return await self._client.eval(self._script, len(self._keys), *self._keys, *arguments)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Give back the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()


class _Background:
    """A task that a store keeps beside its owner's loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; in a running event loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        raise NotImplementedError


class RedisWriter(_Background):
    """The one writer. Its epoch is that of its process: a replaced writer is refused by Redis itself."""

    def __init__(self, config: Redis, epoch: Callable[[], int]) -> None:
        """`epoch` gives 0 as long as the process has not claimed one: nothing is written before."""
        super().__init__()
        self._link = _Link(config, _WRITE)
        self._epoch = epoch
        self._front = MemoryStore()
        self._dirty: dict[str, bytes] = {}
        self._base = _EVERYTHING
        self._version = 0
        self._failing = ""

    def put(self, documents: Mapping[str, bytes]) -> None:
        """Take documents over; they are in Redis some 50 ms later, when it is there."""
        self._front.put(documents)
        self._dirty.update(documents)

    def get(self, name: str) -> bytes | None:
        """The document as it was put, or None."""
        return self._front.get(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with `prefix`, sorted."""
        return self._front.names(prefix)

    def status(self) -> StoreStatus:
        """A writer's own documents are never old."""
        return self._front.status()

    async def close(self) -> None:
        """Write what is left, where Redis is there."""
        await super().close()
        if self._epoch():
            with suppress(RedisError, OSError, TimeoutError):
                await self._write()
        await self._link.close()

    async def _run(self) -> None:
        confirmed_s = 0.0
        while True:
            await asyncio.sleep(WRITE_INTERVAL_S)
            now_s = time.monotonic()
            is_due = self._dirty or self._base < 0 or now_s - confirmed_s >= CONFIRM_INTERVAL_S
            if not self._epoch() or not is_due:
                continue
            try:
                answer = await self._write()
            except (RedisError, OSError, TimeoutError) as error:
                answer = f"{type(error).__name__}: {error}"
            if answer == "written":
                confirmed_s = now_s
            self._note("" if answer in ("written", "missing") else answer)
            if self._failing:
                await asyncio.sleep(_RETRY_S)

    async def _write(self) -> str:
        """Write what has changed, or all of it where it is not certain what Redis has."""
        version = self._version + 1
        base, self._base = self._base, _EVERYTHING
        everything = {name: self._front.get(name) or b"" for name in self._front.names("")}
        changed, self._dirty = (everything if base < 0 else self._dirty), {}
        pairs = [part for pair in changed.items() for part in pair]
        self._version = version
        answer: bytes = await self._link.run(self._epoch(), base, version, *pairs)
        if answer == b"written":
            self._base = version
        return answer.decode()

    def _note(self, failing: str) -> None:
        """Say once that Redis fails, and once that it does no longer."""
        if failing != self._failing:
            if failing == "fenced":
                logger.error("redis_refuses", because="a view-projector of a newer epoch writes there")
            elif failing:
                logger.warning("redis_away", because=failing)
            else:
                logger.info("redis_back")
        self._failing = failing


class RedisMirror(_Background):
    """A copy that follows what the writer wrote; its readers never wait."""

    def __init__(self, config: Redis) -> None:
        super().__init__()
        self._link = _Link(config, _READ)
        self._age_ms_max = config.view_age_ms_max
        self._copy = MemoryStore()
        self._epoch = "0"
        self._version = 0
        self._confirmed_s: float | None = None
        self._is_away = True
        self.refreshed = asyncio.Event()
        """Set at each answer of Redis."""

    def put(self, documents: Mapping[str, bytes]) -> None:
        """Raises TypeError: a mirror is not written."""
        raise TypeError("the state store has one writer, view-projector")

    def get(self, name: str) -> bytes | None:
        """The document as of the newest answer, or None."""
        return self._copy.get(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with `prefix`, sorted."""
        return self._copy.names(prefix)

    def status(self) -> StoreStatus:
        """Away: Redis does not answer. Stale: its writer has not confirmed its documents for long."""
        age_ms = None if self._confirmed_s is None else int((time.monotonic() - self._confirmed_s) * 1e3)
        if self._is_away:
            return StoreStatus("away", age_ms)
        is_live = age_ms is not None and age_ms <= self._age_ms_max
        return StoreStatus("live" if is_live else "stale", age_ms)

    async def close(self) -> None:
        """Follow no more."""
        await super().close()
        await self._link.close()

    async def _run(self) -> None:
        while True:
            try:
                self._take(await self._link.run(self._epoch, self._version))
                self._is_away = False
            except (RedisError, OSError, TimeoutError) as error:
                if isinstance(error, ResponseError) or not self._is_away:
                    logger.warning("redis_away", because=f"{type(error).__name__}: {error}")
                self._is_away = True
            self.refreshed.set()
            await asyncio.sleep(READ_INTERVAL_S)

    def _take(self, answer: list[Any]) -> None:
        if not answer:
            return  # emptied, or never written: what is known grows old until the writer comes
        epoch, version, age_ms, is_everything, *pairs = answer
        documents = {name.decode(): document for name, document in zip(pairs[::2], pairs[1::2], strict=True)}
        if is_everything:
            self._copy = MemoryStore()
        self._copy.put(documents)
        self._epoch, self._version = epoch.decode(), int(version)
        self._confirmed_s = time.monotonic() - age_ms / 1e3
