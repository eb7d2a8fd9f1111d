"""Secrets: each in its own file, readable only by its owner, never in a configuration.

Everything read here is redacted from all logs from then on: runtime/observability/redaction.py.
"""

import os
import stat
import tempfile
from pathlib import Path

from runtime.errors import ConfigError
from runtime.observability.redaction import remember
from runtime.state.private_files import FILE_MODE, make_folder, narrow


def read_secret(path: str | Path | None, key: str) -> bytes:
    """The secret in a file, stripped of whitespace; `key` is the configuration key of the file.

    Raises ConfigError where the file is not set, unreadable, empty, or readable by others.
    """
    if path is None:
        raise ConfigError(f"{key} is not set: set it to a file that contains only the secret")
    path = Path(path)
    try:
        check_private(path, key)
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{key} {path} cannot be read: {error.strerror}") from None
    if not secret:
        raise ConfigError(f"{key} {path} is empty")
    remember(secret.decode("utf-8", "replace"))
    return secret


def read_secret_text(path: str | Path | None, key: str) -> str:
    """As `read_secret`, for text."""
    try:
        return read_secret(path, key).decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{key} {path} is not UTF-8 text") from None


def make_secret(path: Path, content: bytes) -> bool:
    """Create a secret file atomically; False where it already exists."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        os.fchmod(handle, FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        return False
    finally:
        Path(name).unlink()
    return True


def keep_private(path: Path, key: str) -> None:
    """For files written by the engine's own commands: tighten the mode of ours, check that of others."""
    if path.stat().st_uid == os.geteuid():
        narrow(path)
    else:
        check_private(path, key)


def check_private(path: Path, key: str) -> None:
    """Raises ConfigError, with the remedy, where others than its owner may read a secret.

    The mode is not tightened here: its owner has to know that it may have been read. Group access is allowed
    only for files of another owner: that is how secrets are mounted into containers, owned by root and
    readable by the group of the process.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    by_group = stat.S_IRWXG if found.st_uid == os.geteuid() else stat.S_IWGRP
    if mode & (stat.S_IRWXO | by_group):
        raise ConfigError(
            f"{key} {path} can be read by others (mode {mode:04o}): `chmod 600 {path}`, and replace it "
            "if anybody else has an account on this machine"
        )
