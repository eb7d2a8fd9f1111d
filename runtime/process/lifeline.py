"""How a process detects the end of its supervisor, however it ended: a pipe closed by the kernel.

The order router detects it at once. The others have a pipe that the router also holds: they keep running
until it has cancelled all open orders, as in a clean stop.
"""

import asyncio
import os
from collections.abc import Callable

import structlog

from schemas.topics import SENDS_ORDERS

VARIABLE = "MAKER_LIFELINE"
"""Environment variable with the descriptor to watch."""

logger = structlog.get_logger()


class Lifelines:
    """The supervisor's ends of the pipes."""

    def __init__(self) -> None:
        self._of_router = os.pipe()
        self._of_others = os.pipe()

    def of(self, process: str) -> tuple[int, tuple[int, ...]]:
        """For a new child: the descriptor to watch, and all descriptors to inherit."""
        if process in SENDS_ORDERS:
            return self._of_router[0], (self._of_router[0], self._of_others[1])
        return self._of_others[0], (self._of_others[0],)

    def close(self) -> None:
        """Close all."""
        for end in (*self._of_router, *self._of_others):
            os.close(end)


def on_loss(stop: Callable[[], None]) -> None:
    """Call `stop` in the running loop when the supervisor is gone; no effect without a supervisor."""
    text = os.environ.pop(VARIABLE, None)
    if text is None:
        return
    watched = int(text)
    loop = asyncio.get_running_loop()

    def lost() -> None:
        loop.remove_reader(watched)
        os.close(watched)
        logger.warning("supervisor_gone", pid=os.getpid(), note="this process stops cleanly")
        stop()

    loop.add_reader(watched, lost)
