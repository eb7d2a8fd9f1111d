"""`maker run --all`: runs each process of the engine on its own and restarts it when it dies.

On a stop the order router is signalled first, the others only once it has cancelled all open orders.
If the supervisor itself is killed, they end in the same order by themselves, see runtime/process/lifeline.
"""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from runtime.errors import ConfigError, EngineError
from runtime.process.lifeline import VARIABLE, Lifelines
from runtime.signals import on_stop
from schemas.topics import SENDS_ORDERS

PAUSES_S = (0.0, 0.0, 0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before a dead child is restarted: longer each time it dies soon after its start."""
_STABLE_S = 10.0
_CONFIGURED_S = 120.0
"""A child that ran for so long can run as configured: on a busy machine a refused start takes a while."""
STOP_LIMIT_S = 75
"""The order router may wait for the venue and then for the broker; after this long it is killed."""

_ENDED_WELL = (0, -signal.SIGTERM)
"""The second: signalled before it had started, so that there was nothing to clean up."""

logger = structlog.get_logger()


class Child(NamedTuple):
    """A process to keep running."""

    label: str
    """Its name, with the shard number where there are several."""
    process: str
    arguments: tuple[str, ...] = ()
    """Arguments for this child only."""


class Supervisor:
    """Keeps children running."""

    def __init__(self, children: Sequence[Child], arguments: Sequence[str]) -> None:
        """`arguments` are passed to every child."""
        self._children = tuple(children)
        self._arguments = tuple(arguments)
        self._running: dict[Child, asyncio.subprocess.Process] = {}
        self._lifelines = Lifelines()
        self._stopping = asyncio.Event()
        self._hopeless: str | None = None
        self.restarts: Counter[Child] = Counter()

    async def run(self) -> None:
        """Run until a signal.

        Raises ConfigError where a child cannot run as configured, EngineError where one failed.
        """
        on_stop(self._stop_asked)
        keepers = [asyncio.create_task(self._keep(child)) for child in self._children]
        await self._stopping.wait()
        await self._stop()
        codes = await asyncio.gather(*keepers)
        self._lifelines.close()
        if self._hopeless is not None:
            raise ConfigError(
                f"{self._hopeless} cannot run as configured, so all were stopped: see its last message"
            )
        if not all(code in _ENDED_WELL for code in codes):
            raise EngineError("a process failed: its last message is above")

    def _stop_asked(self) -> None:
        if self._stopping.is_set():
            alive = [child.label for child, found in self._running.items() if found.returncode is None]
            logger.warning("still_stopping", waits_for=alive)
        self._stopping.set()

    async def _keep(self, child: Child) -> int:
        quick, was_configured = 0, False
        while True:
            began_s = time.monotonic()
            code = await (await self._started(child)).wait()
            if self._stopping.is_set():
                if code not in _ENDED_WELL:
                    logger.warning("ended", process=child.label, exit_code=code)
                return code
            self.restarts[child] += 1
            ran_s = time.monotonic() - began_s
            is_quick, was_configured = ran_s < _STABLE_S, was_configured or ran_s >= _CONFIGURED_S
            if code == ConfigError.exit_code and not was_configured:
                self._hopeless = child.label
                self._stopping.set()
                return code
            quick = quick + 1 if is_quick else 0
            again_in_s = PAUSES_S[min(quick, len(PAUSES_S) - 1)]
            logger.warning("ended", process=child.label, exit_code=code, again_in_s=again_in_s)
            if await self._stops_within(again_in_s):
                return code

    async def _started(self, child: Child) -> asyncio.subprocess.Process:
        watched, inherited = self._lifelines.of(child.process)
        found = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "maker", "run", child.process, *child.arguments, *self._arguments),
            start_new_session=True,  # a signal from the terminal would reach all and end them in no order
            pass_fds=inherited,
            env=os.environ | {VARIABLE: str(watched)},
        )
        self._running[child] = found
        logger.info("started", process=child.label, pid=found.pid, restarts=self.restarts[child])
        if self._stopping.is_set():  # it started too late to be signalled with the others
            found.terminate()
        return found

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _stop(self) -> None:
        logger.info("stopping", processes=[child.label for child in self._running])
        await self._terminate([child for child in self._children if child.process in SENDS_ORDERS])
        await self._terminate([child for child in self._children if child.process not in SENDS_ORDERS])

    async def _terminate(self, chosen: Sequence[Child]) -> None:
        children = [self._running[child] for child in chosen if child in self._running]
        for child in children:
            if child.returncode is None:
                child.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_LIMIT_S):
                await asyncio.gather(*(child.wait() for child in children))
        for child in children:
            if child.returncode is None:
                logger.error("killed", pid=child.pid, note=f"it did not end within {STOP_LIMIT_S} s")
                child.kill()


def supervise(children: Sequence[Child], arguments: Sequence[str]) -> None:
    """Run the supervisor in its own event loop; raises as `Supervisor.run`."""

    async def run() -> None:
        await Supervisor(children, arguments).run()

    asyncio.run(run())
