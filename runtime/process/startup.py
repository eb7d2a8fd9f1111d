"""Startup of a process that waits for its broker: it stays alive, reports why, and stops on request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

from runtime.errors import EngineError
from runtime.kafka.broker import BrokerLink
from runtime.kafka.client import CLOSE_LIMIT_S
from runtime.state.group_files import GroupFiles

STOP_LIMIT_S = 5.0
"""Grace period for pending work at a stop, so that resources are released."""
REPAIR_CHECK_S = 1.0
"""How often a process with refused state checks whether an operator has repaired it."""
_BEAT_S = 0.5


async def open_unless_stopped(
    opening: Coroutine[Any, Any, None],
    stop: asyncio.Event,
    link: BrokerLink,
    beat: Callable[[], None] = lambda: None,
) -> bool:
    """Await `opening`; returns whether it finished before `stop` was set. `beat` is called meanwhile."""
    task = asyncio.create_task(opening)
    beats = asyncio.create_task(_beat(beat))
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
        ends_s = monotonic() + STOP_LIMIT_S
        while not task.done() and link.reason is None and monotonic() < ends_s:
            await asyncio.wait((task,), timeout=0.05)
    finally:
        for each in (beats, stopped, task):
            each.cancel()
    if not task.done():
        await asyncio.wait((task,), timeout=CLOSE_LIMIT_S)
        return False
    await task
    return True


@asynccontextmanager
async def background(*tasks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs tasks concurrently with the body and ends them with it."""
    running = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()


async def wait_for_repair(files: GroupFiles, stop: asyncio.Event, beat: Callable[[], None]) -> None:
    """Wait until an operator has changed a refused state folder, or until `stop` is set.

    The process keeps running because a repair needs its machine. Raises EngineError to restart after a
    change.
    """
    names = files.names()
    files.release()
    while not stop.is_set() and files.names() == names:
        beat()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), REPAIR_CHECK_S)
    if not stop.is_set():
        raise EngineError(f"{files.directory} was changed: the process restarts from it")


async def run_until_stopped(stop: asyncio.Event, task: Coroutine[Any, Any, None]) -> None:
    """Run a task until `stop` is set; raises what it raises."""
    running, waiting = asyncio.create_task(task), asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            await each
    finally:
        running.cancel()
        waiting.cancel()


async def _beat(beat: Callable[[], None]) -> None:
    while True:
        beat()
        await asyncio.sleep(_BEAT_S)
