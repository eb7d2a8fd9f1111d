"""One life of the engine as a process: what it cost, how it ended, and what it had open."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.servers.local import LocalProcess
from tests.servers.sources import Sources, copied
from tests.servers.trader import MAKER
from tests.servers.visitor import Visitor

_OPENED = ("session_resumed", "session_begun")
_PAUSE_S = 0.02
ANSWER_S = 120.0
"""An engine that runs as fast as it can answers between its turns."""
LIFE_LIMIT_S = 900
"""Longer than any life of a soak: then it hangs."""


@dataclass
class Figures:
    """Of one life."""

    code: int = 0
    ready_cpu_s: float | None = None
    """Processor seconds until the log was open and the state was back: what a shared machine cannot blur."""
    ready_s: float | None = None
    """The same by the wall clock."""
    cpu_s: float = 0.0
    resident_mb: float = 0.0
    """The newest sample."""
    descriptors: int = 0
    log_mb: float = 0.0
    files: int = 0
    said: str = field(default="", repr=False)


class Life:
    """`maker up` from its start; sampled whenever somebody waits."""

    def __init__(
        self,
        config: Path,
        log: Path,
        output: Path,
        *arguments: str,
        sources: Sources | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        program = MAKER if sources is None else sources.maker
        given = {"NO_COLOR": "1"} | ({} if sources is None else sources.env) | (env or {})
        output.unlink(missing_ok=True)
        command = [*program, "up", "--config", str(config), "--log", str(log), "--json", *arguments]
        self.process = LocalProcess(command, output, given, output.parent)
        self.visitor = Visitor("", self.process.text, ANSWER_S)
        self.figures = Figures()
        self._began_s = time.monotonic()
        self.process.start()
        self._watched = psutil.Process(self.process.pid)

    def fill_disk(self, size_bytes: int) -> None:
        """From now on no file of its can be longer than this."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size_bytes, size_bytes))

    def sample(self) -> bool:
        """Look at it; false when it has ended."""
        if not self.process.is_running:
            return False
        figures = self.figures
        try:
            with self._watched.oneshot():
                times = self._watched.cpu_times()
                figures.cpu_s = times.user + times.system
                resident_mb = self._watched.memory_info().rss / 1e6
            if resident_mb:  # none: it is about to end
                figures.resident_mb, figures.descriptors = resident_mb, self._watched.num_fds()
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            return False
        if figures.ready_s is None and any(word in self.process.text() for word in _OPENED):
            figures.ready_s, figures.ready_cpu_s = time.monotonic() - self._began_s, figures.cpu_s
        return True

    def until(self, holds: Callable[[], bool], limit_s: float = LIFE_LIMIT_S) -> bool:
        """Wait, sampling; false where it ended first."""
        end_s = time.monotonic() + limit_s
        while self.sample():
            if holds():
                return True
            if time.monotonic() > end_s:
                raise TimeoutError(f"{limit_s} s: {self.process.text()[-2000:]}")
            time.sleep(_PAUSE_S)
        return False

    def has_page(self) -> bool:
        """Has it said where its page is? Then `visitor` may ask."""
        words = (word for word in self.process.text().split() if word.startswith("http://"))
        url = next(words, None)
        if url is not None:
            self.visitor.url = url.partition("#")[0]
        return url is not None

    def ended(self, log: Path) -> Figures:
        """Wait for its end; all that was measured."""
        self.until(lambda: False)
        self.figures.code = self.process.wait()
        self.figures.said = self.process.text()
        found = [path for path in log.rglob("*") if path.is_file()]
        self.figures.files = len(found)
        self.figures.log_mb = sum(path.stat().st_size for path in found) / 1e6
        return self.figures

    def close(self) -> None:
        """Whatever happened, nothing goes on running."""
        if self.process.is_running:
            self.process.kill()


def edited(folder: Path, number: int) -> Sources:
    """These sources with another hash: the next release of the same code."""
    sources = copied(folder)
    path = sources.root / "runtime" / "__init__.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n# release {number}\n", encoding="utf-8")
    return sources
