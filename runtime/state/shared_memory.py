"""A few numbers shared by all processes of one user on this machine: a small memory-mapped file.

Reading costs a memory access. Changes are made under a lock of the file (`flock`), which ends with its
process, so a crashed process never locks out others; one suspended while holding it delays them by
`LOCK_S_MAX` at a time.
"""

import ctypes
import fcntl
import mmap
import os
import stat
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, TypeVar

import structlog

LOCK_S_MAX = 0.02
_FOLDER = "market-making"
_STALE_S = 4 * 86_400.0
"""Longer than any ban."""
_FILE_BYTES = 4_096

logger = structlog.get_logger()


class Shared(ctypes.Structure):
    """The header of the shared data; further fields are 8-byte numbers, initially 0."""

    _fields_: ClassVar[Sequence[tuple[str, Any]]] = (("mark", ctypes.c_uint64),)
    mark: int

    def is_sound(self) -> bool:
        """Whether the contents are valid."""
        return True


S = TypeVar("S", bound=Shared)


class SharedNumbers(Generic[S]):
    """`numbers` in a shared file, or only in this process where there can be none.

    Use `with` to change several numbers; it yields whether the lock was acquired.
    """

    def __init__(self, kind: type[S], mark: int, path: Path | None) -> None:
        """`mark` identifies the format of the file: one with a different mark is reset."""
        self._kind = kind
        self._mark = mark
        self._path = path
        self._own = threading.Lock()
        self._file = -1
        self._inode = 0
        self._is_locked = False
        self.numbers: S = kind(mark=mark)
        self.reopen()

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def __enter__(self) -> bool:
        self._own.acquire()
        self._is_locked = self._file < 0 or _lock(self._file)
        return self._is_locked

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_locked and self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._own.release()

    def reopen(self) -> None:
        """Ensure that the file is the one that a newly started process would find."""
        if self._path is None or (self._file >= 0 and self._inode == _inode(self._path)):
            return
        try:
            file = _open(self._path)
        except OSError as error:
            logger.warning("numbers_not_shared", file=str(self._path), because=str(error))
            self._path = None
            return
        with self._own:
            self._adopt(file)

    def _adopt(self, file: int) -> None:
        """Adopt a file; if its contents are invalid, fill it with the numbers known here."""
        is_locked = _lock(file)
        size = ctypes.sizeof(self._kind)
        found = self._kind.from_buffer(mmap.mmap(file, size))
        if found.mark != self._mark or not found.is_sound():
            ctypes.memmove(ctypes.addressof(found), ctypes.addressof(self.numbers), size)
        if is_locked:
            fcntl.flock(file, fcntl.LOCK_UN)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._inode, self.numbers = file, os.fstat(file).st_ino, found

    def touch(self) -> None:
        """Mark the file as in use: stale files are cleaned up by modification time."""
        if self._file >= 0:
            os.utime(self._file)


def _open(path: Path) -> int:
    """Raises OSError where the file cannot be opened, is not ours, or there is no room for it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(f"{path} is not a file of ours")
        os.fchmod(file, 0o600)
        if found.st_size < _FILE_BYTES:  # allocate now: a page without backing storage would kill the process
            os.posix_fallocate(file, 0, _FILE_BYTES)
    except OSError:
        os.close(file)
        raise
    return file


def _inode(path: Path) -> int:
    try:
        return path.lstat().st_ino
    except OSError:
        return 0


def _lock(file: int) -> bool:
    """Wait briefly for the lock: its holder may be suspended."""
    until_s = time.perf_counter() + LOCK_S_MAX
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.perf_counter() > until_s:
                return False
            os.sched_yield()
        else:
            return True


def shared_file(name: str) -> Path | None:
    """The shared file for a name, in a folder private to this user; None where there is none."""
    folder = _folder()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        logger.warning("numbers_not_shared", folder=str(folder), because=str(error))
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        logger.warning("numbers_not_shared", folder=str(folder), because="it is not ours alone")
        return None
    return folder / name


def remove_stale(folder: Path) -> None:
    """Remove files unused for days."""
    now_s = time.time()
    for path in folder.glob("*.shared"):
        try:
            if path.lstat().st_mtime < now_s - _STALE_S:
                path.unlink()
        except OSError:
            continue


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / _FOLDER
    return Path(tempfile.gettempdir()) / f"{_FOLDER}-{os.getuid()}"
