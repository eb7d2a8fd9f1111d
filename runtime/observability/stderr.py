"""Writing to stderr without ever waiting for its reader.

A terminal that was stopped with Ctrl-S, a hung connection or a log collector that reads nothing would block
the event loop in a write, with orders at the venue. So a terminal or pipe is opened again, without blocking
for this process alone, and what does not fit is kept, up to a limit, until it does.
"""

import atexit
import errno
import io
import os
import select
import stat
import sys
import threading
import traceback
from collections import deque
from types import TracebackType

from runtime.observability.redaction import redacted

KEPT_BYTES_MAX = 1_000_000
_EXIT_WAIT_S = 0.5
_STDERR = 2


class PatientStderr(io.TextIOBase):
    """Writes to the current `sys.stderr`; discards output once it has no reader."""

    def __init__(self) -> None:
        self._opened: int | None = None
        """File descriptor of the terminal or pipe, opened without blocking; None: not opened yet."""
        self._inode: tuple[int, int] | None = None
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._dropped = 0

    def write(self, text: str) -> int:
        """Write a line, or keep it; never raises OSError."""
        try:
            fd = self._unblocked()
            if fd is None:
                sys.stderr.write(text)
            else:
                self._drain(fd)
                self._keep(text.encode(sys.stderr.encoding or "utf-8", "backslashreplace"))
                self._drain(fd)
        except OSError as error:
            _on_write_error(error)
        return len(text)

    def flush(self) -> None:
        """Flush; never raises OSError."""
        try:
            sys.stderr.flush()
        except OSError as error:
            _on_write_error(error)

    def settle(self, wait_s: float) -> None:
        """Write what is kept, waiting no longer than this for a reader."""
        fd = self._opened
        if fd is None:
            return
        try:
            while (self._kept or self._dropped) and select.select([], [fd], [], wait_s)[1]:
                self._drain(fd)
                if self._dropped:
                    self._keep(b"")
        except OSError:
            self._kept.clear()

    def _unblocked(self) -> int | None:
        """The descriptor to write to without blocking; None where writing to stderr never blocks."""
        try:
            about = os.fstat(sys.stderr.fileno())
        except (OSError, ValueError):  # replaced by an object that is no file
            return None
        if sys.stderr.fileno() != _STDERR or not (stat.S_ISFIFO(about.st_mode) or os.isatty(_STDERR)):
            return None
        if self._inode != (about.st_dev, about.st_ino):
            self._inode = about.st_dev, about.st_ino
            try:
                self._opened = os.open(
                    f"/proc/self/fd/{_STDERR}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                )
            except OSError:  # another system, or somebody else's terminal
                self._opened = None
        return self._opened

    def _keep(self, line: bytes) -> None:
        if self._kept_bytes + len(line) > KEPT_BYTES_MAX:
            self._dropped += 1
            return
        if self._dropped:
            line = f"{self._dropped} lines were dropped here: nothing read them\n".encode() + line
            self._dropped = 0
        self._kept.append(line)
        self._kept_bytes += len(line)

    def _drain(self, fd: int) -> None:
        while self._kept:
            try:
                written = os.write(fd, self._kept[0])
            except BlockingIOError:
                return
            self._kept_bytes -= written
            if written == len(self._kept[0]):
                self._kept.popleft()
            else:
                self._kept[0] = self._kept[0][written:]


STDERR = PatientStderr()
"""The one writer of logs and notes."""


def print_note(text: str) -> None:
    """Print a note for people; a terminal that does not take it delays nothing."""
    STDERR.write(f"{text}\n")
    STDERR.flush()


def print_final(text: str) -> None:
    """Print a command's last line; a failure to do so does not change its exit code."""
    print_note(text)
    STDERR.settle(_EXIT_WAIT_S)


def print_crashes_without_secrets() -> None:
    """Redact the tracebacks of unhandled exceptions."""
    sys.excepthook = _print_crash
    threading.excepthook = lambda crash: _print_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _print_crash(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    print_final(redacted("".join(traceback.format_exception(kind, error, trace))).rstrip())


def _on_write_error(error: OSError) -> None:
    """A full disk may have room for the next line; any other failure is permanent."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        _discard_stderr()


def _discard_stderr() -> None:
    """Redirect stderr to /dev/null."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR)
    os.close(null)


atexit.register(STDERR.settle, _EXIT_WAIT_S)
