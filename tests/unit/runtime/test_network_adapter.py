"""An adapter with a network acts on what is on disk, and ends the loop's wait when something has come."""

import asyncio
import time
from pathlib import Path

import pytest

from runtime.clock import EngineClock
from runtime.log.logfile import LogFileBus, read_log
from runtime.process import embedded
from runtime.process.definition import NetworkAdapter
from runtime.process.embedded import EmbeddedLoop
from runtime.process.wake import Wake
from schemas.control import Command
from schemas.topics import MONITOR, ROUTER
from schemas.units import NS_PER_MS, NS_PER_S
from tests.servers.local import PATIENCE_S
from tests.unit.runtime.network_adapters import SYMBOL, Network, SilentFeed, runner

SOON_S = 0.2


def test_an_intent_is_on_disk_before_it_is_acted_on_and_nobody_waits_for_the_next_tick(
    tmp_path: Path,
) -> None:
    async def run() -> Network:
        bus = LogFileBus(tmp_path / "log")
        start_ns = time.time_ns()
        clock = EngineClock(start_ns, 1.0)
        feed, router = (runner(name, bus, lambda context: SilentFeed(0)) for name in (MONITOR, ROUTER))
        loop = EmbeddedLoop([feed, router], bus, clock)
        network = Network(tmp_path / "log", lambda: clock.now_ns, loop.stop)
        assert isinstance(network, NetworkAdapter)
        feed.adapter, router.adapter = SilentFeed(start_ns), network
        clock.start(start_ns)
        async with asyncio.timeout(PATIENCE_S):
            await loop.open()
            await loop.run()
        loop.finish()
        await loop.close()
        await bus.close()
        return network

    network = asyncio.run(run())
    assert network.acted_on == ["o1"]
    assert {"order.event.v1", "venue.report.v1", "process.trace.v1"} <= set(network.logged_by_then)
    assert network.acted_s - network.opened_s < SOON_S
    assert network.calls == ["open", "close", "aclose"]


def test_what_people_ask_for_is_in_the_log_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "COMMIT_INTERVAL_NS", 3_600 * NS_PER_S)
    halt = Command(
        event_time_ns=0, **SYMBOL, command_id="c1", action="halt", principal="somebody", reason="a test"
    )

    async def run() -> None:
        bus = LogFileBus(tmp_path / "log")
        start_ns = time.time_ns()
        clock = EngineClock(start_ns, 1.0)
        feed = runner(MONITOR, bus, lambda context: SilentFeed(0))
        loop = EmbeddedLoop([feed], bus, clock)
        feed.adapter = SilentFeed(start_ns)
        clock.start(start_ns)
        committed = asyncio.Event()
        loop.on_commit = committed.set
        await loop.open()
        running = asyncio.create_task(loop.run())
        async with asyncio.timeout(PATIENCE_S):
            await committed.wait()
            committed.clear()
            loop.send_control(halt)
            await committed.wait()
        assert Command.type_name in {record.envelope.type_name for record in read_log(bus.directory)}
        loop.stop()
        await running
        await loop.close()
        await bus.close()

    asyncio.run(run())


def test_a_wake_that_comes_before_the_wait_ends_it() -> None:
    async def run() -> list[bool]:
        wake = Wake()
        wake.set()
        woken = [await wake.sleep(5)]
        woken.append(await wake.sleep(0.01))
        asyncio.get_running_loop().call_later(0.01, wake.set)
        woken.append(await wake.sleep(5))
        return woken

    assert asyncio.run(run()) == [False, True, False]


def test_a_task_goes_on_where_somebody_wakes_the_loop_first() -> None:
    async def run() -> tuple[bool, str]:
        wake = Wake()
        release = asyncio.Event()

        async def work() -> str:
            await release.wait()
            return "done"

        task = asyncio.create_task(work())
        wake.set()
        await wake.until(task)
        was_done = task.done()
        release.set()
        await wake.until(task)
        return was_done, task.result()

    assert asyncio.run(run()) == (False, "done")


def test_a_clock_that_is_told_the_time_goes_on_from_it() -> None:
    clock = EngineClock(1_000, 1.0)
    clock.start(5 * NS_PER_MS)
    assert clock.now_ns >= 5 * NS_PER_MS
