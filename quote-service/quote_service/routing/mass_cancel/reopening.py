"""Orders that ended in the router's table and stand at the venue all the same.

Whatever made the table wrong (an execution that was told too large, a lost revival), the venue's own list is
right: such an order counts as open again, and the planner cancels it.
"""

from collections.abc import Iterable, Iterator

from quote_service.routing.mass_cancel.mass_cancel import VenueTruth
from quote_service.routing.orders.order_states import Order
from quote_service.routing.orders.venue_reports import apply_report
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.message import Event
from schemas.orders import VenueOpenOrders, VenueReport


def reopen_listed(
    symbols: Iterable[RoutedSymbol], truth: VenueTruth, shown: VenueOpenOrders, now_ns: int
) -> Iterator[tuple[RoutedSymbol, list[Event]]]:
    """Each symbol with such orders, and the messages that they are open again."""
    for symbol in symbols:
        if not shown.own or symbol.venue != shown.venue:
            continue
        listed = truth.standing(shown, symbol.orders.id_prefix)
        ended = [symbol.orders.ended[each] for each in listed if each in symbol.orders.ended]
        if ended:
            truth.record_sent(symbol.venue, symbol.orders.id_prefix, now_ns)
            yield (
                symbol,
                [event for order in ended for event in apply_report(symbol, _listed(symbol, order, now_ns))],
            )


def _listed(symbol: RoutedSymbol, order: Order, now_ns: int) -> VenueReport:
    return VenueReport(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        kind="orphan",
        client_order_id=order.client_order_id,
        side=order.side,
        price_ticks=order.price_ticks,
        size_lots=order.size_lots,
        instrument_version=order.instrument_version,
    )
