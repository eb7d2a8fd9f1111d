"""What a process says about itself: at intervals, at once when it changes, never in a queue, at its end."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.kafka.reader import Fence, RawRecord
from runtime.kafka.wire import Stamp
from runtime.log.logfile import LoggedRecord
from runtime.process import status as status_module
from runtime.process.status import StatusPublisher
from schemas.deployment import Kafka
from schemas.envelope import Envelope
from schemas.process import ProcessStatus
from schemas.topics import STATUS
from tests.servers.local import PATIENCE_S


class Bus:
    """A broker that confirms what it is told to."""

    made: "list[Bus]"

    def __init__(self, config: Kafka) -> None:
        self.epoch = 0
        self.said: list[tuple[str, int, ProcessStatus]] = []
        self.envelopes: list[Envelope] = []
        self.news = asyncio.Event()
        self.outbox = SimpleNamespace(size=0, failure=None, close=self._close, settle=self._settle)
        self.is_closed = False
        type(self).made.append(self)

    def publish(self, topic: str, envelope: Any, message: ProcessStatus) -> None:
        self.said.append((topic, self.epoch, message))
        self.envelopes.append(envelope)
        self.news.set()

    async def _settle(self, within_s: float) -> bool:
        return True

    async def _close(self) -> None:
        self.is_closed = True

    async def next(self) -> ProcessStatus:
        await asyncio.wait_for(self.news.wait(), PATIENCE_S)
        self.news.clear()
        return self.said[-1][2]


class Process:
    def __init__(self) -> None:
        self.because: str | None = "starting"
        self.has_claimed = True
        self.now_ns = 1
        self.asked = asyncio.Event()

    def make(self) -> ProcessStatus | None:
        self.asked.set()
        if not self.has_claimed:
            return None
        return ProcessStatus(
            event_time_ns=self.now_ns,
            process="risk-service",
            instance="x",
            code_version="1",
            began_ns=0,
            epoch=7,
            is_ready=self.because is None,
            because=self.because,
        )


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    Bus.made = []
    monkeypatch.setattr(status_module, "KafkaBus", Bus)
    monkeypatch.setattr(status_module, "_POLL_S", 0.001)
    return Process()


def teller_of(process: Process) -> StatusPublisher:
    return StatusPublisher(Kafka(), process.make, lambda: process.because)


def test_a_change_is_said_at_once_and_the_end_too(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "STATUS_INTERVAL_S", 3_600.0)

    async def check() -> None:
        teller = teller_of(process)
        teller.start()
        while not Bus.made:
            await asyncio.sleep(0)
        (bus,) = Bus.made
        assert (await bus.next()).because == "starting"
        process.because = None
        assert (await bus.next()).is_ready
        assert [(topic, epoch) for topic, epoch, _ in bus.said] == [(STATUS, 7)] * 2
        await teller.close(RuntimeError("taken over"))
        last = bus.said[-1][2]
        assert (last.has_ended, last.is_ready, last.because) == (True, False, "taken over")
        assert bus.is_closed

    asyncio.run(check())


def test_who_reads_hears_an_instance_that_began_by_an_earlier_clock(process: Process) -> None:
    async def check() -> list[Envelope]:
        for made, now_ns in enumerate((7_200_000_000_000, 3_600_000_000_000), start=1):
            process.now_ns = now_ns
            teller = teller_of(process)
            teller.start()
            while len(Bus.made) < made or not Bus.made[-1].said:
                await asyncio.sleep(0)
            await teller.close()
        return [envelope for bus in Bus.made for envelope in bus.envelopes]

    said, fence = asyncio.run(check()), Fence()
    records = [LoggedRecord(STATUS, 0, offset, "k", each, b"") for offset, each in enumerate(said)]
    assert len({each.event_time_ns for each in said}) == 2
    assert all(fence.admits(RawRecord(record, Stamp(7, "t", 0))) for record in records)


def test_what_is_not_confirmed_is_followed_by_nothing_and_a_failed_connection_by_a_new_one(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "STATUS_INTERVAL_S", 0.0)

    async def check() -> None:
        teller = teller_of(process)
        teller.start()
        while not Bus.made:
            await asyncio.sleep(0)
        first = Bus.made[0]
        await first.next()
        first.outbox.size = 1
        said = len(first.said)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert len(first.said) == said
        first.outbox.failure = OSError("away")
        while len(Bus.made) < 2:
            await asyncio.sleep(0.001)
        await Bus.made[1].next()
        assert first.is_closed
        await teller.close()

    asyncio.run(check())


def test_who_has_claimed_nothing_says_nothing(process: Process) -> None:
    process.has_claimed = False

    async def check() -> None:
        teller = teller_of(process)
        teller.start()
        await asyncio.wait_for(process.asked.wait(), PATIENCE_S)
        await teller.close()
        assert [bus.said for bus in Bus.made] == [[]]

    asyncio.run(check())
