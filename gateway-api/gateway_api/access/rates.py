"""Rate limits as data, and the token buckets that enforce them."""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Literal

RateName = Literal["halt", "command", "preview", "reading"]
_BUCKETS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class AllowedRate:
    """`quota` requests per `window_s`, refilled evenly; bursts up to the quota."""

    quota: int
    window_s: int


RATES: dict[RateName, AllowedRate] = {
    "halt": AllowedRate(60, 10),
    "command": AllowedRate(30, 10),
    "preview": AllowedRate(20, 10),
    "reading": AllowedRate(300, 10),
}
"""Per user, over all sessions and programs. Halting has its own quota."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """The remaining quota."""

    name: RateName
    is_allowed: bool
    left: int
    wait_s: int
    """Time until the next request is allowed if none is left, else until the quota is full."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of draft-ietf-httpapi-ratelimit-headers."""
        rate = RATES[self.name]
        return {
            "RateLimit-Policy": f'"{self.name}";q={rate.quota};w={rate.window_s}',
            "RateLimit": f'"{self.name}";r={self.left};t={self.wait_s}',
        }


class Rates:
    """A token bucket per user and rate."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, RateName], _Bucket] = OrderedDict()

    def spend(self, who: str, name: RateName, now_s: float) -> Allowance:
        """Count one request; any monotonic clock will do."""
        rate = RATES[name]
        per_s = rate.quota / rate.window_s
        bucket = self._buckets.pop((who, name), None) or _Bucket(rate.quota, now_s)
        self._buckets[who, name] = bucket
        if len(self._buckets) > _BUCKETS_MAX:
            self._buckets.popitem(last=False)
        bucket.left = min(rate.quota, bucket.left + (now_s - bucket.at_s) * per_s)
        bucket.at_s = now_s
        if bucket.left < 1:
            return Allowance(name, False, 0, ceil((1 - bucket.left) / per_s))
        bucket.left -= 1
        return Allowance(name, True, int(bucket.left), ceil((rate.quota - bucket.left) / per_s))
