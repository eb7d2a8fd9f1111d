"""The orders actually sent, where replaying the same inputs with changed code would have sent others.

The carried state and the messages published since are authoritative: only they reached the venue. For facts
from the venue the more advanced state wins: an end known to either is an end, and the larger fill counts.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from quote_service.routing.account import AccountState
from quote_service.routing.carried_state import restored_order
from quote_service.routing.orders.client_ids import count_of
from quote_service.routing.orders.order_states import Order
from quote_service.routing.orders.order_table import TRADE_IDS_KEPT
from quote_service.routing.sessions import RouterSessions
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.carried.router import CarriedOrder
from schemas.message import Event, SymbolEvent
from schemas.orders import Fill, OrderEvent

FILLS_COMPARED = TRADE_IDS_KEPT // 2
"""Recent trades per symbol that are certain to be counted or not; ids of older ones may be dropped."""
_ANSWERS = frozenset({"accepted", "amended", "amend_rejected", "orphan"})
"""After these events an order rests at its own price and size."""


class SentOrders:
    """One symbol's orders, as published."""

    def __init__(self, left: Iterable[CarriedOrder], order_prefix: str, replaces: bool) -> None:
        """`replaces`: does an amend of price, or to more size, create a new order at the venue?"""
        self._order_prefix = order_prefix
        self._replaces = replaces
        self._count = 0
        """The highest id count used, denials included."""
        self._named: dict[str, None] = {}
        """Ids of orders that any message named."""
        self._orders = {each.client_order_id: restored_order(each, each.asked_at_ns) for each in left}

    def apply(self, event: OrderEvent) -> None:
        """Apply the next published event."""
        self._count = max(self._count, count_of(event.client_order_id))
        if event.kind == "denied":
            return
        self._named[event.client_order_id] = None
        order = self._orders.setdefault(event.client_order_id, self._first_seen(event))
        order.level, order.revision, order.status = event.level, event.revision, event.status
        order.filled_lots = event.filled_lots
        order.target_sequence = event.target_sequence
        if event.kind == "amend_intent":
            self._observe_amend(order, event)
        elif event.kind in _ANSWERS:
            order.price_ticks = order.asked_price_ticks = event.price_ticks
            order.size_lots = order.asked_size_lots = event.size_lots
            order.is_replaced = False
        if event.kind.endswith("_intent"):
            order.asked_at_ns = event.event_time_ns

    def _observe_amend(self, order: Order, event: OrderEvent) -> None:
        shrinks = event.price_ticks == order.price_ticks and event.size_lots <= order.size_lots
        order.asked_price_ticks, order.asked_size_lots = event.price_ticks, event.size_lots
        order.is_replaced = self._replaces and not shrinks
        order.shrinks = 0 if order.is_replaced else order.shrinks + 1

    def _first_seen(self, event: OrderEvent) -> Order:
        return Order(
            client_order_id=event.client_order_id,
            side=event.side,
            level=event.level,
            instrument_version=event.instrument_version,
            price_ticks=event.price_ticks,
            size_lots=event.size_lots,
            target_sequence=event.target_sequence,
            asked_price_ticks=event.price_ticks,
            asked_size_lots=event.size_lots,
            asked_at_ns=event.event_time_ns,
            order_prefix=self._order_prefix,
            time_in_force=event.time_in_force,
        )

    def put_into(self, symbol: RoutedSymbol) -> None:
        """Replace the symbol's orders by these."""
        decided = {
            order.client_order_id: order for order in symbol.orders.open.values()
        } | symbol.orders.ended
        symbol.orders.open.clear()
        symbol.orders.ids_given = max(symbol.orders.ids_given, self._count)
        for order_id, order in self._orders.items():
            known = decided.get(order_id)
            if known is None and order_id not in self._named:
                continue  # it ended too long ago to be kept
            if known is not None:
                order.filled_lots = max(order.filled_lots, known.filled_lots)
                order.status = known.status if _has_ended(order, known) else order.status
            if order.is_terminal:
                symbol.orders.end(order)
            else:
                symbol.orders.open[order.side, order.level] = order


def _has_ended(order: Order, known: Order) -> bool:
    """Did the venue end the order? One that is filled as it was decided here may be open as it was sent: an
    amend to more size was sent that was not decided again.
    """
    if known.status != "filled":
        return known.is_terminal
    return not order.is_replaced and order.filled_lots >= max(order.size_lots, order.asked_size_lots)


def recollect(
    published: Iterable[Event],
    symbols: Mapping[str, RoutedSymbol],
    symbol_of: Callable[[SymbolEvent], RoutedSymbol],
    sessions: RouterSessions,
    account: AccountState,
) -> None:
    """Correct all symbols by the messages published since the carried state, in order."""
    replaces = account.venue is not None and account.venue.amend == "replace"
    sent = {key: SentOrders(sessions.left.get(key, ()), sessions.order_prefix, replaces) for key in symbols}
    fills: dict[str, deque[Fill]] = {}
    for event in published:
        if isinstance(event, OrderEvent):
            key = symbol_of(event).key
            sent.setdefault(key, SentOrders((), sessions.order_prefix, replaces)).apply(event)
        elif isinstance(event, Fill):
            fills.setdefault(symbol_of(event).key, deque(maxlen=FILLS_COMPARED)).append(event)
    for key, newest in fills.items():
        for fill in newest:
            _recollect_fill(symbols[key], fill)
    for key, orders in sent.items():
        orders.put_into(symbols[key])
        account.revalue(symbols[key])


def _recollect_fill(symbol: RoutedSymbol, fill: Fill) -> None:
    """A published fill has been counted, whether or not its report is received again."""
    if symbol.orders.add_trade(fill.venue_trade_id):
        symbol.position.add(fill, symbol.contract.lots_in)
