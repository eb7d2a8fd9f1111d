"""Request usage of an address and an account at a venue, in numbers shared between processes."""

import ctypes
import math
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from runtime.clock import STEP_NS
from runtime.state.shared_memory import Shared, SharedNumbers
from schemas.units import NS_PER_S

BAN_S_MAX = 4 * 86_400.0
"""Bans last from two minutes to three days."""
_STEP_S = STEP_NS / NS_PER_S
_USAGE_MARK, _HOLD_MARK = 0x6D6D_7573_6167_6502, 0x6D6D_686F_6C64_0002


def _boot() -> float:
    """Identifies the boot of this machine, from which the steady clock counts; 1 where unknown."""
    try:
        return 2.0 + zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes())
    except OSError:
        return 1.0


_BOOT = _boot()


class TimedCount(Shared):
    """Times are seconds since 1970, by a settable clock. Durations hold even if the clock is set."""

    _fields_: ClassVar[Sequence[tuple[str, Any]]] = (
        ("clock_less_steady_s", ctypes.c_double),
        ("boot", ctypes.c_double),
    )
    clock_less_steady_s: float
    boot: float
    _ENDS: ClassVar[tuple[str, ...]] = ()

    def follow(self, clock_s: float, steady_s: float) -> None:
        """If the clock was set since the last write, shift the times accordingly."""
        step_s = clock_s - steady_s - self.clock_less_steady_s
        if self.boot == _BOOT:
            if abs(step_s) <= _STEP_S:
                return
            for name in self._ENDS:
                ends_s = getattr(self, name)
                setattr(self, name, max(0.0, ends_s + step_s) if ends_s else 0.0)
        self.clock_less_steady_s, self.boot = clock_s - steady_s, _BOOT


class RequestUsage(TimedCount):
    """Request usage of an address at a venue."""

    _ENDS = ("blocked_until_s", "probed_at_s", "stated_at_s")
    _fields_ = tuple(
        (name, ctypes.c_double)
        for name in (
            "ends_s",
            "used",
            "late",
            "taken",
            "answered",
            "stated",
            "stated_taken",
            "stated_at_s",
            "blocked_until_s",
            "is_banned",
            "probed_at_s",
        )
    )
    ends_s: float
    """End of the current window."""
    used: float
    late: float
    """Usage recorded when the venue's next window may already have begun."""
    taken: float
    """Requests in this window, and the number answered."""
    answered: float
    stated: float
    """The venue's latest count while no other request was pending, after `stated_taken` requests."""
    stated_taken: float
    stated_at_s: float
    blocked_until_s: float
    is_banned: float
    probed_at_s: float

    def is_sound(self) -> bool:
        """Whether one of our processes could have written these values."""
        values = [getattr(self, name) for name, _ in RequestUsage._fields_]
        return all(map(math.isfinite, values)) and self.blocked_until_s < time.time() + BAN_S_MAX


class OrderHold(TimedCount):
    """Until when the venue accepts no new orders of an account."""

    _ENDS = ("refused_until_s", "full_until_s")
    _fields_ = (("refused_until_s", ctypes.c_double), ("full_until_s", ctypes.c_double))
    refused_until_s: float
    """Because it rejected one."""
    full_until_s: float
    """Because its own count is exhausted."""

    def is_sound(self) -> bool:
        """Whether one of our processes could have written these values."""
        return max(self.refused_until_s, self.full_until_s) < time.time() + BAN_S_MAX


UsageNumbers: TypeAlias = SharedNumbers[RequestUsage]
HoldNumbers: TypeAlias = SharedNumbers[OrderHold]


def usage_numbers(path: Path | None) -> UsageNumbers:
    """The usage of an address, in a file; None: only in this process."""
    return SharedNumbers(RequestUsage, _USAGE_MARK, path)


def hold_numbers(path: Path | None) -> HoldNumbers:
    """The order hold of an account."""
    return SharedNumbers(OrderHold, _HOLD_MARK, path)


class SettableClock:
    """A settable clock, and a steady one that reveals when it was set; shared times follow the former."""

    def __init__(
        self,
        clock_s: Callable[[], float],
        steady_s: Callable[[], float],
        *shared: UsageNumbers | HoldNumbers,
    ) -> None:
        self._clock_s = clock_s
        self._steady_s = steady_s
        self._shared = shared
        self._clock_less_steady_s = math.inf

    def now_s(self) -> float:
        """The time, after shifting shared times if the clock was set."""
        now_s, steady_s = self._clock_s(), self._steady_s()
        if abs(now_s - steady_s - self._clock_less_steady_s) > _STEP_S:
            self._clock_less_steady_s = now_s - steady_s
            for shared in self._shared:
                with shared:
                    shared.numbers.follow(now_s, steady_s)
        return now_s
