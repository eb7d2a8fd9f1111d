"""The gate's checks of a price against the market and against our own orders."""

from quote_service.routing.core import codes
from quote_service.routing.core.memory import PriceStep
from quote_service.routing.core.order_states import Order
from quote_service.routing.core.request import Request
from quote_service.routing.core.share import Share
from quote_service.routing.core.symbol_state import SymbolState
from schemas.config import Config
from schemas.units import NS_PER_S, side_sign

STEP_NS = NS_PER_S
"""Own prices of a side are remembered at most this often."""


class MarketChecks:
    """Collar at once and over a period, self-cross, post-only."""

    def __init__(self, config: Config) -> None:
        self._collar = Share.of(config.routing.price_collar)
        self._move = Share.of(config.protection.quote_move_max)
        self._move_window_ns = int(config.protection.quote_move_window_s * NS_PER_S)

    def codes(self, request: Request, symbol: SymbolState, now_ns: int) -> list[str]:
        """What the market, or an own order, has against the request."""
        failing = []
        mid = symbol.mid_half_ticks
        if mid is not None and self._collar.is_exceeded(abs(2 * request.price_ticks - mid), mid):
            failing.append(codes.PRICE_COLLAR)
        if mid is not None and self._strays(request, symbol, mid, now_ns):
            failing.append(codes.PRICE_COLLAR_PERIOD)
        if crosses_own(request, symbol) is not None:
            failing.append(codes.SELF_CROSS)
        if symbol.is_live and would_take(request, symbol):
            failing.append(codes.POST_ONLY)
        return failing

    def note_sent(self, request: Request, symbol: SymbolState, now_ns: int) -> None:
        """Remember where our best price of a side stood, and where the market did."""
        mid = symbol.mid_half_ticks
        if request.level != 0 or mid is None:
            return
        steps = symbol.price_steps[request.side]
        if steps and now_ns - steps[-1].time_ns < STEP_NS:
            return
        steps.append(PriceStep(now_ns, request.price_ticks, mid))
        while now_ns - steps[0].time_ns > self._move_window_ns:
            steps.popleft()

    def _strays(self, request: Request, symbol: SymbolState, mid: int, now_ns: int) -> bool:
        """Has our price moved far within the window, and the market not half as far?"""
        for step in symbol.price_steps[request.side]:
            if now_ns - step.time_ns > self._move_window_ns:
                continue
            moved = self._move.is_exceeded(abs(request.price_ticks - step.price_ticks), step.price_ticks)
            if moved and not self._move.is_exceeded(2 * abs(mid - step.mid_half_ticks), step.mid_half_ticks):
                return True
        return False


def would_take(request: Request, symbol: SymbolState) -> bool:
    """Would the order match at once against the newest live book?"""
    if request.side == "buy":
        return request.price_ticks >= symbol.best_ask_ticks
    return request.price_ticks <= symbol.best_bid_ticks


def crosses_own(request: Request, symbol: SymbolState) -> Order | None:
    """An own order of the other side that the request could trade with, in flight and being cancelled too."""
    for order in symbol.orders.values():
        if order.side == request.side:
            continue
        distance_ticks = order.most_generous_ticks - request.price_ticks
        if side_sign(request.side) * distance_ticks <= 0:
            return order
    return None
