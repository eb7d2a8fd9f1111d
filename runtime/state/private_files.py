"""Files and folders private to their owner, whatever the umask.

The engine tightens the mode of its own files where a copy or mount has widened it. Keys are refused instead,
see config/secret_files.py: they may already have been read.
"""

import errno
import os
import stat
from collections.abc import Collection
from pathlib import Path

from runtime.errors import ConfigError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path, own_suffixes: Collection[str] = ()) -> None:
    """Create a folder with its parents; make one private that contains only our files.

    `own_suffixes` are the suffixes of our files. A folder shared with other files keeps its mode: each of our
    files in it is private. Raises ConfigError where the folder is world-writable or cannot be created.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            each.chmod(FOLDER_MODE)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be created: {error}; give a folder where you may write") from None
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: give a folder, or a path that does not exist yet")
    mode = folder.stat().st_mode
    if not mode & _OTHERS:
        return
    if (
        own_suffixes
        and _is_own(folder)
        and all(each.name.endswith(tuple(own_suffixes)) for each in folder.iterdir())
    ):
        folder.chmod(FOLDER_MODE)
    elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(f"anybody may write into {folder}: use another folder, or `chmod o-w {folder}`")


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a file, created if missing and made private if not.

    Raises ConfigError where writing is not permitted; disk errors are passed on.
    """
    try:
        file = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}; grant the permission, or use another"
        ) from None
    if stat.S_IMODE(os.fstat(file).st_mode) != FILE_MODE:
        try:
            os.fchmod(file, FILE_MODE)
        except OSError as error:
            os.close(file)
            raise _cannot_narrow(path, error) from None
    return file


def narrow(path: Path) -> None:
    """Make a file of ours private; raises ConfigError where that is not possible."""
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
        try:
            path.chmod(FILE_MODE)
        except OSError as error:
            raise _cannot_narrow(path, error) from None


def _is_own(path: Path) -> bool:
    return path.stat().st_uid == os.geteuid()


def _cannot_narrow(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"others may read {path}, and that cannot be changed here ({error.strerror}): as its owner, "
        f"`chmod 600 {path}`"
    )
