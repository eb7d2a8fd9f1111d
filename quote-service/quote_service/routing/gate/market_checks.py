"""The gate's checks of a price against the market and against our own orders."""

from quote_service.routing.gate import codes
from quote_service.routing.gate.gate_memory import PriceStep
from quote_service.routing.gate.request import Request
from quote_service.routing.gate.share import Share
from quote_service.routing.orders.order_states import Order
from quote_service.routing.symbol_state import RoutedSymbol
from schemas.config import Config
from schemas.message import Side
from schemas.units import NS_PER_S, side_sign

STEP_NS = NS_PER_S
"""Own prices of a side are recorded at most this often."""


class MarketChecks:
    """Price collar at once and over a window, self-cross, post-only."""

    def __init__(self, config: Config) -> None:
        self.collar = Share.of(config.routing.price_collar)
        self._move = Share.of(config.protection.quote_move_max)
        self._move_window_ns = int(config.protection.quote_move_window_s * NS_PER_S)

    def codes(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> list[str]:
        """Codes against the request from the market or from own orders."""
        failing = self.price_codes(request.side, request.price_ticks, symbol, now_ns)
        if crosses_own(request, symbol) is not None:
            failing.append(codes.SELF_CROSS)
        if symbol.market.is_live and not request.takes and would_take(request, symbol):
            failing.append(codes.POST_ONLY)
        return failing

    def price_codes(self, side: Side, price_ticks: int, symbol: RoutedSymbol, now_ns: int) -> list[str]:
        """Those of the collar, at once and over a window."""
        mid = symbol.market.mid_half_ticks
        if mid is None:
            return []
        failing = []
        if self.collar.is_exceeded(abs(2 * price_ticks - mid), mid):
            failing.append(codes.PRICE_COLLAR)
        if self._strays(side, price_ticks, symbol, mid, now_ns):
            failing.append(codes.PRICE_COLLAR_PERIOD)
        return failing

    def record_sent(self, request: Request, symbol: RoutedSymbol, now_ns: int) -> None:
        """Record our best price of a side, and the mid."""
        mid = symbol.market.mid_half_ticks
        if request.level != 0 or mid is None:
            return
        steps = symbol.gate.price_steps[request.side]
        if steps and now_ns - steps[-1].time_ns < STEP_NS:
            return
        steps.append(PriceStep(now_ns, request.price_ticks, mid))
        while now_ns - steps[0].time_ns > self._move_window_ns:
            steps.popleft()

    def _strays(self, side: Side, price_ticks: int, symbol: RoutedSymbol, mid: int, now_ns: int) -> bool:
        """Did our price move far within the window, and the market less than half as far?"""
        for step in symbol.gate.price_steps[side]:
            if now_ns - step.time_ns > self._move_window_ns:
                continue
            moved = self._move.is_exceeded(abs(price_ticks - step.price_ticks), step.price_ticks)
            if moved and not self._move.is_exceeded(2 * abs(mid - step.mid_half_ticks), step.mid_half_ticks):
                return True
        return False


def would_take(request: Request, symbol: RoutedSymbol) -> bool:
    """Would the order take at once against the newest live book?"""
    if request.side == "buy":
        return request.price_ticks >= symbol.market.best_ask_ticks
    return request.price_ticks <= symbol.market.best_bid_ticks


def crosses_own(request: Request, symbol: RoutedSymbol) -> Order | None:
    """An own order of the other side that could match the request, also in flight or being cancelled."""
    for order in symbol.orders.open.values():
        if order.side == request.side:
            continue
        distance_ticks = order.most_generous_ticks - request.price_ticks
        if side_sign(request.side) * distance_ticks <= 0:
            return order
    return None
