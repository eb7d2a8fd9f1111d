"""A disk of a test's own, mounted where root may, and what fills it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


def mounted_at(place: Path, *options: str) -> Iterator[None]:
    """Something is mounted at the place of the log, by root alone."""
    place.mkdir(mode=0o700)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a disk of its own")
    if subprocess.run(["mount", *options, str(place)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


def fill_up(folder: Path, leave_bytes: int = 0) -> Path:
    """Take what is free on the disk but so much; where a writer was quicker, what is left."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        while (wanted := _free_bytes(folder) - leave_bytes) > 0:
            with suppress(OSError):  # a writer was quicker: look again
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, wanted)
    return ballast


def _free_bytes(folder: Path) -> int:
    free = os.statvfs(folder)
    return free.f_bavail * free.f_frsize
