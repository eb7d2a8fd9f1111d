"""A file that grows by complete pieces: commits of a log, turns of a journal.

A piece that could not be written completely is cut off again, and the file is then closed for writing, as it
is unknown what the disk has kept. The next start finds complete pieces and continues after them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import ConfigError, LogGoneError, LogLostError
from runtime.state.private_files import open_file


class AppendedFile:
    """One file, open for writing. After an error it is lost: every later call raises the same error."""

    def __init__(self, path: Path, *, is_new: bool = False) -> None:
        """Raises LogLostError where the disk is full, and ConfigError where writing is not permitted."""
        self.path = path
        self._lost: LogLostError | None = None
        try:
            self._file = open_file(path, os.O_WRONLY | os.O_APPEND | (os.O_EXCL if is_new else 0))
        except OSError as error:
            raise LogLostError(f"{path} cannot be created: {error.strerror}; {_REMEDY}") from error
        self._size_bytes = os.fstat(self._file).st_size
        self._is_closed = False

    @property
    def size_bytes(self) -> int:
        """Length of its complete pieces."""
        return self._size_bytes

    @property
    def is_lost(self) -> bool:
        """Whether it is closed for writing because the disk failed."""
        return self._lost is not None

    def append(self, data: bytes) -> None:
        """Write a piece completely or not at all.

        Raises LogLostError where the write fails, and LogGoneError where the file has been moved or deleted.
        """
        self._check()
        try:
            write_all(self._file, data)
        except OSError as error:
            raise self._lose(f"{self.path} cannot be written: {error.strerror}{self._cut_back()}") from error
        self._size_bytes += len(data)
        self._check_is_there()

    def sync(self) -> None:
        """Sync to disk.

        After a failed sync data may be dropped although the next sync succeeds, so the file is then lost.
        """
        self._check()
        try:
            os.fdatasync(self._file)
        except OSError as error:
            raise self._lose(f"the disk does not confirm {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Sync and close the file; a lost file is closed silently."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._lost is None:
                self.sync()
        finally:
            os.close(self._file)

    def _check(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _lose(self, because: str) -> LogLostError:
        self._lost = LogLostError(f"{because}; {_REMEDY}")
        return self._lost

    def _cut_back(self) -> str:
        """Cut off an incomplete piece; returns a text for the error."""
        try:
            os.ftruncate(self._file, self._size_bytes)
        except OSError as error:
            return (
                f", and the incomplete part could not be cut off ({error.strerror}); the next start does that"
            )
        return ""

    def _check_is_there(self) -> None:
        try:
            is_there = os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except OSError:  # deleted, moved, unmounted, or its server is unavailable
            is_there = False
        if not is_there:
            self._lost = LogGoneError(
                f"{self.path} was deleted or moved while in use: the next start would not know of anything "
                "from here on. Restore it, or start with another folder"
            )
            raise self._lost


_REMEDY = "free or repair the disk, and restart"


@contextmanager
def disk_must_take(path: Path) -> Iterator[None]:
    """Failed writes inside raise LogLostError."""
    try:
        yield
    except (OSError, ConfigError) as error:
        raise LogLostError(f"{path} cannot be written: {error}; {_REMEDY}") from error


def write_all(file: int, data: bytes) -> None:
    """Write everything: a full disk first appears as a short write without an error."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
