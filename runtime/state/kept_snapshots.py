"""Snapshots kept for replays, as a session may be longer than the broker's retention.

They are in a subfolder of the process's state folder, named by the time of writing. Each file is a hard link
to the snapshot, so that keeping it writes nothing.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from runtime.state.private_files import make_folder
from runtime.state.snapshot import SUFFIX, Snapshot, read_snapshot, write_whole
from schemas.units import NS_PER_S

FOLDER = "kept"
COUNT = 24
"""Number of snapshots that cover the broker's retention."""
_HOUR_NS = 3_600 * NS_PER_S

logger = structlog.get_logger()


class Kept(NamedTuple):
    """A kept snapshot."""

    time_ns: int
    """Time of writing."""
    path: Path


class KeptSnapshots:
    """Kept snapshots of one process; `directory` is its state folder, `hours` the retention of topics."""

    def __init__(self, directory: Path, hours: int) -> None:
        self._folder = directory / FOLDER
        self._kept_ns = hours * _HOUR_NS
        self._interval_ns = max(_HOUR_NS, self._kept_ns // COUNT)

    def all(self) -> list[Kept]:
        """Existing snapshots, oldest first."""
        found = (
            Kept(int(path.stem), path) for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdigit()
        )
        return sorted(found)

    def is_due(self, now_ns: int) -> bool:
        """Whether the next snapshot is to be kept."""
        newest_ns = max((each.time_ns for each in self.all()), default=0)
        return not 0 <= now_ns - newest_ns < self._interval_ns

    def keep(self, snapshot: Path, now_ns: int) -> None:
        """Keep a snapshot just written, if one is due. A failure is only logged: no process ends for the sake
        of replays.
        """
        self._keep(lambda kept: os.link(snapshot, kept), now_ns)

    def keep_content(self, snapshot: bytes, now_ns: int) -> None:
        """The same for a snapshot that has no file of its own."""
        self._keep(lambda kept: write_whole(kept, snapshot), now_ns)

    def _keep(self, write: Callable[[Path], None], now_ns: int) -> None:
        if not self.is_due(now_ns):
            return
        path = self._folder / f"{now_ns:020d}{SUFFIX}"
        try:
            make_folder(self._folder, (SUFFIX,))
            write(path)
            self._delete_old(now_ns)
        except OSError as error:
            logger.warning("snapshot_not_kept", path=str(path), reason=str(error))

    def _delete_old(self, now_ns: int) -> None:
        for each in self.all():
            if not -self._interval_ns < now_ns - each.time_ns <= self._kept_ns + self._interval_ns:
                each.path.unlink(missing_ok=True)


def snapshot_of(kept: Kept, sources_hash: str) -> Snapshot | None:
    """The snapshot; None where different code wrote it, or it is damaged."""
    found = read_snapshot(kept.path, sources_hash)
    if isinstance(found, Snapshot):
        return found
    logger.warning("snapshot_passed_over", path=str(kept.path), reason=str(found))
    return None
