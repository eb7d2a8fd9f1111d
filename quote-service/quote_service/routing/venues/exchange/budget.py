"""The venue's count of our requests: what goes out may wait for it, cancels before everything else.

The router's core decides how many orders are worth their messages; here only the count of the address's
request weight is kept, and what the venue says of it in its answers is believed over our own sum.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Literal

from schemas.venues import Venue

Purpose = Literal["cancel", "order", "query"]
_MS_PER_S = 1e3
_USED_HEADER = "x-mbx-used-weight-1m"
_RETRY_AFTER_HEADER = "retry-after"
_LIMITED = 429
_BANNED = 418
_DEFAULT_RETRY_S = 1.0
_SHARES: Mapping[Purpose, float] = {"query": 0.6, "order": 0.85, "cancel": 1.0}
"""Part of the limit up to which each purpose may use it."""


class RequestBudget:
    """Keeps requests within the venue's weight limit."""

    def __init__(self, venue: Venue, share: float, clock_s: Callable[[], float] = time.time) -> None:
        self._limit = None if venue.request_weight_limit is None else venue.request_weight_limit * share
        self._interval_s = venue.request_weight_interval_ms / _MS_PER_S
        self._clock_s = clock_s
        self._window = 0
        self._used = 0.0
        self._blocked_until_s = 0.0
        self.is_banned = False
        """The venue has shut out this address: it must be left alone, and a person must know."""

    @property
    def used(self) -> float:
        """Weight used in the window that is under way."""
        self._roll()
        return self._used

    def blocked_s(self) -> float:
        """For how long the venue wants to hear nothing."""
        return max(0.0, self._blocked_until_s - self._clock_s())

    def wait_s(self, weight: int, purpose: Purpose) -> float:
        """Seconds until a request may go out; 0: now."""
        blocked_s = self.blocked_s()
        if blocked_s or self._limit is None:
            return blocked_s
        self._roll()
        if self._used + weight <= self._limit * _SHARES[purpose]:
            return 0.0
        return (self._window + 1) * self._interval_s - self._clock_s()

    def may_send(self, weight: int, purpose: Purpose) -> bool:
        """Take the weight, where there is room for it now."""
        if self.wait_s(weight, purpose) > 0:
            return False
        self._used += weight
        return True

    async def take(self, weight: int, purpose: Purpose) -> None:
        """Wait until there is room, and take it."""
        while (wait_s := self.wait_s(weight, purpose)) > 0:
            await asyncio.sleep(wait_s)
        self._used += weight

    def see(self, status: int, headers: Mapping[str, str]) -> None:
        """Believe what an answer says of our count."""
        lowered = {name.lower(): value for name, value in headers.items()}
        self._roll()
        stated = lowered.get(_USED_HEADER, "")
        if stated.isdigit():
            self._used = max(self._used, float(stated))
        if status not in {_LIMITED, _BANNED}:
            self.is_banned = self.is_banned and self.blocked_s() > 0
            return
        retry_after = lowered.get(_RETRY_AFTER_HEADER, "")
        retry_s = float(retry_after) if retry_after.isdigit() else _DEFAULT_RETRY_S
        self._blocked_until_s = max(self._blocked_until_s, self._clock_s() + retry_s)
        self.is_banned = status == _BANNED

    def _roll(self) -> None:
        window = int(self._clock_s() / self._interval_s)
        if window != self._window:
            self._window, self._used = window, 0.0
