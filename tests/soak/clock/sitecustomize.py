"""A wall clock that can be set while a program runs, as people and time servers set a machine's.

Python imports this at its start where it is on the path. The file that SOAK_CLOCK names holds the seconds
that are added; other clocks, which no one can set, are left alone.
"""

import mmap
import os
import struct
import time

_OFFSET = struct.Struct("<d")


def _set_by(path: str) -> None:
    with open(path, "r+b") as file:
        shared = mmap.mmap(file.fileno(), _OFFSET.size, access=mmap.ACCESS_READ)
    true, true_ns = time.time, time.time_ns

    def offset_s() -> float:
        (offset,) = _OFFSET.unpack(shared)
        return float(offset)

    def now() -> float:
        return true() + offset_s()

    def now_ns() -> int:
        return true_ns() + int(offset_s() * 1e9)

    time.time, time.time_ns = now, now_ns


if "SOAK_CLOCK" in os.environ:
    _set_by(os.environ["SOAK_CLOCK"])
