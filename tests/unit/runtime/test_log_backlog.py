"""At speed max the engine writes faster than a log can be compressed: it waits for the keeper."""

import asyncio
from pathlib import Path

import pytest

from runtime.clock import EngineClock
from runtime.log.logfile import LogFileBus
from runtime.process import embedded
from runtime.process.embedded import EmbeddedLoop
from schemas.topics import MONITOR
from tests.servers.local import PATIENCE_S
from tests.unit.runtime.network_adapters import SilentFeed, runner


def run_while_behind(folder: Path, speed: float | str, checks: int) -> int:
    """How often the loop asked whether the log is behind, which it is for the first checks."""
    asked = 0

    def is_log_behind() -> bool:
        nonlocal asked
        asked += 1
        return asked <= checks

    async def run() -> None:
        bus = LogFileBus(folder)
        clock = EngineClock(0, speed)  # type: ignore[arg-type]
        feed = runner(MONITOR, bus, lambda context: SilentFeed(0))
        loop = EmbeddedLoop([feed], bus, clock)
        loop.is_log_behind = is_log_behind
        feed.adapter = SilentFeed(0)
        clock.start(0)
        async with asyncio.timeout(PATIENCE_S):
            await loop.open()
            await loop.run(until_ns=1_000)
        loop.finish()
        await loop.close()
        await bus.close()

    asyncio.run(run())
    return asked


def test_at_speed_max_the_loop_waits_until_the_log_is_no_longer_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_LOG_WAIT_S", 0.0)
    assert run_while_behind(tmp_path, "max", 3) == 4


def test_in_real_time_it_never_waits_for_it(tmp_path: Path) -> None:
    assert run_while_behind(tmp_path, 1.0, 1_000_000) == 0
