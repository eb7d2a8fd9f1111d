"""Removes the oldest unnamed logs of demonstrations and backtests."""

import re
import shutil
from pathlib import Path

import structlog

from runtime.errors import RefusedError
from runtime.state.folder_lock import FolderLock

NAME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
"""The folder of an unnamed run is named by its start time."""
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")

logger = structlog.get_logger()


def remove_old_runs(folder: Path, keep: int) -> list[Path]:
    """Keep the newest `keep` runs in a folder and return the removed ones. A live run stays."""
    if not folder.is_dir():
        return []
    runs = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and _is_ours(path))
    removed = [path for path in runs[:-keep] if _remove(path)]
    if removed:
        logger.info(
            "old_runs_removed",
            runs=len(removed),
            first=str(removed[0]),
            last=str(removed[-1]),
            because=f"engine.keep.runs is {keep}",
        )
    return removed


def _is_ours(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _remove(path: Path) -> bool:
    try:
        lock = FolderLock(path, "the log")
    except RefusedError:
        return False
    try:
        shutil.rmtree(path)
    except OSError as error:
        logger.warning("old_run_not_removed", log=str(path), because=str(error))
        return False
    finally:
        lock.release()
    return True
