"""The venue of paper trading and of backtests: our orders against the market's books and trades.

An intent takes effect `entry_latency_ms` after it was decided, against the newest book at that time; its
report reaches us `response_latency_ms` later. Fills come from the queue at our price, from trades through
our price, and from books whose other side reaches it. Our orders have no market impact.

Orders of an earlier session: one that was live rests again, behind all size shown at its price. The fate of
one with a request in flight is unknown, so it is reported as unknown, then as cancelled. Orders in outdated
ticks or lots are cancelled, as exchanges do.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from quote_service.routing.venues.simulated.matching import Execution, RestingOrder, SimulatedMarket
from quote_service.routing.venues.simulated.queue import BehindProbability
from schemas.carried.router import RouterCarried
from schemas.config import VenueConfig
from schemas.market import Book, Instrument, Trade
from schemas.message import ALL_SYMBOLS, Event
from schemas.orders import Liquidity, OrderEvent, ReportKind, VenueReport
from schemas.process import Tick
from schemas.units import NS_PER_MS

POST_ONLY = "POST_ONLY"
DUPLICATE_ID = "DUPLICATE_ID"
ORDER_ENDED = "ORDER_ENDED"
SIZE_FILLED = "SIZE_FILLED"
IOC_REST = "IOC_REST"
"""What an IOC order did not find at once."""
CONTRACT_CHANGED = "CONTRACT_CHANGED"
SESSION_ENDED = "SESSION_ENDED"


class SimulatedVenue:
    """An adapter without a network: deterministic, a function of its inputs."""

    def __init__(self, config: VenueConfig) -> None:
        self._entry_ns = round(config.entry_latency_ms * NS_PER_MS)
        self._response_ns = round(config.response_latency_ms * NS_PER_MS)
        self._probability = (
            None
            if config.queue_model == "risk_averse"
            else BehindProbability(config.queue_model, config.queue_power)
        )
        self._through_share = config.through_share
        self._markets: dict[str, SimulatedMarket] = {}
        self._arrivals: deque[tuple[int, OrderEvent]] = deque()
        self._reports: deque[VenueReport] = deque()
        self._instruments: dict[str, dict[int, Instrument]] = {}
        """By `venue:symbol` and version; the newest is the last."""
        self._in_doubt: list[tuple[SimulatedMarket, RestingOrder]] = []
        """Earlier session's orders with a request in flight, held until the time is known."""
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Book: self._on_book,
            Trade: self._on_trade,
            OrderEvent: self._on_order_event,
            Instrument: self._on_instrument,
            RouterCarried: self._on_carried,
            Tick: self._on_tick,
        }
        self._on_arrival: dict[str, Callable[[OrderEvent, int], None]] = {
            "place_intent": self._place,
            "amend_intent": self._amend,
            "cancel_intent": self._cancel,
        }

    def on_event(self, event: Event) -> None:
        """Apply market data, intents, and an earlier session's orders."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def next_due_ns(self) -> int | None:
        """When the next intent takes effect or the next report is due."""
        due_ns = self._arrivals[0][0] if self._arrivals else None
        if self._reports and (due_ns is None or self._reports[0].event_time_ns < due_ns):
            return self._reports[0].event_time_ns
        return due_ns

    def poll_due(self, now_ns: int) -> list[VenueReport]:
        """Reports due at `now_ns`; intents that arrive by then take effect first."""
        self._let_arrive(now_ns)
        due = []
        while self._reports and self._reports[0].event_time_ns <= now_ns:
            due.append(self._reports.popleft())
        return due

    def close(self) -> None:
        """Nothing to release."""

    def _on_book(self, book: Book) -> None:
        if self._arrivals:
            self._let_arrive(book.event_time_ns)
        market = self._market(book.key, book)
        for execution in market.observe_book(book):
            self._report_fill(market, execution, book.event_time_ns)

    def _on_trade(self, trade: Trade) -> None:
        if self._arrivals:
            self._let_arrive(trade.event_time_ns)
        market = self._markets.get(trade.key)
        if market is None:
            return
        for execution in market.observe_trade(trade):
            self._report_fill(market, execution, trade.event_time_ns)

    def _on_order_event(self, event: OrderEvent) -> None:
        if event.kind in self._on_arrival:
            arrives_ns = event.event_time_ns + self._entry_ns
            if self._arrivals:  # messages keep their order
                arrives_ns = max(arrives_ns, self._arrivals[-1][0])
            self._arrivals.append((arrives_ns, event))

    def _on_instrument(self, instrument: Instrument) -> None:
        known = self._instruments.setdefault(instrument.key, {})
        known.pop(instrument.version, None)
        known[instrument.version] = instrument
        market = self._markets.get(instrument.key)
        if market is None:
            return
        for order in tuple(market.orders.values()):
            if not self._is_in_force(instrument.key, order.instrument_version):
                del market.orders[order.client_order_id]
                self._report_order("cancelled", market, order, instrument.event_time_ns, CONTRACT_CHANGED)

    def _is_in_force(self, key: str, version: int) -> bool:
        """Do ticks and lots of that version equal those of the newest contract?"""
        known = self._instruments.get(key, {})
        of = known.get(version)
        return of is None or of.has_units_of(next(reversed(known.values())))

    def _on_carried(self, carried: RouterCarried) -> None:
        if carried.symbol == ALL_SYMBOLS:
            return
        for instrument in carried.instruments:
            self._on_instrument(instrument)
        market = self._market(carried.symbol_key, carried)
        market.skip_trade_ids(carried.trade_ids)
        for each in carried.orders:
            order = market.add(each.client_order_id, each.side, each.price_ticks, each.size_lots)
            order.filled_lots, order.instrument_version = each.filled_lots, each.instrument_version
            if each.status != "live" or not self._is_in_force(carried.symbol_key, each.instrument_version):
                del market.orders[each.client_order_id]
                self._in_doubt.append((market, order))

    def _on_tick(self, tick: Tick) -> None:
        in_doubt, self._in_doubt = self._in_doubt, []
        for market, order in in_doubt:
            self._report_order("unknown", market, order, tick.event_time_ns, SESSION_ENDED)
            self._report_order("cancelled", market, order, tick.event_time_ns, SESSION_ENDED)

    def _let_arrive(self, now_ns: int) -> None:
        while self._arrivals and self._arrivals[0][0] <= now_ns:
            arrived_ns, intent = self._arrivals.popleft()
            self._on_arrival[intent.kind](intent, arrived_ns)

    def _market(self, key: str, event: Book | OrderEvent | RouterCarried) -> SimulatedMarket:
        market = self._markets.get(key)
        if market is None:
            market = SimulatedMarket(event.venue, event.symbol, self._probability, self._through_share)
            self._markets[key] = market
        return market

    def _place(self, intent: OrderEvent, now_ns: int) -> None:
        market = self._market(intent.key, intent)
        if intent.client_order_id in market.orders:
            self._answer("rejected", intent, now_ns, reason=DUPLICATE_ID)
        elif intent.time_in_force == "gtc" and market.would_take(intent.side, intent.price_ticks):
            self._answer("rejected", intent, now_ns, reason=POST_ONLY)
        elif not self._is_in_force(intent.key, intent.instrument_version):
            self._answer("rejected", intent, now_ns, reason=CONTRACT_CHANGED)
        else:
            order = market.add(intent.client_order_id, intent.side, intent.price_ticks, intent.size_lots)
            order.instrument_version = intent.instrument_version
            self._answer("accepted", intent, now_ns, order)
            if intent.time_in_force == "ioc":
                self._execute_ioc(market, order, intent, now_ns)

    def _execute_ioc(
        self, market: SimulatedMarket, order: RestingOrder, intent: OrderEvent, now_ns: int
    ) -> None:
        """Execute against the feed's book at once; never against an own order, and the rest is cancelled."""
        del market.orders[order.client_order_id]
        for taken in market.execute(order.side, order.price_ticks, order.size_lots):
            if taken.client_order_id is not None:
                break
            order.filled_lots += taken.size_lots
            execution = Execution(
                order.client_order_id, order.side, taken.price_ticks, taken.size_lots, market.mid_half_ticks
            )
            self._report_fill(market, execution, now_ns, "taker")
        if order.remaining_lots:
            self._answer("cancelled", intent, now_ns, order, reason=IOC_REST)

    def _amend(self, intent: OrderEvent, now_ns: int) -> None:
        market = self._market(intent.key, intent)
        order = market.orders.get(intent.client_order_id)
        if order is None:
            self._answer("amend_rejected", intent, now_ns, reason=ORDER_ENDED)
            return
        refusal = _amend_refusal(market, order, intent)
        if refusal is None:
            market.amend(order, intent.price_ticks, intent.size_lots)
            self._answer("amended", intent, now_ns, order)
        else:
            self._answer("amend_rejected", intent, now_ns, order, reason=refusal)

    def _cancel(self, intent: OrderEvent, now_ns: int) -> None:
        order = self._market(intent.key, intent).orders.pop(intent.client_order_id, None)
        if order is None:
            self._answer("cancel_rejected", intent, now_ns, reason=ORDER_ENDED)
        else:
            self._answer("cancelled", intent, now_ns, order)

    def _answer(
        self,
        kind: ReportKind,
        intent: OrderEvent,
        now_ns: int,
        order: RestingOrder | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        """Report an intent's outcome, with the order's present state, or the requested values without one."""
        self._reports.append(
            VenueReport(
                event_time_ns=now_ns + self._response_ns,
                venue=intent.venue,
                symbol=intent.symbol,
                kind=kind,
                client_order_id=intent.client_order_id,
                side=intent.side,
                price_ticks=intent.price_ticks if order is None else order.price_ticks,
                size_lots=intent.size_lots if order is None else order.size_lots,
                reason=reason,
            )
        )

    def _report_order(
        self, kind: ReportKind, market: SimulatedMarket, order: RestingOrder, now_ns: int, reason: str
    ) -> None:
        """Report an unsolicited change."""
        self._reports.append(
            VenueReport(
                event_time_ns=now_ns + self._response_ns,
                venue=market.venue,
                symbol=market.symbol,
                kind=kind,
                client_order_id=order.client_order_id,
                side=order.side,
                price_ticks=order.price_ticks,
                size_lots=order.size_lots,
                reason=reason,
            )
        )

    def _report_fill(
        self, market: SimulatedMarket, execution: Execution, now_ns: int, liquidity: Liquidity = "maker"
    ) -> None:
        self._reports.append(
            VenueReport(
                event_time_ns=now_ns + self._response_ns,
                venue=market.venue,
                symbol=market.symbol,
                kind="fill",
                client_order_id=execution.client_order_id,
                side=execution.side,
                price_ticks=execution.price_ticks,
                size_lots=execution.size_lots,
                venue_trade_id=market.new_trade_id(now_ns),
                liquidity=liquidity,
                executed_ns=now_ns,
                mid_half_ticks=execution.mid_half_ticks,
            )
        )


def _amend_refusal(market: SimulatedMarket, order: RestingOrder, intent: OrderEvent) -> str | None:
    if market.would_take(order.side, intent.price_ticks):
        return POST_ONLY
    if intent.size_lots <= order.filled_lots:
        return SIZE_FILLED
    return None
