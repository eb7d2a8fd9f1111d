"""The gate's checks of an order on its own: our size and notional limits, and the venue's filters."""

from quote_service.routing.gate import codes
from quote_service.routing.gate.contract_terms import ContractTerms, FilterTerms
from quote_service.routing.gate.request import Request
from quote_service.routing.symbol_state import RoutedSymbol


def order_codes(request: Request, terms: ContractTerms) -> list[str]:
    """Codes from our own limits of one order."""
    failing = []
    value = request.price_ticks * request.size_lots
    if request.price_ticks <= 0:
        failing.append(codes.PRICE_NOT_POSITIVE)
    if request.size_lots <= 0:
        failing.append(codes.SIZE_NOT_POSITIVE)
    if value > terms.order_value_max:
        failing.append(codes.MAX_VALUE)
    if request.size_lots > terms.order_size_max_lots:
        failing.append(codes.MAX_QTY)
    if value < terms.order_value_min:
        failing.append(codes.MIN_NOTIONAL)
    return failing


def filter_codes(request: Request, symbol: RoutedSymbol, filters: FilterTerms) -> list[str]:
    """Codes for what the venue would reject, found without sending."""
    failing = []
    if not filters.price_min <= request.price_ticks <= filters.price_max:
        failing.append(codes.PRICE_FILTER)
    if not filters.size_min <= request.total_lots <= filters.size_max:
        failing.append(codes.LOT_SIZE)
    if request.price_ticks * request.total_lots > filters.value_max:
        failing.append(codes.MAX_NOTIONAL)
    if symbol.market.mid_half_ticks is not None and not filters.allows_price(
        request.side, request.price_ticks, symbol.market.mid_half_ticks
    ):
        failing.append(codes.PERCENT_PRICE)
    if request.replaces is None and len(symbol.orders.open) >= filters.open_orders_max:
        failing.append(codes.MAX_NUM_ORDERS)
    order = request.replaces
    if order is not None and request.message_kind == "shrink" and order.shrinks >= filters.amends_max:
        failing.append(codes.MAX_NUM_AMENDS)
    return failing
