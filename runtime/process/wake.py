"""Lets a background task wake the loop."""

import asyncio
from contextlib import suppress
from typing import Any


class Wake:
    """Set by a task with work for the loop; a wait that finds it set returns at once and clears it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """End the current wait, or the next one."""
        self._event.set()

    async def sleep(self, seconds: float) -> bool:
        """Wait; True on timeout, False if woken."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return True
        self._event.clear()
        return False

    async def until(self, task: asyncio.Task[Any]) -> None:
        """Wait for a task, or until woken; the task keeps running."""
        waiter = asyncio.create_task(self._event.wait())
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        self._event.clear()
        waiter.cancel()
        with suppress(asyncio.CancelledError):
            await waiter
