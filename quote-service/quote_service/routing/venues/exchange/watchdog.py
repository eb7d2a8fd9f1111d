"""A separate process, with its own API key, that cancels our orders when the router's heartbeat stops.

For exchanges without a dead-man's switch. The router writes its heartbeat file on ticks only, so that a
hanging router stops it too. The watchdog writes a heartbeat of its own, without which the router does not
quote.
"""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from quote_service.routing.venues.exchange.account_orders import sweep_once
from quote_service.routing.venues.exchange.client import open_rest_client, retries, venue_client_ids_of
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.registry import OrderRegistry
from runtime.exchange.clients import Credentials
from runtime.signals import on_stop
from schemas.config import Config
from schemas.deployment import ExchangeSettings
from schemas.units import NS_PER_S

CHECK_INTERVAL_S = 0.25
_POLL_INTERVALS_S = (0.5, 1.0, 2.0, 5.0)
"""Intervals between polls of open orders; they grow while there are none."""
WATCHDOG_AGE_S_MAX = 2.0
"""A watchdog with an older heartbeat counts as dead."""

logger = structlog.get_logger()


def write_heartbeat(path: Path) -> None:
    """Touch a heartbeat file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


class Heartbeat:
    """Reads a heartbeat file, timed by the monotonic clock: otherwise setting the machine's clock could make
    a live process look silent, or a dead one alive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newest_ns: int | None = None
        self._seen_s = 0.0
        """When the newest was first seen, on the monotonic clock."""

    def silence_s(self) -> float | None:
        """Seconds since the last heartbeat; None: there was none. The first is dated by the file's mtime."""
        try:
            newest_ns = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            newest_ns = None
        if newest_ns is not None and newest_ns != self._newest_ns:
            age_s = 0.0 if self._newest_ns is not None else time.time() - newest_ns / NS_PER_S
            self._newest_ns, self._seen_s = newest_ns, time.monotonic() - max(0.0, age_s)
        return None if self._newest_ns is None else time.monotonic() - self._seen_s


def watchdog_file(heartbeat_file: Path) -> Path:
    """Path of the watchdog's heartbeat, beside the router's."""
    return heartbeat_file.with_name(heartbeat_file.name + ".watched")


def is_alive(watchdog: Heartbeat) -> bool:
    """Whether the watchdog's heartbeat is recent."""
    silence_s = watchdog.silence_s()
    return silence_s is not None and silence_s <= WATCHDOG_AGE_S_MAX


class Watchdog:
    """Watches one heartbeat; `fires` counts the sweeps that cancelled orders."""

    def __init__(
        self, exchange: ExchangeSettings, heartbeat_file: Path, credentials: Credentials | None = None
    ) -> None:
        """Raises ConfigError where the keys cannot be read."""
        registry = OrderRegistry(venue_client_ids_of(exchange), lambda report: None, time.time_ns)
        self._rest = open_rest_client(exchange, registry, credentials)
        self._heartbeat_file = heartbeat_file
        self._timeout_s = exchange.dead_mans_switch_ms / 1e3
        self._router = Heartbeat(heartbeat_file)
        self._began_s = time.monotonic()
        self.fires = 0

    async def run(self, is_stopping: Callable[[], bool]) -> None:
        """Watch until `is_stopping`."""
        cancelling: asyncio.Task[None] | None = None
        try:
            while not is_stopping():
                self._write_heartbeat()
                if self._is_silent() and (cancelling is None or cancelling.done()):
                    cancelling = asyncio.create_task(self._cancel_all())
                await asyncio.sleep(CHECK_INTERVAL_S)
        finally:
            if cancelling is not None:
                cancelling.cancel()
                await asyncio.gather(cancelling, return_exceptions=True)
            await self._rest.dialect.client.close()

    def _write_heartbeat(self) -> None:
        """A failing disk stops the router's quoting, but must not stop this process."""
        try:
            write_heartbeat(watchdog_file(self._heartbeat_file))
        except OSError as error:
            logger.warning("heartbeat_not_written", file=str(self._heartbeat_file), because=error.strerror)

    def _is_silent(self) -> bool:
        return self._silence_s() > self._timeout_s

    def _silence_s(self) -> float:
        silence_s = self._router.silence_s()
        return time.monotonic() - self._began_s if silence_s is None else silence_s

    async def _cancel_all(self) -> None:
        """Cancel our orders while the router is silent; once none is left, poll less often, since listing all
        open orders is the most expensive request.
        """
        empty_answers, backoff = 0, retries()
        while self._is_silent():
            try:
                orders = await sweep_once(self._rest)
            except RequestFailedError as error:
                logger.warning("open_orders_failed", because=str(error)[:300])
                await backoff.wait()
                continue
            backoff = retries()
            if orders:
                self.fires += 1
                logger.error("router_silent", silence_s=round(self._silence_s(), 1), orders=len(orders))
            empty_answers = 0 if orders else empty_answers + 1
            await asyncio.sleep(_POLL_INTERVALS_S[min(empty_answers, len(_POLL_INTERVALS_S) - 1)])


def run_watchdog(config: Config, heartbeat_file: Path) -> None:
    """Watch until SIGINT or SIGTERM."""

    async def serve() -> None:
        stopping = asyncio.Event()
        on_stop(stopping.set)
        logger.info("watchdog_started", heartbeat=str(heartbeat_file), pid=os.getpid())
        await Watchdog(config.exchange, heartbeat_file).run(stopping.is_set)

    asyncio.run(serve())
