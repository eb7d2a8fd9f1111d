"""A sender before a fake exchange, for the tests of what reaches the venue and what the router hears."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, cast

from quote_service.routing.orders.client_ids import client_order_id, id_prefix
from quote_service.routing.venues.exchange.client import RestClient
from quote_service.routing.venues.exchange.dialects import Dialect
from quote_service.routing.venues.exchange.facts import trade_facts
from quote_service.routing.venues.exchange.ids import VenueClientIds
from quote_service.routing.venues.exchange.reconciliation import VenueReconciliation
from quote_service.routing.venues.exchange.registry import OrderRegistry
from quote_service.routing.venues.exchange.send import OrderSender

from runtime.exchange.request_budget import RequestBudget
from schemas.deployment import ExchangeSettings
from schemas.orders import OrderEventKind, ReportKind, VenueReport
from schemas.units import NS_PER_S
from schemas.venues import VENUES, VenueId
from tests.kit.messages import order_event
from tests.servers.local import PATIENCE_S
from tests.unit.quote_service.routing.exchange.fake_exchange import CONTRACT, FakeExchange, Fault

ID = client_order_id(id_prefix(CONTRACT.key), "buy", 0, 7)


class World:
    """A sender before a fake exchange; `reports` is what the router would hear."""

    def __init__(self, faults: list[Fault] | None = None, venue: VenueId = "binance") -> None:
        self.exchange = FakeExchange(venue, list(faults or ()))
        self.reports: list[VenueReport] = []
        config = ExchangeSettings(id=venue, symbols=(CONTRACT.symbol,), receive_window_ms=50)
        ids = VenueClientIds("mm", with_revision=venue == "binance")
        ids.add_symbol(CONTRACT.key)
        self.now_ns: int | None = None
        """None: the true time."""
        self.began_ns = 0
        self.registry = OrderRegistry(ids, self.reports.append, self.time_ns, lambda: self.began_ns)
        budget = RequestBudget(VENUES[venue], 1.0)
        self.rest_client = RestClient(config, cast(Dialect, self.exchange), budget, self.registry)
        self.sender = OrderSender(self.rest_client, lambda key, version: CONTRACT)
        self.spawned: list[asyncio.Task[None]] = []
        contracts = {CONTRACT.key: CONTRACT}
        self.reconciliation = VenueReconciliation(
            self.rest_client, self.sender, contracts, self.time_ns, self.spawn
        )
        self.exchange.on_trade = lambda trade: self.registry.book(CONTRACT, trade_facts(trade, CONTRACT))
        self.revision = 0

    def time_ns(self) -> int:
        return time.time_ns() if self.now_ns is None else self.now_ns

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.spawned.append(asyncio.create_task(work))

    async def rest(self) -> None:
        """Until everything in the background has come to an end."""
        await self.exchange.settle()
        while self.spawned:
            await self.spawned.pop()

    async def intend(self, kind: OrderEventKind, ticks: int = 100, lots: int = 10, filled: int = 0) -> None:
        self.revision += kind == "amend_intent"
        intent = order_event(
            kind,
            "live",
            venue="binance",
            symbol=CONTRACT.symbol,
            order_id=ID,
            price=ticks,
            lots=lots,
            filled_lots=filled,
            revision=self.revision,
            time_ns=0,
        )
        await self.sender.execute(self.sender.track(intent), intent)

    @property
    def kinds(self) -> list[ReportKind]:
        return [report.kind for report in self.reports]

    @property
    def open_lots(self) -> list[int]:
        return [held.lots - held.filled for held in self.exchange.held.values() if held.status == "open"]

    @property
    def booked_lots(self) -> int:
        return sum(report.size_lots for report in self.reports if report.kind == "fill")


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await test()

    asyncio.run(limited())


NOW_NS = 1_795_900_000 * NS_PER_S
"""In November 2026."""
