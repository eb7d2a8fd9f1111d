"""The faults that are tried, how each is injected, and what an adapter has to make of it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quote_service.sandbox.faults import FaultName


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault as the sandbox arms it."""

    fault: FaultName
    expected: str
    how: Mapping[str, Any] = field(default_factory=dict)
    """`times`, `method`, `path`, `seconds`; see the README of the sandbox."""
    seconds: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest, for faults that last."""


# What an exchange does to its market streams alone is not here: no order depends on it.
_RESOLVED = "asked for by its id until it cannot come any more; counted once"
SUITE: tuple[Injection, ...] = (
    Injection("lost_before", "not there after the receive window: the slot is free again", {"times": 3}),
    Injection("lost_after", "found by its id and taken over; not sent again", {"times": 3}),
    Injection("late_reply", "found while the answer is under way; told once", {"times": 2}, (0.2, 0.9)),
    Injection("late_execution", _RESOLVED, {"times": 2}, (0.05, 0.35)),
    Injection("status_unknown", _RESOLVED, {"times": 3}),
    Injection("rate_limit", "nothing is sent until Retry-After is over, cancels included", {}, (1.0, 1.0)),
    Injection("ban", "nothing is sent until Retry-After is over, cancels included", {}, (1.0, 1.0)),
    Injection("server_error", "unknown, not refused: asked for by its id", {"times": 3}),
    Injection("busy", "unknown or held back: asked for, or sent later with the same id", {"times": 3}),
    Injection("hide_order", "not shown is not gone: it is looked for again", {"times": 2}, (0.2, 0.8)),
    Injection("fill_on_cancel", "not found is not cancelled: its trades are booked first", {"times": 2}),
    Injection("cancel_partial", "the old order is gone, and no new one came", {"times": 2}),
    Injection("drop_fills", "found when the account's trades are compared", {"times": 3}),
    Injection("duplicate_events", "each trade is booked once", {"times": 5}),
    Injection("late_events", "what an answer said first is not undone", {"times": 5}, (0.1, 0.6)),
    Injection("kick_user_stream", "no quote until reconnected and compared"),
    Injection("bad_frame", "dropped; the stream goes on or is opened again"),
    Injection("clock_skew", "the clocks are compared again, then requests are accepted", {}, (5.0, 5.0)),
    Injection("maintenance", "refused orders stay refused; cancels go through", {}, (0.3, 0.9)),
)
BY_NAME: Mapping[FaultName, Injection] = {each.fault: each for each in SUITE}


@dataclass(frozen=True, slots=True)
class Armed:
    """When, in seconds after the first quote, a fault is armed, and how."""

    at_s: float
    fault: FaultName
    how: Mapping[str, Any]


def schedule(faults: tuple[FaultName, ...], seed: int, trade_s: float) -> list[Armed]:
    """The faults of one session at random times, the last of them while the orders are withdrawn."""
    chance = random.Random(seed)  # noqa: S311  it is to be the same for a seed
    armed = []
    for number, fault in enumerate(faults):
        injection = BY_NAME[fault]
        how = dict(injection.how)
        if injection.seconds[1]:
            how["seconds"] = round(chance.uniform(*injection.seconds), 3)
        at_s = trade_s if number == len(faults) - 1 else chance.uniform(0, trade_s)
        armed.append(Armed(round(at_s, 3), fault, how))
    return sorted(armed, key=lambda each: each.at_s)


def random_faults(seed: int) -> tuple[FaultName, ...]:
    """One to four faults for a seed, a fault more than once possible."""
    chance = random.Random(seed)  # noqa: S311
    return tuple(chance.choices([each.fault for each in SUITE], k=chance.randint(1, 4)))
