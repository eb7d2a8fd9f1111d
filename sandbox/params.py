"""Parameters of a request; errors are in the venue's words."""

from collections.abc import Mapping
from decimal import Decimal, DivisionByZero, InvalidOperation

from sandbox import errors
from sandbox.errors import VenueError
from sandbox.markets import SandboxMarket
from sandbox.shapes import symbol_id

Params = Mapping[str, str]
ROWS_DEFAULT, ROWS_MAX = 500, 1_000
"""Default and maximum length of a list."""
DAY_MS = 86_400_000


def one_of(params: Params, name: str, known: tuple[str, ...], otherwise: str | None = None) -> str:
    """A parameter with a fixed set of values; raises VenueError."""
    value = params.get(name, otherwise)
    if value not in known:
        raise VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def whole(params: Params, name: str, otherwise: int) -> int:
    """A whole-number parameter; raises VenueError."""
    value = params.get(name, str(otherwise))
    if not value.isdecimal():
        raise VenueError(-1100, f"Illegal characters found in parameter '{name}'.")
    return int(value)


def rows(params: Params) -> int:
    """The requested length of a list."""
    return min(whole(params, "limit", ROWS_DEFAULT), ROWS_MAX)


def period(params: Params) -> tuple[int, int | None]:
    """Start and end of a list in milliseconds, at most a day apart; raises VenueError."""
    start_ms = whole(params, "startTime", 0)
    if "endTime" not in params:
        return start_ms, None
    end_ms = whole(params, "endTime", 0)
    if "startTime" in params and end_ms - start_ms > DAY_MS:
        raise VenueError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms, end_ms


def units(value: str, unit: Decimal, filter_name: str) -> int:
    """A number as a whole number of units; raises VenueError."""
    try:
        number, rest = divmod(Decimal(value), unit)
    except (InvalidOperation, DivisionByZero):
        raise VenueError(-1100, f"Illegal characters found in parameter; {value!r} is no number.") from None
    if rest:
        raise errors.filter_failure(filter_name)
    return int(number)


def market_of(params: Params, markets: Mapping[str, SandboxMarket]) -> SandboxMarket:
    """The requested market; raises VenueError."""
    wanted = params.get("symbol", "")
    for market in markets.values():
        if symbol_id(market.instrument.symbol) == wanted:
            return market
    raise VenueError(-1121, "Invalid symbol.")
