"""What all servers of the tests share: free ports, processes that can be killed and stopped, deadlines."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


class CannotRunError(Exception):
    """A server cannot run on this machine; the text says what to install."""


def free_port() -> int:
    """A port of the loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(condition: Callable[[], bool], what: str, limit_s: float = 30, pause_s: float = 0.02) -> None:
    """Return when the condition holds; raises TimeoutError, naming it, after `limit_s`."""
    end_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end_s:
            raise TimeoutError(f"within {limit_s} s not so: {what}")
        time.sleep(pause_s)


class LocalProcess:
    """A program of this machine with its output in a file, which faults can be done to."""

    def __init__(
        self, command: Sequence[str | Path], output: Path, env: dict[str, str] | None = None
    ) -> None:
        self._command = command
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.output = output

    def start(self) -> None:
        """Run the program; its output goes on in the same file."""
        with self.output.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=self._env
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

    def text(self) -> str:
        """What it has written."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self, limit_s: float = 40) -> int:
        """End it by SIGTERM; its exit code."""
        return self._end(signal.SIGTERM, limit_s)

    def pause(self) -> None:
        """It stands still, and its connections stay open."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self.signal(signal.SIGCONT)

    def wait(self, limit_s: float = 40) -> int:
        """Its exit code, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(limit_s)

    def _end(self, number: int, limit_s: float = 40) -> int:
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
