"""Faults on request: what goes wrong, where, how often; the README beside this file has the table."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chassis.errors import ConfigError
from chassis.text import nearest

FaultName = Literal[
    "lost_before",
    "lost_after",
    "late_reply",
    "late_execution",
    "status_unknown",
    "rate_limit",
    "ban",
    "server_error",
    "busy",
    "hide_order",
    "fill_on_cancel",
    "cancel_partial",
    "drop_fills",
    "duplicate_events",
    "late_events",
    "kick_user_stream",
    "kick_market_stream",
    "depth_gap",
    "bad_frame",
    "clock_skew",
    "maintenance",
]
FAULTS: Mapping[FaultName, str] = {
    "lost_before": "the request is not carried out, and the connection is cut",
    "lost_after": "the request is carried out, and the connection is cut before the answer",
    "late_reply": "carried out at once, answered after `seconds`",
    "late_execution": "the connection is cut, and the request is carried out after `seconds`",
    "status_unknown": "carried out, and answered with -1007: execution status unknown",
    "rate_limit": "429 with Retry-After: `seconds`; not carried out",
    "ban": "418 with Retry-After: `seconds`; not carried out",
    "server_error": "503 without a body of ours; not carried out",
    "busy": "-1008, the server is overloaded; not carried out",
    "hide_order": "for `seconds` no look-up and no list shows orders younger than that",
    "fill_on_cancel": "the order is filled in full just before the cancel arrives",
    "cancel_partial": "of a cancelReplace the cancel alone is carried out: -2021",
    "drop_fills": "executions are not sent to the account's stream",
    "duplicate_events": "each event of the account's stream is sent twice",
    "late_events": "each event of the account's stream is sent `seconds` late",
    "kick_user_stream": "the account's stream is closed",
    "kick_market_stream": "the market's streams are closed",
    "depth_gap": "one update of a book is not sent",
    "bad_frame": "a frame that is no JSON is sent before the next one",
    "clock_skew": "the exchange's clock is `seconds` ahead until the faults are cleared",
    "maintenance": "no order is taken for `seconds`; cancels and look-ups go on",
}


@dataclass(slots=True)
class Armed:
    """A fault that waits for its turn."""

    name: FaultName
    times: int = 1
    probability: float = 1.0
    method: str | None = None
    path: str | None = None
    """Of the request, without /api/v3/; None: any."""
    seconds: float = 1.0


@dataclass
class Faults:
    """What is armed, and what has happened."""

    seed: int = 1
    armed: list[Armed] = field(default_factory=list)
    fired: list[FaultName] = field(default_factory=list)
    clock_skew_ms: int = 0
    """The exchange's clock minus the true one."""

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311  it is to be the same every time

    def arm(self, name: FaultName, **how: Any) -> None:
        """Let a fault happen from now on; raises ConfigError for one that is not known."""
        if name not in FAULTS:
            raise ConfigError(f"no fault is called {name!r}{nearest(name, FAULTS)}")
        self.armed.append(Armed(name, **how))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.armed.clear()
        self.clock_skew_ms = 0

    def next(self, names: frozenset[FaultName], method: str = "", path: str = "") -> Armed | None:
        """The fault that happens now, one of those named; it is used up."""
        for armed in self.armed:
            fits = armed.name in names and armed.method in {None, method} and armed.path in {None, path}
            if fits and self._chance.random() < armed.probability:
                self.fired.append(armed.name)
                armed.times -= 1
                if armed.times <= 0:
                    self.armed.remove(armed)
                return armed
        return None
