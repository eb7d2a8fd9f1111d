"""The venue's own counts: request weight by minute, new orders in ten seconds and by day."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from quote_service.sandbox.errors import VenueError

WEIGHT_LIMIT = 6_000
ORDERS_10S_LIMIT = 100
ORDERS_1D_LIMIT = 200_000
BAN_AFTER_VIOLATIONS = 20
"""Within a minute."""
BAN_MS = 120_000
_MINUTE_MS = 60_000
_TEN_SECONDS_MS = 10_000
_DAY_MS = 86_400_000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
WEIGHTS: Mapping[tuple[str, str], int] = {
    ("GET", "exchangeInfo"): 20,
    ("GET", "account"): 20,
    ("GET", "order"): 4,
    ("GET", "allOrders"): 20,
    ("GET", "myTrades"): 20,
    ("GET", "trades"): 25,
    ("GET", "rateLimit/order"): 40,
    ("PUT", "order/amend/keepPriority"): 4,
}
OPEN_ORDERS_WEIGHT, ALL_OPEN_ORDERS_WEIGHT = 6, 80
TRADES_OF_ORDER_WEIGHT = 5
NEW_ORDER_PATHS = frozenset({"order", "order/cancelReplace"})


def weight_of(method: str, path: str, query: Mapping[str, str]) -> int:
    """What a request costs."""
    if path == "depth":
        asked = query.get("limit", "100")
        limit = int(asked) if asked.isdecimal() else 0
        return next((weight for up_to, weight in _DEPTH_WEIGHTS if limit <= up_to), _DEPTH_WEIGHTS[-1][1])
    if path == "openOrders" and method == "GET":
        return OPEN_ORDERS_WEIGHT if "symbol" in query else ALL_OPEN_ORDERS_WEIGHT
    if path == "myTrades" and "orderId" in query:
        return TRADES_OF_ORDER_WEIGHT
    return WEIGHTS.get((method, path), 1)


class _Window(NamedTuple):
    number: int
    used: int


class Limits:
    """One address and one account; windows begin with the clock's."""

    def __init__(self, now_ms: Callable[[], int], *, enforced: bool = True) -> None:
        self._now_ms = now_ms
        self._enforced = enforced
        self._windows = dict.fromkeys(("weight", "10s", "1d"), _Window(0, 0))
        self.violations = 0
        """Requests that were answered with 429 or 418, ever."""
        self._recent: deque[int] = deque()
        self._banned_until_ms = 0

    def _add(self, name: str, interval_ms: int, amount: int) -> int:
        number = self._now_ms() // interval_ms
        window = self._windows[name]
        used = amount + (window.used if window.number == number else 0)
        self._windows[name] = _Window(number, used)
        return used

    def count(self, method: str, path: str, query: Mapping[str, str]) -> None:
        """Count a request; raises VenueError, 429 or 418, where there was no room for it."""
        now_ms = self._now_ms()
        if now_ms < self._banned_until_ms:
            self._refuse(-1003, f"IP banned until {self._banned_until_ms}.", self._banned_until_ms - now_ms)
        used = self._add("weight", _MINUTE_MS, weight_of(method, path, query))
        if used > WEIGHT_LIMIT:
            text = "Too much request weight used; current limit is 6000 per 1 MINUTE."
            self._refuse(-1003, text, _MINUTE_MS - now_ms % _MINUTE_MS)
        if method == "POST" and path in NEW_ORDER_PATHS:
            self._count_order(now_ms)

    def _count_order(self, now_ms: int) -> None:
        in_10s, in_1d = self._add("10s", _TEN_SECONDS_MS, 1), self._add("1d", _DAY_MS, 1)
        if in_1d > ORDERS_1D_LIMIT:
            text = "Too many new orders; current limit is 200000 per DAY."
            self._refuse(-1015, text, _DAY_MS - now_ms % _DAY_MS)
        if in_10s > ORDERS_10S_LIMIT:
            text = "Too many new orders; current limit is 100 orders per 10 SECOND."
            self._refuse(-1015, text, _TEN_SECONDS_MS - now_ms % _TEN_SECONDS_MS)

    def _refuse(self, code: int, text: str, wait_ms: int) -> None:
        """Who asks on and on in spite of it is banned for a while."""
        if not self._enforced:
            return
        now_ms = self._now_ms()
        self.violations += 1
        self._recent.append(now_ms)
        while now_ms - self._recent[0] >= _MINUTE_MS:
            self._recent.popleft()
        is_banned = now_ms < self._banned_until_ms
        if len(self._recent) > BAN_AFTER_VIOLATIONS and not is_banned:
            self._banned_until_ms, wait_ms, is_banned = now_ms + BAN_MS, BAN_MS, True
            self._recent.clear()
        refusal = VenueError(code, text, 418 if is_banned else 429)
        refusal.retry_after_s = max(1, -(-wait_ms // 1_000))
        raise refusal

    def order_counts(self) -> dict[str, int]:
        """New orders in the windows of now, by interval."""
        return {"SECOND": self._add("10s", _TEN_SECONDS_MS, 0), "DAY": self._add("1d", _DAY_MS, 0)}

    def headers(self) -> dict[str, str]:
        """What the venue says of the counts in every answer."""
        return {
            "X-MBX-USED-WEIGHT-1M": str(self._add("weight", _MINUTE_MS, 0)),
            "X-MBX-ORDER-COUNT-10S": str(self._add("10s", _TEN_SECONDS_MS, 0)),
            "X-MBX-ORDER-COUNT-1D": str(self._add("1d", _DAY_MS, 0)),
        }
