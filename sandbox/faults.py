"""Faults on request: what goes wrong, where, how often; the README beside this file has the table."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

from runtime.errors import ConfigError
from runtime.text import nearest

FaultName = Literal[
    "lost_before",
    "lost_after",
    "late_reply",
    "late_execution",
    "late_window",
    "status_unknown",
    "rate_limit",
    "ban",
    "long_ban",
    "order_count",
    "server_error",
    "busy",
    "hide_order",
    "lookup_lags",
    "fill_on_cancel",
    "cancel_partial",
    "trade_prevention",
    "drop_fills",
    "drop_balances",
    "duplicate_events",
    "late_events",
    "stream_lags",
    "kick_user_stream",
    "slow_reconnect",
    "end_user_stream",
    "silent_user_stream",
    "server_shutdown",
    "disconnect_24h",
    "kick_market_stream",
    "depth_gap",
    "bad_frame",
    "clock_skew",
    "clock_behind",
    "clock_drift",
    "maintenance",
    "market_break",
    "bad_key",
    "ip_not_allowed",
    "no_permission",
    "account_disabled",
    "withdrawing_key",
    "deposit",
    "hand_trade",
]
FAULTS: tuple[FaultName, ...] = get_args(FaultName)


@dataclass(slots=True)
class Armed:
    """A fault waiting to occur."""

    name: FaultName
    times: int = 1
    probability: float = 1.0
    method: str | None = None
    path: str | None = None
    """The request's path without /api/v3/; None: any."""
    seconds: float = 1.0
    symbol: str | None = None
    """None: every one, or any."""
    currency: str = "USDT"
    amount: Decimal = Decimal(1)
    """Of the currency; for a manual trade in units of the base currency, negative to sell."""

    def __post_init__(self) -> None:
        self.amount = Decimal(str(self.amount))


@dataclass
class Faults:
    """Armed faults, and counts of those that occurred."""

    seed: int = 1
    armed: list[Armed] = field(default_factory=list)
    fired: list[FaultName] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311  reproducible on purpose

    def arm(self, name: str, **how: Any) -> None:
        """Arm a fault; raises ConfigError for an unknown one."""
        known = next((fault for fault in FAULTS if fault == name), None)
        if known is None:
            raise ConfigError(f"no fault is called {name!r}{nearest(name, FAULTS)}")
        try:
            self.armed.append(Armed(known, **how))
        except (TypeError, ArithmeticError) as error:
            raise ConfigError(f"fault {name} cannot be armed with {how}: {error}") from None

    def next(self, names: frozenset[FaultName], method: str = "", path: str = "") -> Armed | None:
        """The armed fault among those named that occurs now, if any; it is used up."""
        for armed in self.armed:
            fits = armed.name in names and armed.method in {None, method} and armed.path in {None, path}
            if fits and self._chance.random() < armed.probability:
                self.fired.append(armed.name)
                armed.times -= 1
                if armed.times <= 0:
                    self.armed.remove(armed)
                return armed
        return None
