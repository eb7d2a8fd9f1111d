"""The venue adapter of a real exchange: turns intents into requests, and responses into reports.

It implements `venues/port.py`. Nothing is sent before its intent is on disk, and nothing is sent twice. Until
our open orders are reconciled with the venue's, it reports not ready and the router's gate stays closed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog

from quote_service.routing.venues.exchange.account_orders import cancel_all_at
from quote_service.routing.venues.exchange.client import open_rest_client, venue_client_ids_of
from quote_service.routing.venues.exchange.facts import VenueContract, contract_of
from quote_service.routing.venues.exchange.outcomes import DISK_STALLED
from quote_service.routing.venues.exchange.reconciliation import RestoredOrder, VenueReconciliation
from quote_service.routing.venues.exchange.registry import OrderRegistry
from quote_service.routing.venues.exchange.send import OrderSender
from quote_service.routing.venues.exchange.session import ExchangeSession
from quote_service.routing.venues.exchange.tracker import TrackedOrder, VenueOrder
from quote_service.routing.venues.exchange.trade_reader import TradeReader
from runtime.errors import RefusedError
from runtime.exchange.clients import Credentials
from runtime.process.definition import AdapterContext
from runtime.process.unrecorded_cancel import CancelResult
from schemas.carried.router import CarriedOrder, RouterCarried
from schemas.market import Instrument
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import INTENT_KINDS, KillReport, OrderEvent, TradingStop
from schemas.process import Tick
from schemas.units import NS_PER_S

_TURN_IS_OVER = 2
"""The first call without a result ends the turn, the second starts the next one."""

logger = structlog.get_logger()


class ExchangeVenue:
    """A NetworkAdapter of the runtime."""

    def __init__(self, context: AdapterContext, credentials: Credentials | None = None) -> None:
        """Raises ConfigError where the account's keys cannot be read."""
        exchange = context.config.exchange
        self._carried = context.carried
        self._began_ns = 0
        self._trade_ids: dict[str, tuple[str, ...]] = {}
        """By `venue:symbol`, the newest trade ids booked before this adapter opened."""
        self._now_ns = context.now_ns
        self._inbox: deque[Event] = deque()
        self._staged: list[OrderEvent] = []
        self._staged_s = 0.0
        """When the oldest of them was decided, on the monotonic clock."""
        self._stall_s_max = context.config.engine.disk_stall_ms_max / 1e3
        self._contracts: dict[tuple[str, int], VenueContract] = {}
        self._newest: dict[str, VenueContract] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake: Callable[[], None] = lambda: None
        self._is_open = False
        self._ends_unexplained = context.ends_unexplained
        self._unexplained: dict[str, str] = {}
        """Symbols whose position at the venue differs from the ledger, with the text for the operator."""
        self._asked_since_refusal = 0
        registry = OrderRegistry(
            venue_client_ids_of(exchange), self._report, self._now_ns, lambda: self._began_ns
        )
        self._rest = open_rest_client(exchange, registry, credentials, self._enqueue)
        self._sender = OrderSender(self._rest, lambda key, version: self._contracts[key, version])
        reconciliation = VenueReconciliation(self._rest, self._sender, self._newest, self._now_ns, self._run)
        trades = TradeReader(
            self._rest, reconciliation, self._newest, self._trade_ids, lambda: self._began_ns
        )
        self._session = ExchangeSession(
            self._rest, reconciliation, trades, self._newest, self._report, self._now_ns, self._run
        )

    async def open(self, wake: Callable[[], None]) -> None:
        """Check the API key, then connect in the background; no order is placed before that completes.

        Raises RefusedError where the venue does not let this key trade.
        """
        self._wake = wake
        await self._session.check_key()
        self._is_open = True
        carried = [each for each in self._carried() if isinstance(each, RouterCarried)]
        for each in carried:
            self._restore(each)
        self._run(self._session.run(await self._adopt(carried)))

    def _restore(self, carried: RouterCarried) -> None:
        """Apply the router's carried state of the account or of one symbol."""
        if carried.symbol == ALL_SYMBOLS:
            self._began_ns = carried.began_ns
            self._rest.registry.ids.add_prefixes(carried.order_prefixes)
            return
        self.on_event(carried)
        self._trade_ids[carried.symbol_key] = carried.trade_ids
        self._rest.registry.add_known_trades(carried.symbol, carried.trade_ids)

    def on_event(self, event: Event) -> None:
        """Apply contracts, ticks, mass cancels and intents. Of carried state only the contracts matter here:
        `open` restores its orders.
        """
        if isinstance(event, OrderEvent):
            if event.kind in INTENT_KINDS:
                if not self._staged:
                    self._staged_s = time.monotonic()
                self._staged.append(event)
        elif isinstance(event, Instrument):
            contract = contract_of(event)
            self._contracts[event.key, event.version] = contract
            self._newest[event.key] = contract
        elif isinstance(event, RouterCarried):
            for instrument in event.instruments:
                self.on_event(instrument)
        elif isinstance(event, Tick):
            self._session.observe_tick()
        elif isinstance(event, KillReport):
            self._session.observe_mass_cancel(event)
        elif isinstance(event, TradingStop):
            self._observe_stop(event)

    @property
    def wants_commit(self) -> bool:
        """Whether intents are waiting for a commit."""
        return bool(self._staged)

    def committed(self) -> None:
        """Send the waiting intents; if the commit took too long, cancels only."""
        staged, self._staged = self._staged, []
        is_late = time.monotonic() - self._staged_s > self._stall_s_max
        for intent in staged:
            tracked = self._sender.track(intent)
            if is_late and intent.kind != "cancel_intent":
                self._run(self._sender.reject_late(tracked, intent, DISK_STALLED))
            else:
                self._run(self._sender.execute(tracked, intent))

    async def cancel_all(self, limit_s: float) -> CancelResult:
        """Cancel all our orders at the exchange, unrecorded; see runtime.process.unrecorded_cancel."""
        self.close()
        self._rest.stop_orders()
        return await cancel_all_at(self._rest, limit_s)

    def next_due_ns(self) -> int | None:
        """Receive time of the oldest waiting report.

        Raises RefusedError, once, where the venue rejects the account, after the turn that tells the router.
        """
        if self._inbox:
            return self._inbox[0].event_time_ns
        refusal = self._session.refusal or self._refused_start()
        if refusal is not None:
            self._asked_since_refusal += 1
            if self._asked_since_refusal == _TURN_IS_OVER:
                raise refusal
        return None

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        """The reports received by then."""
        due = []
        while self._inbox and self._inbox[0].event_time_ns <= now_ns:
            due.append(self._inbox.popleft())
        return due

    def _observe_stop(self, stop: TradingStop) -> None:
        """Read trades where they are asked for. Unexplained holdings at a start end an engine that runs as
        one process.
        """
        if stop.asks_trades:
            self._session.observe_doubt(stop.key)
        elif self._ends_unexplained and stop.code == "POSITION_BREAK" and not stop.needs_person:
            self._unexplained[stop.symbol] = stop.text

    def _refused_start(self) -> RefusedError | None:
        if not self._unexplained:
            return None
        lines = "".join(f"\n  {symbol}: {text}" for symbol, text in self._unexplained.items())
        return RefusedError(
            f"the account at {self._rest.config.id} differs from the ledger, and unexplained symbols are not "
            f"quoted; settle each line, with this start's --log or --config, and start again:{lines}\n"
        )

    def close(self) -> None:
        """Stop sending; waiting intents are dropped."""
        self._is_open = False
        self._staged.clear()

    async def aclose(self) -> None:
        """Cancel all tasks and close the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._rest.dialect.client.close()

    def _enqueue(self, message: Any) -> None:
        self._session.streams.receive(message)

    def _report(self, report: Event) -> None:
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
            logger.error("venue_task_failed", exc_info=task.exception())

    async def _adopt(self, carried: Iterable[RouterCarried]) -> list[RestoredOrder]:
        """Track the open orders of the last session; each stays locked until its state at the venue is known,
        so that nothing is sent about it before then."""
        known = []
        for key, order in ((each.symbol_key, order) for each in carried for order in each.orders):
            contract = self._contracts.get((key, order.instrument_version)) or self._newest.get(key)
            if contract is None:
                logger.error("order_instrument_unknown", order=order.client_order_id, key=key)
                continue
            tracked = TrackedOrder(contract, order.client_order_id, order.side)
            self._rest.registry.add(tracked)
            await tracked.lock.acquire()
            venue_order = self._guess(order)
            known.append(RestoredOrder(contract, order.client_order_id, order.status, tracked, venue_order))
        return known

    def _guess(self, order: CarriedOrder) -> VenueOrder:
        """The newest revision as it was requested, for orders that the venue no longer lists."""
        return VenueOrder(
            self._rest.registry.ids.to_venue(order.client_order_id, order.revision, order.order_prefix),
            order.revision,
            order.asked_price_ticks,
            order.asked_size_lots,
            order.asked_at_ns / NS_PER_S,
            counts_earlier_fills=order.revision > 0,
        )
