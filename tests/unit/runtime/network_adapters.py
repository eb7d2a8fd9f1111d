"""Adapters without a network: one that hears something soon, one that is silent; and a runner for them."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from runtime.log.logfile import LogFileBus, read_log
from runtime.process.definition import Adapter, AdapterContext, ProcessDefinition
from runtime.process.runner import ProcessRunner
from schemas.config import Config
from schemas.market import FeedRefused
from schemas.message import Event
from schemas.orders import OrderEvent, VenueReport
from schemas.units import NS_PER_S

SYMBOL = {"venue": "sim", "symbol": "BTC/USDT"}
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

    def poll_due(self, now_ns: int) -> Iterable[Event]:
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

    def poll_due(self, now_ns: int) -> Iterable[Event]:
        heard, self._heard = self._heard, []
        return heard

    def close(self) -> None:
        self.calls.append("close")

    async def aclose(self) -> None:
        self.calls.append("aclose")


def runner(name: str, bus: LogFileBus, make_adapter: Callable[[AdapterContext], Adapter]) -> ProcessRunner:
    definition = ProcessDefinition(name, OnceCore, lambda config: None, make_adapter)
    return ProcessRunner(definition, Config(), bus, 1000)
