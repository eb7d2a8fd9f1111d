"""Small values with an expiry: sessions, used codes, known addresses.

They are shared by all gateways of an engine and survive restarts: in a file on a single machine, in Redis for
separate processes. Times are wall clock, seconds since 1970.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from runtime.errors import ConfigError

_WAIT_S_MAX = 2.0
_SWEEP_AT = 1_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS timed (
    place TEXT, name TEXT, value TEXT, until_s REAL, PRIMARY KEY (place, name)
) WITHOUT ROWID
"""


class TimedStore(Protocol):
    """Values by place and name, each with an expiry."""

    async def get(self, place: str, name: str) -> str | None:
        """The value, or None where there is none or it has expired."""

    async def put(self, place: str, name: str, value: str, until_s: float) -> None:
        """Write or replace a value."""

    async def add(self, place: str, name: str, value: str, until_s: float) -> bool:
        """Write a value where there is none; False where another was first."""

    async def items(self, place: str) -> dict[str, str]:
        """All values of a place, by name."""

    async def close(self) -> None:
        """Release resources."""


class MemoryTimedStore:
    """In memory, for the lifetime of one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._values: dict[tuple[str, str], tuple[str, float]] = {}
        self._sweep_at = _SWEEP_AT

    async def get(self, place: str, name: str) -> str | None:
        """The value, or None."""
        value, until_s = self._values.get((place, name), ("", 0.0))
        return value if until_s > self._clock() else None

    async def put(self, place: str, name: str, value: str, until_s: float) -> None:
        """Write a value."""
        if len(self._values) >= self._sweep_at:
            now_s = self._clock()
            self._values = {key: kept for key, kept in self._values.items() if kept[1] > now_s}
            self._sweep_at = max(_SWEEP_AT, 2 * len(self._values))
        self._values[place, name] = (value, until_s)

    async def add(self, place: str, name: str, value: str, until_s: float) -> bool:
        """Write a value where there is none."""
        if await self.get(place, name) is not None:
            return False
        await self.put(place, name, value, until_s)
        return True

    async def items(self, place: str) -> dict[str, str]:
        """All values of a place."""
        now_s = self._clock()
        return {
            name: value
            for (where, name), (value, until_s) in self._values.items()
            if where == place and until_s > now_s
        }

    async def close(self) -> None:
        """Nothing to release."""


class FileTimedStore:
    """In a private file, which several processes of a machine may share.

    Reads take about 20 us; writes wait for the disk in a separate thread.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Raises ConfigError where the file cannot be written."""
        self._clock = clock
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._writer = sqlite3.connect(path, _WAIT_S_MAX, isolation_level=None, check_same_thread=False)
            self._writer.execute("PRAGMA journal_mode=WAL")  # readers do not wait for a writer's sync
            self._writer.execute("PRAGMA synchronous=FULL")
            self._writer.execute(_SCHEMA)
            self._writer.execute("DELETE FROM timed WHERE until_s <= ?", (self._clock(),))
            self._reader = sqlite3.connect(path, _WAIT_S_MAX, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"sessions cannot be kept in {path}: {error}; name another place in access.sessions_file"
            ) from None

    async def get(self, place: str, name: str) -> str | None:
        """The value, or None."""
        parameters = (place, name, self._clock())
        found = self._reader.execute(
            "SELECT value FROM timed WHERE place = ? AND name = ? AND until_s > ?", parameters
        ).fetchone()
        return None if found is None else str(found[0])

    async def put(self, place: str, name: str, value: str, until_s: float) -> None:
        """Write a value."""
        await self._write("INSERT OR REPLACE INTO timed VALUES (?, ?, ?, ?)", place, name, value, until_s)

    async def add(self, place: str, name: str, value: str, until_s: float) -> bool:
        """Write a value where there is none."""
        statement = (
            "INSERT INTO timed VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET value = excluded.value, until_s = excluded.until_s WHERE until_s <= ?"
        )
        return await self._write(statement, place, name, value, until_s, self._clock())

    async def items(self, place: str) -> dict[str, str]:
        """All values of a place."""
        parameters = (place, self._clock())
        found = self._reader.execute(
            "SELECT name, value FROM timed WHERE place = ? AND until_s > ?", parameters
        ).fetchall()
        return dict(found)

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()

    async def _write(self, statement: str, *values: str | float) -> bool:
        def write() -> bool:
            with self._lock:
                return self._writer.execute(statement, values).rowcount > 0

        return await asyncio.to_thread(write)
