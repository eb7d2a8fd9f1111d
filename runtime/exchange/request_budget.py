"""The request budget at a venue: keeps requests within its rate limits, with priority for cancels.

Venues count requests per address, whichever process sends them: the feed, the router, the watchdog. The usage
is therefore shared by all processes of this user on this machine. Counts in the venue's responses take
precedence over our own, since others may use the same address.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import structlog

from runtime.exchange.request_counts import (
    BAN_S_MAX,
    HoldNumbers,
    RequestUsage,
    SettableClock,
    UsageNumbers,
    hold_numbers,
    usage_numbers,
)
from runtime.exchange.request_weights import Weights
from schemas.venues import RequestKind, VenueCapabilities, VenueId

Purpose = Literal["cancel", "order", "query", "feed"]
Request: TypeAlias = RequestKind | int
"""A kind, with the weight of the venue's table, or a weight."""
Headers: TypeAlias = Mapping[str, str]
HeldListener = Callable[[float], None]
WeightListener = Callable[[RequestKind, int, int], None]
"""Receives the kind, the table's weight and the venue's weight."""

CLOCK_MARGIN_S = 1.0
"""Tolerated difference to the venue's clock: our windows start this much later than the venue's."""
_LATE_S = 2 * CLOCK_MARGIN_S
"""The end of our window, in which the venue's next one may have started."""
PROBE_WEIGHT_MAX = 4
"""Largest weight of the first request after a ban."""
_PROBE_S_MAX = 2.0
"""Without an answer for this long, the first request no longer delays others."""
_SHARES: Mapping[Purpose, float] = {"feed": 0.5, "query": 0.6, "order": 0.85, "cancel": 1.0}
"""Share of the limit available to each purpose."""
_WAIT_S_MAX = 1.0
"""Waiting requests check again after this: the clock may be set, or a hold may end early."""
_LOGGED_WAIT_S = 5.0
"""Longer waits are logged."""
_LOCK_WAIT_S = 0.005
_MS_PER_S = 1e3
_LIMITED, _BANNED = 429, 418
_TOO_MANY_ORDERS = -1015
_RETRY_S, _BAN_S = 1.0, 120.0
"""Used where the venue states no duration."""
_REFUSAL_LENGTH_MAX = 2_000
_USED_HEADER = "x-mbx-used-weight-1m"
_ORDERS_HEADER = re.compile(r"x-mbx-order-count-(\d+)([smhd])")
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BAN_END = re.compile(r"banned until (\d{12,14})")
_CODE = re.compile(r'"code"\s*:\s*"?(-?\d+)')

logger = structlog.get_logger()


class RequestBudget:
    """Keeps requests within the venue's limits, together with the processes that share its numbers."""

    def __init__(
        self,
        venue: VenueCapabilities,
        share: float,
        clock_s: Callable[[], float] = time.time,
        usage: UsageNumbers | None = None,
        hold: HoldNumbers | None = None,
        steady_s: Callable[[], float] | None = None,
    ) -> None:
        """`clock_s` may be set, `steady_s` not. Default: `time.monotonic`, or a given `clock_s`."""
        self.venue: VenueId = venue.id
        self._too_much = venue.too_much
        self._weights = Weights(venue.weights)
        limit = venue.request_weight_limit
        self._limit = None if limit is None else limit * share
        self._room = {name: (self._limit or math.inf) * part for name, part in _SHARES.items()}
        self._interval_s = venue.request_weight_interval_ms / _MS_PER_S
        rates = [rate for rate in venue.order_rates if rate.scope == "account"]
        self._order_limits = {rate.interval_ms: rate.limit * share for rate in rates}
        costs = [cost for rate in venue.order_rates for cost in rate.costs.items()]
        self._counted = {kind for kind, cost in costs if cost and kind != "cancel"}
        self.shared_usage = usage or usage_numbers(None)
        self._shared_hold = hold or hold_numbers(None)
        steady_s = steady_s or (time.monotonic if clock_s is time.time else clock_s)
        self._now_s = SettableClock(clock_s, steady_s, self.shared_usage, self._shared_hold).now_s
        self._held_listeners: list[HeldListener] = []
        self._weight_listeners: list[WeightListener] = []
        self._notified_held_s = 0.0
        self._logged_wait_s = 0

    def weight(self, request: Request) -> int:
        """The weight of a request."""
        return request if isinstance(request, int) else self._weights[request]

    @property
    def used(self) -> float:
        """Weight used in the current window."""
        return self._used(self.shared_usage.numbers, self._now_s())

    @property
    def used_ratio(self) -> float | None:
        """Used share of our limit; None where the venue has no weight limit."""
        return None if self._limit is None else self.used / self._limit

    @property
    def is_banned(self) -> bool:
        """Whether the venue has banned this address. True until a request is answered after the ban."""
        return self.shared_usage.numbers.is_banned > 0

    def blocked_s(self) -> float:
        """Seconds for which the venue accepts no requests at all."""
        now_s = self._now_s()
        return max(0.0, self.shared_usage.numbers.blocked_until_s - now_s)

    def orders_held_until_s(self) -> float:
        """Time until which the venue's order rate limit holds back orders and amends; 0: not held."""
        if not self._is_held(self._now_s()):
            return 0.0
        hold = self._shared_hold.numbers
        return max(hold.refused_until_s, hold.full_until_s)

    def _is_held(self, now_s: float) -> bool:
        hold = self._shared_hold.numbers
        return hold.refused_until_s > now_s or hold.full_until_s > now_s

    def held_until_s(self) -> float:
        """Time until which new orders and amends cannot be sent, for any reason; 0: they can."""
        now_s = self._now_s()
        return self._held_until_s(self.shared_usage.numbers, now_s, "place", "order")

    def on_held(self, listener: HeldListener) -> None:
        """Call it with `held_until_s()` when that changes, except when it merely expires."""
        self._held_listeners.append(listener)

    def on_weight(self, listener: WeightListener) -> None:
        """Call it when the venue's weight of a kind turns out to be larger than the table's."""
        self._weight_listeners.append(listener)

    def wait_s(self, request: Request, purpose: Purpose) -> float:
        """Seconds until a request may be sent; 0: now."""
        now_s = self._now_s()
        until_s = self._held_until_s(self.shared_usage.numbers, now_s, request, purpose)
        return until_s - now_s if until_s else 0.0

    def may_send(self, request: Request, purpose: Purpose) -> bool:
        """Claim the weight if there is room now; returns whether it was claimed."""
        return self._claim(request, purpose) <= 0

    async def acquire(self, request: Request, purpose: Purpose) -> None:
        """Wait until there is room, and claim the weight."""
        while (wait_s := self._claim(request, purpose)) > 0:
            self._log_wait(request, wait_s)
            await asyncio.sleep(min(wait_s, _WAIT_S_MAX))

    def _log_wait(self, request: Request, wait_s: float) -> None:
        """Log each long wait once per process, however many requests wait."""
        until_s = round(self._now_s() + wait_s)
        if wait_s > _LOGGED_WAIT_S and abs(until_s - self._logged_wait_s) > 1:
            self._logged_wait_s = until_s
            logger.warning(
                "requests_delayed",
                venue=self.venue,
                first=request,
                seconds=round(wait_s),
                banned=self.is_banned,
            )

    def may_probe(self) -> bool:
        """After a ban: whether this request may be the one that verifies its end."""
        now_s = self._now_s()
        with self.shared_usage:
            usage = self.shared_usage.numbers
            if now_s - usage.probed_at_s < _PROBE_S_MAX:
                return False
            usage.probed_at_s = now_s
        return True

    def _claim(self, request: Request, purpose: Purpose) -> float:
        now_s = self._now_s()
        weight = request if isinstance(request, int) else self._weights[request]
        is_new, until_s = False, 0.0
        shared = self.shared_usage
        with shared as is_locked:
            if not is_locked and purpose != "cancel":
                return _LOCK_WAIT_S
            usage = shared.numbers
            ends_s = usage.ends_s
            if not ends_s - self._interval_s <= now_s < ends_s:
                is_new, ends_s = True, self._roll(usage, now_s)
            used = usage.used + weight
            if (
                usage.blocked_until_s > now_s
                or used > self._room[purpose]
                or (request in self._counted and self._is_held(now_s))
            ):
                until_s = self._held_until_s(usage, now_s, request, purpose)
            if not until_s:
                usage.used = used
                usage.taken += 1
                if now_s >= ends_s - _LATE_S:
                    usage.late += weight
        if is_new:
            self.shared_usage.reopen()
            self.shared_usage.touch()
        if self._held_listeners:
            self._notify_held()
        return until_s - now_s if until_s else 0.0

    def _held_until_s(self, usage: RequestUsage, now_s: float, request: Request, purpose: Purpose) -> float:
        until_s = usage.blocked_until_s if usage.blocked_until_s > now_s else 0.0
        if request in self._counted:
            until_s = max(until_s, self.orders_held_until_s())
        if self._used(usage, now_s) + self.weight(request) > self._room[purpose]:
            until_s = max(until_s, self._ends_s(now_s))
        return until_s

    def _ends_s(self, now_s: float) -> float:
        return ((now_s - CLOCK_MARGIN_S) // self._interval_s + 1) * self._interval_s + CLOCK_MARGIN_S

    def _used(self, usage: RequestUsage, now_s: float) -> float:
        if usage.ends_s - self._interval_s <= now_s < usage.ends_s:
            return usage.used
        return usage.late if 0 <= now_s - usage.ends_s < self._interval_s else 0.0

    def _roll(self, usage: RequestUsage, now_s: float) -> float:
        """Start the current window if necessary; returns its end."""
        ends_s = self._ends_s(now_s)
        if ends_s != usage.ends_s:
            usage.used, usage.late = self._used(usage, now_s), 0.0
            usage.taken = usage.answered = 0
            usage.stated, usage.ends_s = -1, ends_s
        return ends_s

    def observe(self, status: int, headers: Headers, body: str = "", kind: RequestKind | None = None) -> None:
        """Adopt the counts and blocks stated in a response."""
        lowered = {name.lower(): value for name, value in headers.items()}
        now_s = self._now_s()
        measured = None
        with self.shared_usage:
            usage = self.shared_usage.numbers
            self._roll(usage, now_s)
            measured = self._observe_weight(usage, lowered.get(_USED_HEADER, ""), now_s)
            if status in {_LIMITED, _BANNED}:
                self._observe_refusal(usage, status, lowered, body, now_s)
            else:
                self._observe_text(usage, body, now_s)
                if usage.blocked_until_s <= now_s:
                    usage.is_banned = 0
        self._observe_order_counts(lowered, now_s)
        if measured is not None and kind is not None and status < _LIMITED:
            self._weigh(kind, *measured)
        self._notify_held()

    def _observe_weight(self, usage: RequestUsage, stated: str, now_s: float) -> tuple[int, float] | None:
        """The weight of a request that was alone between two stated counts, and the seconds between them."""
        usage.answered += 1
        if not stated.isdecimal():
            usage.stated = -1
            return None
        count = int(stated)
        usage.used = max(usage.used, count)
        is_alone = usage.taken == usage.answered and now_s < usage.ends_s - _LATE_S
        cost = count - int(usage.stated)
        is_measured = is_alone and usage.stated >= 0 and usage.stated_taken == usage.taken - 1 and cost >= 0
        gap_s = now_s - usage.stated_at_s
        usage.stated = count if is_alone else -1
        usage.stated_taken, usage.stated_at_s = usage.taken, now_s
        return (cost, gap_s) if is_measured else None

    def _weigh(self, kind: RequestKind, cost: int, gap_s: float) -> None:
        if not self._weights.apply_measurement(kind, cost, gap_s):
            return
        table = self._weights.table(kind)
        logger.warning("request_weight_differs", venue=self.venue, kind=kind, ours=table, venues=cost)
        for listener in self._weight_listeners:
            listener(kind, table, cost)

    def _observe_refusal(
        self, usage: RequestUsage, status: int, headers: Headers, body: str, now_s: float
    ) -> None:
        retry_s = _seconds(headers.get("retry-after", ""))
        code = _CODE.search(body)
        if status == _LIMITED and code is not None and int(code[1]) == _TOO_MANY_ORDERS:
            shortest_s = min(self._order_limits, default=1_000) / _MS_PER_S
            self._hold_orders(retry_s or shortest_s, now_s)
            return
        until_s = now_s + retry_s if retry_s else 0.0
        end = _BAN_END.search(body)
        if end is not None:
            until_s = max(until_s, int(end[1]) / _MS_PER_S + CLOCK_MARGIN_S)
        if until_s <= now_s:
            until_s = now_s + (_BAN_S if status == _BANNED else _RETRY_S)
        if status == _BANNED:
            usage.is_banned = 1
        self._block(usage, until_s, now_s)

    def _observe_text(self, usage: RequestUsage, body: str, now_s: float) -> None:
        if len(body) > _REFUSAL_LENGTH_MAX:
            return
        for limit in self._too_much:
            if limit.text in body and limit.holds == "orders":
                self._hold_orders(limit.seconds, now_s)
            elif limit.text in body:
                self._block(usage, now_s + limit.seconds, now_s)

    def _hold_orders(self, seconds: float, now_s: float) -> None:
        hold = self._shared_hold.numbers
        hold.refused_until_s = max(hold.refused_until_s, now_s + seconds)
        logger.warning("orders_held", venue=self.venue, seconds=round(hold.refused_until_s - now_s, 1))

    def _block(self, usage: RequestUsage, until_s: float, now_s: float) -> None:
        usage.blocked_until_s = max(usage.blocked_until_s, min(until_s, now_s + BAN_S_MAX))
        logger.warning(
            "requests_blocked",
            venue=self.venue,
            seconds=round(usage.blocked_until_s - now_s, 1),
            banned=bool(usage.is_banned),
        )

    def _observe_order_counts(self, headers: Headers, now_s: float) -> None:
        counts = [(found, value) for name, value in headers.items() if (found := _ORDERS_HEADER.match(name))]
        if not counts:
            return
        full_until_s = 0.0
        for found, value in counts:
            interval_ms = int(found[1]) * _UNITS_MS[found[2]]
            limit = self._order_limits.get(interval_ms)
            if limit is not None and value.isdecimal() and int(value) + 1 > limit:
                interval_s = interval_ms / _MS_PER_S
                full_until_s = max(full_until_s, (now_s // interval_s + 1) * interval_s + CLOCK_MARGIN_S)
        self._shared_hold.numbers.full_until_s = full_until_s

    def _notify_held(self) -> None:
        held_s = self.held_until_s()
        if held_s == self._notified_held_s or (not held_s and self._notified_held_s <= self._now_s()):
            return
        self._notified_held_s = held_s
        for listener in self._held_listeners:
            listener(held_s)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < BAN_S_MAX else 0.0
