"""The market of the sandbox: monitor-service's feed and core, in real time."""

import asyncio
import time
from collections.abc import Callable

from runtime.process.definition import AdapterContext, ProcessDefinition
from runtime.store.documents import MemoryStore
from schemas.config import Config
from schemas.market import Book, Instrument
from schemas.message import Event
from schemas.units import NS_PER_S

_REST_S_MAX = 0.05


class MarketSource:
    """Calls `see` with Instrument, Book and Trade messages as they arrive."""

    def __init__(self, config: Config, monitor: ProcessDefinition, see: Callable[[Event], None]) -> None:
        self._see = see
        self._core = monitor.make_core(config)
        make = monitor.make_adapter
        if make is None:
            raise TypeError(f"{monitor.name} has no feed")
        self._feed = make(AdapterContext(config, self._core, MemoryStore(), time.time_ns()))
        self._instruments: set[str] = set()
        self._books: set[str] = set()
        self.is_complete = asyncio.Event()
        """Set when every announced symbol has a book."""

    async def run(self) -> None:
        """Until the feed ends, or cancelled."""
        first_ns = self._feed.next_due_ns()
        offset_ns = time.time_ns() - (first_ns or 0)
        while (due_ns := self._feed.next_due_ns()) is not None:
            wait_s = (due_ns + offset_ns - time.time_ns()) / NS_PER_S
            if wait_s > 0:
                await asyncio.sleep(min(wait_s, _REST_S_MAX))
                continue
            for event in self._feed.poll_due(due_ns):
                for output in self._core.on_event(event):
                    self._apply(output)
            await asyncio.sleep(0)

    def _apply(self, output: Event) -> None:
        self._see(output)
        if isinstance(output, Instrument):
            self._instruments.add(output.key)
        elif isinstance(output, Book) and not self.is_complete.is_set():
            self._books.add(output.key)
            if self._books >= self._instruments:
                self.is_complete.set()
