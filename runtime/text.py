"""Text helpers: nearest names and times."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from runtime.errors import ConfigError
from schemas.numbers import TIME_NS_BEFORE, shortened
from schemas.units import NS_PER_S, NS_PER_US

_NAMES_SHOWN = 30
_AGO = re.compile(r"-(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_CLOCK = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d+)?)?")
_BELOW_US = re.compile(r"[.,]\d{6}(\d{1,3})")
"""Digits that datetime truncates: without them a time from `iso_time` would be read as an earlier one."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, whatever the case of letters, or the known names if none is similar."""
    names = list(dict.fromkeys(known))
    folded: dict[str, str] = {}
    for each in names:
        folded.setdefault(each.casefold(), each)
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"; known are {', '.join(names[:_NAMES_SHOWN])}{more}" if names else ""


def iso_time(time_ns: int) -> str:
    """UTC, to the nanosecond: `2024-08-08T23:54:14.206652067Z`."""
    seconds, rest_ns = divmod(time_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns:09d}Z"


def parse_time_ns(text: str, newest_ns: int) -> int:
    """Parse a time as typed by a user; nanoseconds UTC.

    ISO 8601 (UTC where no zone is given), `-15m` back from `newest_ns`, or `HH:MM:SS` on its day.
    Raises ConfigError, with the accepted forms, also for a time before 1970 or after 2262.
    """
    time_ns = _time_ns(text, newest_ns)
    if not 0 <= time_ns < TIME_NS_BEFORE:
        raise ConfigError(f"{shortened(text)!r} is not a time from 1970 to 2262")
    return time_ns


def _time_ns(text: str, newest_ns: int) -> int:
    ago = _AGO.fullmatch(text)
    if ago:
        return newest_ns - int(float(ago[1]) * _SECONDS[ago[2]] * NS_PER_S)
    day = datetime.fromtimestamp(newest_ns // NS_PER_S, UTC).date()
    try:
        moment = datetime.fromisoformat(f"{day}T{text}" if _CLOCK.fullmatch(text) else text)
    except ValueError as error:
        raise ConfigError(
            f"{shortened(text)!r} is not a time: use 2024-08-08T23:54:14Z, 23:54:14 or -15m"
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    below_us = _BELOW_US.search(text)
    rest_ns = int(below_us[1].ljust(3, "0")) if below_us else 0
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * NS_PER_US + rest_ns
