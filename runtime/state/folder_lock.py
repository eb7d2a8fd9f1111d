"""One writer per folder: a second engine on a log, or a second process on a state, would corrupt it.

The lock is a kernel lock (`flock`) on a file in the folder and ends with its process, however that ends, so
none is ever left behind. The file itself stays; its contents only inform about the holder. The folder is
locked too, so that deleting the file does not release it.
"""

import fcntl
import json
import os
import socket
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from runtime.errors import ConfigError, RefusedError
from runtime.state.private_files import open_file
from runtime.text import iso_time

SUFFIX = ".lock"
_TEXT_BYTES_MAX = 4_096
_TRIES = 20
_TRY_INTERVAL_S = 0.05
"""The holder writes its process id just after locking, and a stopping one unlocks a moment later."""


class FolderLock:
    """Locks an existing folder until `release`, or until this object is dropped."""

    def __init__(self, folder: Path, what: str, stops: str = "") -> None:
        """`what` names the contents for messages, such as "the log"; `stops` is how to disable the holder.

        Raises RefusedError, naming the holder, and ConfigError where locking is not possible.
        """
        self.path = folder / SUFFIX
        file = open_file(self.path, os.O_RDWR)
        self._close = weakref.finalize(self, os.close, file)
        try:
            _acquire(file, folder, what, stops)
            self._close_folder = weakref.finalize(self, os.close, _taken_folder(folder, what, stops))
        except BaseException:
            self._close()
            raise

    def release(self) -> None:
        """Release the lock."""
        self._close_folder()
        self._close()


def _acquire(file: int, folder: Path, what: str, stops: str) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file)
            if holder is not None and _is_alive(holder):
                break
            time.sleep(_TRY_INTERVAL_S)
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot be locked ({error.strerror}), so a second engine could write to {what} "
                "at the same time: use a local disk of this machine"
            ) from None
        else:
            _write_holder(file)
            return
    raise RefusedError(_in_use(_holder(file), folder, what) + (f"; {stops}" if stops else ""))


def _taken_folder(folder: Path, what: str, stops: str) -> int:
    """Lock the folder itself: its file may be deleted by somebody who believes it is stale.

    Where folders cannot be locked, as on network file systems, only the file is.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(_TRIES):
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TRY_INTERVAL_S)
            continue
        except OSError:  # folders cannot be locked there
            pass
        return opened
    os.close(opened)
    raise RefusedError(
        f"{folder} is in use: another process writes {what}, and its {SUFFIX} was deleted meanwhile: find it "
        f"with `fuser {folder}`, and end it" + (f"; {stops}" if stops else "")
    )


def _write_holder(file: int) -> None:
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since_ns": time.time_ns()})
    with suppress(OSError):  # on a full disk the lock holds all the same, without naming the holder
        os.ftruncate(file, 0)
        os.pwrite(file, text.encode(), 0)


def _holder(file: int) -> dict[str, Any] | None:
    """The holder named in the file; None where it cannot be read, or not yet."""
    try:
        found = json.loads(os.pread(file, _TEXT_BYTES_MAX, 0))
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"pid", "host", "since_ns"} <= found.keys() else None


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether it may be the holder. For another machine this cannot be determined."""
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _in_use(holder: dict[str, Any] | None, folder: Path, what: str) -> str:
    if holder is None:
        return f"{folder} is in use: another process writes {what}, and has not said which one it is"
    host = holder["host"]
    where = "" if host == socket.gethostname() else f" on {host}"
    return (
        f"{folder} is in use: process {holder['pid']}{where} has written {what} since "
        f"{iso_time(holder['since_ns'])}; `kill {holder['pid']}`{where} ends it in good order"
    )
