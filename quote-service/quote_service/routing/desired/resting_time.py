"""Limits on how fast our own orders come and go: moves without need wait, flicker is suppressed."""

from quote_service.routing.gate import codes
from quote_service.routing.gate.gate_memory import PriceSent
from quote_service.routing.gate.request import Request
from quote_service.routing.orders.order_states import Order
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.config import Protection
from schemas.units import NS_PER_MS, NS_PER_S, side_sign

VOLUNTARY = frozenset({codes.NOT_WANTED})
"""Cancels for these reasons can wait; all others, and those whose reason a quoter gave, cannot."""


class MinimumRestingTime:
    """The minimum resting time of an order, and the most orders at one price within a second."""

    def __init__(self, protection: Protection) -> None:
        self._rest_ns = int(protection.rest_ms_min * NS_PER_MS)
        self._repeats_max = protection.price_repeats_max

    def holds(self, order: Order, reason: str | None, symbol: RoutedSymbol, now_ns: int) -> bool:
        """Must a move (no reason) or a cancel wait because the order is young and the reason not urgent?"""
        if now_ns - order.asked_at_ns >= self._rest_ns:
            return False
        if reason is not None and reason not in VOLUNTARY:
            return False
        return not _fair_is_through(order, symbol)

    def flickers(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> bool:
        """Have too many orders been sent to this price within the last second?"""
        repeats = 0
        for sent in symbol.gate.prices_sent:
            if now_ns - sent.time_ns < NS_PER_S and _is_same_price(sent, request):
                repeats += 1
        return repeats >= self._repeats_max

    @staticmethod
    def record_sent(request: Request, symbol: RoutedSymbol, now_ns: int) -> None:
        """Record that an order or amend goes out at that price."""
        sent = symbol.gate.prices_sent
        sent.append(PriceSent(now_ns, request.side, request.price_ticks))
        while now_ns - sent[0].time_ns >= NS_PER_S:
            sent.popleft()


def _is_same_price(sent: PriceSent, request: Request) -> bool:
    return sent.price_ticks == request.price_ticks and sent.side == request.side


def _fair_is_through(order: Order, symbol: RoutedSymbol) -> bool:
    """Has the mid reached or passed the order's price? It is then likely to be picked off."""
    mid = symbol.market.mid_half_ticks
    return mid is None or side_sign(order.side) * (2 * order.price_ticks - mid) >= 0
