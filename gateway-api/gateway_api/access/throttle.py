"""Throttles password guessing without locking out legitimate users.

An attempt is counted before it is verified, so that concurrent attempts all count. Attempts are counted per
name and address; for clients that never signed in under that name from that address also per address and per
name, with short waits, so that nobody can lock a user out from elsewhere.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

_FORGET_S = 900.0
_KEYS_MAX = 10_000


class Bound(NamedTuple):
    """A counter and its limits."""

    key: str
    free_tries: int
    wait_s_max: float


@dataclass(slots=True)
class _Attempts:
    count: int
    newest_s: float


def bounds_of(name: str, address: str, *, is_known: bool) -> tuple[Bound, ...]:
    """The bounds of a sign-in; `is_known`: this user has signed in from this address before."""
    own = Bound(f"pair {name} {address}", 5, 300.0)
    if is_known:
        return (own,)
    return own, Bound(f"address {address}", 20, 60.0), Bound(f"name {name}", 20, 30.0)


class Throttle:
    """After some failed attempts each further one doubles the wait."""

    def __init__(self) -> None:
        self._attempts: OrderedDict[str, _Attempts] = OrderedDict()

    def attempt(self, bounds: tuple[Bound, ...], now_s: float) -> float:
        """Seconds until the next attempt is allowed; 0: this one is, and counts as a failure for now."""
        wait_s = max(self._wait_s(bound, now_s) for bound in bounds)
        if wait_s == 0:
            for bound in bounds:
                self._count(bound.key, now_s)
        return wait_s

    def clear(self, bounds: tuple[Bound, ...]) -> None:
        """The sign-in succeeded: clear the counters."""
        for bound in bounds:
            self._attempts.pop(bound.key, None)

    def refund(self, bounds: tuple[Bound, ...]) -> None:
        """The latest attempt was not verified: do not count it."""
        for bound in bounds:
            if (known := self._attempts.get(bound.key)) is not None:
                known.count -= 1

    def _wait_s(self, bound: Bound, now_s: float) -> float:
        known = self._attempts.get(bound.key)
        if known is None or known.count < bound.free_tries or now_s - known.newest_s > _FORGET_S:
            return 0.0
        wait_s = min(2.0 ** (known.count - bound.free_tries), bound.wait_s_max)
        return max(0.0, known.newest_s + wait_s - now_s)

    def _count(self, key: str, now_s: float) -> None:
        known = self._attempts.pop(key, None)
        is_fresh = known is None or now_s - known.newest_s > _FORGET_S
        self._attempts[key] = _Attempts(1 if is_fresh or known is None else known.count + 1, now_s)
        if len(self._attempts) > _KEYS_MAX:
            self._attempts.popitem(last=False)
