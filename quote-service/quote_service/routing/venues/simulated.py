"""The venue of paper trading and of backtests: our orders against the market's books and trades.

An intent takes effect `entry_latency_ms` after it was decided, against the newest book of that moment; its
report reaches us `response_latency_ms` later. Fills come from the queue at our price, from trades through
our price, and from books whose other side reaches it. Our orders do not move the market.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from quote_service.routing.venues.market import Execution, RestingOrder, SimulatedMarket
from quote_service.routing.venues.queue import PowerProbability
from schemas.config import VenueConfig
from schemas.market import Book, Trade
from schemas.message import Event
from schemas.orders import OrderEvent, ReportKind, VenueReport
from schemas.units import NS_PER_MS

POST_ONLY = "POST_ONLY"
DUPLICATE_ID = "DUPLICATE_ID"
ORDER_ENDED = "ORDER_ENDED"
SIZE_FILLED = "SIZE_FILLED"


class SimulatedVenue:
    """An adapter without a network: deterministic, a function of what it saw."""

    def __init__(self, config: VenueConfig) -> None:
        self._entry_ns = round(config.entry_latency_ms * NS_PER_MS)
        self._response_ns = round(config.response_latency_ms * NS_PER_MS)
        self._probability = (
            None if config.queue_model == "risk_averse" else PowerProbability(config.queue_power)
        )
        self._markets: dict[str, SimulatedMarket] = {}
        self._arrivals: deque[tuple[int, OrderEvent]] = deque()
        self._reports: deque[VenueReport] = deque()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Book: self._on_book,
            Trade: self._on_trade,
            OrderEvent: self._on_order_event,
        }
        self._on_arrival: dict[str, Callable[[OrderEvent, int], None]] = {
            "place_intent": self._place,
            "amend_intent": self._amend,
            "cancel_intent": self._cancel,
        }

    def on_event(self, event: Event) -> None:
        """See a book, a trade or an intent; anything else is not for a venue."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def next_due_ns(self) -> int | None:
        """When the next intent takes effect or the next report is due."""
        due_ns = self._arrivals[0][0] if self._arrivals else None
        if self._reports and (due_ns is None or self._reports[0].event_time_ns < due_ns):
            return self._reports[0].event_time_ns
        return due_ns

    def take_due(self, now_ns: int) -> list[VenueReport]:
        """Reports due at `now_ns`; intents that have arrived by then take effect first."""
        self._let_arrive(now_ns)
        due = []
        while self._reports and self._reports[0].event_time_ns <= now_ns:
            due.append(self._reports.popleft())
        return due

    def close(self) -> None:
        """Nothing is held."""

    def _on_book(self, book: Book) -> None:
        if self._arrivals:
            self._let_arrive(book.event_time_ns)
        market = self._market(book.key, book)
        for execution in market.see_book(book):
            self._report_fill(market, execution, book.event_time_ns)

    def _on_trade(self, trade: Trade) -> None:
        if self._arrivals:
            self._let_arrive(trade.event_time_ns)
        market = self._markets.get(trade.key)
        if market is None:
            return
        for execution in market.see_trade(trade):
            self._report_fill(market, execution, trade.event_time_ns)

    def _on_order_event(self, event: OrderEvent) -> None:
        if event.kind in self._on_arrival:
            arrives_ns = event.event_time_ns + self._entry_ns
            if self._arrivals:  # messages do not overtake one another
                arrives_ns = max(arrives_ns, self._arrivals[-1][0])
            self._arrivals.append((arrives_ns, event))

    def _let_arrive(self, now_ns: int) -> None:
        while self._arrivals and self._arrivals[0][0] <= now_ns:
            arrived_ns, intent = self._arrivals.popleft()
            self._on_arrival[intent.kind](intent, arrived_ns)

    def _market(self, key: str, event: Book | OrderEvent) -> SimulatedMarket:
        market = self._markets.get(key)
        if market is None:
            market = SimulatedMarket(event.venue, event.symbol, self._probability)
            self._markets[key] = market
        return market

    def _place(self, intent: OrderEvent, now_ns: int) -> None:
        market = self._market(intent.key, intent)
        if intent.client_order_id in market.orders:
            self._answer("rejected", intent, now_ns, reason=DUPLICATE_ID)
        elif market.would_take(intent.side, intent.price_ticks):
            self._answer("rejected", intent, now_ns, reason=POST_ONLY)
        else:
            order = market.add(intent.client_order_id, intent.side, intent.price_ticks, intent.size_lots)
            self._answer("accepted", intent, now_ns, order)

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
        """Report what became of an intent, with the order as it now stands; without one, as asked for."""
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

    def _report_fill(self, market: SimulatedMarket, execution: Execution, now_ns: int) -> None:
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
                venue_trade_id=market.new_trade_id(),
                liquidity="maker",
            )
        )


def _amend_refusal(market: SimulatedMarket, order: RestingOrder, intent: OrderEvent) -> str | None:
    if market.would_take(order.side, intent.price_ticks):
        return POST_ONLY
    if intent.size_lots <= order.filled_lots:
        return SIZE_FILLED
    return None
