"""One router session: its core and the adapter under test, driven as the engine does."""

import time
from collections.abc import Callable, Mapping

from quote_service.routing.router import RouterCore

from runtime.exchange.clients import Credentials
from runtime.process.definition import AdapterContext, NetworkAdapter
from runtime.store.documents import MemoryStore
from sandbox.venue_check.plans import KEY, SECRET
from schemas.config import Config
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import Fill, KillReport, OrderEvent, VenueStatus
from schemas.process import ConfigApplied

MakeAdapter = Callable[[AdapterContext, Credentials], NetworkAdapter]


class Log:
    """The contents of one log, over all sessions on it, and the span of exchange time it covers."""

    def __init__(
        self, symbols: tuple[str, ...], alive: frozenset[tuple[str, int]], held: Mapping[str, str]
    ) -> None:
        """`alive`: our orders (symbol, order id) open at the exchange when it began; `held`: the account's
        balances then, by currency.
        """
        self.symbols = symbols
        self.alive = alive
        self.held = held
        self.began_ns = time.monotonic_ns()
        self.ready_ns: int | None = None
        """When the venue was first ready."""
        self.ended_ns: int | None = None
        self.inputs: list[Event] = []
        self.orders: list[OrderEvent] = []
        self.fills: list[Fill] = []
        self.booked_ns: dict[tuple[str, str], int] = {}
        """When each fill was first booked, by symbol and trade id."""

    def end(self) -> None:
        """Nothing is added any more."""
        self.ended_ns = time.monotonic_ns()


class CheckedLife:
    """From a start to a halt or a kill, with all its output."""

    def __init__(self, config: Config, make_adapter: MakeAdapter, log: Log) -> None:
        """The log's contents from earlier sessions are replayed first, as an engine does."""
        self.log = log
        self.core = RouterCore(config)
        for event in log.inputs:
            self.core.on_event(event)
        context = AdapterContext(config, self.core, MemoryStore(), time.time_ns())
        self.adapter = make_adapter(context, Credentials(KEY, SECRET))
        self.kills: list[KillReport] = []
        self.is_ready = False
        self.is_refused = False
        begin = {"process": "order-router", "code_version": "", "config_hash": "", "config": config}
        self.feed(ConfigApplied(event_time_ns=time.time_ns(), **begin))

    def feed(self, event: Event) -> None:
        """Pass an event to the core, and event and outputs to the adapter."""
        self.log.inputs.append(event)
        for each in (event, *self.core.on_event(event)):
            if each is not event:
                self._keep(each)
            elif isinstance(each, VenueStatus):
                self._observe_status(each)
            self.adapter.on_event(each)

    def _observe_status(self, status: VenueStatus) -> None:
        self.is_ready = status.state == "ready"
        self.is_refused = self.is_refused or status.state == "refused"
        if self.is_ready and self.log.ready_ns is None:
            self.log.ready_ns = time.monotonic_ns()

    def step(self) -> None:
        """Process the adapter's reports and let it send: an engine writes outputs to disk first."""
        for event in tuple(self.adapter.poll_due(time.time_ns())):
            self.feed(event)
        if self.adapter.wants_commit:
            self.adapter.committed()

    @property
    def is_confirmed(self) -> bool:
        """Has the router reported that all orders are gone?"""
        return any(kill.symbol == ALL_SYMBOLS and kill.state == "confirmed" for kill in self.kills)

    async def end(self) -> None:
        """Kill the process; requests in flight are abandoned."""
        self.log.end()
        self.adapter.close()
        await self.adapter.aclose()

    def _keep(self, output: Event) -> None:
        if isinstance(output, OrderEvent):
            self.log.orders.append(output)
        elif isinstance(output, Fill):
            self.log.fills.append(output)
            self.log.booked_ns.setdefault((output.symbol, output.venue_trade_id), time.monotonic_ns())
        elif isinstance(output, KillReport):
            self.kills.append(output)
