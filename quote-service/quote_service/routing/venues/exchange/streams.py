"""The account's own streams: kept up by ccxt, read from its caches, so that no lost wake-up loses a fill."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from quote_service.routing.venues.exchange.facts import Contract, OrderFacts, order_facts, trade_facts
from quote_service.routing.venues.exchange.outcomes import classified
from quote_service.routing.venues.exchange.sender import Backoff, Desk
from quote_service.routing.venues.exchange.tracked import Tracked
from schemas.recent_keys import RecentKeys

SCAN_INTERVAL_S = 0.02
_TRADES_KEPT = 20_000
_WATCHES = ("watch_orders", "watch_my_trades")

logger = structlog.get_logger()


class UserStreams:
    """Follows own orders and trades."""

    def __init__(
        self,
        desk: Desk,
        contracts: Mapping[str, Contract],
        see_ended: Callable[[Tracked, OrderFacts], None],
        say_broken: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._client = desk.dialect.client
        self._contracts = contracts
        self._see_ended = see_ended
        self._say_broken = say_broken
        self._seen = RecentKeys(_TRADES_KEPT)
        self._news = asyncio.Event()
        self._has_begun = False

    def begin(self) -> list[Coroutine[Any, Any, None]]:
        """What is to run in the background; nothing where it runs already."""
        if self._has_begun:
            return []
        self._has_begun = True
        return [*(self._watch(name) for name in _WATCHES), self._scan()]

    async def _watch(self, name: str) -> None:
        backoff = Backoff()
        while True:
            try:
                await getattr(self._client, name)()
                backoff = Backoff()
                self._news.set()
            except Exception as error:
                self._say_broken(f"the account's stream broke: {classified(error)}"[:500])
                await backoff.wait()

    async def _scan(self) -> None:
        while True:
            try:
                async with asyncio.timeout(SCAN_INTERVAL_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self.scan()

    def scan(self) -> None:
        """Take what is new in the caches."""
        try:
            self._scan_trades()
            self._scan_orders()
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            logger.warning("unreadable_stream", because=repr(error))
            self._say_broken(f"the account's stream cannot be read: {error!r}")

    def _scan_trades(self) -> None:
        fresh = []
        for trade in reversed(self._client.myTrades or ()):
            if not self._seen.is_new(f"{trade['symbol']}/{trade['id']}"):
                break
            fresh.append(trade)
        for trade in reversed(fresh):
            contract = self._contract(trade["symbol"])
            if contract is not None:
                self._desk.register.book(contract, trade_facts(trade, contract))

    def _scan_orders(self) -> None:
        cache = self._client.orders
        if cache is None:
            return
        for tracked in self._desk.register.living():
            living = tracked.living
            if living is None or living.venue_id is None or tracked.lock.locked():
                continue
            order = cache.hashmap.get(tracked.contract.symbol, {}).get(living.venue_id)
            if order is None:
                continue
            facts = order_facts(order, tracked.contract)
            if facts.state == "ended":
                self._see_ended(tracked, facts)

    def _contract(self, symbol: str) -> Contract | None:
        return self._contracts.get(f"{self._desk.config.id}:{symbol}")
