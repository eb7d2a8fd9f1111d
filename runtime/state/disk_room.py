"""Checks that a folder's disk has room before a start."""

import os
import tempfile
from pathlib import Path

from runtime.errors import DiskFullError

BYTES_PER_MB = 1_000_000
_PROBE_BYTES = 65_536


def check_room(folder: Path, free_mb_min: int, what: str) -> None:
    """Refuse a start on a full or failing disk, before anything is opened or connected.

    `what` names the contents for the message. Raises DiskFullError, with path, free space and remedy: too
    little space, or a test write failed because of a quota, a mount or a disk fault.
    """
    place = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    free_bytes = free_bytes_of(place)
    if free_bytes < free_mb_min * BYTES_PER_MB:
        raise DiskFullError(
            f"{folder} is the folder of {what}, and its disk has {free_bytes / BYTES_PER_MB:.1f} MB "
            f"free, less than the {free_mb_min} MB of engine.disk_free_mb_min: "
            f"free space, or use another folder{_LEFT}"
        )
    try:
        _try_to_write(place)
    except PermissionError:
        return  # permission errors are reported where the folder is created
    except OSError as error:
        raise DiskFullError(
            f"{folder} is the folder of {what}, and its disk is not writable ({error.strerror}; "
            f"{free_bytes / BYTES_PER_MB:.1f} MB free): free or repair it, or use another folder{_LEFT}"
        ) from None


_LEFT = "; `maker cancel-all --config FILE` cancels orders that an earlier run left at an exchange"


def free_bytes_of(folder: Path) -> int:
    """Space available to this user; raises OSError where unknown."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _try_to_write(place: Path) -> None:
    """A quota or a failing disk is only detected by writing."""
    with tempfile.TemporaryFile(dir=place, buffering=0) as probe:
        probe.write(bytes(_PROBE_BYTES))
        os.fdatasync(probe.fileno())
