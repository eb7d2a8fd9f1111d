"""What all servers of the tests share: free ports, processes that can be killed and stopped, deadlines."""

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

MAKER = Path(sys.executable).parent / "maker"
"""The command line, of this environment."""
PATIENCE_S = 600.0
"""How long is waited for what must come: ends a test that waits in vain, and no sound one on a slow machine.

A test that is to show how soon something happens measures it.
"""


_WATCHED: "list[LocalProcess]" = []
_PORTS = range(10_000, 32_000)
_NUMBERS = itertools.count(random.randrange(len(_PORTS)))


class CannotRunError(Exception):
    """A server cannot run on this machine; the text says what to install."""


def free_port() -> int:
    """A port of the loopback that nobody listens at.

    Systems give higher ones to clients that connect: nobody comes by this one until it is listened at. Each
    process of tests counts up from a place of its own.
    """
    for number in _NUMBERS:
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the count does not end")


@contextmanager
def watched(process: "LocalProcess") -> Iterator[None]:
    """What is waited for meanwhile is this process's doing."""
    _WATCHED.append(process)
    try:
        yield
    finally:
        _WATCHED.remove(process)


def until(
    condition: Callable[[], bool], what: str, limit_s: float = PATIENCE_S, pause_s: float = 0.02
) -> None:
    """Return when the condition holds; raises TimeoutError, naming it, after `limit_s`.

    Where a watched process has ended by itself, nothing is waited for any longer.
    """
    end_s = time.monotonic() + limit_s
    while not condition():
        for process in _WATCHED:
            process.check_not_ended_by_itself()
        if time.monotonic() > end_s:
            raise TimeoutError(f"within {limit_s} s not so: {what}")
        time.sleep(pause_s)


class LocalProcess:
    """A program of this machine with its output in a file, which faults can be done to."""

    def __init__(
        self,
        command: Sequence[str | Path],
        output: Path,
        env: dict[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """It begins in `folder`; none: where the tests run."""
        self._command = command
        self._folder = folder
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._may_end = False
        self.output = output

    def start(self) -> None:
        """Run the program; its output goes on in the same file."""
        self._may_end = False
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._folder,
            )

    @property
    def pid(self) -> int:
        """Of the program."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """False before its start and after its end."""
        return self._process is not None and self._process.poll() is None

    def check_running(self) -> None:
        """Raise where the program has ended, with its last words."""
        if not self.is_running:
            raise RuntimeError(f"{self._command[0]} ended: {self.text()[-3000:]}")

    def check_not_ended_by_itself(self) -> None:
        """Raise where it has ended, and nobody has ended it or waited for that."""
        if self._process is not None and not self._may_end:
            self.check_running()

    def text(self) -> str:
        """What it has written."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self, limit_s: float = PATIENCE_S) -> int:
        """End it by SIGTERM; its exit code."""
        return self._end(signal.SIGTERM, limit_s)

    def pause(self) -> None:
        """It stands still, and its connections stay open."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self.signal(signal.SIGCONT)

    def wait(self, limit_s: float = PATIENCE_S) -> int:
        """Its exit code, once it has ended by itself."""
        self._may_end = True
        assert self._process is not None
        return self._process.wait(limit_s)

    def _end(self, number: int, limit_s: float = PATIENCE_S) -> int:
        self._may_end = True
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
