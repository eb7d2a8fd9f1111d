"""Applies venue reports to the order table. Nothing here raises on an unexpected report.

An illegal answer changes nothing, and is recorded (`OrderTable.refused`). A fill counts once per venue trade
id, also for an ended or unknown order.
"""

from quote_service.routing.desired.recent_actions import Filled, Refused
from quote_service.routing.orders.client_ids import side_of
from quote_service.routing.orders.order_messages import fill_of, order_event, trading_stop
from quote_service.routing.orders.order_states import Order
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.message import Event
from schemas.orders import OrderEventKind, TradingStop, VenueReport


def apply_report(symbol: RoutedSymbol, report: VenueReport) -> list[Event]:
    """Update the symbol's orders and position from a report; returns the resulting messages."""
    order = symbol.orders.find(report.client_order_id)
    if report.kind == "fill":
        return _apply_fill(symbol, order, report)
    if report.kind == "orphan":
        return _adopt(symbol, order, report)
    if order is None:
        return []
    if not order.may_move(report.kind):
        symbol.orders.refuse(order, report.kind, report.event_time_ns)
        return []
    order.move(report.kind)
    _settle(symbol, order, report)
    reasons = (report.reason,) if report.reason else ()
    return [order_event(symbol, order, report.kind, report.event_time_ns, reasons)]


def _settle(symbol: RoutedSymbol, order: Order, report: VenueReport) -> None:
    """Price, size and slot of an order after a legal answer."""
    if report.kind in {"rejected", "amend_rejected"}:
        symbol.recent.refused[order.side, order.level] = Refused(
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
        symbol.orders.end(order)


def _apply_fill(symbol: RoutedSymbol, order: Order | None, report: VenueReport) -> list[Event]:
    if report.size_lots <= 0:
        return []
    if report.reason:
        return [_unaccounted(symbol, f"fill of {report.client_order_id}: {report.reason}", report)]
    trade_id = report.venue_trade_id or _stand_in_id(order, report)
    if not symbol.orders.add_trade(trade_id):
        return []
    if order is None:
        return _foreign_fill(symbol, report, trade_id)
    fill = fill_of(symbol, report, order, trade_id)
    symbol.position.add(fill, symbol.contract.lots_in)
    if symbol.quotes.target is not None:
        symbol.recent.filled[order.side, order.level] = Filled(
            symbol.quotes.target.sequence, report.event_time_ns
        )
    order.filled_lots += symbol.contract.whole_lots_in(
        report.size_lots, fill.instrument_version, order.instrument_version
    )
    is_full = not order.is_replaced and order.filled_lots >= max(order.size_lots, order.asked_size_lots)
    kind: OrderEventKind = "filled" if is_full else "partial_fill"
    order.move(kind)
    if order.is_terminal and symbol.orders.open.get((order.side, order.level)) is order:
        symbol.orders.end(order)
    return [order_event(symbol, order, kind, report.event_time_ns), fill]


def _adopt(symbol: RoutedSymbol, order: Order | None, report: VenueReport) -> list[Event]:
    """The venue holds an order of ours not counted as open: count it from now on; it gets cancelled.

    It takes a level below 0, where no quote is ever desired.
    """
    if order is not None and not order.is_terminal:
        return []
    side = report.side or side_of(report.client_order_id)
    version = report.instrument_version or (
        symbol.contract.terms.version if symbol.contract.terms is not None else 0
    )
    if side is None:
        return []
    adopted = Order(
        client_order_id=report.client_order_id,
        side=side,
        level=symbol.orders.free_orphan_level(side),
        instrument_version=version if order is None else order.instrument_version,
        price_ticks=report.price_ticks,
        size_lots=report.size_lots,
        target_sequence=0 if order is None else order.target_sequence,
        asked_price_ticks=report.price_ticks,
        asked_size_lots=report.size_lots,
        asked_at_ns=report.event_time_ns,
        filled_lots=0 if order is None else order.filled_lots,
        revision=0 if order is None else order.revision,
        order_prefix="" if order is None else order.order_prefix,
        status="live",
    )
    symbol.orders.ended.pop(report.client_order_id, None)
    symbol.orders.open[side, adopted.level] = adopted
    return [order_event(symbol, adopted, "orphan", report.event_time_ns)]


def _foreign_fill(symbol: RoutedSymbol, report: VenueReport, trade_id: str) -> list[Event]:
    """A fill of an unknown order: the money is real, so it is published all the same.

    Where neither the venue nor the order id gives the side, or the contract is unknown, the position is no
    longer known: the symbol stops.
    """
    side = report.side or side_of(report.client_order_id)
    version = report.instrument_version or (
        0 if symbol.contract.terms is None else symbol.contract.terms.version
    )
    if side is None or version not in symbol.contract.terms_by_version:
        text = f"fill of {report.client_order_id}, whose side nobody says: {report.size_lots} lots"
        return [_unaccounted(symbol, text, report)]
    order = Order(
        client_order_id=report.client_order_id,
        side=side,
        level=0,
        instrument_version=version,
        price_ticks=report.price_ticks,
        size_lots=report.size_lots,
        target_sequence=0,
        asked_price_ticks=report.price_ticks,
        asked_size_lots=report.size_lots,
        asked_at_ns=report.event_time_ns,
    )
    fill = fill_of(symbol, report, order, trade_id)
    symbol.position.add(fill, symbol.contract.lots_in)
    return [fill]


def _unaccounted(symbol: RoutedSymbol, text: str, report: VenueReport) -> TradingStop:
    """The position is no longer known: the symbol stops until a person resumes it."""
    symbol.protection.stopped_by = "UNACCOUNTED_FILL"
    return trading_stop(symbol, "UNACCOUNTED_FILL", text, report.event_time_ns, needs_person=True)


def _stand_in_id(order: Order | None, report: VenueReport) -> str:
    """For a venue without trade ids: order id and previously filled size."""
    filled_lots = 0 if order is None else order.filled_lots
    return f"{report.client_order_id}-after-{filled_lots}"
