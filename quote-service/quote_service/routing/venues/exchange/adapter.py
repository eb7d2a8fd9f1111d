"""The venue adapter over a real exchange: intents to requests, the venue's answers to reports.

It keeps the contract of `venues/base.py` over a network. Nothing is sent before the intent is on disk, and
nothing is sent twice. Until what is counted as open was compared with the venue's own open orders it says
so, and the router's gate stays closed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from chassis.exchanges import Credentials, make_client, read_credentials
from chassis.process import AdapterContext
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.router import RouterCore
from quote_service.routing.venues.exchange.budget import RequestBudget
from quote_service.routing.venues.exchange.comparing import Comparer, Known
from quote_service.routing.venues.exchange.dialects import dialect_of
from quote_service.routing.venues.exchange.facts import Contract, contract_of
from quote_service.routing.venues.exchange.ids import WireIds
from quote_service.routing.venues.exchange.register import Register
from quote_service.routing.venues.exchange.sender import Desk, Sender
from quote_service.routing.venues.exchange.session import Session
from quote_service.routing.venues.exchange.tracked import Tracked, WireOrder
from schemas.market import Instrument
from schemas.message import Event
from schemas.orders import INTENT_KINDS, KillReport, OrderEvent
from schemas.process import Tick
from schemas.units import NS_PER_S
from schemas.venues import VENUES

logger = structlog.get_logger()


class ExchangeVenue:
    """A NetworkAdapter of the chassis."""

    def __init__(self, context: AdapterContext, credentials: Credentials | None = None) -> None:
        """Raises ConfigError where the account's keys cannot be read."""
        exchange = context.config.exchange
        venue = VENUES[exchange.id]
        if not isinstance(context.core, RouterCore):
            raise TypeError(f"an exchange is spoken with by the order router, not by {type(context.core)}")
        self._core = context.core
        self._now_ns = context.now_ns
        self._inbox: deque[Event] = deque()
        self._staged: list[OrderEvent] = []
        self._contracts: dict[tuple[str, int], Contract] = {}
        self._newest: dict[str, Contract] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake: Callable[[], None] = lambda: None
        self._is_open = False
        budget = RequestBudget(venue, exchange.budget_share)
        client = make_client(exchange, credentials or read_credentials(exchange), budget.see)
        ids = WireIds(exchange.order_prefix, with_revision=venue.amend == "replace")
        register = Register(ids, self._say, self._now_ns)
        self._desk = Desk(exchange, dialect_of(venue, client), budget, register)
        self._sender = Sender(self._desk, lambda key, version: self._contracts[key, version])
        comparer = Comparer(self._desk, self._sender, self._newest, self._now_ns, self._run)
        self._session = Session(self._desk, comparer, self._newest, self._say, self._now_ns, self._run)

    async def open(self, wake: Callable[[], None]) -> None:
        """Connect in the background; until that has come to an end nothing may be placed."""
        self._wake = wake
        self._is_open = True
        for instrument in self._core.instruments():
            self.on_event(instrument)
        self._run(self._session.run(await self._adopt()))

    def on_event(self, event: Event) -> None:
        """See contracts, time, withdrawals and intents."""
        if isinstance(event, OrderEvent):
            if event.kind in INTENT_KINDS:
                self._staged.append(event)
        elif isinstance(event, Instrument):
            contract = contract_of(event)
            self._contracts[event.key, event.version] = contract
            self._newest[event.key] = contract
        elif isinstance(event, Tick):
            self._session.see_tick()
        elif isinstance(event, KillReport):
            self._session.see_withdrawal(event)

    @property
    def wants_commit(self) -> bool:
        """Do intents wait to be sent?"""
        return bool(self._staged)

    def committed(self) -> None:
        """Send what waits."""
        staged, self._staged = self._staged, []
        for intent in staged:
            self._run(self._sender.carry_out(self._sender.begin(intent), intent))

    def next_due_ns(self) -> int | None:
        """When the oldest report was received."""
        return self._inbox[0].event_time_ns if self._inbox else None

    def take_due(self, now_ns: int) -> Iterable[Event]:
        """Reports received up to then."""
        due = []
        while self._inbox and self._inbox[0].event_time_ns <= now_ns:
            due.append(self._inbox.popleft())
        return due

    def close(self) -> None:
        """Nothing is sent any more."""
        self._is_open = False
        self._staged.clear()

    async def aclose(self) -> None:
        """End all tasks and the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._desk.dialect.client.close()

    def _say(self, report: Event) -> None:
        self._inbox.append(report)
        self._wake()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        if not self._is_open:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("task_failed", exc_info=task.exception())

    async def _adopt(self) -> list[Known]:
        """The orders that the router counts as open from before; nothing is done about one of them before it
        is known what the venue has of it, so each is locked until then."""
        known = []
        for key, order in self._core.open_orders():
            contract = self._contracts.get((key, order.instrument_version)) or self._newest.get(key)
            if contract is None:
                logger.error("order_without_instrument", order=order.client_order_id, key=key)
                continue
            tracked = Tracked(contract, order.client_order_id, order.side)
            self._desk.register.add(tracked)
            await tracked.lock.acquire()
            wire = self._guess(order)
            known.append(Known(contract, order.client_order_id, order.status, tracked, wire))
        return known

    def _guess(self, order: Order) -> WireOrder:
        """How the newest revision stands at the venue, if it does."""
        return WireOrder(
            self._desk.register.ids.to_wire(order.client_order_id, order.revision),
            order.revision,
            order.asked_price_ticks,
            order.asked_size_lots,
            order.asked_at_ns / NS_PER_S,
        )
