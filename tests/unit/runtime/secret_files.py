"""A secret to look for, and who may read a file."""

import stat
from pathlib import Path

CANARY = "canary-5f2a91d07c"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
