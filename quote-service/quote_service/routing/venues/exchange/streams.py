"""The user data stream: maintained by ccxt, and read from its caches, so that a lost wake-up loses no fill.

A stream can die without closing. It counts as dead when the venue says so (such as `eventStreamTerminated` or
an expired listen key), when it does not deliver a fill that a request returned, or when it is silent although
the account is active. It is then closed and reopened.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from quote_service.routing.venues.exchange.client import RestClient, retries
from quote_service.routing.venues.exchange.facts import (
    OrderFacts,
    TradeFacts,
    VenueContract,
    order_facts,
    trade_facts,
)
from quote_service.routing.venues.exchange.outcomes import classified
from quote_service.routing.venues.exchange.stream_silence import SilenceDetector
from quote_service.routing.venues.exchange.tracker import TrackedOrder
from runtime.exchange.clients import drop_streams
from schemas.recent_keys import RecentKeys

SCAN_INTERVAL_S = 0.02
_TRADES_KEPT = 20_000
_WATCHES = ("watch_orders", "watch_my_trades")
HEALTHY_S = 5.0
"""A connection that lasted this long was healthy, so the backoff starts over."""
_SUBSCRIBED_MARGIN_S = 0.5
_ENDS = frozenset({"eventStreamTerminated", "listenKeyExpired", "serverShutdown"})
_ACCOUNT_EVENTS = frozenset(
    {"executionReport", "outboundAccountPosition", "balanceUpdate", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}
)

logger = structlog.get_logger()


class UserStreams:
    """Follows our orders and trades."""

    def __init__(
        self,
        rest: RestClient,
        contracts: Mapping[str, VenueContract],
        observe_ended: Callable[[TrackedOrder, OrderFacts], None],
        observe_unknown: Callable[[str], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self._rest = rest
        self._client = rest.dialect.client
        self._contracts = contracts
        self._observe_ended = observe_ended
        self._observe_unknown = observe_unknown
        self._on_broken = on_broken
        self._known_trades = RecentKeys(_TRADES_KEPT)
        self._news = asyncio.Event()
        self._has_begun = False
        self._subscribed_s = 0.0
        """On the engine's clock; earlier trades are not expected from this subscription."""
        self.silence = SilenceDetector(rest.config.stream_silence_ms_max / 1e3, time.monotonic)

    def begin(self) -> list[Coroutine[Any, Any, None]]:
        """The background tasks to run; empty if they are running already."""
        if self._has_begun:
            return []
        self._has_begun = True
        return [*(self._watch(name) for name in _WATCHES), self._scan()]

    async def subscribe(self) -> None:
        """Wait until the venue confirms the subscription, from when on it delivers events."""
        try:
            async with asyncio.timeout(self._rest.config.request_timeout_ms / 1e3):
                await self._client.authenticate()
        except Exception as error:
            # ccxt would keep the timed-out subscription as pending and never subscribe again
            drop_streams(self._client, "the subscription was not confirmed in time")
            raise classified(error) from error
        self._subscribed_s = self._rest.registry.now_s()
        self.silence.reset()

    def observe_recovered(self, trade: TradeFacts) -> None:
        """A request returned a trade first; the stream is expected to deliver it too."""
        executed_s = (trade.executed_ms or 0) / 1e3 - self._rest.registry.clock_offset_s
        if executed_s > self._subscribed_s + _SUBSCRIBED_MARGIN_S:
            self.silence.observe_requested((trade.symbol, trade.trade_id))

    def receive(self, message: Any) -> None:
        """Process a raw WebSocket message, before ccxt does."""
        body = message if isinstance(message, dict) else {}
        event = body.get("event", body)
        kind = event.get("e") if isinstance(event, dict) else None
        if kind in _ENDS:
            self.end(f"the venue ended the user data stream: {kind}")
        elif kind in _ACCOUNT_EVENTS:
            self.silence.observe_event()
            self._news.set()
            self._check_for_unknown(event)

    def _check_for_unknown(self, event: Mapping[str, Any]) -> None:
        """Detect an execution report of an unknown order of ours."""
        registry = self._rest.registry
        inner = event.get("o")
        report = inner if isinstance(inner, dict) else event
        order_key = registry.ids.from_venue(str(report.get("C") or report.get("c") or ""))
        if order_key is not None and registry.get(order_key.client_order_id) is None:
            self._observe_unknown(order_key.key)

    def end(self, reason: str) -> None:
        """Close a dead stream, so that it is reopened."""
        logger.warning("user_stream_ended", because=reason)
        self._on_broken(reason)
        drop_streams(self._client, reason)

    async def _watch(self, name: str) -> None:
        backoff, began_s = retries(), time.monotonic()
        while True:
            try:
                await getattr(self._client, name)()
                self._news.set()
            except Exception as error:
                if time.monotonic() - began_s > HEALTHY_S:
                    backoff = retries()
                self._on_broken(f"the user data stream failed: {classified(error)}"[:500])
                await backoff.wait()
                began_s = time.monotonic()

    async def _scan(self) -> None:
        while True:
            try:
                async with asyncio.timeout(SCAN_INTERVAL_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self.scan()
            reason = self.silence.failure()
            if reason is not None:
                self.silence.reset()
                self.end(reason)

    def scan(self) -> None:
        """Process new entries of ccxt's caches."""
        try:
            self._scan_trades()
            self._scan_orders()
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            logger.warning("user_stream_unreadable", because=repr(error))
            self._on_broken(f"the user data stream cannot be read: {error!r}")

    def _scan_trades(self) -> None:
        fresh = []
        for trade in reversed(self._client.myTrades or ()):
            if not self._known_trades.add(f"{trade['symbol']}/{trade['id']}"):
                break
            fresh.append(trade)
        for trade in reversed(fresh):
            contract = self._contract(trade["symbol"])
            if contract is not None:
                facts = trade_facts(trade, contract)
                self.silence.observe_streamed((facts.symbol, facts.trade_id))
                if not self._rest.registry.book(contract, facts):
                    self._observe_unknown(contract.key)

    def _scan_orders(self) -> None:
        cache = self._client.orders
        if cache is None:
            return
        for tracked in self._rest.registry.live_orders():
            live = tracked.live_order
            if live is None or live.venue_id is None or tracked.lock.locked():
                continue
            order = cache.hashmap.get(tracked.contract.symbol, {}).get(live.venue_id)
            if order is None:
                continue
            facts = order_facts(order, tracked.contract)
            if facts.state == "ended":
                self._observe_ended(tracked, facts)

    def _contract(self, symbol: str) -> VenueContract | None:
        return self._contracts.get(f"{self._rest.config.id}:{symbol}")
