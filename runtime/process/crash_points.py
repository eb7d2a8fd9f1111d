"""Named points at which a process kills itself, for crash tests.

`MM_CRASH_AT=after_journal:50` means: when it passes that point for the fiftieth time. Without the variable
a point costs a comparison.
"""

import os
import signal
from typing import Literal

CrashPoint = Literal[
    "after_rerun",
    "after_session_begin",
    "after_poll",
    "after_core",
    "after_journal",
    "after_release",
    "before_snapshot_rename",
    "after_snapshot",
]
VARIABLE = "MM_CRASH_AT"
_point, _, _count = os.environ.get(VARIABLE, "").partition(":")
_left = int(_count or 1)


def pass_point(point: CrashPoint) -> None:
    """Crash here if a test has requested it."""
    global _left  # noqa: PLW0603  a process has one life
    if point == _point:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
