"""The path of every request to the exchange: rate budget, the venue's clock, and classification of failures.

A request rejected for its timestamp is retried at once with a newly measured clock offset: it was certainly
not executed, and a cancel must not wait for the next clock measurement.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog

from quote_service.routing.venues.exchange.dialects import Dialect, dialect_of
from quote_service.routing.venues.exchange.ids import VenueClientIds
from quote_service.routing.venues.exchange.outcomes import (
    ACCOUNT_REFUSED,
    CLOCK,
    RATE_LIMIT,
    WITHDRAWING,
    HeldBackError,
    NoAnswerError,
    RequestFailedError,
    classified,
)
from quote_service.routing.venues.exchange.registry import OrderRegistry
from runtime.backoff import Backoff
from runtime.errors import ConfigError
from runtime.exchange.clients import Credentials, MessageObserver, make_client, read_credentials
from runtime.exchange.request_budget import Purpose, RequestBudget
from runtime.exchange.shared_budgets import shared_budget
from schemas.deployment import ExchangeSettings
from schemas.venues import VENUES, RequestKind

_ID_LENGTH = 16
"""Length of an id without its prefix: tag, side, level, X and a count that lasts twenty years."""
_MEASURED_WITHIN_S = 0.5
"""A clock measurement with this round trip or less is accurate enough."""
_MEASURES_MAX = 4
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits after attempts without an answer."""
_CHANGES: frozenset[RequestKind] = frozenset({"place", "amend", "shrink", "cancel"})
Answer = TypeVar("Answer")

logger = structlog.get_logger()


def retries() -> Backoff:
    """The waits between attempts at one request."""
    return Backoff(_BACKOFF_S)


class VenueClock:
    """The offset of the venue's clock from the engine's, and from the machine's, which ccxt signs with.

    Engine and machine clock agree until the machine's clock is set.
    """

    def __init__(self, client: Any, budget: RequestBudget, now_s: Callable[[], float]) -> None:
        self._client = client
        self._budget = budget
        self._now_s = now_s
        self._measuring = asyncio.Lock()
        self._measured_s = -math.inf
        """On the monotonic clock."""
        self.offset_s = 0.0
        """The venue's clock minus the engine's, as last measured."""

    async def measure(self) -> None:
        """Measure the offset; the venue's time is assumed to be that of the middle of the round trip."""
        called_s = time.monotonic()
        async with self._measuring:
            if self._measured_s > called_s:  # another task has measured meanwhile
                return
            await self._measure_shortest()
            self._measured_s = time.monotonic()

    async def _measure_shortest(self) -> None:
        """Keep the measurement with the shortest round trip, since the error is up to half of it."""
        shortest_s = math.inf
        for _ in range(_MEASURES_MAX):
            await self._budget.acquire("time", "cancel")
            asked_s, signed_s = self._now_s(), time.time()
            venue_s = await self._client.fetch_time() / 1e3
            answered_s = self._now_s()
            if answered_s - asked_s < shortest_s:
                shortest_s = answered_s - asked_s
                self.offset_s = venue_s - (asked_s + answered_s) / 2
                machine_s = (signed_s + time.time()) / 2
                self._client.options["timeDifference"] = round((machine_s - venue_s) * 1e3)
            if shortest_s <= _MEASURED_WITHIN_S:
                return


class RestClient:
    """Sends all requests about orders and the account. They raise RequestFailedError."""

    def __init__(
        self, config: ExchangeSettings, dialect: Dialect, budget: RequestBudget, registry: OrderRegistry
    ) -> None:
        self.config = config
        self.dialect = dialect
        self.budget = budget
        self.registry = registry
        self.clock = VenueClock(dialect.client, budget, registry.now_s)
        self.on_refused: Callable[[RequestFailedError], None] = lambda failure: None
        """Called where the venue rejects our key, its permissions or our IP address."""

        self.on_confirmed: Callable[[float], None] = lambda asked_s: None
        """Called for each change the venue confirmed, with its request time on the monotonic clock."""

        self._sends_orders = True
        self._orders_under_way = 0
        self._orders_settled_s = 0.0
        """Until then a request without an answer may still be executed."""

    def stop_orders(self) -> None:
        """Reject all further orders and amends locally."""
        self._sends_orders = False

    @property
    def orders_settled(self) -> bool:
        """Whether no order or amend can still reach the venue."""
        return not self._orders_under_way and time.monotonic() >= self._orders_settled_s

    async def request(
        self, kind: RequestKind, purpose: Purpose, request: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Wait for rate budget, then send a request."""
        await self.budget.acquire(kind, purpose)
        return await self._send(kind, purpose, request)

    async def request_now(self, kind: RequestKind, request: Callable[[], Awaitable[Answer]]) -> Answer:
        """Send an order now or not at all, since the market moves."""
        if not self._sends_orders:
            raise HeldBackError(WITHDRAWING)
        if not self.budget.may_send(kind, "order"):
            raise HeldBackError(RATE_LIMIT)
        self._orders_under_way += 1
        try:
            return await self._send(kind, "order", request)
        except NoAnswerError:
            self._orders_settled_s = time.monotonic() + self.config.receive_window_ms / 1e3
            raise
        finally:
            self._orders_under_way -= 1

    async def _send(
        self, kind: RequestKind, purpose: Purpose, request: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        try:
            return await self._try(kind, request)
        except RequestFailedError as failure:
            if failure.reason != CLOCK:
                raise
            logger.warning(
                "request_timestamp_rejected", offset_s=self.clock.offset_s, because=str(failure)[:300]
            )
        await self.sync_clock()
        await self.budget.acquire(kind, purpose)
        return await self._try(kind, request)

    async def sync_clock(self) -> None:
        """Measure the venue's clock."""
        try:
            await self.clock.measure()
        except Exception as error:
            raise classified(error) from error
        self.registry.observe_clock(self.clock.offset_s)

    async def _try(self, kind: RequestKind, request: Callable[[], Awaitable[Answer]]) -> Answer:
        asked_s = time.monotonic()
        try:
            answer = await request()
        except Exception as error:
            failure = classified(error)
            if failure.reason == ACCOUNT_REFUSED:
                self.on_refused(failure)
            raise failure from error
        if kind in _CHANGES:
            self.on_confirmed(asked_s)
        return answer


def venue_client_ids_of(exchange: ExchangeSettings) -> VenueClientIds:
    """The client order id scheme of this deployment; raises ConfigError where ids would be too long."""
    venue = VENUES[exchange.id]
    room = venue.client_id_length_max - len(exchange.order_prefix) - _ID_LENGTH
    if room < 0:
        raise ConfigError(
            f"exchange.order_prefix {exchange.order_prefix!r} is too long: {venue.title} allows client order "
            f"ids of {venue.client_id_length_max} characters; use {len(exchange.order_prefix) + room} at most"
        )
    return VenueClientIds(exchange.order_prefix, with_revision=venue.amend == "replace")


def open_rest_client(
    exchange: ExchangeSettings,
    registry: OrderRegistry,
    credentials: Credentials | None = None,
    observe_message: MessageObserver | None = None,
) -> RestClient:
    """A client with its own connection and the rate budget that all clients of the account share.

    Raises ConfigError where the keys cannot be read.
    """
    credentials = credentials or read_credentials(exchange)
    budget = shared_budget(exchange, credentials.api_key)
    client = make_client(exchange, credentials, budget, observe_message=observe_message)
    return RestClient(exchange, dialect_of(VENUES[exchange.id], client), budget, registry)
