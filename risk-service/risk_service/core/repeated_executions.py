"""Repeated executions: too many orders filled in too short a time halt the symbol (RTS 6 Art. 15(3))."""

from collections import deque
from dataclasses import dataclass, field

from schemas.config import RiskLimits
from schemas.message import Side
from schemas.units import NS_PER_S

SAME_SIDE_WINDOW_NS = 10 * NS_PER_S
ANY_SIDE_WINDOW_NS = 60 * NS_PER_S


@dataclass(slots=True)
class RepeatedExecutions:
    """Orders with a fill, newest last. Partial fills of one order count once."""

    orders: deque[tuple[int, Side, str]] = field(default_factory=deque)

    def add(self, now_ns: int, side: Side, client_order_id: str, limits: RiskLimits) -> bool:
        """Record a fill; true where a limit is reached. A repeated one, however late, is not new."""
        if self.orders and self.orders[-1][0] - now_ns >= ANY_SIDE_WINDOW_NS:
            return False
        while self.orders and now_ns - self.orders[0][0] >= ANY_SIDE_WINDOW_NS:
            self.orders.popleft()
        if any(known == client_order_id for _, _, known in self.orders):
            return False
        self.orders.append((now_ns, side, client_order_id))
        same_side = sum(
            each == side and now_ns - at_ns < SAME_SIDE_WINDOW_NS for at_ns, each, _ in self.orders
        )
        return same_side >= limits.repeat_fills_same_side or len(self.orders) >= limits.repeat_fills_any_side

    def clear(self) -> None:
        """Start counting again, after an operator's resume."""
        self.orders.clear()
