"""The tested faults, how each is injected, and what an adapter must do about it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import FaultName
from sandbox.venue_check.plans import COURSES, REFUSED_START, Course, FaultPlan


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault as the sandbox arms it."""

    fault: FaultName
    expected: str
    how: Mapping[str, Any] = field(default_factory=dict)
    """`times`, `method`, `path`, `seconds`; see the README of the sandbox."""
    seconds: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest, for faults that last."""


# Faults of market streams alone are not here: no order depends on them.
_RESOLVED = "queried by its id until it can no longer arrive; counted once"
_WAITS = "nothing is sent until Retry-After is over, cancels included"
_AGAIN = "no quote until reconnected and compared"
_DEAD = "noticed without a close: subscribed again, and trades are requested"
_CLOCKS = "the clocks are compared at the first refusal, and it is sent again"
_REFUSED = "said to be refused; nothing is placed; after a restart nothing is lost"
SUITE: tuple[Injection, ...] = (
    Injection("lost_before", "not there after the receive window: the slot is free again", {"times": 3}),
    Injection("lost_after", "found by its id and taken over; not sent again", {"times": 3}),
    Injection("late_reply", "found while the answer is under way; told once", {"times": 2}, (0.2, 0.9)),
    Injection("late_execution", _RESOLVED, {"times": 2}, (0.05, 0.35)),
    Injection("late_window", "refused or carried out late, as the venue says", {"times": 3}, (0.2, 0.9)),
    Injection("status_unknown", _RESOLVED, {"times": 3}),
    Injection("rate_limit", _WAITS, {}, (1.0, 1.0)),
    Injection("ban", _WAITS, {}, (1.0, 1.0)),
    Injection("long_ban", "nothing is sent until the ban is over: it does not grow", {}, (1.0, 1.0)),
    Injection("order_count", "new orders wait, cancels do not", {}, (0.5, 1.0)),
    Injection("server_error", "unknown, not refused: queried by its id", {"times": 3}),
    Injection("busy", "unknown or held back: queried, or sent later with the same id", {"times": 3}),
    Injection("hide_order", "not shown is not gone: it is looked for again", {"times": 2}, (0.2, 0.8)),
    Injection("lookup_lags", "an old answer does not undo what is known", {"times": 15}, (0.1, 0.3)),
    Injection("fill_on_cancel", "not found is not cancelled: its trades are booked first", {"times": 2}),
    Injection("cancel_partial", "the old order is gone, and no new one came", {"times": 2}),
    Injection("trade_prevention", "ended without a fill: the slot is free again", {"times": 2}),
    Injection("drop_fills", "found when the account's trades are compared", {"times": 3}),
    Injection("drop_balances", "requested; no false position break", {"times": 10}),
    Injection("duplicate_events", "each trade is booked once", {"times": 5}),
    Injection("late_events", "what an answer said first is not undone", {"times": 5}, (0.1, 0.6)),
    Injection("stream_lags", "what an answer said first is not undone", {"times": 10}, (0.1, 0.6)),
    Injection("kick_user_stream", _AGAIN),
    Injection("slow_reconnect", _AGAIN, {}, (0.6, 1.5)),
    Injection("end_user_stream", _DEAD),
    Injection("silent_user_stream", _DEAD, {}, (1.0, 4.0)),
    Injection("server_shutdown", _AGAIN, {}, (0.05, 0.4)),
    Injection("disconnect_24h", _AGAIN),
    Injection("bad_frame", "dropped; the stream continues or is reopened"),
    Injection("clock_skew", _CLOCKS, {}, (5.0, 5.0)),
    Injection("clock_behind", _CLOCKS, {}, (5.0, 5.0)),
    Injection("clock_drift", _CLOCKS, {}, (0.3, 0.6)),
    Injection("maintenance", "refused orders stay refused; cancels go through", {}, (0.3, 0.9)),
    Injection("market_break", "all ended without a cancel: their slots are free again", {}, (0.3, 0.8)),
    Injection("account_disabled", "nothing is placed; cancels go through"),
    Injection("bad_key", _REFUSED),
    Injection("ip_not_allowed", _REFUSED),
    Injection("no_permission", _REFUSED),
    Injection(REFUSED_START, "refused at the start: nothing is placed"),
    Injection(
        "deposit", "not a fill: the position stays what the trades say", {"currency": "BTC", "amount": 2}
    ),
    Injection("hand_trade", "not ours: not booked, and not cancelled", {"amount": "0.01"}),
)
BY_NAME: Mapping[FaultName, Injection] = {each.fault: each for each in SUITE}
_MIXED_COURSE_PROBABILITY = 0.25


def expected_of(name: str) -> str:
    """What a fault or a course requires of an adapter."""
    return BY_NAME[name].expected if name in BY_NAME else COURSES[name]  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class ArmedFault:
    """When, in seconds after the first quote, a fault is armed, and how."""

    at_s: float
    fault: FaultName
    how: Mapping[str, Any]


def schedule(faults: tuple[FaultName, ...], seed: int, trade_s: float) -> list[ArmedFault]:
    """The faults of one session at random times, the last of them during the mass cancel."""
    chance = random.Random(seed)  # noqa: S311  reproducible by seed
    armed = []
    for number, fault in enumerate(faults):
        if fault == REFUSED_START:
            continue
        injection = BY_NAME[fault]
        how = dict(injection.how)
        if injection.seconds[1]:
            how["seconds"] = round(chance.uniform(*injection.seconds), 3)
        at_s = trade_s if number == len(faults) - 1 else chance.uniform(0, trade_s)
        armed.append(ArmedFault(round(at_s, 3), fault, how))
    return sorted(armed, key=lambda each: each.at_s)


def random_plan(seed: int) -> FaultPlan:
    """One to four faults for a seed, possibly repeated, occasionally in another course."""
    chance = random.Random(seed)  # noqa: S311
    faults = tuple(chance.choices([each.fault for each in SUITE], k=chance.randint(1, 4)))
    courses: list[Course] = [course for course in COURSES if course != "one_life"]
    is_mixed = chance.random() < _MIXED_COURSE_PROBABILITY
    return FaultPlan(seed, faults, course=chance.choice(courses) if is_mixed else "one_life")
