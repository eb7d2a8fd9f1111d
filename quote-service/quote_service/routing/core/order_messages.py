"""The messages about orders, built in one place."""

from quote_service.routing.core.order_states import Order
from quote_service.routing.core.request import Request
from quote_service.routing.core.symbol_state import SymbolState
from schemas.orders import Fill, OrderEvent, OrderEventKind, StopCode, TradingStop, VenueReport


def order_event(
    symbol: SymbolState, order: Order, kind: OrderEventKind, now_ns: int, reasons: tuple[str, ...] = ()
) -> OrderEvent:
    """What happened to an order, as it stands after it; an amend intent carries what is asked for."""
    is_amend = kind == "amend_intent"
    return OrderEvent(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=order.instrument_version,
        kind=kind,
        status=order.status,
        client_order_id=order.client_order_id,
        side=order.side,
        level=order.level,
        price_ticks=order.asked_price_ticks if is_amend else order.price_ticks,
        size_lots=order.asked_size_lots if is_amend else order.size_lots,
        filled_lots=order.filled_lots,
        revision=order.revision,
        target_sequence=order.target_sequence,
        reasons=reasons,
    )


def denial(symbol: SymbolState, request: Request, now_ns: int, reasons: tuple[str, ...]) -> OrderEvent:
    """What the gate did not let out. It has an id of its own: the order to amend, if any, lives on."""
    return OrderEvent(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=request.instrument_version,
        kind="denied",
        status="denied",
        client_order_id=symbol.new_client_order_id(request.side, request.level),
        side=request.side,
        level=request.level,
        price_ticks=request.price_ticks,
        size_lots=max(0, request.size_lots),
        target_sequence=request.target_sequence,
        reasons=reasons,
    )


def stop(symbol: SymbolState, code: StopCode, text: str, now_ns: int, *, needs_person: bool) -> TradingStop:
    """The symbol stops; where it needs a person, until risk-service has halted and resumed it."""
    if needs_person:
        symbol.stopped_by = code
    return TradingStop(
        event_time_ns=now_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        code=code,
        text=text,
        needs_person=needs_person,
    )


def fill_of(symbol: SymbolState, report: VenueReport, order: Order, trade_id: str) -> Fill:
    """Our execution. Without a stated liquidity it costs as a taker's: profit is not flattered.

    Raises KeyError where the order's contract was never seen.
    """
    terms = symbol.terms_by_version[order.instrument_version]
    liquidity = report.liquidity or "taker"
    mid = symbol.mid_half_ticks
    fee, fee_currency = report.fee, report.fee_currency
    if fee is None or fee_currency is None:
        fee, fee_currency = (
            terms.fee(report.price_ticks, report.size_lots, maker=liquidity == "maker"),
            terms.fee_currency,
        )
    return Fill(
        event_time_ns=report.event_time_ns,
        venue=symbol.venue,
        symbol=symbol.symbol,
        instrument_version=order.instrument_version,
        venue_trade_id=trade_id,
        client_order_id=order.client_order_id,
        side=order.side,
        price_ticks=report.price_ticks,
        size_lots=report.size_lots,
        liquidity=liquidity,
        fee=fee,
        fee_currency=fee_currency,
        base_fee=report.base_fee,
        mid_half_ticks=mid if mid is not None else 2 * report.price_ticks,
    )
