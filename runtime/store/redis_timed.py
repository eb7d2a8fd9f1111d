"""Expiring values in Redis, for separate gateways.

While Redis is unavailable a gateway continues with what it knows and updates Redis later: a halt does not
wait.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from runtime.store.redis_documents import REDIS_AWAY, open_client, redis_password
from schemas.deployment import Redis

_FRESH_S = 1.0
"""Changes of other gateways are visible here after this time at the latest."""
_RETRY_S = 5.0
"""Pause after a failed request, so that halts are not delayed repeatedly."""
_KNOWN_MAX = 10_000
_T = TypeVar("_T")

logger = structlog.get_logger()


class RedisTimedStore:
    """Values in Redis: one hash per place, which expires with its last value."""

    def __init__(self, config: Redis, clock: Callable[[], float] = time.time) -> None:
        """Raises ConfigError where the password cannot be read."""
        self._config = config
        self._password = redis_password(config)
        self._clock = clock
        self._client: Any = None
        self._lock = asyncio.Lock()
        self._away_until_s = 0.0
        self._known: dict[tuple[str, str], tuple[str | None, float]] = {}
        self._unsent: dict[tuple[str, str], tuple[str, float]] = {}

    async def get(self, place: str, name: str) -> str | None:
        """The value in Redis, or the last known one while it is unavailable."""
        if (place, name) in self._unsent:
            return self._alive(_packed(*self._unsent[place, name]))
        packed, read_s = self._known.get((place, name), (None, 0.0))
        if time.monotonic() - read_s > _FRESH_S:
            packed = await self._try(lambda client: client.hget(self._key(place), name), packed)
            self._record(place, name, packed)
        return self._alive(packed)

    async def put(self, place: str, name: str, value: str, until_s: float) -> None:
        """Write a value; while Redis is unavailable, as soon as it is back."""
        self._record(place, name, _packed(value, until_s))
        self._unsent[place, name] = (value, until_s)
        await self._try(self._send, None)

    async def add(self, place: str, name: str, value: str, until_s: float) -> bool:
        """Write a value where there is none; without Redis this gateway alone decides which was first."""
        if await self.get(place, name) is not None:
            return False

        async def first(client: Any) -> bool:
            return bool(await client.hsetnx(self._key(place), name, _packed(value, until_s)))

        if not await self._try(first, default=True):
            return False
        await self.put(place, name, value, until_s)
        return True

    async def items(self, place: str) -> dict[str, str]:
        """All values of a place; expired ones are removed."""
        found: dict[str, str] = await self._try(lambda client: client.hgetall(self._key(place)), {})
        alive = {name: self._alive(packed) for name, packed in found.items()}
        over = [name for name, value in alive.items() if value is None]
        if over:
            await self._try(lambda client: client.hdel(self._key(place), *over), None)
        own = {name: value for (where, name), (value, _) in self._unsent.items() if where == place}
        return {name: value for name, value in alive.items() if value is not None} | own

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(*REDIS_AWAY):
                await client.aclose()

    async def _send(self, client: Any) -> None:
        for (place, name), (value, until_s) in list(self._unsent.items()):
            await client.hset(self._key(place), name, _packed(value, until_s))
            await client.expireat(self._key(place), int(until_s) + 1, gt=True)
            await client.expireat(self._key(place), int(until_s) + 1, nx=True)
            if self._unsent.get((place, name)) == (value, until_s):
                del self._unsent[place, name]

    async def _try(self, work: Callable[[Any], Awaitable[_T]], default: _T) -> _T:
        """The response of Redis, after pending updates; `default` while it is unavailable."""
        async with self._lock:
            if time.monotonic() < self._away_until_s:
                return default
            try:
                if self._client is None:
                    self._client = open_client(self._config, self._password, decode_responses=True)
                async with asyncio.timeout(2 * self._config.timeout_ms / 1e3):
                    if self._unsent and work != self._send:
                        await self._send(self._client)
                    return await work(self._client)
            except REDIS_AWAY as error:
                logger.warning("sessions_away", because=str(error) or type(error).__name__)
                self._away_until_s = time.monotonic() + _RETRY_S
                await self.close()
                return default

    def _record(self, place: str, name: str, packed: str | None) -> None:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[place, name] = (packed, time.monotonic())

    def _alive(self, packed: str | None) -> str | None:
        if packed is None:
            return None
        value, until_s = json.loads(packed)
        return str(value) if until_s > self._clock() else None

    def _key(self, place: str) -> str:
        return f"{self._config.key_prefix}{{access}}:{place}"


def _packed(value: str, until_s: float) -> str:
    return json.dumps([value, until_s])
