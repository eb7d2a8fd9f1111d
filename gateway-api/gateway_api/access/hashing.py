"""The queue for password hashing: each hash takes memory and 50 ms of CPU."""

import asyncio
from collections.abc import Callable

WAITING_MAX = 8


class HashQueue:
    """One hash at a time for unknown clients, and one for users who signed in from the same address before.

    A flood of sign-ins with arbitrary names thus delays only itself.
    """

    def __init__(self) -> None:
        self._lanes = {is_known: _Lane() for is_known in (True, False)}

    def is_full(self, *, is_known: bool) -> bool:
        """Whether another request would be refused."""
        return self._lanes[is_known].waiting >= WAITING_MAX

    async def run(self, work: Callable[[], bool], *, is_known: bool) -> bool:
        """The result of `work`, run in a thread."""
        lane = self._lanes[is_known]
        lane.waiting += 1
        try:
            async with lane.turn:
                return await asyncio.to_thread(work)
        finally:
            lane.waiting -= 1


class _Lane:
    """The waiting requests and the one being served."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(1)
        self.waiting = 0
