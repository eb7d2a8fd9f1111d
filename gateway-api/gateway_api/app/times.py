"""Times in requests."""

from typing import Annotated

from fastapi import Query

from gateway_api.app.problems import ProblemError
from runtime.errors import ConfigError
from runtime.text import parse_time_ns
from schemas.numbers import TIME_NS_BEFORE

_DIGITS_NS = 16
"""A number with at least this many digits is nanoseconds."""
TIME_LENGTH_MAX = 40
Moment = Annotated[str, Query(max_length=TIME_LENGTH_MAX, description="ISO time, -15m, or nanoseconds")]


def time_of(text: str, now_ns: int) -> int:
    """Nanoseconds UTC; raises ProblemError 422 for anything but a time from 1970 to 2262."""
    if text.isascii() and text.isdecimal() and len(text) >= _DIGITS_NS and int(text) < TIME_NS_BEFORE:
        return int(text)
    try:
        return parse_time_ns(text, now_ns)
    except ConfigError as error:
        raise ProblemError(
            422, "invalid_request", str(error), "Write 2024-08-08T23:54:14Z or -15m."
        ) from None
