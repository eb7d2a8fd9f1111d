"""The folder that one process keeps: snapshots, and for each the journal of what was consumed after it.

Names are `<epoch>-<number>`, so that they sort by age and a replaced process, which may go on writing for a
moment, writes under names of its own epoch. Each journal says which one it follows and how far that one was
read; a start goes back along this chain and no other.
"""

from collections.abc import Iterator
from pathlib import Path

import structlog

from chassis.errors import LogDamagedError
from chassis.journal import SUFFIX as JOURNAL_SUFFIX
from chassis.journal import Journal, JournalTurn, follows, read_journal
from chassis.snapshot import SUFFIX as SNAPSHOT_SUFFIX
from chassis.snapshot import Snapshot, read_snapshots, write_snapshot

SNAPSHOTS_KEPT = 2

logger = structlog.get_logger()


class StateFiles:
    """Reads what the process left, and writes what it leaves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._chain: list[tuple[Path, int | None]] = []
        self._journal: Journal | None = None
        self._number = 0
        directory.mkdir(parents=True, exist_ok=True)

    def load(self) -> tuple[Snapshot | None, Iterator[JournalTurn]]:
        """The newest snapshot that is whole, and the turns after it; nothing where the folder is empty.

        Raises LogDamagedError where journals are there and no snapshot of theirs can be read.
        """
        self._chain = _chain(self.directory)
        stems = [path.stem for path, _ in self._chain]
        for path, found in read_snapshots(self.directory):
            if path.stem not in stems:
                continue
            if isinstance(found, Snapshot):
                return found, self._turns(stems.index(path.stem))
            logger.warning("snapshot_damaged", path=str(path), reason=str(found))
        if self._chain:
            raise LogDamagedError(f"{self.directory} holds journals, but no snapshot that can be read")
        return None, iter(())

    def _turns(self, begin: int) -> Iterator[JournalTurn]:
        for path, size_bytes in self._chain[begin:]:
            yield from read_journal(path, size_bytes)

    def roll(self, epoch: int, data: bytes) -> Journal:
        """Keep a snapshot, begin its journal, and drop files that nothing needs any more."""
        stem = f"{epoch:012d}-{self._number:06d}"
        self._number += 1
        write_snapshot(self.directory / f"{stem}{SNAPSHOT_SUFFIX}", data)
        before = self._before()
        if self._journal is not None:
            self._journal.close()
        self._journal = Journal(self.directory / f"{stem}{JOURNAL_SUFFIX}", before)
        self._chain.append((self._journal.path, None))
        self._prune()
        return self._journal

    def _before(self) -> tuple[str, int] | None:
        if self._journal is not None:
            return self._journal.path.name, self._journal.size_bytes
        if self._chain:
            path, size_bytes = self._chain[-1]
            return path.name, path.stat().st_size if size_bytes is None else size_bytes
        return None

    def _prune(self) -> None:
        dropped, self._chain = self._chain[:-SNAPSHOTS_KEPT], self._chain[-SNAPSHOTS_KEPT:]
        for path, _ in dropped:
            path.unlink(missing_ok=True)
            path.with_suffix(SNAPSHOT_SUFFIX).unlink(missing_ok=True)

    def close(self) -> None:
        """Have the disk confirm the journal."""
        if self._journal is not None:
            self._journal.close()


def _chain(directory: Path) -> list[tuple[Path, int | None]]:
    """The newest journal and those it goes back to, oldest first, each with the size that was read of it."""
    paths = sorted(directory.glob(f"*{JOURNAL_SUFFIX}"))
    chain: list[tuple[Path, int | None]] = []
    path, size_bytes = (paths[-1] if paths else None), None
    while path is not None:
        chain.insert(0, (path, size_bytes))
        before = follows(path)
        if before is None or not (directory / before[0]).exists():
            break
        path, size_bytes = directory / before[0], before[1]
    return chain
