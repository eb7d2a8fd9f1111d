"""After a handler of the router failed midway: cancel everything in flight, and send nothing more.

The failed handler's output was lost: an order may be recorded as being cancelled although no cancel was sent.
So every order of the symbol is cancelled again, and the venue's answers settle it. Only orders are read.
"""

from collections.abc import Iterable

from quote_service.routing.desired.order_plan import is_cancellable
from quote_service.routing.gate import codes
from quote_service.routing.orders.order_messages import order_event
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.message import ALL_SYMBOLS, Event, SymbolEvent
from schemas.orders import OrderEvent


def concerned(event: Event, symbols: dict[str, RoutedSymbol]) -> list[RoutedSymbol]:
    """The symbol of an event; all symbols, where it has none or concerns the account."""
    if isinstance(event, SymbolEvent) and event.symbol != ALL_SYMBOLS:
        return [symbols[event.key]] if event.key in symbols else []
    return list(symbols.values())


def stop_and_cancel(symbol: RoutedSymbol, now_ns: int) -> list[OrderEvent]:
    """Stop the symbol until an operator resumes it. While stopped, only live orders are cancelled."""
    was_stopped, symbol.protection.stopped_by = symbol.protection.stopped_by == "FAULT", "FAULT"
    cancels = []
    for order in symbol.orders.open.values():
        if was_stopped and not is_cancellable(order):
            continue
        if order.may_move("cancel_intent"):  # an answer in flight still counts
            order.move("cancel_intent")
        order.asked_at_ns = now_ns
        cancels.append(order_event(symbol, order, "cancel_intent", now_ns, (codes.FAULT,)))
    return cancels


def release(symbols: Iterable[RoutedSymbol]) -> None:
    """An operator has resumed trading."""
    for symbol in symbols:
        if symbol.protection.stopped_by == "FAULT":
            symbol.protection.release()
