"""An adapter with a network acts on what is on disk, and ends the loop's wait when something has come."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from chassis.bus.logfile import LogFileBus, read_log
from chassis.clock import EngineClock
from chassis.embedded import EmbeddedLoop
from chassis.process import Adapter, AdapterContext, NetworkAdapter, ProcessDefinition
from chassis.shell import ProcessShell
from chassis.wake import Wake
from schemas.config import Config
from schemas.market import FeedRefused
from schemas.message import Event
from schemas.orders import OrderEvent, VenueReport
from schemas.topics import MONITOR, ROUTER
from schemas.units import NS_PER_MS, NS_PER_S

SYMBOL = {"venue": "sim", "symbol": "BTC/USDT"}
SOON_S = 0.2
LATE_NS = 30 * NS_PER_S


def intent(time_ns: int, number: int) -> OrderEvent:
    return OrderEvent(
        event_time_ns=time_ns,
        **SYMBOL,
        kind="place_intent",
        status="pending_new",
        client_order_id=f"o{number}",
        side="buy",
        level=0,
        price_ticks=1,
        size_lots=1,
        target_sequence=1,
    )


class OnceCore:
    """Answers each report with an intent."""

    def __init__(self, config: Config) -> None:
        self.heard = 0

    def on_event(self, event: Event) -> tuple[Event, ...]:
        if not isinstance(event, VenueReport):
            return ()
        self.heard += 1
        return (intent(event.event_time_ns, self.heard),)


class SilentFeed:
    """Has one event at once, and the next one much later."""

    def __init__(self, start_ns: int) -> None:
        self._dues = [start_ns, start_ns + LATE_NS]

    def on_event(self, event: Event) -> None:
        return

    def next_due_ns(self) -> int | None:
        return self._dues[0] if self._dues else None

    def take_due(self, now_ns: int) -> Iterable[Event]:
        due_ns = self._dues.pop(0)
        return [FeedRefused(event_time_ns=due_ns, **SYMBOL, reason="malformed", detail="nothing")]

    def close(self) -> None:
        return


class Network:
    """Hears something a moment after it was opened, and notes what is in the log when it may act."""

    def __init__(self, log: Path, now_ns: Callable[[], int], stop: Callable[[], None]) -> None:
        self._log = log
        self._now_ns = now_ns
        self._stop = stop
        self._heard: list[VenueReport] = []
        self._staged: list[OrderEvent] = []
        self.acted_on: list[str] = []
        self.logged_by_then: list[str] = []
        self.calls: list[str] = []

    async def open(self, wake: Callable[[], None]) -> None:
        self.calls.append("open")
        loop = asyncio.get_running_loop()
        self.opened_s = loop.time()
        loop.call_later(0.02, self._hear, wake)

    def _hear(self, wake: Callable[[], None]) -> None:
        report = VenueReport(event_time_ns=self._now_ns(), **SYMBOL, kind="accepted", client_order_id="x")
        self._heard.append(report)
        wake()

    def on_event(self, event: Event) -> None:
        if isinstance(event, OrderEvent):
            self._staged.append(event)

    @property
    def wants_commit(self) -> bool:
        return bool(self._staged)

    def committed(self) -> None:
        self.acted_on += [event.client_order_id for event in self._staged]
        self._staged.clear()
        self.acted_s = asyncio.get_running_loop().time()
        self.logged_by_then = [record.envelope.type_name for record in read_log(self._log)]
        self._stop()

    def next_due_ns(self) -> int | None:
        return self._heard[0].event_time_ns if self._heard else None

    def take_due(self, now_ns: int) -> Iterable[Event]:
        heard, self._heard = self._heard, []
        return heard

    def close(self) -> None:
        self.calls.append("close")

    async def aclose(self) -> None:
        self.calls.append("aclose")


def shell(name: str, bus: LogFileBus, make_adapter: Callable[[AdapterContext], Adapter]) -> ProcessShell:
    definition = ProcessDefinition(name, OnceCore, lambda config: None, make_adapter)
    return ProcessShell(definition, Config(), bus, 1000)


def test_an_intent_is_on_disk_before_it_is_acted_on_and_nobody_waits_for_the_next_tick(
    tmp_path: Path,
) -> None:
    async def run() -> Network:
        bus = LogFileBus(tmp_path / "log")
        start_ns = time.time_ns()
        clock = EngineClock(start_ns, 1.0)
        feed, router = (shell(name, bus, lambda context: SilentFeed(0)) for name in (MONITOR, ROUTER))
        loop = EmbeddedLoop([feed, router], bus, clock)
        network = Network(tmp_path / "log", lambda: clock.now_ns, loop.stop)
        assert isinstance(network, NetworkAdapter)
        feed.adapter, router.adapter = SilentFeed(start_ns), network
        clock.start(start_ns)
        async with asyncio.timeout(10):
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
