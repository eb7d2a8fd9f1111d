"""Lets a task beside the loop end the loop's wait."""

import asyncio
from contextlib import suppress
from typing import Any


class Wake:
    """Set by whoever has something for the loop; a wait that finds it set returns at once, and clears it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """End the wait under way, or the next one."""
        self._event.set()

    async def sleep(self, seconds: float) -> bool:
        """Wait; true where the time went by, false where somebody woke the loop."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return True
        self._event.clear()
        return False

    async def until(self, task: asyncio.Task[Any]) -> None:
        """Wait for a task, which goes on where somebody wakes the loop first."""
        waiter = asyncio.create_task(self._event.wait())
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        self._event.clear()
        waiter.cancel()
        with suppress(asyncio.CancelledError):
            await waiter
