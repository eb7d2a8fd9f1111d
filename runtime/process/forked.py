"""Runs a task in a forked copy of this process, which sees everything as it is at this moment.

So a consistent picture of all state is written while the loop goes on: it is blocked only for the
milliseconds of the fork.
"""

import gc
import os
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from runtime.signals import STOP_SIGNALS
from schemas.units import NS_PER_S

TIME_SHARE = 20
"""Tasks begin so seldom that they use at most one part in this many of a core."""
_NICE = 5
_FIRST_DESCRIPTOR = 3
"""After stdin, stdout and stderr."""
_REASON_BYTES_MAX = 1_000


class Ended(NamedTuple):
    """How a task ended."""

    failure: str
    """Why it failed; empty: it did not."""
    cost_ns: int
    """Processor time that it used."""


class ForkedTask:
    """A fork of this process that does one task and exits."""

    def __init__(self, work: Callable[[], None]) -> None:
        """Start the work. Raises OSError where no process can be created."""
        reason, report = os.pipe()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # the fork ignores them
        try:
            with warnings.catch_warnings():  # about threads: the fork has none and takes none of their locks
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                _work_and_exit(work, report)
        except OSError:
            os.close(reason)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(report)
        self._pid, self._reason = pid, reason

    def ended(self) -> Ended | None:
        """How it ended; None: it works. Not called again after it ended."""
        return self._wait(os.WNOHANG)

    def wait(self) -> Ended:
        """Return when it has ended."""
        ended = self._wait(0)
        if ended is None:
            raise RuntimeError(f"process {self._pid} was waited for, and has not ended")
        return ended

    def _wait(self, options: int) -> Ended | None:
        pid, status, used = os.wait4(self._pid, options)
        if pid == 0:
            return None
        with os.fdopen(self._reason, "rb") as reason:
            failure = reason.read().decode(errors="replace")
        if status and not failure:
            failure = f"its writer ended with {os.waitstatus_to_exitcode(status)}"
        return Ended(failure, int((used.ru_utime + used.ru_stime) * NS_PER_S))


def _work_and_exit(work: Callable[[], None], report: int) -> NoReturn:
    """Runs in the fork, which must exit here: connections, locks and the terminal are the engine's."""
    code = 1
    try:
        gc.freeze()  # collecting the engine's objects would close descriptors that are now ours
        os.closerange(_FIRST_DESCRIPTOR, report)
        os.closerange(report + 1, os.sysconf("SC_OPEN_MAX"))
        os.nice(_NICE)
        work()
        code = 0
    except BaseException as error:
        with suppress(OSError):  # there may be no reader left
            os.write(report, repr(error).encode()[:_REASON_BYTES_MAX])
    finally:
        os._exit(code)
