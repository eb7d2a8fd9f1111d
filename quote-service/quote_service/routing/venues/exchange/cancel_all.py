"""`maker cancel-all`: cancels our orders at the exchange with the account's keys alone.

It needs no log, bus or engine, because those may be what has failed.
"""

import asyncio
import time

from quote_service.routing.venues.exchange.account_orders import cancel_all_at
from quote_service.routing.venues.exchange.client import open_rest_client, venue_client_ids_of
from quote_service.routing.venues.exchange.outcomes import RequestFailedError
from quote_service.routing.venues.exchange.registry import OrderRegistry
from runtime.exchange.clients import Credentials
from runtime.process.unrecorded_cancel import CancelResult
from schemas.deployment import ExchangeSettings


async def cancel_all(
    exchange: ExchangeSettings, limit_s: float, credentials: Credentials | None = None
) -> CancelResult:
    """Cancel all our open orders on all symbols; raises ConfigError where the keys cannot be read."""
    rest = open_rest_client(
        exchange, OrderRegistry(venue_client_ids_of(exchange), lambda report: None, time.time_ns), credentials
    )
    try:
        try:
            async with asyncio.timeout(limit_s):
                await rest.sync_clock()
        except (RequestFailedError, TimeoutError):
            pass  # try anyway: a cancel rejected for its timestamp measures the clock again
        return await cancel_all_at(rest, limit_s)
    finally:
        await rest.dialect.client.close()


def run_cancel_all(exchange: ExchangeSettings, limit_s: float) -> CancelResult:
    """`cancel_all`, for the command line."""
    return asyncio.run(cancel_all(exchange, limit_s))
