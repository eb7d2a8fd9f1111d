"""Without its log the engine does nothing but withdraw, and says what that came to."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.clock import EngineClock
from runtime.errors import ConfigError, EngineError, LogGoneError, LogLostError, OrdersLeftError
from runtime.log.logfile import LogFileBus, read_log
from runtime.process.embedded import EmbeddedLoop
from runtime.process.unrecorded_cancel import (
    CANCEL_LIMIT_S,
    UNTRADED_CANCEL_LIMIT_S,
    CancelResult,
    CancelsAll,
    ended_by_disk,
    ended_undrained,
)
from schemas.topics import MONITOR, ROUTER
from tests.servers.failing_disk import FailingDisk
from tests.servers.local import PATIENCE_S
from tests.unit.runtime.network_adapters import Network, SilentFeed, runner

LOST = LogLostError("the log cannot be written: no room; make room")


class Venue:
    """Answers a withdrawal."""

    def __init__(self, *, is_proven: bool) -> None:
        self.is_proven = is_proven

    limit_s: float | None = None

    async def cancel_all(self, limit_s: float) -> CancelResult:
        self.limit_s = limit_s
        left = () if self.is_proven else ("BTC/USDT mm2",)
        return CancelResult("binance", "mm", ("BTC/USDT mm1",), left, self.is_proven, "")


def ended(*adapters: object, lost: LogLostError = LOST) -> EngineError:
    return asyncio.run(ended_by_disk(lost, *adapters))


@pytest.mark.parametrize("kind", [LogLostError, LogGoneError])
def test_what_the_venue_shows_to_be_withdrawn_is_an_end_by_the_disk(kind: type[LogLostError]) -> None:
    found = ended(None, object(), Venue(is_proven=True), lost=kind("no room"))
    assert type(found) is kind
    assert found.exit_code == 3
    assert str(found) == (
        "no room; 1 orders with the prefix mm cancelled at binance; it shows none of them open"
    )


def test_what_may_be_left_is_another_end_with_its_ids_and_the_command() -> None:
    found = ended(Venue(is_proven=False))
    assert type(found) is OrdersLeftError
    assert found.exit_code == 6
    assert str(found).startswith(str(LOST))
    assert "1 of them may be left open: BTC/USDT mm2" in str(found)
    assert "`maker cancel-all --config FILE`" in str(found)


def test_a_run_that_sent_nothing_does_not_wait_for_a_slow_venue() -> None:
    venue, failure = Venue(is_proven=False), ConfigError("binance has no BTCUSDT")
    found = asyncio.run(ended_undrained(failure, UNTRADED_CANCEL_LIMIT_S, venue))
    assert venue.limit_s == UNTRADED_CANCEL_LIMIT_S < CANCEL_LIMIT_S
    assert type(found) is OrdersLeftError
    assert str(found).startswith("binance has no BTCUSDT; ")


def test_a_simulated_venue_has_nothing_outside() -> None:
    found = ended(None, object())
    assert type(found) is LogLostError
    assert str(found).endswith("; there are no orders outside this process")


class Outside(Network):
    """A network with orders at a venue."""

    async def cancel_all(self, limit_s: float) -> CancelResult:
        self.calls.append("cancel_all")
        return CancelResult("binance", "mm", (), (), is_proven=True, failure="")


def fails_to_write(disk: FailingDisk) -> None:
    disk.room_bytes = 100


def fails_to_confirm(disk: FailingDisk) -> None:
    disk.confirms = False


@pytest.mark.parametrize("fail", [fails_to_write, fails_to_confirm])
def test_an_intent_that_is_not_whole_on_disk_is_never_acted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[FailingDisk], None]
) -> None:
    async def run() -> tuple[Outside, EngineError]:
        bus = LogFileBus(tmp_path / "log")
        start_ns = time.time_ns()
        clock = EngineClock(start_ns, 1.0)
        feed, router = (runner(name, bus, lambda context: SilentFeed(0)) for name in (MONITOR, ROUTER))
        loop = EmbeddedLoop([feed, router], bus, clock)
        outside = Outside(tmp_path / "log", lambda: clock.now_ns, loop.stop)
        assert isinstance(outside, CancelsAll)
        feed.adapter, router.adapter = SilentFeed(start_ns), outside
        clock.start(start_ns)
        fail(FailingDisk(monkeypatch))
        await loop.open()
        with pytest.raises(LogLostError) as lost:
            async with asyncio.timeout(PATIENCE_S):
                await loop.run()
        found = await loop.end_without_log(lost.value)
        await loop.close()
        await bus.close()
        return outside, found

    outside, found = asyncio.run(run())
    assert outside.acted_on == []
    assert outside.calls == ["open", "cancel_all", "close", "aclose"]
    assert found.exit_code == 3
    logged = {record.envelope.type_name for record in read_log(tmp_path / "log")}
    assert ("order.event.v1" in logged) == (fail is fails_to_confirm), "half a commit is none"
