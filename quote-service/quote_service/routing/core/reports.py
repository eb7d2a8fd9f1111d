"""What the venue says, applied to the order table. Nothing here raises on a strange report.

An illegal answer changes nothing. A fill counts once per venue trade id, for an ended or an unknown
order too.
"""

from quote_service.routing.core.client_ids import side_of
from quote_service.routing.core.memory import Filled, Refused
from quote_service.routing.core.order_messages import fill_of, order_event, stop
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.symbol_state import SymbolState
from schemas.message import Event
from schemas.orders import OrderEventKind, VenueReport


def apply_report(symbol: SymbolState, report: VenueReport) -> list[Event]:
    """Change the symbol's orders and position by a report; the messages that say so."""
    order = symbol.order(report.client_order_id)
    if report.kind == "fill":
        return _apply_fill(symbol, order, report)
    if report.kind == "orphan":
        return _adopt(symbol, order, report)
    if order is None or not order.move(report.kind):
        return []
    _settle(symbol, order, report)
    reasons = (report.reason,) if report.reason else ()
    return [order_event(symbol, order, report.kind, report.event_time_ns, reasons)]


def _settle(symbol: SymbolState, order: Order, report: VenueReport) -> None:
    """Price, size and slot of an order after an answer that was legal."""
    if report.kind in {"rejected", "amend_rejected"}:
        symbol.refused[order.side, order.level] = Refused(
            order.target_sequence, order.asked_price_ticks, order.asked_size_lots
        )
    elif report.kind in {"accepted", "amended"}:
        order.price_ticks = report.price_ticks or order.asked_price_ticks
        order.size_lots = report.size_lots or order.asked_size_lots
    if report.kind in {"accepted", "amended", "amend_rejected"}:
        order.is_replaced = False
        order.asked_price_ticks = order.price_ticks
        order.asked_size_lots = order.size_lots
        if order.filled_lots >= order.size_lots:
            order.move("filled")
    if order.is_terminal:
        symbol.end(order)


def _apply_fill(symbol: SymbolState, order: Order | None, report: VenueReport) -> list[Event]:
    if report.size_lots <= 0:
        return []
    trade_id = report.venue_trade_id or _stand_in_id(order, report)
    if not symbol.is_new_trade(trade_id):
        return []
    if order is None:
        return _foreign_fill(symbol, report, trade_id)
    fill = fill_of(symbol, report, order, trade_id)
    symbol.position.add(fill)
    if symbol.target is not None:
        symbol.filled[order.side, order.level] = Filled(symbol.target.sequence, report.event_time_ns)
    order.filled_lots += report.size_lots
    is_full = not order.is_replaced and order.filled_lots >= max(order.size_lots, order.asked_size_lots)
    kind: OrderEventKind = "filled" if is_full else "partial_fill"
    order.move(kind)
    if order.is_terminal and symbol.orders.get((order.side, order.level)) is order:
        symbol.end(order)
    return [order_event(symbol, order, kind, report.event_time_ns), fill]


def _adopt(symbol: SymbolState, order: Order | None, report: VenueReport) -> list[Event]:
    """The venue holds an order of ours that does not count as open: it counts from now on, and is cancelled.

    It takes a level below 0, where nothing is ever wanted.
    """
    if order is not None and not order.is_terminal:
        return []
    side = report.side or side_of(report.client_order_id)
    version = symbol.terms.version if symbol.terms is not None else 0
    if side is None:
        return []
    adopted = Order(
        client_order_id=report.client_order_id,
        side=side,
        level=symbol.free_orphan_level(side),
        instrument_version=version if order is None else order.instrument_version,
        price_ticks=report.price_ticks,
        size_lots=report.size_lots,
        target_sequence=0 if order is None else order.target_sequence,
        asked_price_ticks=report.price_ticks,
        asked_size_lots=report.size_lots,
        asked_at_ns=report.event_time_ns,
        filled_lots=0 if order is None else order.filled_lots,
        revision=0 if order is None else order.revision,
        status="live",
    )
    symbol.ended.pop(report.client_order_id, None)
    symbol.orders[side, adopted.level] = adopted
    return [order_event(symbol, adopted, "orphan", report.event_time_ns)]


def _foreign_fill(symbol: SymbolState, report: VenueReport, trade_id: str) -> list[Event]:
    """A fill of an order that is not remembered: the money is real, so it is published all the same.

    Where neither the venue nor the order id says the side, or no contract was seen, the position is no
    longer known: the symbol stops.
    """
    side = report.side or side_of(report.client_order_id)
    if side is None or symbol.terms is None:
        text = f"fill of {report.client_order_id}, whose side nobody says: {report.size_lots} lots"
        return [stop(symbol, "UNACCOUNTED_FILL", text, report.event_time_ns, needs_person=True)]
    order = Order(
        client_order_id=report.client_order_id,
        side=side,
        level=0,
        instrument_version=symbol.terms.version,
        price_ticks=report.price_ticks,
        size_lots=report.size_lots,
        target_sequence=0,
        asked_price_ticks=report.price_ticks,
        asked_size_lots=report.size_lots,
        asked_at_ns=report.event_time_ns,
    )
    fill = fill_of(symbol, report, order, trade_id)
    symbol.position.add(fill)
    return [fill]


def _stand_in_id(order: Order | None, report: VenueReport) -> str:
    """For a venue that names no trade: order id and what of it was filled before."""
    filled_lots = 0 if order is None else order.filled_lots
    return f"{report.client_order_id}-after-{filled_lots}"
