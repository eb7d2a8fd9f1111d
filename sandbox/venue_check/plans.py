"""The plan of a session: its faults, its router sessions, and the exchange and configuration for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from sandbox.faults import FaultName
from sandbox.fees import Commission
from sandbox.server import SandboxAccount, SandboxOptions
from schemas.config import Config

KEY, SECRET = "check-key", "check-secret"
SYMBOLS = ("BTC/USDT", "SOL/USDT")
MANY_SYMBOLS = (*SYMBOLS, "ETH/USDT")
THIRD, THIRD_MARKET = "BNB", "BNB/USDT"
RICH = Decimal(10**9)

Course = Literal[
    "one_life", "slow_start", "new_log", "fewer_symbols", "killed", "third_currency", "third_market"
]
COURSES: Mapping[Course, str] = {
    "one_life": "trades, and is halted",
    "slow_start": "the account's first connection opens after the time-out: it is tried again",
    "new_log": "the second life, on a new log whose first requests are lost, books no trade of the first",
    "fewer_symbols": "killed with three symbols, restarted with one: all of ours is gone before `confirmed`",
    "killed": "killed with orders alive, on the same log: each of its trades is booked once",
    "third_currency": "commissions in a third currency without a market are booked as charged",
    "third_market": "commissions in a third currency with a market are booked as charged",
}
REFUSED_START: FaultName = "withdrawing_key"
"""A key that is refused before anything is placed."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The plan of one session."""

    seed: int
    faults: tuple[FaultName, ...]
    patience_s: float = 20.0
    """How long to wait for a confirmation, and after it for the last fills."""
    course: Course = "one_life"

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that the exchange lists, and the first life quotes."""
        return MANY_SYMBOLS if self.course == "fewer_symbols" else SYMBOLS

    @property
    def symbols_later(self) -> tuple[str, ...]:
        """Symbols that the last life quotes."""
        return SYMBOLS[:1] if self.course == "fewer_symbols" else self.symbols

    @property
    def name(self) -> str:
        """Readable name: the faults, or the course."""
        return ", ".join((*(() if self.course == "one_life" else (self.course,)), *self.faults))


def session_config(
    url: str, symbols: tuple[str, ...] = SYMBOLS, reserved: Mapping[str, str] | None = None
) -> Config:
    """Limits wide enough that faults alone are tested, times short enough that a session takes seconds.

    `reserved`: the account's balances by currency when the log begins: no position of its own.
    """
    huge = 10**12
    return Config.model_validate(
        {
            "feed": {"kind": "live"},
            "venue": {"kind": "ccxt"},
            "exchange": {
                "id": "binance",
                "symbols": list(symbols),
                "url": url,
                "request_timeout_ms": 500,
                "receive_window_ms": 500,
                "reconcile_interval_s": 0.5,
            },
            "risk_limits": {
                "max_position": huge, "max_position_notional": huge, "max_exposure": huge,
                "heartbeat_ttl_ms": 5_000,
            },
            "inventory": {"reserved": dict(reserved or {})},
            "routing": {"order_value_max": huge, "unknown_after_ms": 1_500},
            "protection": {"fill_quantity_max": huge, "fill_delta_max": huge, "price_repeats_max": 10_000},
        }
    )  # fmt: skip


def market_config(plan: FaultPlan) -> Config:
    """The synthetic market behind the exchange."""
    found = Config()
    markets = {symbol: found.feed.symbols[symbol] for symbol in plan.symbols}
    instruments = dict(found.instruments)
    if plan.course == "third_market":
        markets[THIRD_MARKET] = found.feed.symbols["SOL/USDT"].model_copy(update={"price": Decimal(600)})
        instruments[THIRD_MARKET] = instruments["SOL/USDT"]
    feed = found.feed.model_copy(update={"symbols": markets, "seed": plan.seed})
    return found.model_copy(update={"feed": feed, "instruments": instruments})


def exchange_options(plan: FaultPlan) -> SandboxOptions:
    """One account with ample funds."""
    currencies = {part for symbol in MANY_SYMBOLS for part in symbol.split("/")} | {THIRD}
    third = Commission(THIRD) if plan.course in {"third_currency", "third_market"} else None
    account = SandboxAccount(KEY, SECRET, dict.fromkeys(sorted(currencies), RICH), third)
    return SandboxOptions(seed=plan.seed, accounts=(account,))


def is_course(name: str) -> bool:
    """Is it one of the courses that are run on their own?"""
    return name in get_args(Course) and name != "one_life"
