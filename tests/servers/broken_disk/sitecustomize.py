"""Loaded by Python at its start, where PYTHONPATH names this folder: a disk that can be broken from outside.

What is to happen to writes into logs and journals stands in the file that BROKEN_DISK names: nothing, an
error's name, after so many bytes of a write, or a number of seconds that each confirmation takes.
"""

import errno
import json
import os
import time

_real_write, _real_fdatasync = os.write, os.fdatasync
_SUFFIXES = (".log", ".journal", ".log (deleted)", ".journal (deleted)")


def _fault(file: int) -> dict[str, object]:
    try:
        if not os.readlink(f"/proc/self/fd/{file}").endswith(_SUFFIXES):
            return {}
        with open(os.environ["BROKEN_DISK"], encoding="utf-8") as told:
            found: dict[str, object] = json.load(told)
            return found
    except (OSError, ValueError):
        return {}


def _write(file: int, data: bytes) -> int:
    fault = _fault(file)
    name = fault.get("error")
    if name is None:
        return _real_write(file, data)
    room = int(str(fault.get("room_bytes", 0)))
    if room and len(data) > room:
        return _real_write(file, data[:room])
    raise OSError(getattr(errno, str(name)), os.strerror(getattr(errno, str(name))))


def _fdatasync(file: int) -> None:
    fault = _fault(file)
    if fault.get("stall_s"):
        time.sleep(float(str(fault["stall_s"])))
    if fault.get("sync_error"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    _real_fdatasync(file)


os.write, os.fdatasync = _write, _fdatasync  # type: ignore[assignment]
