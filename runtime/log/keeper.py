"""Keeps a log small while it is written: closes segments and deletes old ones, in its own thread.

Pending work is derived from the folder, so after a crash or a full disk the next segment or the next start
continues. It works in short slices with pauses, so that trading on the same core is not delayed. Its errors
never stop the engine.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from runtime.errors import LogDamagedError
from runtime.log.chain import Chain
from runtime.log.closing import check_same_text, close_segment
from runtime.log.packed import read_index
from runtime.log.retention import delete_expired, finish_deletion
from runtime.log.segments import (
    CLOSED_SUFFIX,
    PARTIAL_SUFFIX,
    closed_path,
    is_closed,
    plain_path,
    segment_files,
    segment_of,
)
from runtime.state.appending import sync_folder
from runtime.state.checkpoint import Checkpoints
from schemas.deployment import Keep

PAUSE_SHARE = 3.0
"""Pause after each slice, as a multiple of its processor time: a quarter of a core at most."""
BEHIND_PAUSE_SHARE = 0.25
"""The same while more than one complete segment waits: where each run ends before a segment is closed, the
log would grow without bound.
"""
WAITING_MAX = 4
"""Complete segments that may wait to be closed before an engine at speed max is slowed down."""

logger = structlog.get_logger()


class LogKeeper:
    """The keeper of one log, locked by its process. `start`, `wake` at the end of a segment, `stop`."""

    def __init__(
        self,
        directory: Path,
        keep: Keep,
        *,
        begins: Callable[[Path], frozenset[int]] = lambda directory: Checkpoints(directory).begins(),
        pause_share: float = PAUSE_SHARE,
    ) -> None:
        self._directory = directory
        self._keep = keep
        self._begins = begins
        self._pause_share = pause_share
        self._chain: Chain | None = None
        self._damaged: set[str] = set()
        """Files that cannot be closed."""
        self._missing: set[str] = set()
        """Segments already reported as missing."""
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._slice_began_s = 0.0
        """By the processor time of the thread: a busy machine does not make pauses longer."""
        self._is_behind = False
        self._waiting = 0
        """Complete segments that are not closed yet, those that cannot be apart."""
        self._thread = threading.Thread(target=self._live, name="log-keeper", daemon=True)

    def start(self) -> None:
        """Start with work left by the last run."""
        self.wake()
        self._thread.start()

    def is_far_behind(self) -> bool:
        """Whether more than `WAITING_MAX` segments wait to be closed."""
        return self._waiting > WAITING_MAX

    def wake(self) -> None:
        """A segment is complete."""
        self._waiting += 1
        self._idle.clear()
        self._woken.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is no work left; False on timeout."""
        return self._idle.wait(timeout_s)

    def stop(self) -> None:
        """Stop within a slice; a segment being closed stays plain until the next start."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _live(self) -> None:
        while self._woken.wait() and not self._stopping.is_set():
            self._woken.clear()
            try:
                self._work()
            except _StoppedError:
                break
            except Exception as error:  # writing the log matters more; this is retried
                self._waiting = 0
                logger.warning("log_not_kept", log=str(self._directory), error=repr(error))
            if not self._woken.is_set():
                self._idle.set()
        if self._chain is not None:
            self._chain.close()

    def _work(self) -> None:
        if self._chain is not None and not self._chain.is_there:
            logger.error(
                "log_chain_gone",
                log=str(self._directory),
                then="a new one is begun; restore the file from a copy to prove earlier deletions",
            )
            self._chain.close()
            self._chain = None
        if self._chain is None:
            self._chain = Chain(self._directory)
            for path in self._directory.glob(f"*{CLOSED_SUFFIX}{PARTIAL_SUFFIX}"):
                path.unlink()
            finish_deletion(self._directory, self._chain)
        self._warn_missing(self._chain)
        try:
            self._close_segments(self._chain)
        finally:  # a full disk may be why a segment could not be closed
            begins = self._begins(self._directory)
            delete_expired(self._directory, self._keep, begins, self._chain, self._damaged)

    def _warn_missing(self, chain: Chain) -> None:
        """Report each missing segment once."""
        missing = chain.closed - {segment_of(path) for path in segment_files(self._directory)} - self._missing
        if missing:
            self._missing |= missing
            logger.error(
                "log_segments_missing",
                log=str(self._directory),
                segments=len(missing),
                first=min(missing),
                last=max(missing),
                remedy="retention did not delete them: restore the files from a copy; "
                "`maker log verify` shows what they contained",
            )

    def _close_segments(self, chain: Chain) -> None:
        """Close all but the newest. A damaged one stays plain and does not block the others."""
        complete = segment_files(self._directory)[:-1]
        self._waiting = sum(not is_closed(path) and path.name not in self._damaged for path in complete)
        for path in complete:
            self._is_behind = self._waiting > 1
            was_plain = not is_closed(path) and path.name not in self._damaged
            try:
                self._close_segment(path, chain)
            except LogDamagedError as error:
                self._leave(path, error)
            self._waiting -= was_plain

    def _close_segment(self, path: Path, chain: Chain) -> None:
        """Close a segment, continuing where a crash interrupted it."""
        self._slice_began_s = time.thread_time()
        closed, plain = closed_path(path), plain_path(path)
        if not is_closed(path):
            close_segment(path, self._pause)
        elif plain.exists():
            check_same_text(plain, closed, self._pause)
        if segment_of(path) not in chain.closed:
            self._record(chain, closed)
        if plain.exists():
            plain.unlink()
            sync_folder(self._directory)

    def _leave(self, path: Path, error: LogDamagedError) -> None:
        if path.name not in self._damaged:
            self._damaged.add(path.name)
            logger.error(
                "log_segment_damaged",
                because=str(error),
                then="it is not compressed; retention deletes it as usual",
            )

    def _record(self, chain: Chain, closed: Path) -> None:
        index = read_index(closed)
        chain.add_closed(index)
        logger.info(
            "log_segment_closed",
            file=str(closed),
            records=index.records,
            raw_bytes=index.raw_bytes,
            packed_bytes=index.packed_bytes,
            chain=chain.head,
        )

    def _pause(self) -> None:
        if self._stopping.is_set():
            raise _StoppedError
        share = min(self._pause_share, BEHIND_PAUSE_SHARE) if self._is_behind else self._pause_share
        time.sleep(share * (time.thread_time() - self._slice_began_s))
        self._slice_began_s = time.thread_time()


class _StoppedError(Exception):
    """The engine is stopping."""
