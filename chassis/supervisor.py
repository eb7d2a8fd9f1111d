"""`maker run --all`: each process of the engine on its own, started again when it dies.

On a stop the order router is told first, and the others only when it has cancelled what stood at the venue.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence

import structlog

from schemas.topics import ROUTER

RESTARTS_AT_ONCE = 3
_BACKOFF_S = 1.0
_STABLE_S = 10.0
STOP_LIMIT_S = 45

_ENDED_WELL = (0, -signal.SIGTERM)
"""The second: told to end before it had begun, so that it had nothing to give back."""

logger = structlog.get_logger()


class Supervisor:
    """Keeps children running."""

    def __init__(self, names: Sequence[str], arguments: Sequence[str]) -> None:
        self._names = tuple(names)
        self._arguments = tuple(arguments)
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self.restarts = 0

    async def run(self) -> bool:
        """Run until a signal; true when every child ended well."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._stopping.set)
        keepers = [asyncio.create_task(self._keep(name)) for name in self._names]
        await self._stopping.wait()
        await self._stop()
        codes = await asyncio.gather(*keepers)
        return all(code in _ENDED_WELL for code in codes)

    async def _keep(self, name: str) -> int:
        quick = 0
        while True:
            began_s = time.monotonic()
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "chassis", "run", name, *self._arguments, start_new_session=True
            )
            self._children[name] = child
            logger.info("started", process=name, pid=child.pid)
            code = await child.wait()
            if self._stopping.is_set():
                if code not in _ENDED_WELL:
                    logger.warning("ended", process=name, exit_code=code)
                return code
            self.restarts += 1
            logger.warning("ended", process=name, exit_code=code)
            quick = quick + 1 if time.monotonic() - began_s < _STABLE_S else 0
            if quick >= RESTARTS_AT_ONCE:
                await self._pause()
                if self._stopping.is_set():
                    return code

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_BACKOFF_S):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _stop(self) -> None:
        await self._terminate([name for name in self._names if name == ROUTER])
        await self._terminate([name for name in self._names if name != ROUTER])

    async def _terminate(self, names: Sequence[str]) -> None:
        children = [self._children[name] for name in names if name in self._children]
        for child in children:
            if child.returncode is None:
                child.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await asyncio.gather(*(child.wait() for child in children))
        except TimeoutError:
            for child in children:
                if child.returncode is None:
                    child.kill()


def supervise(names: Sequence[str], arguments: Sequence[str]) -> bool:
    """Run the supervisor in a loop of its own."""
    return asyncio.run(Supervisor(names, arguments).run())
