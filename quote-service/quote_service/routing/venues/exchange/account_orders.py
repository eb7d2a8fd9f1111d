"""Lists the account's open orders on all symbols, and cancels our own.

It needs no contract, log or bus, since halts, the watchdog, `maker cancel-all` and an engine whose disk has
failed rely on it.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from quote_service.routing.venues.exchange.client import RestClient, retries
from quote_service.routing.venues.exchange.facts import VenueOrderKey, venue_client_id_of
from quote_service.routing.venues.exchange.outcomes import OrderGoneError, RequestFailedError
from runtime.exchange.request_budget import Purpose
from runtime.process.unrecorded_cancel import CancelResult

EMPTY_ANSWERS_MIN = 2
"""The open orders endpoint lags the matching engine: this many consecutive answers without our orders are
needed as proof."""
_EMPTY_INTERVAL_S = 0.5

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AccountOrder:
    """An open order of the account, on any symbol."""

    symbol: str
    venue_id: str
    venue_client_id: str
    unified: Mapping[str, Any]
    """The unified ccxt order."""

    @property
    def venue_key(self) -> VenueOrderKey:
        """Its identity at the venue."""
        return VenueOrderKey(self.symbol, self.venue_id)


async def open_orders(rest: RestClient, purpose: Purpose) -> list[AccountOrder]:
    """All open orders of the account; raises RequestFailedError."""

    async def fetch() -> list[AccountOrder]:
        return [
            AccountOrder(str(order["symbol"]), str(order["id"]), venue_client_id_of(order) or "", order)
            for order in await rest.dialect.client.fetch_open_orders()
        ]

    return await rest.request("open_orders", purpose, fetch)


async def cancel_one(rest: RestClient, order: AccountOrder) -> None:
    """Cancel an order; one already gone counts as success. Raises RequestFailedError."""
    try:
        await rest.request(
            "cancel", "cancel", lambda: rest.dialect.cancel_by_venue_id(order.symbol, order.venue_id)
        )
    except OrderGoneError:
        return


@dataclass(frozen=True, slots=True)
class SweepResult:
    """The outcome of a sweep."""

    cancelled: tuple[AccountOrder, ...]
    left: tuple[AccountOrder, ...]
    """Our orders in the venue's last answer."""
    is_proven: bool
    """Whether the venue showed repeatedly that none of ours is left."""
    failure: str = ""
    """The most recent request failure."""


async def sweep_once(rest: RestClient) -> list[AccountOrder]:
    """Cancel every open order of ours once; returns them. Raises RequestFailedError."""
    shown = await open_orders(rest, "cancel")
    own = [order for order in shown if rest.registry.ids.is_own(order.venue_client_id)]
    await asyncio.gather(*(_try_cancel(rest, order) for order in own))
    return own


async def sweep(rest: RestClient, limit_s: float) -> SweepResult:
    """Cancel every order with our prefix until the venue shows none, or until the time limit."""
    shown: dict[VenueOrderKey, AccountOrder] = {}
    left: list[AccountOrder] = []
    empty_answers, failure, backoff = 0, "", retries()
    deadline_s = time.monotonic() + limit_s
    while empty_answers < EMPTY_ANSWERS_MIN and time.monotonic() < deadline_s:
        try:
            async with asyncio.timeout(deadline_s - time.monotonic()):
                left = await sweep_once(rest)
        except (RequestFailedError, TimeoutError) as error:
            failure = str(error)[:300] or f"no answer within {limit_s:g} s"
            await backoff.wait()
            continue
        backoff = retries()
        shown |= {order.venue_key: order for order in left}
        empty_answers = 0 if left or not rest.orders_settled else empty_answers + 1
        if empty_answers < EMPTY_ANSWERS_MIN:
            await asyncio.sleep(_EMPTY_INTERVAL_S)
    still = {order.venue_key for order in left}
    gone = tuple(order for key, order in shown.items() if key not in still)
    return SweepResult(gone, tuple(left), empty_answers >= EMPTY_ANSWERS_MIN, failure)


async def cancel_all_at(rest: RestClient, limit_s: float) -> CancelResult:
    """`sweep`, with its outcome as text for the operator."""
    swept = await sweep(rest, limit_s)

    def ids(orders: tuple[AccountOrder, ...]) -> tuple[str, ...]:
        return tuple(f"{order.symbol} {order.venue_client_id}" for order in orders)

    return CancelResult(
        rest.config.id,
        rest.config.order_prefix,
        ids(swept.cancelled),
        ids(swept.left),
        swept.is_proven,
        swept.failure,
    )


async def _try_cancel(rest: RestClient, order: AccountOrder) -> None:
    try:
        await cancel_one(rest, order)
    except RequestFailedError as error:
        logger.warning(
            "order_cancel_failed", symbol=order.symbol, order=order.venue_client_id, because=str(error)[:300]
        )
