"""An account's count of unfilled orders: in ten seconds, and by day."""

from dataclasses import dataclass, field

from sandbox.errors import VenueError

ORDERS_10S_LIMIT = 100
ORDERS_1D_LIMIT = 200_000
TEN_SECONDS_MS = 10_000
DAY_MS = 86_400_000


@dataclass(slots=True)
class _Window:
    interval_ms: int
    limit: int
    text: str
    number: int = 0
    used: int = 0

    def add(self, now_ms: int, amount: int) -> int:
        """Windows are aligned to the clock."""
        number = now_ms // self.interval_ms
        if number != self.number:
            self.number, self.used = number, 0
        self.used = max(0, self.used + amount)
        return self.used


def _windows() -> tuple[_Window, ...]:
    return (
        _Window(TEN_SECONDS_MS, ORDERS_10S_LIMIT, f"{ORDERS_10S_LIMIT} orders per 10 SECOND"),
        _Window(DAY_MS, ORDERS_1D_LIMIT, f"{ORDERS_1D_LIMIT} orders per 1 DAY"),
    )


@dataclass(slots=True)
class OrderCounts:
    """Per account, whatever key or address orders come from. Cancels and amends cost nothing."""

    is_enforced: bool = True
    refusals: int = 0
    """Orders ever refused for this limit."""
    used_up_until_ms: int = 0
    """A fault: until then every order is refused."""
    _all: tuple[_Window, ...] = field(default_factory=_windows)

    def check(self, now_ms: int) -> None:
        """Raises VenueError, 429, where another order exceeds a limit."""
        if now_ms < self.used_up_until_ms:
            self._refuse(self._all[0], self.used_up_until_ms - now_ms)
        for window in reversed(self._all):
            if self.is_enforced and window.add(now_ms, 0) >= window.limit:
                self._refuse(window, window.interval_ms - now_ms % window.interval_ms)

    def _refuse(self, window: _Window, wait_ms: int) -> None:
        self.refusals += 1
        refusal = VenueError(-1015, f"Too many new orders; current limit is {window.text}.", 429)
        refusal.retry_after_s = max(1, -(-wait_ms // 1_000))
        raise refusal

    def count(self, now_ms: int) -> None:
        """An order was placed."""
        for window in self._all:
            window.add(now_ms, 1)

    def record_first_fill(self, now_ms: int) -> None:
        """An order stops counting with its first fill, whenever it was placed."""
        for window in self._all:
            window.add(now_ms, -1)

    def used(self, now_ms: int) -> dict[str, int]:
        """Counts in the current windows, by interval."""
        return dict(zip(("SECOND", "DAY"), (window.add(now_ms, 0) for window in self._all), strict=True))

    def headers(self, now_ms: int) -> dict[str, str]:
        """The headers of the answer to an order."""
        used = self.used(now_ms)
        return {
            "X-MBX-ORDER-COUNT-10S": str(used["SECOND"]),
            "X-MBX-ORDER-COUNT-1D": str(used["DAY"]),
        }
