"""The state store in Redis: one process writes the documents, gateways mirror them.

Both sides work in memory and talk to Redis in the background, so nothing waits for it: a trading writer is
not affected by an outage, and a reader reports the age of its copy. Every request is one atomic script.
Retries are off: a request whose response was lost may have been executed, and after any doubt the writer
rewrites everything.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio import Redis as Client
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from runtime.backoff import Backoff
from runtime.config.secret_files import read_secret_text
from runtime.errors import ConfigError, FencedError
from runtime.store.documents import MemoryStore, StoreStatus
from schemas.deployment import Redis
from schemas.units import NS_PER_MS

WRITE_INTERVAL_S = 0.05
CONFIRM_INTERVAL_S = 0.5
READ_INTERVAL_S = 0.1
_RETRIES_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Retry delays while Redis is unavailable or refuses the connection."""
_EVERYTHING = -1

# KEYS: head, documents, versions. ARGV: epoch, base version (-1: everything), new version, is the writer
# current (1 or 0), names, documents. The answers that change nothing:
# fenced: there is a writer of a newer epoch. late: this request, or a newer one, was already executed.
# missing: Redis does not have the base, as after FLUSHALL.
# An earlier confirmation applies to earlier documents: those of a writer that is not current yet may be
# incomplete and are not live.
_WRITE = """
local head = redis.call('HMGET', KEYS[1], 'epoch', 'version')
local known_epoch, known_version = tonumber(head[1] or '-1'), tonumber(head[2] or '-1')
local epoch, base, version = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if known_epoch > epoch then return 'fenced' end
if known_epoch == epoch and known_version >= version then return 'late' end
if base < 0 then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'generation', ARGV[1] .. ':' .. ARGV[3])
  redis.call('HDEL', KEYS[1], 'confirmed_ms')
elseif known_epoch ~= epoch or known_version ~= base then
  return 'missing'
end
for i = 5, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[i])
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'version', ARGV[3])
if ARGV[4] == '1' then
  local now = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'confirmed_ms', now[1] * 1000 + math.floor(now[2] / 1000))
end
return 'written'
"""
# KEYS as above. ARGV: the generation and the version that the reader has. Returns generation, version, age in
# ms (-1: never confirmed), whether all documents follow, and the documents that are newer; all of them where
# the generation is another.
_READ = """
local head = redis.call('HMGET', KEYS[1], 'generation', 'version', 'confirmed_ms')
if not head[1] then return {} end
local now = redis.call('TIME')
local age_ms = head[3] and now[1] * 1000 + math.floor(now[2] / 1000) - tonumber(head[3]) or -1
local is_other = head[1] ~= ARGV[1]
local found = {head[1], head[2], age_ms, is_other and 1 or 0}
local after = is_other and '-inf' or '(' .. ARGV[2]
for _, name in ipairs(redis.call('ZRANGE', KEYS[3], after, '+inf', 'BYSCORE')) do
  found[#found + 1] = name
  found[#found + 1] = redis.call('HGET', KEYS[2], name)
end
return found
"""

logger = structlog.get_logger()


REDIS_AWAY = (RedisError, OSError, TimeoutError)
"""Raised by requests when Redis is unavailable; whether they were executed is unknown."""


def redis_password(config: Redis) -> str | None:
    """The password in `redis.password_file`; raises ConfigError where it cannot be used."""
    if config.password_file is None:
        return None
    return read_secret_text(config.password_file, "redis.password_file")


def open_client(config: Redis, password: str | None, **options: Any) -> Client:
    """A client with one connection and no automatic retries."""
    timeout_s = config.timeout_ms / 1e3
    return Client.from_url(
        config.url,
        username=config.username,
        password=password,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        single_connection_client=True,
        **options,
    )


def _keys(config: Redis) -> list[str]:
    return [f"{config.key_prefix}{{view}}:{name}" for name in ("head", "documents", "versions")]


class _Link:
    """Runs one script over one connection, which is reopened after every failure."""

    def __init__(self, config: Redis, script: str) -> None:
        """Raises ConfigError for an invalid URL, and for a password file that is not private."""
        try:
            parse_url(config.url)
        except ValueError as error:
            raise ConfigError(f"redis.url: {error}") from error
        self._config = config
        self._password = redis_password(config)
        self._script = script
        self._keys = _keys(config)
        self._client: Client | None = None

    async def run(self, *arguments: Any) -> Any:
        """The script's result; after RedisError, OSError or TimeoutError it is unknown what was executed."""
        if self._client is None:
            self._client = open_client(self._config, self._password)
        try:
            async with asyncio.timeout(2 * self._config.timeout_ms / 1e3):
                return await self._client.eval(self._script, len(self._keys), *self._keys, *arguments)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()


class _Background:
    """A background task of a store.

    It is stopped by a flag, never cancelled: redis-py sometimes mistakes a cancellation for its own timeout.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._failing = ""
        self._backoff = Backoff(_RETRIES_S)

    def start(self) -> None:
        """Start, in a running event loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop after the current request."""
        self._closing.set()
        if self._task is not None:
            await self._task

    async def _rest(self, seconds: float) -> None:
        """Wait, unless stopping."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def _run(self) -> None:
        raise NotImplementedError

    async def _noted(self, failing: str) -> None:
        """Log once when Redis fails and once when it recovers; wait before a retry."""
        if failing != self._failing:
            if failing:
                logger.warning("redis_away", because=failing)
            else:
                logger.info("redis_back")
        self._failing = failing
        if failing:
            await self._rest(self._backoff.next_s())
        else:
            self._backoff.works()


class RedisWriter(_Background):
    """The only writer. Its epoch is that of its process: Redis itself refuses a replaced writer."""

    def __init__(
        self, config: Redis, epoch: Callable[[], int], is_current: Callable[[], bool] = lambda: True
    ) -> None:
        """`epoch` is 0 while nothing may be written; `is_current`: whether the documents are reliable."""
        super().__init__()
        self.failure: FencedError | None = None
        """Set when another writer has taken over: this one stops writing."""
        self._link = _Link(config, _WRITE)
        self._key_prefix = config.key_prefix
        self._epoch = epoch
        self._is_current = is_current
        self._front = MemoryStore()
        self._dirty: dict[str, bytes] = {}
        self._base = _EVERYTHING
        # Epochs restart with recreated Kafka topics, which Redis may outlive: versions must still grow.
        self._version = time.time_ns() // NS_PER_MS

    def put(self, documents: Mapping[str, bytes]) -> None:
        """Accept documents; they are in Redis about 50 ms later, if it is available."""
        self._front.put(documents)
        self._dirty.update(documents)

    def get(self, name: str) -> bytes | None:
        """The document as it was put, or None."""
        return self._front.get(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with `prefix`, sorted."""
        return self._front.names(prefix)

    def status(self) -> StoreStatus:
        """A writer's own documents are always live."""
        return self._front.status()

    def link(self) -> str:
        """`live`, or the reason why Redis does not accept writes."""
        if self.failure is not None:
            return "refused: a newer view-projector writes there"
        return f"away: {self._failing}" if self._failing else "live"

    async def close(self) -> None:
        """Write remaining documents, if Redis is available."""
        await super().close()
        if self._epoch() and self.failure is None:
            with suppress(RedisError, OSError, TimeoutError):
                await self._write()
        await self._link.close()

    async def _run(self) -> None:
        confirmed_s = 0.0
        while not self._closing.is_set():
            await self._rest(WRITE_INTERVAL_S)
            now_s = time.monotonic()
            is_due = self._dirty or self._base < 0 or now_s - confirmed_s >= CONFIRM_INTERVAL_S
            if not self._epoch() or not is_due:
                continue
            answer = await self._try_write()
            if answer == "fenced":
                self._end()
                return
            if answer == "written":
                confirmed_s = now_s
            await self._noted("" if answer in ("written", "missing") else answer)

    def _end(self) -> None:
        self.failure = FencedError(
            f"Redis refuses epoch {self._epoch()}: a view-projector of a newer epoch writes there. "
            f"If Kafka's topics were recreated, delete the keys {self._key_prefix}* and restart."
        )
        logger.error("redis_refuses", because=str(self.failure))

    async def _try_write(self) -> str:
        try:
            return await self._write()
        except (RedisError, OSError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"

    def _everything(self) -> dict[str, bytes]:
        return {name: self._front.get(name) or b"" for name in self._front.names("")}

    async def _write(self) -> str:
        """Write changes, or everything where the contents of Redis are uncertain."""
        version = self._version + 1
        base, self._base = self._base, _EVERYTHING
        changed, self._dirty = (self._everything() if base < 0 else self._dirty), {}
        pairs = [part for pair in changed.items() for part in pair]
        self._version = version
        answer: bytes = await self._link.run(self._epoch(), base, version, int(self._is_current()), *pairs)
        if answer == b"written":
            self._base = version
        return answer.decode()


class RedisMirror(_Background):
    """A copy that follows the writer; its readers never wait."""

    def __init__(self, config: Redis) -> None:
        super().__init__()
        self._link = _Link(config, _READ)
        self._age_ms_max = config.view_age_ms_max
        self._copy = MemoryStore()
        self._generation = ""
        self._version = 0
        self._confirmed_s: float | None = None
        self._is_away = True
        self.refreshed = asyncio.Event()
        """Set at each response of Redis."""

    def put(self, documents: Mapping[str, bytes]) -> None:
        """Raises TypeError: a mirror is not written."""
        raise TypeError("the state store has one writer, view-projector")

    def get(self, name: str) -> bytes | None:
        """The document as of the latest response, or None."""
        return self._copy.get(name)

    def names(self, prefix: str) -> tuple[str, ...]:
        """The names that begin with `prefix`, sorted."""
        return self._copy.names(prefix)

    def status(self) -> StoreStatus:
        """Away: Redis does not respond. Stale: the writer has not confirmed its documents for too long."""
        age_ms = None if self._confirmed_s is None else int((time.monotonic() - self._confirmed_s) * 1e3)
        if self._is_away:
            return StoreStatus("away", age_ms)
        is_live = age_ms is not None and age_ms <= self._age_ms_max
        return StoreStatus("live" if is_live else "stale", age_ms)

    async def close(self) -> None:
        """Stop following."""
        await super().close()
        await self._link.close()

    async def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._apply(await self._link.run(self._generation, self._version))
                self._is_away = False
                await self._noted("")
            except (RedisError, OSError, TimeoutError) as error:
                self._is_away = True
                self.refreshed.set()
                await self._noted(f"{type(error).__name__}: {error}")
            self.refreshed.set()
            await self._rest(READ_INTERVAL_S)

    def _apply(self, answer: list[Any]) -> None:
        if not answer:
            return  # emptied or never written: the copy ages until the writer returns
        generation, version, age_ms, is_everything, *pairs = answer
        documents = {name.decode(): document for name, document in zip(pairs[::2], pairs[1::2], strict=True)}
        if is_everything:
            self._copy = MemoryStore()
        self._copy.put(documents)
        self._generation, self._version = generation.decode(), int(version)
        self._confirmed_s = None if age_ms < 0 else time.monotonic() - age_ms / 1e3
