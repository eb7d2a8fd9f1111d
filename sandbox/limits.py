"""Request weight of one address by minute, and bans for continuing despite a 429."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.errors import VenueError

WEIGHT_LIMIT = 6_000
BAN_AFTER_VIOLATIONS = 20
"""Within a minute."""
BANS_MS = (120_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 259_200_000)
"""Each ban is longer than the last: from two minutes to three days."""
EXCUSED_MS = 250
_MINUTE_MS = 60_000
_DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
WEIGHTS: Mapping[tuple[str, str], int] = {
    ("GET", "ping"): 1,
    ("GET", "time"): 1,
    ("GET", "exchangeInfo"): 20,
    ("GET", "trades"): 25,
    ("POST", "order"): 1,
    ("DELETE", "order"): 1,
    ("POST", "order/cancelReplace"): 1,
    ("PUT", "order/amend/keepPriority"): 4,
    ("DELETE", "openOrders"): 1,
    ("GET", "account"): 20,
    ("GET", "account/commission"): 20,
    ("GET", "order"): 4,
    ("GET", "order/amendments"): 4,
    ("GET", "allOrders"): 20,
    ("GET", "rateLimit/order"): 40,
    ("GET", "account/apiRestrictions"): 1,
}
"""Requests whose weight does not depend on parameters."""
SOCKET_WEIGHT = 2
"""Of a connection to the API socket, and of a subscription on it."""


def weight_of(method: str, path: str, query: Mapping[str, str]) -> int:
    """The weight of a request."""
    if path == "depth":
        asked = query.get("limit", "100")
        limit = int(asked) if asked.isdecimal() else 0
        return next((weight for up_to, weight in _DEPTH_WEIGHTS if limit <= up_to), _DEPTH_WEIGHTS[-1][1])
    if path == "ticker/bookTicker":
        return 2 if "symbol" in query else 4
    if path == "openOrders" and method == "GET":
        return 6 if "symbol" in query else 80
    if path == "myTrades":
        return 5 if "orderId" in query else 20
    if path == "myPreventedMatches":
        return 20 if "orderId" in query else 2
    return WEIGHTS.get((method, path), 1)


@dataclass(slots=True)
class Ban:
    """Of the address: until when, and how long the next one lasts."""

    until_ms: int = 0
    times: int = 0
    grows_from_ms: int = 0
    """A fault: the length of a ban that doubles with every request during it; 0: none."""
    _grew_ms: int = 0

    def extend(self, now_ms: int) -> None:
        """Ban again, longer than before."""
        self.until_ms = now_ms + BANS_MS[min(self.times, len(BANS_MS) - 1)]
        self.times += 1

    def begin(self, now_ms: int, length_ms: int) -> None:
        """A ban whose length doubles as long as it is ignored, up to three days."""
        self.until_ms, self.grows_from_ms, self._grew_ms = now_ms + length_ms, length_ms, now_ms

    def observe_request(self, now_ms: int) -> None:
        """Requests in flight when the ban began are excused."""
        if self.grows_from_ms and now_ms < self.until_ms and now_ms - self._grew_ms >= EXCUSED_MS:
            self.grows_from_ms = min(2 * self.grows_from_ms, BANS_MS[-1])
            self.until_ms, self._grew_ms = now_ms + self.grows_from_ms, now_ms


class Limits:
    """The limits of one address."""

    def __init__(self, now_ms: Callable[[], int], *, enforced: bool = True) -> None:
        self._now_ms = now_ms
        self._enforced = enforced
        self._minute = 0
        self._used = 0
        self.violations = 0
        """Requests ever answered with 429 or 418."""
        self._recent: deque[int] = deque()
        self.ban = Ban()

    def _add(self, amount: int) -> int:
        minute = self._now_ms() // _MINUTE_MS
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += amount
        return self._used

    def count(self, method: str, path: str, query: Mapping[str, str]) -> None:
        """Count a request; raises VenueError, 429 or 418, where it exceeds the limit."""
        self.spend(weight_of(method, path, query))

    def spend(self, weight: int) -> None:
        """The same, for a known weight."""
        now_ms = self._now_ms()
        used = self._add(weight)
        self.ban.observe_request(now_ms)
        if now_ms < self.ban.until_ms or (self._enforced and used > WEIGHT_LIMIT):
            self._refuse(now_ms)

    def _refuse(self, now_ms: int) -> None:
        """Continuing despite refusals leads to a ban, and then to longer ones."""
        self.violations += 1
        self._recent.append(now_ms)
        while now_ms - self._recent[0] >= _MINUTE_MS:
            self._recent.popleft()
        if len(self._recent) > BAN_AFTER_VIOLATIONS:
            self.ban.extend(now_ms)
            self._recent.clear()
        if now_ms < self.ban.until_ms:
            raise banned(self.ban.until_ms, now_ms)
        text = (
            f"Too much request weight used; current limit is {WEIGHT_LIMIT} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        raise _held(text, 429, _MINUTE_MS - now_ms % _MINUTE_MS)

    def headers(self) -> dict[str, str]:
        """The venue's usage headers of every answer."""
        return {"X-MBX-USED-WEIGHT-1M": str(self._add(0))}


def banned(until_ms: int, now_ms: int) -> VenueError:
    """418, with the end of the ban."""
    text = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return _held(text, 418, until_ms - now_ms)


def _held(text: str, status: int, wait_ms: int) -> VenueError:
    refusal = VenueError(-1003, text, status)
    refusal.retry_after_s = max(1, -(-wait_ms // 1_000))
    return refusal
