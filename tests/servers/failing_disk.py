"""A disk that fails as disks do, in the place of the calls that write to it."""

import errno
import os
from collections.abc import Callable

import pytest


class FailingDisk:
    """Takes so many bytes more, and then an error; a write over the border is a short one."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.room_bytes: int | None = None
        """None: it takes everything."""
        self.error = errno.ENOSPC
        self.cuts = True
        """Can what was written be cut off, while it has no room?"""
        self.confirms = True
        self._write, self._ftruncate, self._fdatasync = os.write, os.ftruncate, os.fdatasync
        calls: dict[str, Callable[..., object]] = {
            "write": self._short_write,
            "ftruncate": self._cut,
            "fdatasync": self._confirm,
        }
        for name, call in calls.items():
            patch.setattr(os, name, call)

    def _short_write(self, file: int, data: bytes) -> int:
        if self.room_bytes is None:
            return self._write(file, data)
        if self.room_bytes == 0:
            raise OSError(self.error, os.strerror(self.error))
        written = self._write(file, data[: self.room_bytes])
        self.room_bytes -= written
        return written

    def _cut(self, file: int, size_bytes: int) -> None:
        if self.room_bytes == 0 and not self.cuts:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._ftruncate(file, size_bytes)

    def _confirm(self, file: int) -> None:
        if not self.confirms:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._fdatasync(file)
