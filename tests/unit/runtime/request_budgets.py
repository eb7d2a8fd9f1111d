"""A count of requests, its clock, and what a venue answers."""

from pathlib import Path

from runtime.exchange.request_budget import (
    CLOCK_MARGIN_S,
    Headers,
    RequestBudget,
)
from runtime.exchange.request_counts import usage_numbers
from schemas.venues import VENUES
from tests.kit.fakes import ManualClock

ORDERS_BODY = '{"code":-1015,"msg":"Too many new orders; current limit is 100 orders per 10 SECOND."}'


BEGIN_S = 6_000.0 + CLOCK_MARGIN_S
"""With a window of ours."""


def make(share: float = 1.0, path: Path | None = None) -> tuple[ManualClock, RequestBudget]:
    clock = ManualClock(BEGIN_S)
    return clock, RequestBudget(VENUES["binance"], share, clock, usage_numbers(path))


def answer(used: int, **more: str) -> Headers:
    return {"X-MBX-USED-WEIGHT-1M": str(used)} | {name.replace("_", "-"): each for name, each in more.items()}
