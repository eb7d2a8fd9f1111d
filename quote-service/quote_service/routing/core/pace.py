"""How fast our own orders may come and go: what moves them without need waits, what flickers is held back."""

from quote_service.routing.core import codes
from quote_service.routing.core.memory import PriceSent
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.request import Request
from quote_service.routing.core.symbol_state import SymbolState
from schemas.config import Protection
from schemas.units import NS_PER_MS, NS_PER_S, side_sign

VOLUNTARY = frozenset({codes.NOT_WANTED})
"""Cancels for these reasons can wait; all others cannot, nor can those whose reason a quoter gave."""


class Pace:
    """Least rest of an order, and the most orders at one price within a second."""

    def __init__(self, protection: Protection) -> None:
        self._rest_ns = int(protection.rest_ms_min * NS_PER_MS)
        self._repeats_max = protection.price_repeats_max

    def holds(self, order: Order, reason: str | None, symbol: SymbolState, now_ns: int) -> bool:
        """Must a move (no reason) or a cancel wait, because the order is young and nothing presses?"""
        if now_ns - order.asked_at_ns >= self._rest_ns:
            return False
        if reason is not None and reason not in VOLUNTARY:
            return False
        return not _fair_is_through(order, symbol)

    def flickers(self, request: Request, symbol: SymbolState, now_ns: int) -> bool:
        """Did so many orders go to this price within the last second that one more is noise?"""
        repeats = 0
        for sent in symbol.prices_sent:
            if now_ns - sent.time_ns < NS_PER_S and _is_same_price(sent, request):
                repeats += 1
        return repeats >= self._repeats_max

    @staticmethod
    def note_sent(request: Request, symbol: SymbolState, now_ns: int) -> None:
        """Something goes out at that price."""
        sent = symbol.prices_sent
        sent.append(PriceSent(now_ns, request.side, request.price_ticks))
        while now_ns - sent[0].time_ns >= NS_PER_S:
            sent.popleft()


def _is_same_price(sent: PriceSent, request: Request) -> bool:
    return sent.price_ticks == request.price_ticks and sent.side == request.side


def _fair_is_through(order: Order, symbol: SymbolState) -> bool:
    """Has the mid come to the order's price or beyond? Then it stands there to be picked off."""
    mid = symbol.mid_half_ticks
    return mid is None or side_sign(order.side) * (2 * order.price_ticks - mid) >= 0
