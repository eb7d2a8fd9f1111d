"""A process of its own, with a key of its own, that withdraws our orders when the router falls silent.

For exchanges without a dead-man's switch. The router writes the heartbeat file on each of its ticks, and
nowhere else, so a router that hangs is silent too. The watchdog writes a file beside it, without which the
router does not quote.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from chassis.exchanges import Client, Credentials, make_client, read_credentials
from quote_service.routing.venues.exchange.ids import WireIds
from quote_service.routing.venues.exchange.outcomes import OrderGoneError, classified
from schemas.config import Config
from schemas.deployment import Exchange
from schemas.venues import VENUES

LOOK_INTERVAL_S = 0.25
WATCHED_S_MAX = 2.0
"""A watchdog that gave no sign of life for longer is none."""

logger = structlog.get_logger()


def beat(path: Path) -> None:
    """Give a sign of life."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def age_s(path: Path) -> float | None:
    """Seconds since the newest sign of life; None: there was none."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None


def watchdog_file(heartbeat_file: Path) -> Path:
    """Where the watchdog of a heartbeat gives its own."""
    return heartbeat_file.with_name(heartbeat_file.name + ".watched")


def is_watched(heartbeat_file: Path) -> bool:
    """Does a watchdog live?"""
    age = age_s(watchdog_file(heartbeat_file))
    return age is not None and age <= WATCHED_S_MAX


class Watchdog:
    """Looks at one heartbeat; `fires` counts how often it had to withdraw orders."""

    def __init__(
        self, exchange: Exchange, heartbeat_file: Path, credentials: Credentials | None = None
    ) -> None:
        """Raises ConfigError where the keys cannot be read."""
        self._client: Client = make_client(exchange, credentials or read_credentials(exchange))
        self._ids = WireIds(exchange.order_prefix, with_revision=VENUES[exchange.id].amend == "replace")
        self._heartbeat_file = heartbeat_file
        self._timeout_s = exchange.dead_mans_switch_ms / 1e3
        self._began_s = time.time()
        self.fires = 0

    async def run(self, is_stopping: Callable[[], bool]) -> None:
        """Watch until told to stop."""
        try:
            while not is_stopping():
                beat(watchdog_file(self._heartbeat_file))
                if self._silence_s() > self._timeout_s:
                    await self._withdraw()
                await asyncio.sleep(LOOK_INTERVAL_S)
        finally:
            await self._client.close()

    def _silence_s(self) -> float:
        age = age_s(self._heartbeat_file)
        return time.time() - self._began_s if age is None else age

    async def _withdraw(self) -> None:
        """Cancel what is ours; called again as long as the silence lasts."""
        try:
            orders = [
                order
                for order in await self._client.fetch_open_orders()
                if self._ids.is_own(order.get("clientOrderId"))
            ]
        except Exception as error:
            logger.warning("open_orders_failed", because=str(classified(error))[:300])
            return
        if orders:
            self.fires += 1
            logger.error("router_silent", silence_s=round(self._silence_s(), 1), orders=len(orders))
        await asyncio.gather(*(self._cancel(order["id"], order["symbol"]) for order in orders))

    async def _cancel(self, venue_id: str, symbol: str) -> None:
        try:
            await self._client.cancel_order(venue_id, symbol)
        except Exception as error:
            failure = classified(error)
            if not isinstance(failure, OrderGoneError):
                logger.warning("cancel_failed", order=venue_id, because=str(failure)[:300])


def run_watchdog(config: Config, heartbeat_file: Path) -> None:
    """Watch until SIGTERM or SIGINT."""

    async def serve() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stopping.set)
        logger.info("watching", heartbeat=str(heartbeat_file), pid=os.getpid())
        await Watchdog(config.exchange, heartbeat_file).run(stopping.is_set)

    asyncio.run(serve())
