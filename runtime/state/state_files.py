"""The state folder of one process: snapshots, each with the journal of later inputs.

Names are `<epoch>-<number>`, which orders them by age independently of clocks; a replaced process, which may
keep writing for a moment, uses names of its own epoch. Each journal names its predecessor and how far that
one had been read; a start follows only this chain.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog

from runtime.errors import LogDamagedError
from runtime.state.carried_file import SUFFIX as CARRIED_SUFFIX
from runtime.state.carried_file import CarriedState, from_bytes
from runtime.state.folder_lock import SUFFIX as LOCK_SUFFIX
from runtime.state.folder_lock import FolderLock
from runtime.state.journal import SUFFIX as JOURNAL_SUFFIX
from runtime.state.journal import Head, Journal, JournalTurn, Read, end_of, head_of, read_journal
from runtime.state.kept_snapshots import KeptSnapshots
from runtime.state.private_files import make_folder, narrow
from runtime.state.snapshot import SUFFIX as SNAPSHOT_SUFFIX
from runtime.state.snapshot import (
    TEMPORARY_SUFFIX,
    Snapshot,
    is_aside,
    put_in_place,
    read_snapshot,
    write_aside,
    write_whole,
)
from runtime.state.standing import Standing

SNAPSHOTS_KEPT = 2
Exact = TypeVar("Exact")
_OWN_SUFFIXES = (SNAPSHOT_SUFFIX, CARRIED_SUFFIX, JOURNAL_SUFFIX, TEMPORARY_SUFFIX, LOCK_SUFFIX)

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Left:
    """The state left by a process: none, a snapshot or a carried state, and the inputs after it."""

    snapshot: Snapshot | None
    """Of this code, for an exact resume."""
    carried: CarriedState | None
    """Of any code, where there is no such snapshot."""
    turns: Iterable[JournalTurn]

    @property
    def standing(self) -> Standing | None:
        """Its positions on its topics; None: the process is new."""
        state = self.snapshot or self.carried
        return None if state is None else state.standing


class StateBeforeSessionsError(LogDamagedError):
    """The state was written by a release before sessions, which later releases cannot read."""


class StateFiles:
    """Reads and writes the state of a process. Raises RefusedError where another process uses it."""

    def __init__(self, directory: Path, kept_hours: int = 0) -> None:
        """`kept_hours`: how long snapshots are kept for replays; 0: not at all."""
        self.directory = directory
        self._kept = KeptSnapshots(directory, kept_hours) if kept_hours else None
        self._chain: list[_Link] = []
        self._journal: Journal | None = None
        self._number = 0
        make_folder(directory, _OWN_SUFFIXES)
        self._lock = FolderLock(directory, "the state")
        for path in directory.iterdir():
            if path.name.endswith(TEMPORARY_SUFFIX):
                path.unlink()  # left by a crash during a write: the lock is ours
            elif path.name.endswith(_OWN_SUFFIXES):
                narrow(path)

    @property
    def newest_epoch(self) -> int:
        """The highest claimed epoch with files; 0: none."""
        names = (path.name.partition("-")[0] for path in self.directory.glob(f"*{JOURNAL_SUFFIX}"))
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def load(self, sources_hash: str) -> Left:
        """The newest valid snapshot of this code, else the newest carried state.

        Raises LogDamagedError where there are files but no readable state.
        """
        return Left(*self.find(lambda path: snapshot_at(path, sources_hash), carried_at))

    def find(
        self, read_snapshot: Callable[[Path], Exact | None], read_carried: Callable[[Path], Any | None]
    ) -> tuple[Exact | None, Any | None, Iterable[JournalTurn]]:
        """As `load`, with what reads a file; that returns None where it cannot."""
        self._chain = _chain(self.directory)
        if not self._chain:
            self._check_empty()
            return None, None, ()
        own = self._of_newest_session()
        for index in own:
            found = read_snapshot(self._beside(index, SNAPSHOT_SUFFIX))
            if found is not None:
                return found, None, self._turns(index)
        for index in own:
            carried = read_carried(self._beside(index, CARRIED_SUFFIX))
            if carried is not None:
                return None, carried, self._turns(index)
        if not self._chain[-1].session_began_ns:
            raise StateBeforeSessionsError(f"{self.directory} holds the state of a release before sessions")
        raise LogDamagedError(f"{self.directory} holds journals, and no whole state that they go on from")

    def names(self) -> list[str]:
        """Names of the state files, one per age; empty for a missing folder."""
        own = (SNAPSHOT_SUFFIX, CARRIED_SUFFIX, JOURNAL_SUFFIX)
        if not self.directory.is_dir():
            return []
        return sorted(path.name for path in self.directory.iterdir() if path.suffix in own)

    def _check_empty(self) -> None:
        names = self.names()
        if names:
            raise LogDamagedError(f"{self.directory} holds {names[-1]} and no journal that could be read")

    def _of_newest_session(self) -> list[int]:
        """Positions in the chain, newest first, within the current session."""
        newest = self._chain[-1].session_began_ns
        found = []
        for index in reversed(range(len(self._chain))):
            if self._chain[index].session_began_ns != newest:
                break
            found.append(index)
        return found

    def _beside(self, index: int, suffix: str) -> Path:
        return self._chain[index].path.with_suffix(suffix)

    def _turns(self, begin: int) -> Iterator[JournalTurn]:
        for link in self._chain[begin:]:
            yield from read_journal(link.path, link.upto)

    def roll(self, epoch: int, session_began_ns: int, snapshot: bytes, carried: bytes | None) -> Journal:
        """Write a snapshot, begin its journal, and delete files that are no longer needed.

        `carried` may be omitted, but not at the start of a session: journals are kept back to the newest
        carried state.
        """
        stem = self.next_stem(epoch)
        self.write_aside(stem, snapshot, carried)
        self.put_in_place(stem)
        journal = self.follow(stem, session_began_ns)
        self.prune()
        return journal

    def next_stem(self, epoch: int) -> str:
        """The name, without suffix, of the next state and of its journal."""
        self._number += 1
        return f"{epoch:012d}-{self._number - 1:06d}"

    def write_aside(self, stem: str, snapshot: bytes, carried: bytes | None) -> None:
        """Write a state that counts once it is put in place."""
        if carried is not None:
            write_aside(self._path(stem, CARRIED_SUFFIX), carried)
        write_aside(self._path(stem, SNAPSHOT_SUFFIX), snapshot)

    def put_in_place(self, stem: str) -> None:
        """Give a state that was written aside its name."""
        carried, snapshot = self._path(stem, CARRIED_SUFFIX), self._path(stem, SNAPSHOT_SUFFIX)
        if is_aside(carried):
            put_in_place(carried)
        put_in_place(snapshot)
        if self._kept is not None:
            self._kept.keep(snapshot, time.time_ns())

    def complete(self, stem: str) -> None:
        """As `roll`, of a state whose journal was begun before: put it in place, delete what is not needed.

        Until then, and if that never happens, a start goes on from the state before, with both journals.
        """
        self.put_in_place(stem)
        self.prune()

    def snapshot_of(self, stem: str) -> bytes:
        """The content of a snapshot that is in place."""
        return self._path(stem, SNAPSHOT_SUFFIX).read_bytes()

    def carried_of(self, stem: str) -> bytes | None:
        """The content of a carried state that is in place; None: there is none."""
        path = self._path(stem, CARRIED_SUFFIX)
        return path.read_bytes() if path.exists() else None

    def follow(self, stem: str, session_began_ns: int, epochs: Mapping[str, int] | None = None) -> Journal:
        """End the journal, and begin the one of a state. `epochs`: see Journal."""
        before = self._before()
        if self._journal is not None:
            self._journal.close()
        return self._begin_journal(stem, before, session_began_ns, epochs)

    def _path(self, stem: str, suffix: str) -> Path:
        return self.directory / f"{stem}{suffix}"

    def replace(self, epoch: int, carried: CarriedState, turns: Iterable[JournalTurn]) -> Path:
        """Start afresh from a rebuilt state; old files are moved to a subfolder, whose path is returned."""
        aside = self.directory / f"replaced-{epoch:012d}"
        make_folder(aside)
        for name in self.names():
            (self.directory / name).rename(aside / name)
        stem = f"{epoch:012d}-000000"
        write_whole(self._path(stem, CARRIED_SUFFIX), carried.to_bytes())
        self._chain = []
        journal = self._begin_journal(stem, None, carried.applied.session_began_ns)
        for turn in turns:
            journal.write(turn)
        return aside

    def _begin_journal(
        self,
        stem: str,
        before: Read | None,
        session_began_ns: int,
        epochs: Mapping[str, int] | None = None,
    ) -> Journal:
        path = self._path(stem, JOURNAL_SUFFIX)
        self._journal = Journal(path, before, session_began_ns, epochs)
        self._chain.append(_Link(path, None, session_began_ns))
        return self._journal

    def _before(self) -> Read | None:
        if self._journal is not None:
            return self._journal.end
        return end_of(self._chain[-1].path) if self._chain else None

    def prune(self) -> None:
        """Delete what a start no longer needs."""
        snapshots = (link.path.with_suffix(SNAPSHOT_SUFFIX) for link in self._chain)
        for path in [path for path in snapshots if path.exists()][:-SNAPSHOTS_KEPT]:
            path.unlink()
        carried = [index for index, link in enumerate(self._chain) if _has_carried(link.path)]
        begin = carried[-SNAPSHOTS_KEPT] if len(carried) >= SNAPSHOTS_KEPT else 0
        dropped, self._chain = self._chain[:begin], self._chain[begin:]
        for link in dropped:
            link.path.unlink(missing_ok=True)
            link.path.with_suffix(CARRIED_SUFFIX).unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete the state, which is elsewhere by now; kept snapshots remain."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        journals_last = sorted(self.names(), key=lambda name: name.endswith(JOURNAL_SUFFIX))
        for name in journals_last:  # they say whose the other files are
            (self.directory / name).unlink()
        self._chain = []

    def release(self) -> None:
        """Release the folder for a repair: nothing is written here any more."""
        self._lock.release()

    def close(self) -> None:
        """Sync the journal and release the lock."""
        try:
            if self._journal is not None:
                self._journal.close()
        finally:
            self._lock.release()


def _has_carried(journal: Path) -> bool:
    return journal.with_suffix(CARRIED_SUFFIX).exists()


def snapshot_at(path: Path, sources_hash: str) -> Snapshot | None:
    """The snapshot in a file; None where there is none of this code."""
    if not path.exists():
        return None
    found = read_snapshot(path, sources_hash)
    if isinstance(found, Snapshot):
        return found
    logger.warning("snapshot_passed_over", path=str(path), reason=str(found))
    return None


def carried_at(path: Path) -> CarriedState | None:
    """The carried state in a file; None where there is none that can be read."""
    if not path.exists():
        return None
    try:
        return from_bytes(path.read_bytes())
    except (LogDamagedError, KeyError, TypeError, ValueError) as error:
        logger.warning("carried_state_passed_over", path=str(path), reason=str(error))
        return None


class _Link(NamedTuple):
    """One journal of the chain read by a start."""

    path: Path
    upto: Read | None
    """How far the writer of the next one had read it; None: it is the newest."""
    session_began_ns: int


def _chain(directory: Path) -> list[_Link]:
    """The newest journal and its predecessors, oldest first."""
    paths = sorted(directory.glob(f"*{JOURNAL_SUFFIX}"), key=_age)
    while paths and head_of(paths[-1]) is None:
        paths.pop()
    chain: list[_Link] = []
    path, upto = (paths[-1] if paths else None), None
    while path is not None:
        head = head_of(path)
        if head is None:
            raise LogDamagedError(f"{path} is damaged: its first line is broken")
        chain.insert(0, _Link(path, upto, head.session_began_ns))
        upto = head.follows
        path = None if upto is None or not (directory / upto.name).exists() else directory / upto.name
    return chain


def newest_head(directory: Path) -> Head | None:
    """The head of the newest journal in a folder; None: there is none."""
    chain = _chain(directory)
    return head_of(chain[-1].path) if chain else None


def _age(path: Path) -> tuple[int, int]:
    """(epoch, number): as strings they do not sort beyond a million."""
    epoch, _, number = path.stem.partition("-")
    try:
        return int(epoch), int(number)
    except ValueError:
        raise LogDamagedError(f"{path} is no journal of ours: <epoch>-<number>{JOURNAL_SUFFIX} is") from None
